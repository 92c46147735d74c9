"""Axes merged, split, moved, cut, joined and repeated, with the batch followed through all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from hwcost.ops.gather import Gather
from hwcost.ops.joining import Concat, Constant, Expand, Pad, Slice, Split
from hwcost.ops.reading import Call, Value
from hwcost.ops.shape import Reshape, Transpose
from hwcost.sizes import prod

FOUND = -1
"""`batch_axis` of `reshape`: where the shapes say."""


def reshape(call: Call, x: Value, shape: Sequence[int], batch_axis: int | None = FOUND) -> Value:
    """The same elements under another file shape; only the batch moving, nothing is emitted.

    `batch_axis` tells where the batch goes if the caller knows; else it stays where as many elements stand before it, and an axis
    of one that is put in front is the batch again where there was none.
    """
    if prod(shape) != x.elements:
        call.refuse(f"cannot make shape {tuple(shape)} of the {x.elements} elements of '{x.name}' {x.shape}")
    batch = _batch_after_reshape(x, tuple(shape)) if batch_axis == FOUND or x.is_constant else batch_axis
    target = replace(x, shape=tuple(shape), batch_axis=batch)
    if x.is_constant:
        return _same_scales(call, x, target.shape).mapped(target.shape, lambda values: values.reshape(target.shape))
    if target.graph_shape == x.graph_shape:
        return target
    return _placed(call.emit(Reshape.between(x.graph_shape, target.graph_shape), x, batch_axis=None), target)


def _same_scales(call: Call, x: Value, shape: tuple[int, ...]) -> Value:
    """A stored constant whose scales, if it has several, follow their axis to where it stands in `shape`."""
    if x.quantisation is None or x.quantisation.axis is None:
        return x
    at = x.quantisation.axis
    places = [i for i, n in enumerate(shape) if n == x.shape[at] and prod(shape[:i]) == prod(x.shape[:at])]
    if not places:
        call.refuse(f"the scales of '{x.name}' stand along axis {at} of {x.shape}, which {shape} does not have")
    return replace(x, quantisation=replace(x.quantisation, axis=places[0]))


def _batch_after_reshape(x: Value, shape: tuple[int, ...]) -> int | None:
    if x.is_constant or not shape:
        return None
    if x.batch_axis is None:
        return 0 if shape[0] == 1 else None
    before = prod(x.shape[: x.batch_axis])
    places = [axis for axis, n in enumerate(shape) if n == 1 and prod(shape[:axis]) == before]
    return min(places, key=lambda axis: abs(axis - (x.batch_axis or 0)), default=None)


def _placed(made: Value, target: Value) -> Value:
    """What was emitted, under the shape and batch of `target`."""
    return replace(made, shape=target.shape, batch_axis=target.batch_axis)


def transpose(call: Call, x: Value, order: Sequence[int]) -> Value:
    """Axes in another order: output axis i is file axis `order[i]`."""
    axes = tuple(x.axis(axis) for axis in order)
    if sorted(axes) != list(range(len(x.shape))):
        call.refuse(f"transpose to {tuple(order)} expects each axis of {x.shape} once")
    shape = tuple(x.shape[axis] for axis in axes)
    if x.is_constant:
        moved = x.mapped(shape, lambda values: values.transpose(axes), ".transposed")
        if x.quantisation is None or x.quantisation.axis is None:
            return moved
        return replace(moved, quantisation=replace(x.quantisation, axis=axes.index(x.quantisation.axis)))
    batch = FOUND if x.batch_axis is None else axes.index(x.batch_axis)
    longer = [axis for axis in axes if x.shape[axis] != 1]
    if longer == sorted(longer):
        return reshape(call, x, shape, batch)
    kept = tuple(x.graph_axis(axis) for axis in axes if axis != x.batch_axis)
    target = replace(x, shape=shape, batch_axis=None if x.batch_axis is None else batch)
    return _placed(call.emit(Transpose(kept), x, batch_axis=None), target)


def slice_axis(call: Call, x: Value, axis: int, start: int, stop: int, step: int = 1) -> Value:
    """Every `step`-th index of a file axis; ends beyond it are moved to it, negative ones counted from its end."""
    at = x.axis(axis)
    picked = range(*slice(start, stop, step).indices(x.shape[at]))
    if len(picked) == x.shape[at] and step > 0:
        return x
    if not picked:
        call.refuse(f"slice from {start} to {stop} of axis {axis} of {x.shape} is empty")
    return call.emit(Slice(x.graph_axis(at), picked.start, picked.stop, picked.step), x, batch_axis=x.batch_axis)


def select(call: Call, x: Value, axis: int, index: int) -> Value:
    """One index of a file axis, which disappears; of the batch, the only one there is."""
    at = x.axis(axis)
    n = x.shape[at]
    if not -n <= index < n:
        call.refuse(f"index {index} is outside axis {axis} of {x.shape}")
    shape = x.shape[:at] + x.shape[at + 1 :]
    if at == x.batch_axis:
        return replace(x, shape=shape, batch_axis=None)
    if n == 1:
        return reshape(call, x, shape)
    batch = x.batch_axis if x.batch_axis is None or x.batch_axis < at else x.batch_axis - 1
    return call.emit(Gather(x.graph_axis(at), index % n), x, batch_axis=batch)


def take(call: Call, x: Value, axis: int, indices: Sequence[int]) -> Value:
    """Stored indices of a file axis, in their order; a run of them is a slice."""
    at = x.axis(axis)
    n = x.shape[at]
    wanted = tuple(index % n for index in indices if -n <= index < n)
    if len(wanted) != len(indices) or not wanted:
        call.refuse(f"indices {tuple(indices)} leave axis {axis} of {x.shape}")
    steps = {after - before for before, after in pairwise(wanted)} or {1}
    if len(steps) == 1 and (step := steps.pop()) > 0:
        return slice_axis(call, x, at, wanted[0], wanted[-1] + 1, step)
    return call.emit(Gather(x.graph_axis(at), wanted), x, batch_axis=x.batch_axis)


def split(call: Call, x: Value, axis: int, sizes: Sequence[int]) -> tuple[Value, ...]:
    """A file axis cut into runs; one run is the whole, and nothing is emitted."""
    if len(sizes) == 1:
        return (x,)
    return call.emit_all(Split(x.graph_axis(axis), tuple(sizes)), x, batch_axis=x.batch_axis)


def concat(call: Call, parts: Sequence[Value], axis: int) -> Value:
    """Operands one behind the other along a file axis; constants among them are read from flash."""
    given = [part for part in parts if part.elements]
    computed = next(part for part in given if not part.is_constant)
    if len(given) == 1:
        return computed
    inputs = [materialised(call, part, computed.batch_axis) for part in given]
    if any(part.batch_axis != computed.batch_axis for part in inputs):
        call.refuse("the batch is at another axis of each operand")
    return call.emit(Concat(computed.graph_axis(axis)), *inputs, batch_axis=computed.batch_axis)


def materialised(call: Call, x: Value, batch_axis: int | None = None) -> Value:
    """A constant as a value that layers can take as an activation; what the network computes stays as it is.

    An axis of one element at `batch_axis` counts as its batch.
    """
    if not x.is_constant:
        return x
    batch = batch_axis if batch_axis is not None and 0 <= batch_axis < len(x.shape) and x.shape[batch_axis] == 1 else None
    stored = replace(x, batch_axis=batch)
    values = x.mapped(stored.graph_shape, lambda array: array.reshape(stored.graph_shape))
    made = call.emit(Constant(stored.graph_shape, x.bits, x.kind), batch_axis=batch, value=values)
    return made if x.quantisation is None else call.stored(made, values.quantisation, x.bits, x.kind)


def pad(call: Call, x: Value, pads: Sequence[tuple[int, int]], mode: str = "constant", value: float = 0.0) -> Value:
    """Elements before and after each file axis; none at all emits nothing."""
    if not any(before or after for before, after in pads):
        return x
    if x.batch_axis is not None and any(pads[x.batch_axis]):
        call.refuse("the batch is padded: one input at a time has none")
    kept = tuple((int(before), int(after)) for axis, (before, after) in enumerate(pads) if axis != x.batch_axis)
    if mode not in {"constant", "reflect", "edge", "wrap"}:
        call.refuse(f"padding mode '{mode}' is not one of constant, reflect, edge, wrap")
    return call.emit(Pad(kept, mode, float(value) if mode == "constant" else 0.0), x, batch_axis=x.batch_axis)  # type: ignore[arg-type]


def expand(call: Call, x: Value, shape: Sequence[int]) -> Value:
    """Axes of one element repeated to a file shape, new ones in front; a constant stays one."""
    full = (1,) * (len(shape) - len(x.shape)) + x.shape
    wanted = tuple(n if m == -1 else m for n, m in zip(full, shape, strict=True))
    return repeat(call, reshape(call, x, full), tuple(m // n for n, m in zip(full, wanted, strict=True)))


def repeat(call: Call, x: Value, times: Sequence[int]) -> Value:
    """The whole of each file axis repeated, new axes in front."""
    given = reshape(call, x, (1,) * (len(times) - len(x.shape)) + x.shape)
    if given.is_constant:
        return given.mapped([n * more for n, more in zip(given.shape, times, strict=True)], lambda values: np.tile(values, times))
    if given.batch_axis is not None and times[given.batch_axis] != 1:
        given = reshape_keeping(call, given)
    repeats = tuple(n for axis, n in enumerate(times) if axis != given.batch_axis)
    return given if all(n == 1 for n in repeats) else call.emit(Expand(repeats), given, batch_axis=given.batch_axis)


def reshape_keeping(call: Call, x: Value) -> Value:
    """The value with its batch as an ordinary axis of one element, for operators that lay something else along it."""
    if x.batch_axis is None or x.is_constant:
        return x
    target = replace(x, batch_axis=None)
    return _placed(call.emit(Reshape.between(x.graph_shape, x.shape), x, batch_axis=None), target)
