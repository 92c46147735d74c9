"""EFR32xG24 with its MVP engine: layers of the models of the MLTK, whole models held out, equal shapes merged before.

The engine multiplies pairs of input channels and skips taps outside of the image. A depthwise convolution of one input channel is a
convolution to it. Logs of an earlier release, whose kernels take twice as long, are other conditions: they are fitted apart, and what
mixing them would do is told beside. Printed times have two digits and steps of 30 us, which alone is 5 % of a layer of 0.15 ms.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from pricing.cmsis import EFR32
from pricing.fits import cost_of, rows_of
from pricing.least_squares import Errors, errors

from accuracy.geometry import taps_inside
from accuracy.splits import groups_left_out, table_of
from hwcost.records import Layer, Measurement

NOW = "mltk-0.20"
KINDS = ("conv2d", "depthwise_conv2d")


@dataclass(frozen=True)
class Shape:
    """One shape: the median of what it took wherever it occurs, and the models it occurs in."""

    layer: Layer
    cycles: float
    models: frozenset[str]

    @property
    def is_convolution(self) -> bool:
        """Whether the engine runs it as one: depthwise layers of one input channel are."""
        return self.layer.op.kind == "conv2d" or self.layer.step.work.in_channels == 1


def shapes(*, mixed: bool = False) -> list[Shape]:
    """Every shape that ran beside the engine; all releases together when `mixed`."""
    found: dict[str, list[Measurement]] = {}
    for row in rows_of(EFR32):
        if (
            row.layer is not None
            and row.layer.op.kind in KINDS
            and row.conditions.accelerator == "MVP"
            and (mixed or row.conditions.version == NOW)
        ):
            found.setdefault(repr(row.layer), []).append(row)
    return [
        Shape(rows[0].layer, statistics.median(map(cost_of, rows)), frozenset(row.network for row in rows))
        for rows in found.values()
        if rows[0].layer is not None
    ]


def convolution(layer: Layer) -> list[float]:
    """MACs inside the image with input channels in pairs, output elements, the layer."""
    work = layer.step.work
    return [taps_inside(layer) * (work.in_channels + work.in_channels % 2) * work.out_channels, work.out_elements, 1.0]


def depthwise(layer: Layer) -> list[float]:
    """MACs inside the image, output elements, positions, the layer."""
    work = layer.step.work
    return [taps_inside(layer) * work.out_channels, work.out_elements, work.positions, 1.0]


def held_out(found: Sequence[Shape], counts: Callable[[Layer], list[float]]) -> list[tuple[Shape, float]]:
    """Each shape and its prediction by models that do not have it."""
    table = table_of([(counts(each.layer), each.cycles, repr(each.layer), each.models) for each in found])
    return list(zip(found, groups_left_out(table).tolist(), strict=True))


def results(*, mixed: bool = False) -> dict[str, tuple[Errors, str]]:
    """Errors by kind of layer, and the shape predicted worst."""
    every = shapes(mixed=mixed)
    predicted = held_out([each for each in every if each.is_convolution], convolution)
    predicted += held_out([each for each in every if not each.is_convolution], depthwise)
    made = {}
    for kind in KINDS:
        mine = [(shape, cycles) for shape, cycles in predicted if shape.layer.op.kind == kind]
        far = errors_of(mine)
        worst = max(zip(far.values, mine, strict=True), key=lambda pair: abs(pair[0]))
        made[kind] = far, f"{', '.join(sorted(worst[1][0].models))}: {worst[0]:+.0%}"
    return made


def errors_of(predicted: Sequence[tuple[Shape, float]]) -> Errors:

    return errors(np.array([cycles for _, cycles in predicted]), np.array([shape.cycles for shape, _ in predicted]))
