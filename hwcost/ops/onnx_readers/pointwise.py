"""Functions of one element at a time, softmax, and nodes that change nothing at inference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hwcost.ops import activation as functions
from hwcost.ops import forms
from hwcost.ops.base import Op
from hwcost.ops.binary import Add, Maximum, Minimum, Mul
from hwcost.ops.onnx_readers.quantised import INTEGER_TYPES, MICROSOFT, RunTimeScale, dequantised, limits
from hwcost.ops.reading import Call, Value, onnx_reader
from hwcost.ops.storage import Cast
from hwcost.sizes import prod
from hwcost.tensor import Kind

INF = float("inf")
LARGEST_FLOAT = float(np.finfo(np.float32).max)

SIMPLE: dict[str, Callable[[], Op]] = {
    "Abs": functions.Abs,
    "Ceil": functions.Ceil,
    "Cos": functions.Cos,
    "Erf": functions.Erf,
    "Exp": functions.Exp,
    "Floor": functions.Floor,
    "HardSwish": functions.HardSwish,
    "Log": functions.Log,
    "Mish": functions.Mish,
    "Neg": functions.Neg,
    "Not": functions.Not,
    "Reciprocal": functions.Reciprocal,
    "Relu": functions.Relu,
    "Round": functions.Round,
    "Selu": functions.Selu,
    "Sigmoid": functions.Sigmoid,
    "Sign": functions.Sign,
    "Sin": functions.Sin,
    "Softplus": functions.Softplus,
    "Softsign": functions.Softsign,
    "Sqrt": functions.Sqrt,
    "Tanh": functions.Tanh,
}
"""Operators of one tensor and no attribute that matters."""

TYPES: dict[int, tuple[int, Kind]] = {
    **INTEGER_TYPES,
    1: (32, "float"),
    7: (64, "int"),
    9: (8, "bool"),
    10: (16, "float"),
    11: (64, "float"),
    12: (32, "uint"),
    13: (64, "uint"),
    16: (16, "float"),
}
"""Bits and kind by the number ONNX gives a type."""


@onnx_reader(*SIMPLE)
def read_simple(call: Call) -> Value:
    return forms.mapped(call, SIMPLE[call.op](), call.value(0))


@onnx_reader("Identity", "Dropout")
def read_unchanged(call: Call) -> Value:
    """Dropout draws no random numbers at inference; its second output, a mask, is not read."""
    training = call.optional(2) if call.op == "Dropout" else None
    if training is not None and training.is_constant and bool(training.array().reshape(())):
        call.refuse("dropout in training mode draws random numbers: export the network for inference")
    return call.value(0)


@onnx_reader("Clip")
def read_clip(call: Call) -> Value:
    """Bounds are attributes before opset 11 and operands since; computed ones make a maximum and a minimum."""
    x = call.value(0)
    low, high = call.optional(1), call.optional(2)
    if any(bound is not None and not bound.is_constant for bound in (low, high)):
        for op, bound in ((Maximum, low), (Minimum, high)):
            x = x if bound is None else forms.binary(call, op, x, bound)
        return x
    bounds = _bound(call, "min", low, -INF), _bound(call, "max", high, INF)
    bounds = bounds if x.quantisation is None else _meant(call, x, *bounds)
    if bounds == (-INF, INF):
        return x
    return forms.mapped(call, functions.Relu() if bounds == (0.0, INF) else functions.Clip(*bounds), x)


def _meant(call: Call, x: Value, low: float, high: float) -> tuple[float, float]:
    """Bounds on stored integers as the real numbers they stand for; none where the type has but one number beyond them."""
    quantisation = x.quantisation
    smallest, largest = limits(x.bits, x.kind)
    if low <= smallest + 1 and high >= largest:
        return -INF, INF
    if quantisation is None or len(quantisation.scale) != 1:
        call.refuse("bounds on integers whose one scale is not known")
    zero = quantisation.zero_point[0] if quantisation.zero_point else 0
    return (low - zero) * quantisation.scale[0], (high - zero) * quantisation.scale[0]


def _bound(call: Call, name: str, operand: Value | None, default: float) -> float:
    """A bound as a number; the largest float means none."""
    given = call.attribute(name) if operand is None else float(str(np.float32(dequantised(operand).array().reshape(()))))
    return default if given is None or abs(given) >= LARGEST_FLOAT else float(given)


@onnx_reader("LeakyRelu")
def read_leaky_relu(call: Call) -> Value:
    return forms.mapped(call, functions.LeakyRelu(float(call.attribute("alpha", 0.01))), call.value(0))


@onnx_reader("Elu")
def read_elu(call: Call) -> Value:
    return forms.mapped(call, functions.Elu(float(call.attribute("alpha", 1.0))), call.value(0))


@onnx_reader("Celu")
def read_celu(call: Call) -> Value:
    if call.attribute("alpha", 1.0) != 1.0:
        call.refuse("expected an alpha of 1, which is ELU")
    return forms.mapped(call, functions.Elu(1.0), call.value(0))


@onnx_reader("ThresholdedRelu")
def read_thresholded_relu(call: Call) -> Value:
    if call.attribute("alpha", 1.0) != 0.0:
        call.refuse("expected a threshold of 0, which is Relu")
    return forms.mapped(call, functions.Relu(), call.value(0))


@onnx_reader("HardSigmoid")
def read_hard_sigmoid(call: Call) -> Value:
    alpha = float(call.attribute("alpha", 0.2))
    # A sixth has no short decimal: it comes as the float32 nearest to it.
    alpha = 1 / 6 if np.float32(alpha) == np.float32(1 / 6) else alpha
    return forms.mapped(call, functions.HardSigmoid(alpha, float(call.attribute("beta", 0.5))), call.value(0))


@onnx_reader("Gelu")
def read_gelu(call: Call) -> Value:
    form = call.attribute("approximate", "none")
    if form not in {"none", "tanh"}:
        call.refuse(f"approximation '{form}' is neither none nor tanh")
    return forms.mapped(call, functions.Gelu(form), call.value(0))


onnx_reader("Gelu", domain=MICROSOFT)(read_gelu)


@onnx_reader("Swish")
def read_swish(call: Call) -> Value:
    """The input times sigmoid(alpha * input); with an alpha of 1, SiLU."""
    x, alpha = call.value(0), float(call.attribute("alpha", 1.0))
    if alpha == 1.0:
        return forms.mapped(call, functions.Silu(), x)
    scaled = forms.binary(call, Mul, x, call.constant(np.float32(alpha), "alpha"))
    return forms.binary(call, Mul, x, forms.mapped(call, functions.Sigmoid(), scaled))


@onnx_reader("QuickGelu", domain=MICROSOFT)
def read_quick_gelu(call: Call) -> Value:
    alpha = float(call.attribute("alpha", 1.702))
    return read_swish(replace(call, attributes={"alpha": alpha}))


@onnx_reader("FastGelu", "BiasGelu", domain=MICROSOFT)
def read_bias_gelu(call: Call) -> Value:
    """A GELU, of the input plus a bias if there is one."""
    x, bias = call.value(0), call.optional(1)
    x = x if bias is None else forms.binary(call, Add, x, bias)
    return forms.mapped(call, functions.Gelu("tanh" if call.op == "FastGelu" else "none"), x)


@onnx_reader("PRelu")
def read_prelu(call: Call) -> Value:
    """The slope is one number, or one per channel with axes of one element behind; anything else is a slope per position."""
    x, slope = call.value(0), call.value(1)
    channels = x.graph_shape[0] if x.graph_shape else 1
    trailing = slope.shape[1:] if slope.elements == channels and slope.shape[:1] == (channels,) else slope.shape[2:]
    if not slope.is_constant or slope.elements not in {1, channels} or prod(trailing) != 1:
        call.refuse(f"a slope of shape {slope.shape} for {x.shape}: hwcost knows one stored slope, or one per channel")
    return forms.mapped(call, functions.PRelu(slope.elements > 1), x, slope=forms.reshape(call, slope, (slope.elements,)))


@onnx_reader("Softmax", "LogSoftmax")
def read_softmax(call: Call) -> Value:
    """Along one axis since opset 13; before, over everything from an axis on, flattened."""
    x = call.value(0)
    op = functions.Softmax if call.op == "Softmax" else functions.LogSoftmax
    axis = x.axis(int(call.attribute("axis", -1 if call.version >= 13 else 1)))
    trailing = [n for n in x.shape[axis:] if n != 1]
    if call.version >= 13 or len(trailing) <= 1:
        at = axis if call.version >= 13 else next((i for i in range(axis, len(x.shape)) if x.shape[i] != 1), axis)
        return forms.mapped(call, op(x.graph_axis(at)), x)
    flat = forms.reshape(call, x, (*x.shape[:axis], prod(x.shape[axis:])))
    return forms.reshape(call, forms.mapped(call, op(flat.graph_axis(axis)), flat), x.shape, x.batch_axis)


@onnx_reader("Cast", "CastLike")
def read_cast(call: Call) -> Value:
    """To the type it has, nothing; a constant is cast when asked."""
    x = call.value(0)
    if call.op == "CastLike":
        like = call.value(1)
        bits, kind = like.bits, like.kind
    else:
        target = call.attribute("to")
        if target not in TYPES:
            call.refuse(f"type {target} is not one that hwcost casts to")
        bits, kind = TYPES[target]
    if (bits, kind) == (x.bits, x.kind) or isinstance(x, RunTimeScale):
        return x
    if x.is_constant:
        dtype = np.dtype("?" if kind == "bool" else f"{kind[0]}{max(bits, 8) // 8}")
        floats = dequantised(x)
        return replace(floats.mapped(x.shape, lambda values: values.astype(dtype)), bits=bits, kind=kind)
    return forms.mapped(call, Cast(bits, kind), x)
