"""Layers with a window, in integers: one sum per place of the window, over all places of the output at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.interpret.fixed_point import clamped, rescale
from hwcost.deploy.program import AveragePool, Convolution, MaxPool, Tensor, TransposedConvolution

Array = NDArray[Any]


def image(x: Array) -> Array:
    """(height, width, channels), whatever it was: features are one place, sequences have height 1, more axes are more rows."""
    if x.ndim < 2:
        return x.reshape(1, 1, -1)
    return x.reshape(-1, x.shape[-2], x.shape[-1])


def _places(layer: Any, kernel: tuple[int, int], made: tuple[int, int], padded: Array) -> Iterator[tuple[int, int, Array]]:
    """For each place of the window, what it reads for every output place."""
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            top, left = i * layer.dilation[0], j * layer.dilation[1]
            rows = slice(top, top + (made[0] - 1) * layer.stride[0] + 1, layer.stride[0])
            columns = slice(left, left + (made[1] - 1) * layer.stride[1] + 1, layer.stride[1])
            yield i, j, padded[rows, columns]


def _padded(x: Array, layer: Any, value: int) -> Array:
    top, left, bottom, right = layer.padding
    return np.pad(x, ((top, bottom), (left, right), (0, 0)), constant_values=value)


def _made(x: Array, layer: Any, kernel: tuple[int, int]) -> tuple[int, int]:
    top, left, bottom, right = layer.padding
    sizes = zip(x.shape[:2], (top + bottom, left + right), kernel, layer.stride, layer.dilation, strict=True)
    height, width = ((n + pads - dilation * (k - 1) - 1) // stride + 1 for n, pads, k, stride, dilation in sizes)
    return height, width


def convolution(layer: Convolution, x: Array, output: Tensor) -> Array:
    """Any convolution or dense layer."""
    x = image(x)
    channels, *kernel, _ = layer.weights.shape
    window = (kernel[0], kernel[1])
    made = _made(x, layer, window)
    padded = _padded(x, layer, layer.input_zero_point).astype(np.float64)
    total = np.zeros((*made, channels), np.float64)
    for i, j, part in _places(layer, window, made, padded):
        total += _grouped(part, layer.weights[:, i, j, :].astype(np.float64), layer.groups)
    return clamped(rescale(total.astype(np.int64) + layer.bias, layer.multiplier, layer.shift), layer.output_zero_point, layer.range)


def _grouped(part: Array, weights: Array, groups: int) -> Array:
    """Sums over the channels of each group; doubles hold every int32 exactly, and multiply matrices fast."""
    if groups == 1:
        return np.asarray(part @ weights.T)
    split = part.reshape(*part.shape[:2], groups, -1)
    if split.shape[-1] == 1:
        per = weights.reshape(groups, -1)
        return np.asarray((split * per).reshape(*part.shape[:2], -1))
    by_group = weights.reshape(groups, len(weights) // groups, -1)
    return np.asarray(np.einsum("yxgc,goc->yxgo", split, by_group)).reshape(*part.shape[:2], -1)


def transposed(layer: TransposedConvolution, x: Array, output: Tensor) -> Array:
    """Every input place added to the outputs its window covers."""
    x = image(x).astype(np.int64) - layer.input_zero_point
    channels, height, width, _ = layer.weights.shape
    top, left, *_ = layer.padding
    made = image(np.empty(output.shape, np.int8)).shape
    reach = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(x.shape, layer.stride, (height, width), layer.dilation, strict=False)]
    whole = np.zeros((max(reach[0], top + made[0]), max(reach[1], left + made[1]), channels), np.int64)
    for i in range(height):
        for j in range(width):
            rows = slice(i * layer.dilation[0], i * layer.dilation[0] + (x.shape[0] - 1) * layer.stride[0] + 1, layer.stride[0])
            columns = slice(j * layer.dilation[1], j * layer.dilation[1] + (x.shape[1] - 1) * layer.stride[1] + 1, layer.stride[1])
            whole[rows, columns] += _grouped(x, layer.weights[:, i, j, :].astype(np.int64), layer.groups)
    total = whole[top : top + made[0], left : left + made[1]] + layer.bias.astype(np.int64)
    return clamped(rescale(total, layer.multiplier, layer.shift), layer.output_zero_point, layer.range)


def max_pool(layer: MaxPool, x: Array, output: Tensor) -> Array:
    """The largest of each window; padding is smaller than any value."""
    x = image(x).astype(np.int16)
    made = _made(x, layer, layer.kernel)
    padded = _padded(x, layer, -129)
    best = np.full((*made, x.shape[-1]), -129, np.int16)
    for _, _, part in _places(layer, layer.kernel, made, padded):
        best = np.maximum(best, part)
    return np.clip(best, layer.range.low, layer.range.high).astype(np.int8)


def average_pool(layer: AveragePool, x: Array, output: Tensor) -> Array:
    """The sum of each window times the multiplier for the places counted."""
    x = image(x).astype(np.int64) - layer.input_zero_point
    made = _made(x, layer, layer.kernel)
    inside = _padded(np.ones((*x.shape[:2], 1), np.int64), layer, 1 if layer.count_padding else 0)
    total = np.zeros((*made, x.shape[-1]), np.int64)
    counted = np.zeros((*made, 1), np.int64)
    for _, _, part in _places(layer, layer.kernel, made, _padded(x, layer, 0)):
        total += part
    for _, _, part in _places(layer, layer.kernel, made, inside):
        counted += part
    return clamped(rescale(total, layer.multipliers[counted - 1], layer.shift), layer.output_zero_point, layer.range)
