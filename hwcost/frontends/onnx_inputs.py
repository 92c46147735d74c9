"""The inputs of a file, with every size known: symbolic batches pinned to 1, other symbolic sizes taken from the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hwcost.errors import GraphError, InputError, listed, shown
from hwcost.frontends.onnx_tensors import ELEMENTS, MOST_AXES, MOST_ELEMENTS, checked_shape, element_of
from hwcost.frontends.onnx_text import clean, text
from hwcost.ops.base import shape_text
from hwcost.ops.reading import Value
from hwcost.sizes import prod
from hwcost.tensor import TensorSpec

if TYPE_CHECKING:
    import onnx

RECURRENT = {"LSTM", "GRU", "RNN"}
IMAGE_AXES = 4
"""Batch, channels, height, width: of such an input, the first axis is the batch beyond doubt."""


def input_values(
    graph: onnx.GraphProto, constants: Mapping[str, object], shapes: Mapping[str, Sequence[int]] | None
) -> tuple[list[Value], list[str]]:
    """The network's inputs in file order, and what was assumed about them. Initialisers listed as inputs are none.

    `shapes` gives whole shapes, batch included, by input name. Raises InputError naming every size that is missing.
    """
    infos = [info for info in graph.input if text(info.name) not in constants]
    given = _given(infos, shapes or {})
    swapped = _sequence_first(graph)
    notes: list[str] = []
    faults: list[str] = []
    values = [_input(info, given.get(text(info.name)), text(info.name) in swapped, notes, faults) for info in infos]
    if faults:
        raise InputError(listed(faults))
    return [value for value in values if value is not None], notes


def stated_shapes(graph: onnx.GraphProto) -> dict[str, TensorSpec]:
    """What the file says of values on the way, for those it says everything of; a symbolic first axis counts as a batch of 1."""
    return {text(info.name): spec for info in (*graph.value_info, *graph.output) if (spec := _stated(info)) is not None}


def _stated(info: onnx.ValueInfoProto) -> TensorSpec | None:
    tensor = info.type.tensor_type
    if not tensor.HasField("shape") or tensor.elem_type not in ELEMENTS:
        return None
    sizes = [dim.dim_value for dim in tensor.shape.dim]
    if len(sizes) > 1 and sizes[0] == 0:
        sizes[0] = 1
    if any(n < 1 for n in sizes) or len(sizes) > MOST_AXES or prod(sizes) > MOST_ELEMENTS:
        return None
    element = ELEMENTS[tensor.elem_type]
    return TensorSpec(tuple(sizes), element.bits, None, element.kind)


def _given(infos: Sequence[onnx.ValueInfoProto], shapes: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    names = {text(info.name): info for info in infos}
    unknown = [f"there is no input {shown(name)}; the network has {', '.join(map(shown, names))}" for name in shapes if name not in names]
    wrong = [
        f"shape {tuple(shape)} of input {shown(name)}: sizes are whole numbers above 0"
        for name, shape in shapes.items()
        if not all(isinstance(n, int) and n > 0 for n in shape)
    ]
    if unknown or wrong:
        raise InputError(listed([*unknown, *wrong]))
    return {name: checked_shape(list(shape), name) for name, shape in shapes.items()}


def _sequence_first(graph: onnx.GraphProto) -> set[str]:
    """Inputs that a recurrent layer reads as (steps, batch, features): their batch is the second axis."""
    return {
        text(node.input[0])
        for node in graph.node
        if node.op_type in RECURRENT and node.input and not any(a.name == "layout" and a.i for a in node.attribute)
    }


def _input(info: onnx.ValueInfoProto, given: tuple[int, ...] | None, swapped: bool, notes: list[str], faults: list[str]) -> Value | None:
    name = clean(info.name)
    if not info.type.HasField("tensor_type"):
        raise GraphError(f"input '{name}' is no tensor (a sequence or a map, perhaps): hwcost reads tensors only")
    tensor = info.type.tensor_type
    element = element_of(tensor.elem_type, name)
    batch = 1 if swapped else 0
    shape = _resolved(tensor, name, given, batch, notes, faults)
    if shape is None:
        return None
    shape, batch_axis = _pinned(shape, name, batch, given is not None, notes, faults)
    return Value(name, checked_shape(list(shape), name), batch_axis, element.bits, element.kind)


def _resolved(
    tensor: onnx.TypeProto.Tensor, name: str, given: tuple[int, ...] | None, batch: int, notes: list[str], faults: list[str]
) -> tuple[int, ...] | None:
    """Every axis as a number; None, with a fault, where one is missing."""
    if not tensor.HasField("shape"):
        if given is None:
            faults.append(f"input '{name}' has no shape in the file: give it with --shape {name}=1,...")
        return given
    dims = tensor.shape.dim
    if given is not None:
        if len(given) != len(dims):
            faults.append(f"input '{name}' has {len(dims)} axes, the shape given for it {len(given)}: {shape_text(given)}")
            return None
        return given
    sizes = [_size(dim, name) for dim in dims]
    if batch < len(sizes) and sizes[batch] is None:
        sizes[batch] = 1
        notes.append(f"the batch of input '{name}' was pinned to 1")
    if None in sizes:
        faults.append(_missing(dims, sizes, name))
        return None
    return tuple(n for n in sizes if n is not None)


def _size(dim: onnx.TensorShapeProto.Dimension, name: str) -> int | None:
    if dim.dim_value < 0:
        raise GraphError(f"input '{name}' has a negative size in its shape: {dim.dim_value}")
    return dim.dim_value or None


def _missing(dims: Sequence[onnx.TensorShapeProto.Dimension], sizes: Sequence[int | None], name: str) -> str:
    unknown = [f"axis {i} ({clean(dims[i].dim_param) or 'no name'})" for i, n in enumerate(sizes) if n is None]
    example = ",".join(str(n) if n is not None else "N" for n in sizes)
    return f"input '{name}' has no size along {', '.join(unknown)}: give its shape with --shape {name}={example}"


def _pinned(
    shape: tuple[int, ...], name: str, batch: int, given: bool, notes: list[str], faults: list[str]
) -> tuple[tuple[int, ...], int | None]:
    """The shape with a batch of 1, and which axis that is; a vector and a scalar have none."""
    if len(shape) < 2 or batch >= len(shape):
        return shape, 0 if shape == (1,) else None
    if shape[batch] == 1:
        return shape, batch
    if len(shape) < IMAGE_AXES and not given:
        once = ",".join("1" if i == batch else str(n) for i, n in enumerate(shape))
        faults.append(
            f"input '{name}' has shape {shape_text(shape)}, whose axis {batch} should be a batch of 1: give --shape {name}={once}, "
            f"or --shape {name}={','.join(map(str, shape))} if it is no batch"
        )
        return shape, None
    if len(shape) < IMAGE_AXES:
        return shape, None
    notes.append(f"the batch of input '{name}' was pinned to 1, the file has {shape[batch]}")
    return (*shape[:batch], 1, *shape[batch + 1 :]), batch
