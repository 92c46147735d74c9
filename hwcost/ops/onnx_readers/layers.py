"""Convolutions, dense layers and products of activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hwcost.ops import forms
from hwcost.ops.activation import Clip, HardSigmoid, LeakyRelu, Relu, Sigmoid, Tanh
from hwcost.ops.base import Op
from hwcost.ops.binary import Add, Mul
from hwcost.ops.onnx_readers.padding import explicit_pads, transposed_pads
from hwcost.ops.onnx_readers.quantised import MICROSOFT, dequantised
from hwcost.ops.reading import Call, Value, onnx_reader


def window(call: Call, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Stride and dilation along each axis, 1 where the call says nothing."""
    strides, dilations = (tuple(call.attribute(name) or (1,) * rank) for name in ("strides", "dilations"))
    if len(strides) != rank or len(dilations) != rank or min(strides, default=1) < 1 or min(dilations, default=1) < 1:
        call.refuse(f"expected {rank} strides and dilations above 0, got {strides} and {dilations}")
    return strides, dilations


def _groups(call: Call, weight: Value) -> int:
    groups = call.attribute("group", 1)
    if len(weight.shape) < 3 or groups < 1:
        call.refuse(f"expected weights of at least three axes and a group above 0, got {weight.shape} and {groups}")
    return int(groups)


@onnx_reader("Conv")
def read_conv(call: Call) -> Value:
    x, weight = call.value(0), call.value(1)
    groups = _groups(call, weight)
    kernel = weight.shape[2:]
    stride, dilation = window(call, len(kernel))
    if weight.shape[1] * groups != (x.shape[1] if len(x.shape) > 1 else 0) or weight.shape[0] % groups:
        call.refuse(f"weights {weight.shape} in {groups} groups do not go with an input of {x.shape}")
    padding = explicit_pads(call, x, kernel, stride, dilation)
    return forms.conv(call, x, weight, call.optional(2), stride=stride, padding=padding, dilation=dilation, groups=groups)


@onnx_reader("ConvTranspose")
def read_conv_transpose(call: Call) -> Value:
    x, weight = call.value(0), call.value(1)
    groups = _groups(call, weight)
    kernel = weight.shape[2:]
    stride, dilation = window(call, len(kernel))
    if weight.shape[0] != (x.shape[1] if len(x.shape) > 1 else 0) or weight.shape[0] % groups:
        call.refuse(f"weights {weight.shape} in {groups} groups do not go with an input of {x.shape}")
    extra = tuple(call.attribute("output_padding") or (0,) * len(kernel))
    padding = transposed_pads(call, x, kernel, stride, dilation, extra)
    return forms.conv_transpose(
        call, x, weight, call.optional(2), stride=stride, padding=padding, dilation=dilation, groups=groups, output_padding=extra
    )


@onnx_reader("FusedConv", domain=MICROSOFT)
def read_fused_conv(call: Call) -> Value:
    """A convolution, with something of its own shape added, and an activation, as onnxruntime's optimiser writes them."""
    made = read_conv(call)
    added = call.optional(3)
    return _activated(call, made if added is None else forms.binary(call, Add, made, added))


@onnx_reader("FusedGemm", domain=MICROSOFT)
def read_fused_gemm(call: Call) -> Value:
    return _activated(call, read_gemm(call))


def _activated(call: Call, x: Value) -> Value:
    name = call.attribute("activation")
    if not name:
        return x
    parameters = tuple(call.attribute("activation_params") or ())
    return forms.mapped(call, _activation(call, str(name), parameters, call.attribute("activation_alpha", 0.01)), x)


def _activation(call: Call, name: str, parameters: Sequence[float], alpha: float) -> Op:
    if name == "Clip" and len(parameters) == 2:
        return Clip(*parameters)
    if name == "LeakyRelu":
        return LeakyRelu(parameters[0] if parameters else alpha)
    if name == "HardSigmoid":
        return HardSigmoid(*(parameters or (0.2, 0.5)))
    simple: dict[str, Op] = {"Relu": Relu(), "Sigmoid": Sigmoid(), "Tanh": Tanh()}
    return simple[name] if name in simple else call.refuse(f"activation '{name}' is not known in a fused layer")


