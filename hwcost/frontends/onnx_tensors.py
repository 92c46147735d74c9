"""Stored tensors of an ONNX file as constants that are decoded when somebody asks for their values.

Nothing is copied while a file is read: a `Value` keeps the protobuf message, or the place of its bytes in a file of external data.
Source: the TensorProto message of onnx.proto.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from hwcost.errors import GraphError, shown
from hwcost.frontends.onnx_text import clean
from hwcost.ops.base import shape_text
from hwcost.ops.reading import Array, Value
from hwcost.sizes import ceil_div, prod
from hwcost.tensor import Kind

MOST_ELEMENTS = 1 << 40
"""Of one tensor: a million megabytes."""
MOST_AXES = 16

_CHECKED_EXACTLY_BYTES = 1 << 20
"""Asking a tensor for its bytes copies them; of larger ones only the size of the whole message is asked."""


@dataclass(frozen=True, slots=True)
class Element:
    """One ONNX element type: how it is stored in `raw_data`, and in which typed field it may stand instead."""

    kind: Kind
    bits: int
    dtype: str
    field: str = "int32_data"


ELEMENTS: dict[int, Element] = {
    1: Element("float", 32, "<f4", "float_data"),
    2: Element("uint", 8, "u1"),
    3: Element("int", 8, "i1"),
    4: Element("uint", 16, "<u2"),
    5: Element("int", 16, "<i2"),
    6: Element("int", 32, "<i4"),
    7: Element("int", 64, "<i8", "int64_data"),
    9: Element("bool", 8, "?"),
    10: Element("float", 16, "<f2"),
    11: Element("float", 64, "<f8", "double_data"),
    12: Element("uint", 32, "<u4", "uint64_data"),
    13: Element("uint", 64, "<u8", "uint64_data"),
    16: Element("float", 16, "bfloat16"),
    17: Element("float", 8, "float8"),
    18: Element("float", 8, "float8"),
    19: Element("float", 8, "float8"),
    20: Element("float", 8, "float8"),
    21: Element("uint", 4, "packed"),
    22: Element("int", 4, "packed"),
    25: Element("uint", 2, "packed"),
    26: Element("int", 2, "packed"),
}
"""By the number TensorProto.DataType gives them. Text and complex numbers are missing: no operator here takes them."""

TYPE_OF = {(element.kind, element.bits): element for element in reversed(ELEMENTS.values())}


def element_of(data_type: int, name: str) -> Element:
    """The element type with this number; raises GraphError for text, complex numbers and what is newer than this table."""
    element = ELEMENTS.get(data_type)
    if element is None:
        names = dict(zip(onnx.TensorProto.DataType.values(), onnx.TensorProto.DataType.keys(), strict=True))
        raise GraphError(f"'{name}' holds elements of type {names.get(data_type, data_type)}, which hwcost does not read")
    return element


def checked_shape(dims: list[int], name: str) -> tuple[int, ...]:
    """`dims` as a shape; raises GraphError if an axis is negative or the whole is absurd."""
    if len(dims) > MOST_AXES:
        raise GraphError(f"'{name}' has {len(dims)} axes, at most {MOST_AXES} are read")
    if any(n < 0 for n in dims):
        raise GraphError(f"'{name}' has a negative size in its shape {shape_text(tuple(dims))}")
    if prod(dims) > MOST_ELEMENTS:
        raise GraphError(f"'{name}' has shape {shape_text(tuple(dims))}, more than {MOST_ELEMENTS:,} elements")
    return tuple(dims)


def constant(tensor: onnx.TensorProto, name: str, folder: Path | None) -> Value:
    """The constant that `tensor` stores, its values unread.

    Raises GraphError if it has fewer bytes than its shape needs, or keeps them outside the model's folder.
    """
    element = element_of(tensor.data_type, name)
    shape = checked_shape(list(tensor.dims), name)
    read = _external(tensor, element, shape, name, folder) if tensor.data_location == 1 else _internal(tensor, element, shape, name)
    return Value(name, shape, None, element.bits, element.kind, read=read)


def stored_bytes(shape: tuple[int, ...], bits: int) -> int:
    """Bytes of a packed tensor."""
    return int(ceil_div(prod(shape) * bits, 8))


def _internal(tensor: onnx.TensorProto, element: Element, shape: tuple[int, ...], name: str) -> Callable[[], Array]:
    expected = stored_bytes(shape, element.bits)
    if tensor.HasField("raw_data"):
        got = tensor.ByteSize() if expected > _CHECKED_EXACTLY_BYTES else len(tensor.raw_data)
        if got < expected or (expected <= _CHECKED_EXACTLY_BYTES and got != expected):
            raise _wrong_size(name, shape, expected, got, "bytes")
        return lambda: decoded(tensor.raw_data, element, shape, name)
    field = getattr(tensor, element.field)
    count = prod(shape) if element.dtype != "packed" else expected
    if len(field) != count:
        raise _wrong_size(name, shape, count, len(field), "numbers")
    return lambda: _typed(tensor, element, shape)


def _wrong_size(name: str, shape: tuple[int, ...], expected: int, got: int, what: str) -> GraphError:
    return GraphError(f"constant '{name}' of shape {shape_text(shape)} needs {expected:,} {what}, the file has {got:,}: it is damaged")


def _typed(tensor: onnx.TensorProto, element: Element, shape: tuple[int, ...]) -> Array:
    """Values from a typed field; 16-bit floats stand there as their bits, small integers as bytes that hold several."""
    numbers = np.asarray(getattr(tensor, element.field))
    if element.dtype in {"<f2", "bfloat16"}:
        numbers = numbers.astype(np.uint16)
    elif element.dtype in {"packed", "float8"}:
        numbers = numbers.astype(np.uint8)
    else:
        return numbers.astype(element.dtype).reshape(shape)
    return decoded(numbers.tobytes(), element, shape, tensor.name)


def decoded(raw: bytes, element: Element, shape: tuple[int, ...], name: str) -> Array:
    """The values of little-endian bytes; elements narrower than a byte are unpacked, lowest bits first."""
    expected = stored_bytes(shape, element.bits)
    if len(raw) != expected:
        raise _wrong_size(name, shape, expected, len(raw), "bytes")
    if element.dtype == "packed":
        return _unpacked(np.frombuffer(raw, np.uint8), element, prod(shape)).reshape(shape)
    if element.dtype == "bfloat16":
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if element.dtype == "float8":
        raise GraphError(f"constant '{name}' holds 8-bit floats; hwcost counts their bytes and does not read their values")
    return np.frombuffer(raw, element.dtype).reshape(shape)


def _unpacked(raw: Array, element: Element, count: int) -> Array:
    shifts = np.arange(0, 8, element.bits, dtype=np.uint8)
    numbers = ((raw[:, None] >> shifts) & ((1 << element.bits) - 1)).reshape(-1)[:count]
    if element.kind == "uint":
        return numbers.astype(np.uint8)
    half = 1 << (element.bits - 1)
    return ((numbers.astype(np.int8) ^ half) - half).astype(np.int8)


def _external(tensor: onnx.TensorProto, element: Element, shape: tuple[int, ...], name: str, folder: Path | None) -> Callable[[], Array]:
    entries = {clean(entry.key): entry.value for entry in tensor.external_data}
    location = clean(entries.get("location", ""), longest=1000)
    expected = stored_bytes(shape, element.bits)
    if folder is None:
        return lambda: _no_folder(name, location)
    path = _inside(folder, location, name)
    offset, length = _count(entries.get("offset"), 0, name), _count(entries.get("length"), expected, name)
    if length != expected:
        raise _wrong_size(name, shape, expected, length, "bytes")
    if offset + length > path.stat().st_size:
        raise GraphError(f"constant '{name}' ends at byte {offset + length:,} of '{location}', which has {path.stat().st_size:,}")
    return lambda: decoded(_bytes_at(path, offset, length), element, shape, name)


def _no_folder(name: str, location: str) -> Array:
    raise GraphError(f"constant '{name}' is in the file {shown(location)}, and the model was given without a folder: read it by its path")


def _inside(folder: Path, location: str, name: str) -> Path:
    """The file of external data; it must be a plain file inside the folder of the model, also after following links."""
    root = Path(os.path.realpath(folder))
    path = Path(os.path.realpath(root / location))
    if not location or Path(location).is_absolute() or root not in path.parents:
        raise GraphError(f"constant '{name}' has its values in {shown(location)}, outside the folder of the model: not read")
    if not path.is_file():
        raise GraphError(f"constant '{name}' has its values in {shown(location)}, and there is no such file beside the model")
    return path


def _count(text: object, default: int, name: str) -> int:
    if text is None:
        return default
    digits = clean(text)
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise GraphError(f"constant '{name}' has {shown(digits)} for an offset or length in its external data")
    return int(digits)


def _bytes_at(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)
