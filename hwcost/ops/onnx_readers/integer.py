"""Products of integers without scales of their own: the form of dynamic quantisation.

Such a product is read as the layer it stands for, with integer weights and real results: what the file does afterwards (a cast, a
product with the scales, a bias) then folds into it as it does for any other layer.
"""

from __future__ import annotations

from dataclasses import replace

from hwcost.ops import forms
from hwcost.ops.binary import Add
from hwcost.ops.onnx_readers.layers import product, read_conv
from hwcost.ops.onnx_readers.quantised import MICROSOFT, quantisation_of, quantise
from hwcost.ops.reading import Call, Value, onnx_reader
from hwcost.tensor import Quantisation


def _as_quantised(call: Call, x: Value) -> Value:
    """Integers whose scale the call does not tell."""
    return x if x.is_constant or x.quantisation is not None else call.stored(x, Quantisation(), x.bits, x.kind)


def _counted(call: Call, x: Value, weight: Value, zero_point: Value | None, axis: int) -> Value:
    """Weights such that the layer makes the sum of integers: one step of the input counts as 1, whatever it stands for."""
    if not weight.is_constant:
        call.refuse("its weights are computed by the network: only stored weights can be priced")
    zeros = (0,) if zero_point is None else tuple(int(z) for z in zero_point.array().reshape(-1))
    step = x.quantisation.scale if x.quantisation is not None else ()
    scale = (1 / step[0],) * len(zeros) if len(step) == 1 else (1.0,) * len(zeros)
    if len(zeros) not in {1, weight.shape[axis]}:
        call.refuse(f"there are {len(zeros)} zero points for weights of {weight.shape}")
    return replace(weight, quantisation=Quantisation(scale, zeros, axis if len(zeros) > 1 else None))


def _summed(call: Call, made: Value) -> Value:
    """The sums, which the rest of the file reads as real numbers."""
    return call.stored(made, None, 32, "float")


@onnx_reader("MatMulInteger")
def read_matmul_integer(call: Call) -> Value:
    x, weight = _as_quantised(call, call.value(0)), call.value(1)
    return _summed(call, product(call, x, _counted(call, x, weight, call.optional(3), len(weight.shape) - 1)))


@onnx_reader("ConvInteger")
def read_conv_integer(call: Call) -> Value:
    x, weight = _as_quantised(call, call.value(0)), call.value(1)
    return _summed(call, read_conv(replace(call, inputs=(x, _counted(call, x, weight, call.optional(3), 0)))))


def _plus_bias(call: Call, made: Value, bias: Value | None) -> Value:
    return made if bias is None else forms.binary(call, Add, made, bias)


@onnx_reader("MatMulIntegerToFloat", domain=MICROSOFT)
def read_matmul_to_float(call: Call) -> Value:
    """Operands a and b, their scales, their zero points, and a bias."""
    x, weight = call.value(0), call.value(1)
    x = x if x.is_constant else call.stored(x, quantisation_of(call, x, call.value(2), call.optional(4)), x.bits, x.kind)
    meant = quantisation_of(replace(call, attributes={"axis": len(weight.shape) - 1}), weight, call.value(3), call.optional(5))
    made = _summed(call, product(call, x, replace(weight, quantisation=meant)))
    return _plus_bias(call, made, call.optional(6))


@onnx_reader("DynamicQuantizeMatMul", domain=MICROSOFT)
def read_dynamic_quantize_matmul(call: Call) -> Value:
    """A float operand that is quantised on the way, stored weights, their scale and zero point, and a bias."""
    x = quantise(replace(call, name=f"{call.name}.quantize"), call.value(0), Quantisation(), 8, "uint")
    weight = call.value(1)
    meant = quantisation_of(replace(call, attributes={"axis": len(weight.shape) - 1}), weight, call.value(2), call.optional(3))
    return _plus_bias(call, _summed(call, product(call, x, replace(weight, quantisation=meant))), call.optional(4))
