"""Element by element, over axes, and the choice between two: operators whose operands broadcast or may be constants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np

from hwcost.ops.activation import Clip, Relu
from hwcost.ops.base import Op
from hwcost.ops.binary import Add, Logical, Maximum, Minimum, Mul, Where
from hwcost.ops.forms.axes import materialised, reshape
from hwcost.ops.forms.batch import meeting, met_batch
from hwcost.ops.pool import GlobalAveragePool, GlobalMaxPool
from hwcost.ops.reading import Call, Value
from hwcost.ops.reduce import ReduceMax, ReduceMean
from hwcost.sizes import prod

COMMUTATIVE = (Add, Mul, Minimum, Maximum, Logical)
"""Operators whose constant is always written on the right."""

WHOLE: dict[type[Any], Callable[[], Op]] = {ReduceMean: GlobalAveragePool, ReduceMax: GlobalMaxPool}
"""Reductions over every axis but the first, which are global pools."""


def mapped(call: Call, op: Op, x: Value, **parameters: Value | None) -> Value:
    """An operator that leaves the axes as they are."""
    return call.emit(op, x, batch_axis=x.batch_axis, **parameters)


def binary(call: Call, op: type[Any], a: Value, b: Value, **attributes: Any) -> Value:
    """Arithmetic on two operands that broadcast, of which one may be a constant."""
    if a.is_constant and b.is_constant:
        call.refuse("both operands are constants: there is nothing to compute")
    if a.is_constant or b.is_constant:
        x, constant = (b, a) if a.is_constant else (a, b)
        first = a.is_constant and not issubclass(op, COMMUTATIVE)
        if (bounds := _bounds(op, x, constant)) is not None:
            return mapped(call, bounds, x)
        stored = _operand(x, constant)
        if stored is not None:
            spans, operand = stored
            return mapped(call, op(constant=spans, constant_first=first, **attributes), x, operand=operand)
        a, b = materialised(call, a, a.batch_axis), materialised(call, b, b.batch_axis)
    left, right = meeting(call, a, b)
    return call.emit(op(**attributes), left, right, batch_axis=met_batch(left, right))


def bounded(minimum: float, maximum: float) -> Op:
    """Values held between two numbers; between 0 and nothing, ReLU."""
    return Relu() if (minimum, maximum) == (0.0, inf) else Clip(minimum, maximum)


def _bounds(op: type[Any], x: Value, constant: Value) -> Op | None:
    """The larger, or smaller, of a value and one number is the value held above, or below, it."""
    if op not in {Maximum, Minimum} or constant.elements != 1 or len(constant.shape) > len(x.shape) or constant.quantisation is not None:
        return None
    number = float(str(np.float32(constant.array().reshape(()))))
    return bounded(number, inf) if op is Maximum else bounded(-inf, number)


def _operand(x: Value, constant: Value) -> tuple[tuple[bool, ...], Value] | None:
    """Along which axes of `x` the constant spans, and the constant without the batch; None if it makes the result larger than `x`."""
    if constant.elements == 1 and len(constant.shape) <= len(x.shape):
        return (), _stored_like(x, constant.mapped((), lambda values: values.reshape(())))
    if len(constant.shape) > len(x.shape):
        return None
    full = (1,) * (len(x.shape) - len(constant.shape)) + constant.shape
    if any(m not in {1, n} for n, m in zip(x.shape, full, strict=True)):
        return None
    kept = tuple(n for axis, n in enumerate(full) if axis != x.batch_axis)
    spans = tuple(n != 1 for n in kept)
    return spans, _stored_like(x, constant.mapped(kept, lambda values: values.reshape(kept)))


def _stored_like(x: Value, constant: Value) -> Value:
    """A constant of integers beside floats, as floats: `2 * x` is `2.0 * x`."""
    if constant.kind == "float" and x.kind == "float" and constant.elements > 1:
        return constant
    if constant.quantisation is not None or x.quantisation is not None or x.kind == "bool" or constant.kind == "bool":
        return constant
    if constant.kind == "float" and x.kind != "float":
        return constant
    dtype = np.dtype(f"{'f' if x.kind == 'float' else 'i'}{max(x.bits, 8) // 8}")
    return replace(constant.mapped(constant.shape, lambda values: values.astype(dtype)), bits=x.bits, kind=x.kind)


def reduce(call: Call, op: type[Any], x: Value, axes: Sequence[int] | None, keepdims: bool) -> Value:
    """File axes reduced to one number each (None: all of them); over every axis but the first, a global pool."""
    rank = len(x.shape)
    wanted = tuple(range(rank)) if not axes else tuple(x.axis(axis) for axis in axes)
    kept = [axis for axis in wanted if axis != x.batch_axis]
    within = tuple(sorted(x.graph_axis(axis) for axis in kept))
    shape = tuple(1 if axis in wanted else n for axis, n in enumerate(x.shape) if keepdims or axis not in wanted)
    if not within:
        return reshape(call, x, shape)
    batch = None if x.batch_axis is None else x.batch_axis - (0 if keepdims else sum(axis < x.batch_axis for axis in wanted))
    if op in WHOLE and len(x.graph_shape) > 1 and within == tuple(range(1, len(x.graph_shape))):
        return _reshaped_pool(call, call.emit(WHOLE[op](), x, batch_axis=x.batch_axis), shape)
    made = call.emit(op(axes=within, keepdims=keepdims), x, batch_axis=None)
    if x.batch_axis is None or (x.batch_axis in wanted and not keepdims):
        return made
    return replace(made, shape=shape, batch_axis=batch)


def _reshaped_pool(call: Call, pooled: Value, shape: tuple[int, ...]) -> Value:
    return reshape(call, pooled, shape) if prod(shape) == pooled.elements else pooled


def choose(call: Call, condition: Value, a: Value, b: Value) -> Value:
    """The second operand where the first is true, else the third; all three broadcast."""
    a, b = (_stored_like(other, x) if x.is_constant and not other.is_constant else x for x, other in ((a, b), (b, a)))
    rank = max(len(value.shape) for value in (condition, a, b))
    batch = next((value.batch_axis + rank - len(value.shape) for value in (condition, a, b) if value.batch_axis is not None), None)
    inputs = [materialised(call, value, None if batch is None else batch - rank + len(value.shape)) for value in (condition, a, b)]
    return call.emit(Where(), *inputs, batch_axis=batch)
