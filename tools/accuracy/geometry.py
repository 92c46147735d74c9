"""Counts that follow from a layer's sizes and are not in every price: taps inside the image, weights read again past a cache."""

from __future__ import annotations

from hwcost.kernels import facts
from hwcost.records import Layer
from hwcost.target import LayerFacts


def facts_of(layer: Layer) -> LayerFacts:
    return facts(layer.step)


def taps_inside(layer: Layer) -> int:
    """Window places over all positions that lie inside the image: border positions do less work on hardware that skips padding."""
    known = facts_of(layer)
    sides = zip(
        (known.input_height, known.input_width),
        (known.output_height, known.output_width),
        known.kernel,
        known.stride,
        known.padding[:2],
        strict=True,
    )
    rows, columns = (_along(*map(int, side)) for side in sides)
    return rows * columns


def _along(size: int, outputs: int, kernel: int, stride: int, before: int) -> int:
    starts = (place * stride - before for place in range(outputs))
    return sum(max(0, min(start + kernel, size) - max(start, 0)) for start in starts)


def weight_traffic(layer: Layer, columns: int, cache_bytes: int) -> float:
    """Bytes of weights that come from flash.

    A kernel that computes `columns` positions together reads all weights once for each group of them. What fits the cache is read
    from flash once; of a larger block, each pass misses the share that does not fit (a cache that replaces at random).
    """
    weights, positions = layer.step.weight_bytes, layer.step.work.positions
    if not weights:
        return 0.0
    passes = -(-positions // columns)
    missed = max(0.0, 1 - cache_bytes / weights)
    return float(weights * (1 + (passes - 1) * missed))
