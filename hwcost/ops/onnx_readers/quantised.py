"""Quantised values: constants that keep their stored integers, and activations between integers and floats.

Source: QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear of the ONNX operator reference, opsets 10 to 25.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from hwcost.errors import GraphError
from hwcost.ops import forms
from hwcost.ops.binary import Mul
from hwcost.ops.reading import Array, Call, Value, onnx_reader
from hwcost.ops.storage import Dequantize, Identity, Quantize
from hwcost.tensor import Kind, Quantisation

MICROSOFT = "com.microsoft"

INTEGER_TYPES: dict[int, tuple[int, Kind]] = {
    2: (8, "uint"),
    3: (8, "int"),
    4: (16, "uint"),
    5: (16, "int"),
    6: (32, "int"),
    21: (4, "uint"),
    22: (4, "int"),
    25: (2, "uint"),
    26: (2, "int"),
}
"""Bits and kind by the number ONNX gives a type, for `output_dtype`."""


@dataclass(frozen=True, slots=True)
class RunTimeScale(Value):
    """A scale that is found anew for each input (dynamic quantisation), times a constant `factor` if there is one.

    It behaves as a constant that nobody can read: a product with it is what dequantising means.
    """

    factor: Value | None = None


def run_time_scale(name: str, factor: Value | None = None) -> RunTimeScale:
    """A scalar that is known at run time only."""
    return RunTimeScale(name, (), read=lambda: _unreadable(name), factor=factor)


def _unreadable(name: str) -> NoReturn:
    raise GraphError(f"'{name}' is a scale found at run time; a constant was expected in its place")


def limits(bits: int, kind: Kind) -> tuple[int, int]:
    """The smallest and largest integer of a type."""
    return (0, (1 << bits) - 1) if kind == "uint" else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def dequantised(value: Value) -> Value:
    """A constant as floats; one that stores floats already is returned unchanged."""
    quantisation = value.quantisation
    if quantisation is None or not value.is_constant:
        return value
    floats = value.mapped(value.shape, lambda stored: _floats(stored, quantisation), ".dequantised")
    return replace(floats, quantisation=None, bits=32, kind="float")


def _along(numbers: Sequence[float], axis: int | None, rank: int) -> Array:
    """One number, or one per index of `axis`, shaped to meet a tensor of `rank` axes."""
    array = np.asarray(numbers, dtype=np.float64)
    return array.reshape(()) if axis is None else array.reshape(tuple(-1 if i == axis else 1 for i in range(rank)))


def _floats(stored: Array, quantisation: Quantisation) -> Array:
    if not quantisation.scale:
        raise GraphError("a constant is quantised by a scale found at run time: it has no values")
    scale, zero = (_along(numbers, quantisation.axis, stored.ndim) for numbers in (quantisation.scale, quantisation.zero_point or (0,)))
    return ((stored.astype(np.float64) - zero) * scale).astype(np.float32)


def _integers(floats: Array, quantisation: Quantisation, bits: int, kind: Kind) -> Array:
    scale, zero = (_along(numbers, quantisation.axis, floats.ndim) for numbers in (quantisation.scale, quantisation.zero_point))
    low, high = limits(bits, kind)
    with np.errstate(all="ignore"):
        rounded = np.rint(floats.astype(np.float64) / scale) + zero
    dtype = np.dtype(f"{'u' if kind == 'uint' else 'i'}{max(bits, 8) // 8}")
    return np.asarray(np.clip(np.nan_to_num(rounded), low, high), dtype=dtype)


def quantisation_of(call: Call, x: Value, scale: Value, zero_point: Value | None) -> Quantisation:
    """Scale and zero point as the call gives them, along the file's axis if there are several; unknown where found at run time."""
    if isinstance(scale, RunTimeScale):
        return Quantisation()
    if call.attribute("block_size", 0) or len(scale.shape) > 1:
        call.refuse("blocks of a tensor have scales of their own: hwcost knows one scale for all of it or one for each channel")
    scales = tuple(float(s) for s in dequantised(scale).array().reshape(-1))
    zeros = (0,) * len(scales) if zero_point is None else tuple(int(z) for z in zero_point.array().reshape(-1))
    if len(zeros) != len(scales) or not scales:
        call.refuse(f"there are {len(scales)} scales and {len(zeros)} zero points: one for each was expected")
    if not all(np.isfinite(s) and s > 0 for s in scales):
        call.refuse("a scale is not a number above 0")
    if len(scales) == 1:
        return Quantisation(scales, zeros)
    axis = x.axis(int(call.attribute("axis", 1)))
    if x.shape[axis] != len(scales):
        call.refuse(f"there are {len(scales)} scales for the {x.shape[axis]} indices of axis {axis} of {x.shape}")
    return Quantisation(scales, zeros, axis)


