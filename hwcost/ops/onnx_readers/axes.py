"""Shapes, orders, parts and joints of tensors, and constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hwcost.ops import forms
from hwcost.ops.gather import Embedding, Gather
from hwcost.ops.onnx_readers.quantised import dequantise, dequantised
from hwcost.ops.reading import Call, Value, onnx_reader
from hwcost.sizes import prod

MOST_AXES = 1024
"""Axes to be moved, or parts to be cut: no operator has as many."""


def reshaped(shape: Sequence[int], target: Sequence[int], *, allow_zero: bool = False) -> tuple[int, ...]:
    """The shape that ONNX Reshape means: 0 copies an axis, -1 is what is left. Raises ValueError if it cannot be."""
    sizes = [shape[i] if n == 0 and not allow_zero else n for i, n in enumerate(target)]
    if -1 in sizes:
        rest = prod(n for n in sizes if n != -1)
        if sizes.count(-1) > 1 or rest == 0 or prod(shape) % rest:
            raise ValueError(f"cannot reshape {tuple(shape)} to {tuple(target)}")
        sizes[sizes.index(-1)] = prod(shape) // rest
    if prod(sizes) != prod(shape) or any(n < 0 for n in sizes):
        raise ValueError(f"cannot reshape {tuple(shape)} to {tuple(target)}")
    return tuple(sizes)


def stored_ints(call: Call, index: int, attribute: str, default: Sequence[int] | None = None) -> tuple[int, ...]:
    """Integers that the file must hold; raises GraphError where the network computes them, or where there are none."""
    operand = call.optional(index)
    if operand is not None and not operand.is_constant:
        call.refuse(f"its {attribute} depend on the input: hwcost prices networks whose shapes are fixed")
    given = call.ints(index, attribute, default)
    if given is None:
        call.refuse(f"its {attribute} are missing")
    if len(given) > MOST_AXES:
        call.refuse(f"there are {len(given):,} {attribute}, at most {MOST_AXES:,} are read")
    return given


@onnx_reader("Constant")
def read_constant(call: Call) -> Value:
    for name, dtype in (("value_float", np.float32), ("value_int", np.int64), ("value_floats", np.float32), ("value_ints", np.int64)):
        if name in call.attributes:
            return call.constant(np.asarray(call.attributes[name], dtype=dtype), name)
    value = call.attribute("value")
    return value if isinstance(value, Value) else call.refuse("holds text or a sparse tensor, which hwcost does not read")


@onnx_reader("Reshape")
def read_reshape(call: Call) -> Value:
    """A file may have its batch written into the shape: where that is all that differs, the one input is reshaped."""
    x = call.value(0)
    target = stored_ints(call, 1, "shape")
    if target and target[0] > 1 and x.batch_axis == 0 and -1 not in target and prod(target) == target[0] * x.elements:
        target = (1, *target[1:])
    return forms.reshape(call, x, reshaped(x.shape, target, allow_zero=bool(call.attribute("allowzero", 0))))


@onnx_reader("Flatten")
def read_flatten(call: Call) -> Value:
    x = call.value(0)
    axis = int(call.attribute("axis", 1))
    axis = axis + len(x.shape) if axis < 0 else axis
    return forms.reshape(call, x, (prod(x.shape[:axis]), prod(x.shape[axis:])))


@onnx_reader("Squeeze")
def read_squeeze(call: Call) -> Value:
    x = call.value(0)
    axes = call.ints(1, "axes")
    gone = {x.axis(axis) for axis in axes} if axes is not None else {i for i, n in enumerate(x.shape) if n == 1}
    if any(x.shape[axis] != 1 for axis in gone):
        call.refuse(f"axes {axes} of {x.shape} are not all of one element")
    shape = tuple(n for axis, n in enumerate(x.shape) if axis not in gone)
    if x.batch_axis is None:
        return forms.reshape(call, x, shape)
    batch = None if x.batch_axis in gone else x.batch_axis - sum(axis < x.batch_axis for axis in gone)
    return forms.reshape(call, x, shape, batch_axis=batch)


@onnx_reader("Unsqueeze")
def read_unsqueeze(call: Call) -> Value:
    x = call.value(0)
    rank = len(x.shape) + len(axes := stored_ints(call, 1, "axes"))
    added = {axis + rank if axis < 0 else axis for axis in axes}
    if len(added) != len(axes) or not all(0 <= axis < rank for axis in added):
        call.refuse(f"axes {axes} cannot be put into {x.shape}")
    kept = [axis for axis in range(rank) if axis not in added]
    sizes = dict(zip(kept, x.shape, strict=True))
    shape = tuple(sizes.get(axis, 1) for axis in range(rank))
    return forms.reshape(call, x, shape) if x.batch_axis is None else forms.reshape(call, x, shape, batch_axis=kept[x.batch_axis])


@onnx_reader("Transpose")
def read_transpose(call: Call) -> Value:
    x = call.value(0)
    return forms.transpose(call, x, call.attribute("perm") or tuple(range(len(x.shape)))[::-1])


@onnx_reader("Concat")
def read_concat(call: Call) -> Value:
    parts = [value for value in call.inputs if value is not None]
    axis = int(call.attribute("axis", 1))
    if not parts:
        call.refuse("there is nothing to join")
    if all(part.is_constant for part in parts):
        return _joined(call, [dequantised(part) for part in parts], parts[0].axis(axis))
    return forms.concat(call, parts, axis)


def _joined(call: Call, parts: Sequence[Value], axis: int) -> Value:
    """Constants too large to be joined while reading."""
    if len({(*part.shape[:axis], *part.shape[axis + 1 :]) for part in parts}) != 1:
        call.refuse("the constants to be joined have different shapes")
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    return parts[0].mapped(shape, lambda _: np.concatenate([part.array() for part in parts], axis=axis), ".joined")


@onnx_reader("Split")
def read_split(call: Call) -> Sequence[Value]:
    """Sizes may be given; else the axis is cut into as many equal parts as there are outputs, the last one smaller if need be."""
    x, axis = call.value(0), int(call.attribute("axis", 0))
    at = x.axis(axis)
    n, parts = x.shape[at], call.outputs
    equal = -(-n // parts)
    sizes = stored_ints(call, 1, "split", [min(equal, n - start) for start in range(0, n, equal)])
    if sum(sizes) != n or min(sizes) < 1 or len(sizes) != parts:
        call.refuse(f"sizes {sizes} do not cut the {n} indices of axis {axis} of {x.shape} into {parts} parts")
    if x.is_constant:
        stops = np.cumsum(sizes)
        return [_part(x, at, int(stop) - size, int(stop), 1) for size, stop in zip(sizes, stops, strict=True)]
    return forms.split(call, x, axis, sizes)


def _part(x: Value, axis: int, start: int, stop: int | None, step: int) -> Value:
    """A run of indices of a constant."""
    picked: list[Any] = [slice(None)] * len(x.shape)
    picked[axis] = slice(start, stop, step)
    size = len(range(*slice(start, stop, step).indices(x.shape[axis])))
    shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    return dequantised(x).mapped(shape, lambda values: values[tuple(picked)], f".{axis}.{start}")


@onnx_reader("Slice")
def read_slice(call: Call) -> Value:
    x = call.value(0)
    starts, ends = stored_ints(call, 1, "starts"), stored_ints(call, 2, "ends")
    axes = stored_ints(call, 3, "axes", range(len(starts)))
    steps = stored_ints(call, 4, "steps", (1,) * len(starts))
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        call.refuse(f"starts {starts}, ends {ends}, axes {axes} and steps {steps} do not go together")
    for start, stop, axis, step in zip(starts, ends, axes, steps, strict=True):
        if x.is_constant:
            below = step < 0 and stop < -x.shape[x.axis(axis)]
            x = _part(x, x.axis(axis), start, None if below else stop, step)
        else:
            x = forms.slice_axis(call, x, axis, start, stop, step)
    return x


@onnx_reader("Pad")
def read_pad(call: Call) -> Value:
    x = call.value(0)
    pads = stored_ints(call, 1, "pads")
    axes = [x.axis(axis) for axis in stored_ints(call, 3, "axes", range(len(x.shape)))]
    if len(pads) != 2 * len(axes) or len(set(axes)) != len(axes):
        call.refuse(f"expected {2 * len(axes)} pads for {len(axes)} axes, got {len(pads)}")
    pairs = dict(zip(axes, zip(pads[: len(axes)], pads[len(axes) :], strict=True), strict=True))
    value = call.optional(2)
    filler = float(call.attribute("value", 0.0)) if value is None else float(dequantised(value).array().reshape(()))
    return forms.pad(call, x, [pairs.get(axis, (0, 0)) for axis in range(len(x.shape))], call.attribute("mode", "constant"), filler)


@onnx_reader("Expand")
def read_expand(call: Call) -> Value:
    x = call.value(0)
    shape = np.broadcast_shapes(x.shape, stored_ints(call, 1, "shape"))
    if x.is_constant:
        return dequantised(x).mapped(shape, lambda values: np.broadcast_to(values, shape), ".expanded")
    return forms.expand(call, x, shape)


@onnx_reader("Tile")
def read_tile(call: Call) -> Value:
    x, times = call.value(0), stored_ints(call, 1, "repeats")
    if len(times) != len(x.shape) or min(times, default=1) < 1:
        call.refuse(f"repeats {times} do not go with {x.shape}")
    return forms.repeat(call, x, times)


def _rows(call: Call, table: Value, made: Value) -> Value:
    """Rows of a table of integers are integers; where the file says what they mean, they are dequantised after they are picked."""
    if table.kind == "float" or (table.quantisation is not None and table.quantisation.per_channel):
        return made
    integers = call.stored(made, None, table.bits, table.kind)
    return integers if table.quantisation is None else dequantise(call, integers, table.quantisation)


@onnx_reader("Gather")
def read_gather(call: Call) -> Value:
    """Rows of a stored table are an embedding; one stored index takes its axis away; computed indices are an input."""
    x, indices, axis = call.value(0), call.value(1), int(call.attribute("axis", 0))
    if x.is_constant:
        if len(x.shape) != 2 or x.axis(axis) != 0:
            call.refuse(f"picks from a stored tensor of {x.shape} along axis {axis}: hwcost knows rows of a table")
        return _rows(call, x, call.emit(Embedding(*x.shape), indices, batch_axis=indices.batch_axis, weight=x))
    if not indices.is_constant:
        return call.emit(Gather(x.graph_axis(axis)), x, indices, batch_axis=x.batch_axis)
    wanted = [int(n) for n in indices.array().reshape(-1)]
    if not indices.shape:
        return forms.select(call, x, axis, wanted[0])
    at = x.axis(axis)
    taken = forms.take(call, x, axis, wanted)
    if len(indices.shape) == 1:
        return taken
    batch = x.batch_axis if x.batch_axis is None or x.batch_axis < at else x.batch_axis + len(indices.shape) - 1
    return forms.reshape(call, taken, (*x.shape[:at], *indices.shape, *x.shape[at + 1 :]), batch_axis=batch)


@onnx_reader("GatherND")
def read_gather_nd(call: Call) -> Value:
    """Stored indices of the first axis, one to a row, as torch's exporter writes `x[:, order]`; any of a stored tensor."""
    x, indices = call.value(0), call.value(1)
    if not indices.is_constant or call.attribute("batch_dims", 0) != 0:
        call.refuse("is known with stored indices and without batch axes only")
    depth = indices.shape[-1]
    if x.is_constant:
        shape = (*indices.shape[:-1], *x.shape[depth:])
        return x.mapped(shape, lambda values: values[tuple(np.moveaxis(indices.array(), -1, 0))], f".at.{indices.name}")
    if len(indices.shape) != 2 or depth != 1:
        call.refuse("is known with a stored column of indices of the first axis only")
    return forms.take(call, x, 0, [int(n) for n in indices.array().reshape(-1)])
