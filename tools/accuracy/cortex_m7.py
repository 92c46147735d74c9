"""The Cortex-M7 layers of 2020, priced by what CMSIS-NN does on an emulated Cortex-M4, in three speeds, and depthwise layers by two.

A Cortex-M7 issues two instructions a cycle: it gains little in loops of SMLAD and loads, and much in what stands around them
(requantisation, gathering patches). So the emulated prices are split in two parts, the multiplying and the rest, each with a factor of
its own for all convolutions and dense layers together; what is left is weights that miss the data cache of 16 KiB (DS12110) and come
from flash again for every pair of positions. Depthwise layers have kernels of their own, with a price per MAC and per window place.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pricing.cmsis import emulated_m4
from pricing.fits import SCALED, cost_of, layers_of
from pricing.least_squares import Array, Errors, errors
from pricing.templates import counts_of, first

from accuracy.geometry import facts_of, weight_traffic
from accuracy.splits import Table, one_left_out, own, shape_left_out, table_of
from hwcost.latency.counts import linear_cycles
from hwcost.records import Layer
from hwcost.target import LinearPrice

PATH = "stm32h743/cmsis-nn-eees/mobilenet_layers.csv"
CACHE_BYTES = 16 * 1024
"""Data cache of the STM32H743 (DS12110, features)."""
COLUMNS = 2
"""Positions that CMSIS-NN multiplies together."""
MULTIPLYING = ("per_mac", "per_weight_byte")
"""A weight byte is charged where a single position is left over: that is multiplication too."""


def table() -> Table:
    """The 28 layers with MACs."""
    rows = [row for row in layers_of(PATH) if row.layer is not None and row.layer.step.work.macs]
    return table_of([(_counts(row.layer), cost_of(row), repr(row.layer), frozenset()) for row in rows if row.layer is not None])


def _counts(layer: Layer) -> list[float]:
    work = layer.step.work
    if layer.op.kind == "depthwise_conv2d":
        known = facts_of(layer)
        return [0.0, 0.0, 0.0, work.macs, work.positions * known.kernel[0] * known.kernel[1]]
    groups, _ = emulated_m4()
    prices = [price for prices in groups.values() for price in prices]
    at = first(prices, facts_of(layer))
    assert at is not None, layer
    multiplying, rest = _parts(prices[at])
    counts = counts_of(layer)
    parts = [float(linear_cycles(part, counts)) for part in (multiplying, rest)]
    return [*parts, weight_traffic(layer, COLUMNS, CACHE_BYTES), 0.0, 0.0]


def _parts(price: LinearPrice) -> tuple[LinearPrice, LinearPrice]:
    """A price as its multiplying part and the rest."""
    return (
        replace(price, **{name: 0.0 for name in SCALED if name not in MULTIPLYING}),
        replace(price, **dict.fromkeys(MULTIPLYING, 0.0)),
    )


def results() -> dict[str, tuple[Errors, float]]:
    """Errors of layers and of their sum: own rows, one left out, and all of a shape left out."""
    found = table()
    predicted: dict[str, Array] = {"one left out": one_left_out(found), "shape left out": shape_left_out(found)}
    kept = {name: (errors(each, found.cycles), _of_sum(each, found.cycles)) for name, each in predicted.items()}
    mine = own(found)
    return {"own": (mine, _of_sum((np.array(mine.values) + 1) * found.cycles, found.cycles)), **kept}


def _of_sum(predicted: Array, truth: Array) -> float:
    return float(predicted.sum() / truth.sum() - 1)
