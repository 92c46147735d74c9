"""Operators that compute the same whatever the order of their input's axes, once their own axes are renamed.

For an operator and an order of axes, `reordered` gives the operator that makes of `x` what the first makes of `x` transposed, but
for the order of the result's axes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from hwcost.ops import activation, binary, joining, reduce, storage
from hwcost.ops.base import Op
from hwcost.ops.gather import Gather
from hwcost.ops.norm import LpNormalize

Order: TypeAlias = tuple[int, ...]
"""Output axis i of a transpose is input axis `order[i]`."""


def inverse(order: Order) -> Order:
    """The order that undoes one."""
    return tuple(order.index(axis) for axis in range(len(order)))


def composed(first: Order, second: Order) -> Order:
    """One transpose that does what two do, one after the other."""
    return tuple(first[axis] for axis in second)


def moved(entries: tuple[Any, ...], order: Order) -> tuple[Any, ...]:
    """Entries per axis of the transposed value, as they stand per axis of the value itself."""
    return tuple(entries[axis] for axis in inverse(order))


def _unchanged(op: Op, order: Order) -> Op:
    return op


def _axis(op: Any, order: Order) -> Op:
    changed: Op = replace(op, axis=order[op.axis])
    return changed


def _binary(op: Any, order: Order) -> Op:
    changed: Op = replace(op, constant=moved(op.constant, order)) if op.constant else op
    return changed


def _pad(op: Any, order: Order) -> Op:
    changed: Op = replace(op, pads=moved(op.pads, order))
    return changed


def _expand(op: Any, order: Order) -> Op:
    changed: Op = replace(op, repeats=moved(op.repeats, order))
    return changed


def _axes(op: Any, order: Order) -> Op:
    changed: Op = replace(op, axes=tuple(sorted(order[axis] for axis in op.axes)))
    return changed


def _operators(module: Any, attribute: str) -> list[type[Op]]:
    """The operators of a family that have an attribute."""
    found = (cls for cls in vars(module).values() if isinstance(cls, type) and issubclass(cls, Op))
    return [cls for cls in found if cls.kind and hasattr(cls, attribute)]


MAPS = [cls for cls in _operators(activation, "elementwise") if cls.elementwise and cls is not activation.PRelu]
"""Functions of one element; a slope per channel knows where the channels stand."""

RENAMED: dict[type[Op], Callable[[Any, Order], Op]] = {
    **dict.fromkeys([*MAPS, storage.Identity, storage.Cast, storage.Quantize, storage.Dequantize, binary.Where], _unchanged),
    **dict.fromkeys([activation.Softmax, activation.LogSoftmax, LpNormalize, joining.Concat, joining.Split, joining.Slice, Gather], _axis),
    **dict.fromkeys(_operators(binary, "constant"), _binary),
    **dict.fromkeys(_operators(reduce, "axis"), _axis),
    **dict.fromkeys(_operators(reduce, "axes"), _axes),
    joining.Pad: _pad,
    joining.Expand: _expand,
}


def reordered(op: Op, order: Order) -> tuple[Op, Order] | None:
    """The operator on the value itself, and the order that makes of its result what `op` makes of the transposed value.

    None for operators whose axes have a meaning (a convolution's channels), or that read several axes as one.
    """
    change = RENAMED.get(type(op))
    if change is None or (isinstance(op, Gather) and op.indices is None):
        return None
    return change(op, order), _result_order(op, order)


def _result_order(op: Op, order: Order) -> Order:
    gone = _axes_gone(op)
    kept = [order[axis] for axis in range(len(order)) if axis not in gone]
    return tuple(sorted(kept).index(axis) for axis in kept)


def _axes_gone(op: Op) -> tuple[int, ...]:
    """Axes of the input that the result does not have."""
    given: Any = op
    if isinstance(op, Gather):
        return (op.axis,) if isinstance(op.indices, int) else ()
    if getattr(op, "keepdims", True):
        return ()
    return tuple(given.axes) if hasattr(op, "axes") else (given.axis,)
