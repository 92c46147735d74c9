"""Remainders of the plain C functions: loops that compilers repeat four times, taps outside of the image, rows and places by themselves.

By the function that runs a layer, since one variant has a function for each kind of layer (hwcost/deploy/c/).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from hwcost.kernels.variant import plain
from hwcost.latency.windows import before, fewest, inside, rest, whole
from hwcost.sizes import Size, ceil_div, equal, exact_div, floor_div
from hwcost.target import LayerFacts

__all__ = ["PLAIN", "of_pairs", "of_plain_depthwise"]

FOUR = 4
"""Turns that compilers write out of a loop, channels that pools take together, bytes of a word."""

LARGEST_HALVED = 2
"""Cells of which the mean takes half of a sum or more, for inputs and outputs on one scale."""

COMMON_TAPS = 9
"""Taps that the plain depthwise kernel has a loop for."""


def _run(name: str, runs: Size, length: Size, by: int = FOUR) -> dict[str, Size]:
    """Loops of one length: each, their turns, and the elements that whole turns leave over."""
    turns = floor_div(length, by)
    return {name: runs, f"turn of {name}": runs * turns, f"left of {name}": runs * (length - by * turns)}


def _convolution(layer: LayerFacts) -> dict[str, Size]:
    """Rows of a window, one by one: those outside are sums of weights, those inside a run, or one for each tap."""
    rows, columns = inside(layer, 0), inside(layer, 1)
    depth = exact_div(layer.in_channels, layer.groups)
    outputs = layer.out_channels
    rows_inside = rows * layer.output_width * outputs
    rows_outside = (layer.output_height * layer.kernel[0] - rows) * layer.output_width * outputs
    taps = rows * columns * outputs
    taps_outside = rows * (layer.output_width * layer.kernel[1] - columns) * outputs
    is_run = equal(layer.groups, 1) and layer.dilation[1] == 1
    runs = _run("run", rows_inside, layer.kernel[1] * depth) if is_run else _run("run", taps, depth)
    cut = layer.output_width - whole(layer, 1)
    return {
        "row inside": rows_inside,
        "tap inside": taps,
        "mac inside": taps * depth,
        "tap outside": taps_outside,
        "weight outside": taps_outside * depth,
        "cut row": rows * cut * outputs,
        "column outside": layer.output_height * (layer.output_width * layer.kernel[1] - columns),
        **runs,
        **_run("row outside", rows_outside, layer.kernel[1] * depth),
    }


def _depthwise(layer: LayerFacts) -> dict[str, Size]:
    """Tap by tap, each asked whether it is inside."""
    return {
        "row of taps": layer.output_elements * layer.kernel[0],
        "tap": layer.output_elements * (layer.kernel[0] * layer.kernel[1]),
        "row inside": inside(layer, 0) * layer.output_width * layer.out_channels,
        "tap inside": inside(layer, 0) * inside(layer, 1) * layer.out_channels,
        "channel": ceil_div(layer.output_elements, layer.out_channels) * layer.in_channels,
    }


def _dense(layer: LayerFacts) -> dict[str, Size]:
    return _run("run", layer.output_elements, layer.patch_elements)


def _pool(layer: LayerFacts) -> dict[str, Size]:
    """The cells of a place are counted, then four channels at a time, or each by itself where there are fewer."""
    pool = _over_all(layer) if layer.kind.startswith("global") else layer
    rows, columns = inside(pool, 0), inside(pool, 1)
    is_few = plain(pool.out_channels) < FOUR
    groups = pool.out_channels if is_few else ceil_div(pool.out_channels, FOUR)
    counts: dict[str, Size] = {
        "group": groups * pool.output_height * pool.output_width,
        "row of cells": groups * rows * pool.output_width,
        "cell": groups * rows * columns,
    }
    own = {f"{name} of one channel" if is_few else name: count for name, count in counts.items()}
    counted = {
        "row counted": rows * pool.output_width,
        "column counted": columns * pool.output_height,
        "row before": before(pool, 0) * pool.output_width,
        "column before": before(pool, 1) * pool.output_height,
    }
    again = pool.output_height * pool.output_width * (0 if is_few or equal(rest(pool.out_channels, FOUR), 0) else 1)
    return {**own, **counted, "group again": again}


def _average_pool(layer: LayerFacts) -> dict[str, Size]:
    """Means over one or two cells are not rescaled by 32 bits, and no mean of such a layer is."""
    pool = _over_all(layer) if layer.kind.startswith("global") else layer
    is_short = plain(fewest(pool, 0)) * plain(fewest(pool, 1)) > LARGEST_HALVED
    counts = _pool(layer)
    groups = {name: count for name, count in counts.items() if name.startswith("group")}
    return counts | {f"{name} of few cells": 0 if is_short else count for name, count in groups.items()}


def _over_all(layer: LayerFacts) -> LayerFacts:
    """A pool over the whole image as one with a window of its size."""
    size = plain(layer.input_height), plain(layer.input_width)
    return replace(layer, kernel=size, stride=size, dilation=(1, 1), padding=(0, 0, 0, 0), output_height=1, output_width=1)


def _concat(layer: LayerFacts) -> dict[str, Size]:
    """A row of every input by itself, by words where all lie on whole words."""
    rows = ceil_div(layer.output_elements, layer.out_channels)
    is_odd = not (equal(rest(layer.in_channels, FOUR), 0) and equal(rest(layer.out_channels, FOUR), 0))
    copies = rows * layer.inputs
    return {
        "row": rows,
        "copy": copies,
        "odd copy": copies if is_odd else 0,
        "odd element": layer.output_elements if is_odd else 0,
        "first byte": rows * (layer.in_channels if is_odd else 0),
    }


def _move(layer: LayerFacts) -> dict[str, Size]:
    """Rows along the last axis; those of a border are filled."""
    border = (layer.output_elements - layer.input_elements) if layer.kind == "pad" else 0
    return {
        "filled element": border,
        "filled row": ceil_div(border, layer.out_channels),
        "moved element": layer.output_elements - border,
        "row of places": layer.output_height,
        "filled place outside": max(0, layer.output_height - layer.input_height) * layer.output_width if layer.kind == "pad" else 0,
    }


def _lookup(layer: LayerFacts) -> dict[str, Size]:
    return _run("table", 1, layer.output_elements)


def of_plain_depthwise(layer: LayerFacts, steps: Mapping[str, Size]) -> dict[str, Size]:
    """Windows of nine taps have a loop of their own; of others four turns are written out."""
    taps = layer.kernel[0] * layer.kernel[1]
    is_common = taps == COMMON_TAPS
    other = {} if is_common else _run("window", steps["output"], taps)
    return {
        "mac of nine": steps["mac"] if is_common else 0,
        "mac of another window": 0 if is_common else steps["mac"],
        "output of another window": 0 if is_common else steps["output"],
        **other,
        "row of taps": steps["place"] * layer.kernel[0],
        "row inside": inside(layer, 0) * layer.output_width,
        "tap inside": inside(layer, 0) * inside(layer, 1),
        "byte of zeros": layer.in_channels,
    }


def of_pairs(layer: LayerFacts, steps: Mapping[str, Size]) -> dict[str, Size]:
    """Four channels at a time: whole rows of a window in one run where it is inside of the image, else cell by cell."""
    groups = ceil_div(layer.out_channels, FOUR)
    height, kernel = layer.output_height, layer.kernel
    rows = inside(layer, 0)
    full = whole(layer, 1) if layer.dilation[1] == 1 else 0
    cells = groups * ((layer.output_width - full) * height * kernel[0] * kernel[1] + full * (height * kernel[0] - rows) * kernel[1])
    is_ragged = not equal(rest(layer.out_channels, FOUR), 0)
    places = height * layer.output_width
    return {
        **_run("run", groups * full * rows, kernel[1] * layer.in_channels, 2),
        **_run("cell", cells, layer.in_channels, 2),
        "place cut": groups * (layer.output_width - full) * height,
        "cell inside": groups * (inside(layer, 1) - full * kernel[1]) * rows,
        "channel missing": places * (groups * FOUR - layer.out_channels),
        "ragged group": places if is_ragged else 0,
        "weight missing": (groups * FOUR - layer.out_channels) * layer.patch_elements,
        "byte of zeros": layer.in_channels,
    }


PLAIN: Mapping[str, Callable[[LayerFacts], dict[str, Size]]] = {
    "hwc_conv": _convolution,
    "hwc_depthwise": _depthwise,
    "hwc_dense": _dense,
    "hwc_max_pool": _pool,
    "hwc_average_pool": _average_pool,
    "hwc_concat": _concat,
    "hwc_move": _move,
    "hwc_lookup": _lookup,
}
"""What else each function does, by its name."""
