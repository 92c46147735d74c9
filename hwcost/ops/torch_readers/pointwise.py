"""Functions of one element at a time, softmax, and calls that change nothing at inference."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from hwcost.ops import activation as functions
from hwcost.ops import forms
from hwcost.ops.base import Op
from hwcost.ops.binary import Maximum, Minimum, Pow
from hwcost.ops.reading import Call, Value, torch_reader

SIMPLE: dict[str, Callable[[], Op]] = {
    "abs": functions.Abs,
    "ceil": functions.Ceil,
    "cos": functions.Cos,
    "erf": functions.Erf,
    "exp": functions.Exp,
    "floor": functions.Floor,
    "hardsigmoid": functions.HardSigmoid,
    "hardswish": functions.HardSwish,
    "log": functions.Log,
    "logical_not": functions.Not,
    "mish": functions.Mish,
    "neg": functions.Neg,
    "reciprocal": functions.Reciprocal,
    "relu": functions.Relu,
    "relu6": functions.relu6,
    "round": functions.Round,
    "selu": functions.Selu,
    "sigmoid": functions.Sigmoid,
    "sign": functions.Sign,
    "silu": functions.Silu,
    "sin": functions.Sin,
    "sqrt": functions.Sqrt,
    "tanh": functions.Tanh,
}
"""ATen calls of one tensor and no attribute that matters."""

UNCHANGED = (
    "alias",
    "alpha_dropout",
    "clone",
    "contiguous",
    "detach",
    "dropout",
    "feature_alpha_dropout",
    "feature_dropout",
    "lift_fresh_copy",
)
"""ATen calls that return their input at inference."""


@torch_reader(*(f"aten.{name}" for name in SIMPLE))
def read_simple(call: Call) -> Value:
    return forms.mapped(call, SIMPLE[call.op.removeprefix("aten.")](), call.value(0))


@torch_reader(*(f"aten.{name}" for name in UNCHANGED))
def read_unchanged(call: Call) -> Value:
    if call.attribute("train") or call.attribute("training"):
        call.refuse("dropout at inference draws random numbers: their cost cannot be told")
    return call.value(0)


@torch_reader("aten.hardtanh", "aten.clamp", "aten.clamp_min", "aten.clamp_max", "aten.clip")
def read_clip(call: Call) -> Value:
    """Bounds are numbers, or tensors, which make it a maximum and a minimum."""
    x = call.value(0)
    if len(call.inputs) > 1:
        for op, bound in ((Maximum, call.optional(1)), (Minimum, call.optional(2))):
            x = x if bound is None else forms.binary(call, op, x, bound)
        return x
    low, high = _bound(call, "min_val", "min"), _bound(call, "max_val", "max")
    return forms.mapped(call, forms.bounded(-inf if low is None else low, inf if high is None else high), x)


def _bound(call: Call, *names: str) -> float | None:
    given = next((call.attribute(name) for name in names if call.attribute(name) is not None), None)
    return None if given is None else float(given)


@torch_reader("aten.leaky_relu")
def read_leaky_relu(call: Call) -> Value:
    return forms.mapped(call, functions.LeakyRelu(float(call.attribute("negative_slope"))), call.value(0))


@torch_reader("aten.prelu")
def read_prelu(call: Call) -> Value:
    x, slope = call.value(0), call.value(1)
    return forms.mapped(call, functions.PRelu(slope.elements > 1), x, slope=slope)


@torch_reader("aten.gelu")
def read_gelu(call: Call) -> Value:
    return forms.mapped(call, functions.Gelu(call.attribute("approximate")), call.value(0))


@torch_reader("aten.elu")
def read_elu(call: Call) -> Value:
    if call.attribute("scale") != 1 or call.attribute("input_scale") != 1:
        call.refuse("expected a scale and an input scale of 1")
    return forms.mapped(call, functions.Elu(float(call.attribute("alpha"))), call.value(0))


@torch_reader("aten.celu")
def read_celu(call: Call) -> Value:
    if call.attribute("alpha") != 1:
        call.refuse("expected an alpha of 1, which is ELU")
    return forms.mapped(call, functions.Elu(1.0), call.value(0))


@torch_reader("aten.softplus")
def read_softplus(call: Call) -> Value:
    if call.attribute("beta") != 1:
        call.refuse("expected a beta of 1")
    return forms.mapped(call, functions.Softplus(), call.value(0))


@torch_reader("aten.log_sigmoid")
def read_log_sigmoid(call: Call) -> Value:
    return forms.mapped(call, functions.Log(), forms.mapped(call, functions.Sigmoid(), call.value(0)))


@torch_reader("aten.softmax", "aten._softmax", "aten.special_softmax")
def read_softmax(call: Call) -> Value:
    x = call.value(0)
    return forms.mapped(call, functions.Softmax(x.graph_axis(call.attribute("dim"))), x)


@torch_reader("aten.log_softmax", "aten._log_softmax")
def read_log_softmax(call: Call) -> Value:
    x = call.value(0)
    return forms.mapped(call, functions.LogSoftmax(x.graph_axis(call.attribute("dim"))), x)


@torch_reader("aten.rsqrt")
def read_rsqrt(call: Call) -> Value:
    return forms.mapped(call, functions.Reciprocal(), forms.mapped(call, functions.Sqrt(), call.value(0)))


@torch_reader("aten.square")
def read_square(call: Call) -> Value:
    return forms.binary(call, Pow, call.value(0), call.constant(2.0, "exponent"))
