"""Broadcasting: shapes that meet from the last axis backwards, where an axis of one element repeats along the other's."""

from __future__ import annotations

from functools import reduce
from itertools import zip_longest

import numpy as np

from hwcost.errors import ShapeError
from hwcost.ops.base import Op
from hwcost.ops.flow import AxisFlow, Fixed, InputAxis, Same
from hwcost.sizes import Size, equal
from hwcost.tensor import TensorSpec


def broadcast(op: Op, *shapes: tuple[Size, ...]) -> tuple[Size, ...]:
    """The common shape; raises ShapeError with all shapes where an axis differs and is 1 in neither."""
    try:
        return reduce(_pair, shapes)
    except ValueError:
        expected = "shapes that are equal or 1 along each axis, counted from the last"
        raise ShapeError(f"{type(op).__name__} expects {expected}", shapes=shapes) from None


def broadcast_flow(*inputs: TensorSpec) -> tuple[AxisFlow, ...]:
    """Flow of inputs that broadcast: axes that meet are tied, an axis of one element follows the others."""
    rank = max(len(x.shape) for x in inputs)
    return tuple(_axis_flow(inputs, axis - rank) for axis in range(rank))


def repeated_axes(*inputs: TensorSpec) -> tuple[InputAxis, ...]:
    """Axes of one element that are repeated along a longer axis of another input: they must stay at one element."""
    rank = max(len(x.shape) for x in inputs)
    return tuple(
        (i, axis + len(inputs[i].shape))
        for axis in range(-rank, 0)
        for i in _meeting(inputs, axis)
        if _is_one(inputs[i], axis) and not all(_is_one(inputs[j], axis) for j in _meeting(inputs, axis))
    )


def _pair(a: tuple[Size, ...], b: tuple[Size, ...]) -> tuple[Size, ...]:
    axes = [_axis(n, m) for n, m in zip_longest(reversed(a), reversed(b), fillvalue=1)]
    return tuple(reversed(axes))


def _axis(n: Size, m: Size) -> Size:
    if equal(n, m) or equal(m, 1):
        return n
    if equal(n, 1):
        return m
    # A column may hold layers that repeat their left side and others that repeat their right one.
    is_column = isinstance(n, np.ndarray) or isinstance(m, np.ndarray)
    if is_column and np.all((n == m) | (n == 1) | (m == 1)):
        return np.maximum(n, m)
    raise ValueError(f"{n} and {m}")


def _axis_flow(inputs: tuple[TensorSpec, ...], axis: int) -> AxisFlow:
    meeting = _meeting(inputs, axis)
    longer = tuple(i for i in meeting if not _is_one(inputs[i], axis)) or meeting
    return Same(tuple((i, axis + len(inputs[i].shape)) for i in longer)) if longer else Fixed()


def _meeting(inputs: tuple[TensorSpec, ...], axis: int) -> tuple[int, ...]:
    """Inputs that have the axis, counted backwards."""
    return tuple(i for i, x in enumerate(inputs) if len(x.shape) >= -axis)


def _is_one(x: TensorSpec, axis: int) -> bool:
    return equal(x.shape[axis], 1)
