"""Where windows lie: taps inside of an image, places whose window is inside as a whole, and what a division leaves over."""

from __future__ import annotations

from collections.abc import Callable

from hwcost.sizes import Size, ceil_div, floor_div, largest
from hwcost.target import LayerFacts

__all__ = ["before", "fewest", "inside", "rest", "whole"]


def inside(layer: LayerFacts, axis: int) -> Size:
    """Places of a window along an axis that lie inside the image, over all outputs."""
    if not layer.padding[axis] and not layer.padding[axis + 2]:
        return (layer.output_height, layer.output_width)[axis] * layer.kernel[axis]
    return _taps(layer, axis, lambda start, end: largest(0, end - start))


def before(layer: LayerFacts, axis: int) -> Size:
    """Places of a window along an axis that come before the image's first, over all outputs."""
    if not layer.padding[axis]:
        return 0
    return _taps(layer, axis, lambda start, end: start)


def _taps(layer: LayerFacts, axis: int, count: Callable[[Size, Size], Size]) -> Size:
    """Over the taps of a window: a count of the outputs, from the first to the last, for which the tap is inside."""
    size, outputs = ((layer.input_height, layer.output_height), (layer.input_width, layer.output_width))[axis]
    pad, stride, dilation = layer.padding[axis], layer.stride[axis], layer.dilation[axis]
    starts = [pad - tap * dilation for tap in range(layer.kernel[axis])]
    ends = [(largest(0, ceil_div(start, stride)), ceil_div(size + start, stride)) for start in starts]
    return sum(count(_least(outputs, first), _least(outputs, last)) for first, last in ends)


def whole(layer: LayerFacts, axis: int) -> Size:
    """Places along an axis whose window lies wholly inside of the image."""
    size, outputs = ((layer.input_height, layer.output_height), (layer.input_width, layer.output_width))[axis]
    reach, stride, pad = layer.dilation[axis] * (layer.kernel[axis] - 1) + 1, layer.stride[axis], layer.padding[axis]
    first = ceil_div(pad, stride)
    last = (size + pad - reach) // stride
    return largest(0, _least(last + 1, outputs) - first)


def fewest(layer: LayerFacts, axis: int) -> Size:
    """Places along an axis that the window with fewest of them inside the image has there: the first or the last, beside a border."""
    size, outputs = ((layer.input_height, layer.output_height), (layer.input_width, layer.output_width))[axis]
    pad, dilation, kernel = layer.padding[axis], layer.dilation[axis], layer.kernel[axis]
    last = ceil_div(size + pad - (outputs - 1) * layer.stride[axis], dilation)
    return _least(kernel - ceil_div(pad, dilation), _least(kernel, last))


def rest(n: Size, d: int) -> Size:
    """What is left of `n` beside whole groups of `d`."""
    return n - d * floor_div(n, d)


def _least(a: Size, b: Size) -> Size:
    return -largest(-a, -b)
