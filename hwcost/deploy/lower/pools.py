"""Pools and reductions as integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwcost.deploy.lower.fixed_point import fixed, fixed_one
from hwcost.deploy.lower.site import RefusedError, Site
from hwcost.deploy.lower.weighted import padding, pair
from hwcost.deploy.program import ArgMax, AveragePool, Int32, MaxPool, Reduction, Tensor


def max_pool(site: Site) -> MaxPool:
    """The largest of each window."""
    site.same_scale(site.x)
    return MaxPool(pair(site.op.kernel), pair(site.op.stride), padding(site.op.padding), pair(site.op.dilation))


def global_max_pool(site: Site) -> MaxPool:
    """The largest of each channel: one window over everything."""
    site.same_scale(site.x)
    whole = _places(site.x)
    return MaxPool(whole, whole, (0, 0, 0, 0))


def average_pool(site: Site) -> AveragePool:
    """The mean of each window."""
    op = site.op
    kernel, stride, pads, dilation = pair(op.kernel), pair(op.stride), padding(op.padding), pair(op.dilation)
    counts = {kernel[0] * kernel[1]}
    if not op.count_include_pad:
        counts = _counted(_places(site.x), _places(site.y), kernel, stride, pads, dilation)
    multipliers, shift = _by_count(site, counts, kernel[0] * kernel[1])
    zeros = (site.x.zero_point, site.y.zero_point)
    return AveragePool(kernel, stride, pads, multipliers, shift, *zeros, op.count_include_pad, dilation)


def global_average_pool(site: Site) -> AveragePool:
    """The mean of each channel: one window over everything."""
    whole = _places(site.x)
    count = whole[0] * whole[1]
    multipliers, shift = _by_count(site, {count}, count)
    return AveragePool(whole, whole, (0, 0, 0, 0), multipliers, shift, site.x.zero_point, site.y.zero_point)


def _places(tensor: Tensor) -> tuple[int, int]:
    """Height and width of a value with its channels last; anything in front of the width is height."""
    *front, width = (1, *tensor.shape[:-1])
    return int(np.prod(front)), width


def _counted(
    size: tuple[int, int], made: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], pads: Any, dilation: tuple[int, int]
) -> set[int]:
    """How many places inside the input windows cover, over all windows."""
    by_axis = []
    for axis in (0, 1):
        starts = np.arange(made[axis]) * stride[axis] - pads[axis]
        at = starts[:, None] + np.arange(kernel[axis]) * dilation[axis]
        by_axis.append({int(n) for n in ((at >= 0) & (at < size[axis])).sum(axis=1)})
    return {n * m for n in by_axis[0] for m in by_axis[1]}


def _by_count(site: Site, counts: set[int], largest: int) -> tuple[Int32, int]:
    """A multiplier for each count that occurs; the others are 0, so that they do not cost the rest their precision."""
    if 0 in counts:
        raise RefusedError("some of its windows lie wholly outside the input: give it less padding")
    factors = [site.x.scale / site.y.scale / n if n in counts else 0.0 for n in range(1, largest + 1)]
    return fixed(np.asarray(factors))


def reduction(what: str) -> Any:
    """The rule for a reduction over axes: "mean", "sum", "max" or "min"."""

    def rule(site: Site) -> Reduction:
        axes = tuple(sorted(site.x.order.index(axis) for axis in site.op.axes))
        if what in ("max", "min"):
            site.same_scale(site.x)
            return Reduction("max" if what == "max" else "min", axes)
        count = int(np.prod([site.x.shape[axis] for axis in axes])) if what == "mean" else 1
        multiplier, shift = fixed_one(site.x.scale / site.y.scale / count)
        return Reduction("mean" if what == "mean" else "sum", axes, multiplier, shift, site.x.zero_point, site.y.zero_point)

    return rule


def arg_max(largest: bool) -> Any:
    """The rule for the index of the largest or smallest value along an axis."""

    def rule(site: Site) -> ArgMax:
        return ArgMax(site.x.order.index(site.op.axis), largest)

    return rule