def of_activation(call: Call, x: Value, quantisation: Quantisation) -> Quantisation:
    """The same scales with their axis counted without the batch."""
    return quantisation if quantisation.axis is None else replace(quantisation, axis=x.graph_axis(quantisation.axis))


def quantise(call: Call, x: Value, quantisation: Quantisation, bits: int, kind: Kind) -> Value:
    """An activation or a constant as integers; a constant forgets how it was made until it is dequantised."""
    if x.is_constant:
        values = dequantised(x)
        integers = values.mapped(x.shape, lambda floats: _integers(floats, quantisation, bits, kind), ".quantised")
        return replace(integers, bits=bits, kind=kind, quantisation=None)
    made = call.emit(Quantize(bits, kind), x, batch_axis=x.batch_axis)
    return call.stored(made, of_activation(call, x, quantisation), bits, kind)


def dequantise(call: Call, x: Value, quantisation: Quantisation) -> Value:
    """Integers as the numbers they stand for; a constant keeps its integers and says what they mean."""
    if x.is_constant:
        return replace(x, quantisation=quantisation)
    meant = of_activation(call, x, quantisation)
    if x.quantisation not in {None, Quantisation(), meant}:
        x = call.emit(Identity(), x, batch_axis=x.batch_axis)
    x = call.stored(x, meant, x.bits, x.kind)
    return call.emit(Dequantize(), x, batch_axis=x.batch_axis)


def stored_type(call: Call, zero_point: Value | None) -> tuple[int, Kind]:
    """Bits and kind that a quantising call makes: those of its zero point, else what it says, else unsigned bytes."""
    if zero_point is not None:
        return zero_point.bits, zero_point.kind
    asked = call.attribute("output_dtype", 0) or 2
    if asked not in INTEGER_TYPES:
        call.refuse(f"type {asked} is not an integer type that hwcost quantises to")
    return INTEGER_TYPES[asked]


@onnx_reader("QuantizeLinear")
def read_quantize(call: Call) -> Value:
    x, scale, zero_point = call.value(0), call.value(1), call.optional(2)
    bits, kind = stored_type(call, zero_point)
    if kind not in {"int", "uint"}:
        call.refuse("8-bit floats are not quantised to: hwcost knows integers")
    return quantise(call, x, quantisation_of(call, x, scale, zero_point), bits, kind)


@onnx_reader("DequantizeLinear")
def read_dequantize(call: Call) -> Value:
    x, scale = call.value(0), call.value(1)
    if x.kind not in {"int", "uint"}:
        call.refuse("8-bit floats are not dequantised: hwcost knows integers")
    return dequantise(call, x, quantisation_of(call, x, scale, call.optional(2)))


@onnx_reader("DynamicQuantizeLinear")
def read_dynamic_quantize(call: Call) -> Sequence[Value]:
    """Unsigned bytes, and the scale and zero point found for this input."""
    x = call.value(0)
    made = quantise(call, x, Quantisation(), 8, "uint")
    zero_point = replace(run_time_scale(f"{call.name}.zero_point"), bits=8, kind="uint")
    return made, run_time_scale(f"{call.name}.scale"), zero_point


onnx_reader("QuantizeLinear", domain=MICROSOFT)(read_quantize)
onnx_reader("DequantizeLinear", domain=MICROSOFT)(read_dequantize)


def scaled(call: Call, operands: Sequence[Value]) -> Value | None:
    """A product with a scale found at run time: with a constant, another such scale; else what was scaled, now real numbers.

    None if no operand is such a scale.
    """
    scales = [value for value in operands if isinstance(value, RunTimeScale)]
    others = [value for value in operands if not isinstance(value, RunTimeScale)]
    if not scales:
        return None
    if len(scales) != 1 or len(others) != 1:
        call.refuse("two scales found at run time are multiplied: hwcost knows one, times constants")
    scale, other = scales[0], others[0]
    factor = scale.factor
    if other.is_constant:
        product = other if factor is None else _product(factor, other)
        return replace(run_time_scale(f"{call.name}.scale", product), shape=other.shape)
    return other if factor is None else forms.binary(call, Mul, other, factor)


def _product(a: Value, b: Value) -> Value:
    shape = np.broadcast_shapes(a.shape, b.shape)
    return replace(a, shape=shape, read=lambda: np.asarray(a.array() * b.array()))
