"""Where values enter and leave a program: the file's axes and types outside, memory order and int8 inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.program import Program, Tensor
from hwcost.errors import InputError, listed
from hwcost.tensor import TensorSpec

Array = NDArray[Any]


def taken(program: Program, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The inputs as they lie in memory. Raises InputError for each that is missing, unknown or of another shape."""
    expected = program.graph.inputs
    faults = [f"input '{name}' is missing" for name in expected if name not in inputs]
    faults += [f"there is no input '{name}': expected {', '.join(map(repr, expected))}" for name in inputs if name not in expected]
    values: dict[str, Array] = {}
    for name in expected:
        if name in inputs:
            try:
                values[name] = _taken(program, name, np.asarray(inputs[name]))
            except InputError as error:
                faults.append(str(error))
    if faults:
        raise InputError(listed(faults))
    return values


def _taken(program: Program, name: str, array: Array) -> Array:
    spec, tensor = program.graph.inputs[name], program.tensors[name]
    stored = stored_as(array, spec, tensor)
    return _in_memory(stored, name, tensor, file_order(program, name))


def _in_memory(array: Array, name: str, tensor: Tensor, order: tuple[int, ...]) -> Array:
    """From the file's order of axes (memory axis i is file axis `order[i]`) to memory."""
    shape = tuple(tensor.shape[order.index(axis)] for axis in range(len(order)))
    if array.shape not in (shape, (1, *shape)):
        raise InputError(f"input '{name}' expects the shape {shape} (or a batch of 1 of it), got {array.shape}")
    return np.ascontiguousarray(array.reshape(shape).transpose(order))


def file_order(program: Program, name: str) -> tuple[int, ...]:
    """Memory axis i is this axis of the file's: the graph's order, unless the reader took a transpose off the border."""
    tensor = program.tensors[name]
    first = (f"input '{name}' is taken channels first", f"an output is given channels first instead of {'x'.join(map(str, tensor.shape))}")
    if not any(note.startswith(first[name not in program.graph.inputs]) for note in program.graph.notes):
        return tensor.order
    rank = len(tensor.order)
    in_file = (*range(1, rank), 0)  # the file's axis i is this axis of the graph's
    return tuple(in_file.index(axis) for axis in tensor.order)


def stored_as(array: Array, spec: TensorSpec, tensor: Tensor) -> Array:
    """Integers of the file's type as int8; floats for an integer input quantised."""
    if tensor.kind == "float":
        return array.astype(np.float32)
    if tensor.bits != 8:
        return array.astype(np.int32)
    if array.dtype.kind == "f":
        return quantised(array, tensor.scale, tensor.zero_point)
    return (array.astype(np.int16) - (128 if spec.kind == "uint" else 0)).astype(np.int8)


def quantised(array: Array, scale: float, zero_point: int) -> NDArray[np.int8]:
    """Singles to int8: `clamp(zero + round_half_even(in / scale))`, the division of singles."""
    with np.errstate(all="ignore"):
        steps = np.rint(array.astype(np.float32) / np.float32(scale))
    whole = np.nan_to_num(steps, nan=0.0).clip(-1e6, 1e6).astype(np.int64) + zero_point
    return np.asarray(np.clip(whole, -128, 127), np.int8)


def given(program: Program, name: str, value: Array) -> Array:
    """An output in the file's order and type."""
    tensor, spec = program.tensors[name], program.graph.values[name]
    order = file_order(program, name)
    out = np.ascontiguousarray(value.reshape(tensor.shape).transpose(np.argsort(order))) if order else value.reshape(())
    return (out.astype(np.int16) + 128).astype(np.uint8) if spec.kind == "uint" and tensor.bits == 8 else out