@onnx_reader("Gemm")
def read_gemm(call: Call) -> Value:
    """A product times alpha plus a term times beta: a dense layer if B is stored, the product of two activations if not."""
    a, b, c = call.value(0), call.value(1), call.optional(2)
    if len(a.shape) != 2 or len(b.shape) != 2:
        call.refuse(f"expected two matrices, got shapes {a.shape} and {b.shape}")
    alpha, beta = float(call.attribute("alpha", 1.0)), float(call.attribute("beta", 1.0))
    a = forms.transpose(call, a, (1, 0)) if call.attribute("transA", 0) else a
    b = _times(forms.transpose(call, b, (1, 0)) if call.attribute("transB", 0) else b, alpha)
    if c is None or beta == 0:
        return forms.matmul(call, a, b)
    c = _times(c, beta) if c.is_constant else c
    bias = stored_bias(c, b.shape[1])
    if b.is_constant and not a.is_constant and bias is not None:
        return forms.dense(call, a, forms.transpose(call, b, (1, 0)), bias)
    return forms.binary(call, Add, forms.matmul(call, a, b), c)


def _times(value: Value, factor: float) -> Value:
    """A stored matrix times a number, computed when asked."""
    if factor == 1.0 or not value.is_constant:
        return value
    return dequantised(value).mapped(value.shape, lambda array: array * np.float32(factor), ".scaled")


def stored_bias(value: Value, features: int) -> Value | None:
    """A stored vector that is added to every row, as `(features,)`; None if it is something else."""
    if not value.is_constant or value.elements not in {1, features} or (value.elements == features and value.shape[-1:] != (features,)):
        return None
    if value.elements == features:
        return value if value.shape == (features,) else value.mapped((features,), lambda array: array.reshape(features))
    return dequantised(value).mapped((features,), lambda array: np.broadcast_to(array.reshape(-1), (features,)))


@onnx_reader("MatMul")
def read_matmul(call: Call) -> Value:
    return product(call, call.value(0), call.value(1))


def product(call: Call, a: Value, b: Value) -> Value:
    """A matrix product; a stored right side that is the same for all leading axes is a dense layer."""
    if b.is_constant and not a.is_constant:
        if len(b.shape) > 2 and all(n == 1 for n in b.shape[:-2]) and len(b.shape) <= len(a.shape):
            b = forms.reshape(call, b, b.shape[-2:])
        if len(b.shape) == 2 and a.shape[-1:] == b.shape[:1] and a.batch_axis != len(a.shape) - 1:
            return forms.dense(call, a, forms.transpose(call, b, (1, 0)), None)
        if len(b.shape) == 1 and a.shape[-1:] == b.shape:
            made = forms.dense(call, a, forms.reshape(call, b, (1, b.shape[0])), None)
            return forms.reshape(call, made, made.shape[:-1])
    return forms.matmul(call, a, b)


@onnx_reader("FusedMatMul", "TransposeMatMul", domain=MICROSOFT)
def read_fused_matmul(call: Call) -> Value:
    """A product with the last axes of either side exchanged first, times a number."""
    a, b = (_exchanged(call, call.value(i), bool(call.attribute(name, 0))) for i, name in ((0, "transA"), (1, "transB")))
    alpha = float(call.attribute("alpha", 1.0))
    if alpha != 1.0 and not b.is_constant:
        b = forms.binary(call, Mul, b, call.constant(np.float32(alpha), "alpha"))
    return product(call, a, _times(b, alpha))


def _exchanged(call: Call, x: Value, wanted: bool) -> Value:
    rank = len(x.shape)
    return forms.transpose(call, x, (*range(rank - 2), rank - 1, rank - 2)) if wanted and rank > 1 else x


@onnx_reader("Einsum")
def read_einsum(call: Call) -> Value:
    return forms.einsum(call, str(call.attribute("equation", "")), [value for value in call.inputs if value is not None])


def renamed(call: Call, suffix: str) -> Call:
    """The same call for a node beside the main one, named after it."""
    return replace(call, name=f"{call.name}.{suffix}")
