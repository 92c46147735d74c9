"""Operators that take and make integers, scales beside them: read as dequantising, the operator, and quantising.

Source: QLinearConv and QLinearMatMul of the ONNX operator reference; docs/ContribOperators.md of onnxruntime for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hwcost.ops.onnx_readers.layers import renamed
from hwcost.ops.onnx_readers.quantised import MICROSOFT, dequantise, quantisation_of, quantise, stored_type
from hwcost.ops.reading import ONNX_READERS, Call, Value, onnx_reader


def real(call: Call, index: int, axis: int = 0) -> Value:
    """Operand `index`, its scale and zero point behind it, as real numbers; `axis` is that of several scales."""
    return real_value(call, call.value(index), call.value(index + 1), call.optional(index + 2), f"dequantize_{index}", axis)


def real_value(call: Call, x: Value, scale: Value, zero_point: Value | None, suffix: str, axis: int = 0) -> Value:
    """Integers and what they mean, as real numbers."""
    along = replace(renamed(call, suffix), attributes={"axis": axis})
    return dequantise(along, x, quantisation_of(along, x, scale, zero_point))


def back(call: Call, made: Value | Sequence[Value], scale: Value, zero_point: Value | None) -> Value:
    """A result as integers of the scale given."""
    value = made if isinstance(made, Value) else made[0]
    after = renamed(call, "quantize")
    bits, kind = stored_type(after, zero_point)
    return quantise(after, value, quantisation_of(replace(after, attributes={}), value, scale, zero_point), bits, kind)


def plainly(call: Call, op: str, inputs: Sequence[Value | None], attributes: Mapping[str, Any] | None = None) -> Value | Sequence[Value]:
    """What the operator `op` of the default domain makes of real operands."""
    return ONNX_READERS["", op](
        replace(call, op=op, inputs=tuple(inputs), attributes=call.attributes if attributes is None else attributes)
    )


@onnx_reader("QLinearConv")
def read_conv(call: Call) -> Value:
    """x, weights, result, each with scale and zero point, and a bias of 32 bits."""
    made = plainly(call, "Conv", [real(call, 0), real(call, 3), call.optional(8)])
    return back(call, made, call.value(6), call.optional(7))


@onnx_reader("QLinearMatMul")
def read_matmul(call: Call) -> Value:
    return back(call, plainly(call, "MatMul", [real(call, 0), real(call, 3, -1)]), call.value(6), call.optional(7))


@onnx_reader("QGemm", domain=MICROSOFT)
def read_gemm(call: Call) -> Value:
    """Without a scale of its own the result is a float."""
    b_axis = 0 if call.attribute("transB", 0) else 1
    made = plainly(call, "Gemm", [real(call, 0), real(call, 3, b_axis), call.optional(6)])
    scale = call.optional(7)
    if scale is None:
        return made if isinstance(made, Value) else made[0]
    return back(call, made, scale, call.optional(8))


BINARY = {"QLinearAdd": "Add", "QLinearMul": "Mul"}
UNARY = {
    "QLinearSigmoid": "Sigmoid",
    "QLinearLeakyRelu": "LeakyRelu",
    "QLinearSoftmax": "Softmax",
    "QLinearAveragePool": "AveragePool",
    "QLinearGlobalAveragePool": "GlobalAveragePool",
    "QLinearReduceMean": "ReduceMean",
}


@onnx_reader(*BINARY, domain=MICROSOFT)
def read_binary(call: Call) -> Value:
    return back(call, plainly(call, BINARY[call.op], [real(call, 0), real(call, 3)], {}), call.value(6), call.optional(7))


@onnx_reader(*UNARY, domain=MICROSOFT)
def read_unary(call: Call) -> Value:
    """Pools may have their channels last here, which the plain ones do not; softmax names the opset whose axes it means."""
    if call.attribute("channels_last", 0):
        call.refuse("channels stand last: hwcost reads this operator with channels first")
    plain = replace(call, version=int(call.attribute("opset", call.version)) if call.op == "QLinearSoftmax" else 13)
    return back(call, plainly(plain, UNARY[call.op], [real(call, 0)]), call.value(3), call.optional(4))


@onnx_reader("QLinearConcat", domain=MICROSOFT)
def read_concat(call: Call) -> Value:
    """Scale and zero point of the result come first, then each operand with its own."""
    operands = [real(call, index) for index in range(2, len(call.inputs), 3)]
    return back(call, plainly(call, "Concat", operands), call.value(0), call.optional(1))


@onnx_reader("QLinearWhere", domain=MICROSOFT)
def read_where(call: Call) -> Value:
    return back(call, plainly(call, "Where", [call.value(0), real(call, 1), real(call, 4)]), call.value(7), call.optional(8))
