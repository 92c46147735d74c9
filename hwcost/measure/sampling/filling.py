"""Which of many layers to take, so that few of them cover the space: each next one is the farthest from those taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwcost.records import Layer

__all__ = ["coordinates", "spread_out"]


def spread_out(layers: Sequence[Layer], count: int) -> list[Layer]:
    """`count` of the layers by greedy farthest points (Gonzalez 1985), from the first one on; all of them where there are fewer.

    Distances are between logarithms of sizes, each axis as wide as its standard deviation.
    """
    if count >= len(layers):
        return list(layers)
    points = np.array([coordinates(layer) for layer in layers])
    points = (points - points.mean(axis=0)) / (points.std(axis=0) + 1e-9)
    taken = [0]
    nearest = _squared(points, points[0])
    while len(taken) < count:
        farthest = int(nearest.argmax())
        taken.append(farthest)
        nearest = np.minimum(nearest, _squared(points, points[farthest]))
    return [layers[i] for i in taken]


def coordinates(layer: Layer) -> list[float]:
    """Where a layer lies: logarithms of widths, places, window, stride and work."""
    step = layer.step
    work, op = step.work, step.node.op
    sizes = (work.in_channels, work.out_channels, work.patch_elements, step.output.positions, work.in_elements, work.macs)
    window = (*getattr(op, "kernel", (1,)), *getattr(op, "stride", (1,)))
    padded = sum(sum(pair) for pair in getattr(op, "padding", ()))
    return [float(np.log2(1 + max(0, int(size)))) for size in (*sizes, int(np.prod(window)), padded)]


def _squared(points: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = ((points - point) ** 2).sum(axis=1)
    return distances
