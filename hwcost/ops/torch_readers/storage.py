"""Tensors under another type, and tensors of which only the shape comes from the network."""

from __future__ import annotations

import numpy as np

from hwcost.ops import forms
from hwcost.ops.reading import Call, Value, torch_reader
from hwcost.ops.storage import Cast
from hwcost.ops.torch_readers import FILLINGS
from hwcost.tensor import Kind

TYPES: dict[str, tuple[int, Kind]] = {
    "bfloat16": (16, "float"),
    "bool": (8, "bool"),
    "float16": (16, "float"),
    "float32": (32, "float"),
    "float64": (64, "float"),
    "int16": (16, "int"),
    "int32": (32, "int"),
    "int64": (64, "int"),
    "int8": (8, "int"),
    "uint8": (8, "uint"),
}
"""Bits and kind of torch's types."""


@torch_reader("aten.to", "aten._to_copy", "aten.type_as")
def read_to(call: Call) -> Value:
    """Another type is a cast; another device or layout, or the same type, is nothing."""
    x, other = call.value(0), call.optional(1)
    stored = (other.bits, other.kind) if other is not None else _type(call, x)
    return x if stored == (x.bits, x.kind) else forms.mapped(call, Cast(*stored), x)


def _type(call: Call, x: Value) -> tuple[int, Kind]:
    return TYPES.get(str(call.attribute("dtype")), (x.bits, x.kind))


@torch_reader(*FILLINGS)
def read_filling(call: Call) -> Value:
    """A constant: the network lends its shape and type alone."""
    x, size = call.value(0), call.attribute("size")
    bits, kind = _type(call, x)
    letter = {"bool": "?", "float": "f", "int": "i", "uint": "u"}[kind]
    plain = 1 if "ones" in call.op else 0
    number = call.attribute("fill_value", call.attribute("value", call.optional(1) or plain))
    filling = number.array() if isinstance(number, Value) else number
    return call.constant(np.full(x.shape if size is None else size, filling, np.dtype(letter if letter == "?" else f"{letter}{bits // 8}")))
