"""Fits of templates to layers and of group scales to whole networks, with their errors beside those of one constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from hwcost.kernels import facts
from hwcost.latency.counts import cycles
from hwcost.records import Layer, Measurement, Source, read_network, read_records
from hwcost.shipped import measurements_folder
from hwcost.target import Basis, Latency, LinearPrice, Price, Runtime
from pricing.least_squares import Array, Errors, errors, fit_near_one_scale, left_out, relative_fit, together
from pricing.templates import Template, counts_of, first

MULTIPLYING = "multiplying layers"
"""Name of rows that leave out pools, additions and softmax (tools/published/networks.py)."""
HELD = 0.1
"""How strongly group scales are held together; leave-one-out errors change little between 0.03 and 0.3."""
SCALED = (
    "per_layer",
    "per_mac",
    "per_patch_element",
    "per_tap",
    "per_input_element",
    "per_output_element",
    "per_position",
    "per_weight_byte",
)


@dataclass(frozen=True)
class Quality:
    """How well one fit does: on its own rows, on rows left out, and what a constant per MAC would do on rows left out."""

    title: str
    rows: int
    own: Errors
    unseen: Errors | None
    constant: Errors | None
    macs_range: tuple[int, int]


@cache
def rows_of(path: str) -> tuple[Measurement, ...]:
    return read_records(measurements_folder() / path).rows


def layers_of(path: str) -> tuple[Measurement, ...]:
    """Rows of layers whose cycles (or, on a model without timing, instructions) are known."""
    return tuple(row for row in rows_of(path) if row.layer is not None and not row.conditions.accelerator)


def networks_of(path: str, version: str | None = None) -> tuple[Measurement, ...]:
    return tuple(row for row in rows_of(path) if row.layer is None and version in (None, row.conditions.version))


def cost_of(row: Measurement) -> float:
    """Core cycles; instructions where a model has no timing."""
    value = row.core_cycles if row.core_cycles is not None else row.instructions
    assert value is not None, row
    return value


def fit_layers(
    title: str, templates: Sequence[Template], rows: Sequence[Measurement], source: str
) -> tuple[tuple[LinearPrice, ...], Quality]:
    """A price per template from the rows that are its own; templates without rows are left out."""
    empty = [template.empty for template in templates]
    taken = [first(empty, facts(row.layer.step)) for row in rows if row.layer is not None]
    prices, own, unseen = [], [], []
    for index, template in enumerate(templates):
        mine = [row for row, at in zip(rows, taken, strict=True) if at == index]
        if not mine:
            continue
        X, y = template.counts([row.layer for row in mine if row.layer]), np.array([cost_of(row) for row in mine])
        fitted = relative_fit(X, y)
        prices.append(template.price(fitted, f"{source}: {_few(len(mine), 'layer')}"))
        own.append(errors(X @ fitted, y))
        if len(mine) > X.shape[1]:
            unseen.append(left_out(X, y))
    used = [row for row, at in zip(rows, taken, strict=True) if at is not None]
    return tuple(prices), quality_of(title, used, together(own), together(unseen) if unseen else None)


def quality_of(title: str, rows: Sequence[Measurement], own: Errors, unseen: Errors | None) -> Quality:
    macs = np.array([macs_of(row) for row in rows], dtype=float)
    y = np.array([cost_of(row) for row in rows])
    counted = macs > 0
    constant = left_out(macs[counted, None], y[counted]) if counted.sum() > 1 else None
    sizes = [int(layer.step.work.macs) for row in rows for layer in _layers(row) if layer.step.work.macs]
    return Quality(title, len(rows), own, unseen, constant, (min(sizes), max(sizes)))


def macs_of(row: Measurement) -> int:
    return sum(int(layer.step.work.macs) for layer in _layers(row))


def _layers(row: Measurement) -> list[Layer]:
    return [row.layer] if row.layer is not None else list(read_network(row.network).values())


@dataclass(frozen=True)
class Scaling:
    """Scales of groups of prices, from whole networks."""

    scales: Mapping[str, float]
    quality: Quality


def fit_networks(
    title: str, groups: Mapping[str, Sequence[Price]], fixed: Sequence[Price], rows: Sequence[Measurement], per_layer: float
) -> Scaling:
    """Scales that bring the groups' prices to the measured networks; `fixed` prices and `per_layer` cycles are taken as they are."""
    table = np.array([network_cycles(row.network, groups, fixed, per_layer, whole=row.name != MULTIPLYING) for row in rows])
    X, known, y = table[:, :-1], table[:, -1], np.array([cost_of(row) for row in rows])
    used = X.sum(axis=0) > 0
    fit = fit_near_one_scale(HELD)
    scales = np.full(len(groups), float(relative_fit(X.sum(axis=1, keepdims=True), y, known)[0]))
    scales[used] = fit(X[:, used], y, known) if len(rows) > 1 else scales[used]
    unseen = left_out(X[:, used], y, fit, known) if len(rows) > 2 else None
    quality = quality_of(title, rows, errors(X @ scales + known, y), unseen)
    return Scaling(dict(zip(groups, scales.tolist(), strict=True)), quality)


def network_cycles(network: str, groups: Mapping[str, Sequence[Price]], fixed: Sequence[Price], per_layer: float, *, whole: bool) -> Array:
    """Cycles of each group, and last of everything nothing is fitted to; only the groups' unless the `whole` network was run."""
    flat = [(number, price) for number, prices in enumerate(groups.values()) for price in prices]
    flat += [(len(groups), price) for price in fixed]
    found = np.zeros(len(groups) + 1)
    for layer in read_network(network).values():
        at = first([price for _, price in flat], facts(layer.step))
        if at is None:
            assert layer.op.alias or not whole, f"{network}: nothing prices {layer.op.kind}"
            continue
        number, price = flat[at]
        if number < len(groups) or whole:
            found[number] += float(cycles(price, counts_of(layer)))
            found[-1] += per_layer if whole else 0.0
    return found


def scaled(prices: Sequence[LinearPrice], scale: float, per_layer: float = 0.0, source: str | None = None) -> tuple[LinearPrice, ...]:
    """The same prices with every coefficient times `scale`, then `per_layer` cycles on each."""
    out = []
    for price in prices:
        values = {name: getattr(price, name) * scale for name in SCALED}
        values["per_layer"] += per_layer
        out.append(replace(price, source=source or price.source, **values))
    return tuple(out)


def _few(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


@dataclass(frozen=True)
class Figures:
    """A section of latency figures, and how well each fit behind it does."""

    latency: Latency
    qualities: tuple[Quality, ...] = ()


def section(
    runtime: Runtime, core: str, prices: Sequence[Price], source: str, basis: Basis, quality: Quality | None = None, **more: Any
) -> Latency:
    """A file's content; unless told otherwise it awaits confirmation, since the figures are not of this very version and core."""
    macs_range = quality.macs_range if quality else None
    return Latency(runtime.name, core, source, basis, tuple(prices), macs_range=macs_range, **{"confirmed": False, **more})


def basis_of(source: Source, rows: int, quality: Quality | None = None) -> Basis:
    unseen = quality.unseen if quality else None
    return Basis("analytic", source, rows, unseen and round(unseen.mape, 3), unseen and round(unseen.within(0.1), 3))
