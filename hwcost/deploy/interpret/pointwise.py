"""Layers without a window: element by element, along an axis, or only moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.interpret.border import quantised
from hwcost.deploy.interpret.fixed_point import clamped, rescale
from hwcost.deploy.program import (
    ArgMax,
    Concat,
    Dequantise,
    Extreme,
    Lookup,
    MatrixProduct,
    Move,
    Product,
    Quantise,
    Reduction,
    Softmax,
    Sum,
    Tensor,
)

Array = NDArray[Any]


def _operands(layer: Sum | Product, inputs: Sequence[Array]) -> tuple[Array, Array]:
    second = inputs[1] if layer.operand is None else layer.operand
    a, b = layer.zero_points
    return inputs[0].astype(np.int64) - a, second.astype(np.int64) - b


def sum_of(layer: Sum, inputs: Sequence[Array], output: Tensor) -> Array:
    """The sum of both inputs, each times its multiplier."""
    a, b = _operands(layer, inputs)
    total = a * layer.multipliers[0] + b * layer.multipliers[1]
    return clamped(rescale(total, 1, layer.shift), layer.output_zero_point, layer.range)


def product_of(layer: Product, inputs: Sequence[Array], output: Tensor) -> Array:
    """The product of both inputs."""
    a, b = _operands(layer, inputs)
    return clamped(rescale(a * b, layer.multiplier, layer.shift), layer.output_zero_point, layer.range)


def extreme(layer: Extreme, inputs: Sequence[Array], output: Tensor) -> Array:
    """The larger or smaller of both inputs."""
    return np.asarray((np.maximum if layer.largest else np.minimum)(inputs[0], inputs[1]))


def matrix_product(layer: MatrixProduct, inputs: Sequence[Array], output: Tensor) -> Array:
    """The matrix product of both inputs."""
    a, b = (x.astype(np.int64) - zero for x, zero in zip(inputs, layer.zero_points, strict=True))
    return clamped(rescale(a @ b, layer.multiplier, layer.shift), layer.output_zero_point, layer.range)


def lookup(layer: Lookup, x: Array, output: Tensor) -> Array:
    """Each value through its channel's table."""
    at = x.astype(np.int64) + 128
    return np.asarray(layer.table[0][at] if len(layer.table) == 1 else layer.table[np.arange(len(layer.table)), at])


def reduction(layer: Reduction, x: Array, output: Tensor) -> Array:
    """Over axes."""
    if layer.what in ("max", "min"):
        return np.asarray((x.max if layer.what == "max" else x.min)(axis=layer.axes))
    total = (x.astype(np.int64) - layer.input_zero_point).sum(axis=layer.axes)
    return clamped(rescale(total, layer.multiplier, layer.shift), layer.output_zero_point, layer.range)


def arg_max(layer: ArgMax, x: Array, output: Tensor) -> Array:
    """The index of the first largest or smallest."""
    return np.asarray((np.argmax if layer.largest else np.argmin)(x, axis=layer.axis)).astype(np.int32)


def concat(layer: Concat, inputs: Sequence[Array], output: Tensor) -> Array:
    """Inputs side by side."""
    parts = [x if table is None else table[x.astype(np.int64) + 128] for x, table in zip(inputs, layer.tables, strict=True)]
    return np.concatenate(parts, axis=layer.axis)


def move(layer: Move, x: Array, output: Tensor) -> Array:
    """Each output element read where the tables say."""
    places = np.full((), layer.base, np.int64)
    filled = np.zeros((), dtype=bool)
    for table in layer.tables:
        places = places[..., None] + table
        filled = filled[..., None] | (table < 0)
    read = x.ravel()[np.where(filled, 0, places)]
    return np.where(filled, np.asarray(layer.fill, x.dtype), read)


def softmax(layer: Softmax, x: Array, output: Tensor) -> Array:
    """Along the last axis; unsigned 64-bit arithmetic holds every term."""
    rows = x.astype(np.int64)
    e = layer.exponentials.astype(np.uint64)[rows.max(axis=-1, keepdims=True) - rows]
    total = e.sum(axis=-1, keepdims=True, dtype=np.uint64)
    shares = (e * np.uint64(layer.factor) + (total << np.uint64(15))) // (total << np.uint64(16))
    return clamped(np.minimum(shares, 511).astype(np.int64), layer.output_zero_point)


def quantise(layer: Quantise, x: Array, output: Tensor) -> Array:
    """Singles to int8."""
    return quantised(x, layer.scale, layer.zero_point)


def dequantise(layer: Dequantise, x: Array, output: Tensor) -> Array:
    """int8 to singles."""
    return (x.astype(np.int16) - layer.zero_point).astype(np.float32) * np.float32(layer.scale)
