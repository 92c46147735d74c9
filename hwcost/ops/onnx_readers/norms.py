"""Normalisations, by stored statistics and by the input's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwcost.ops import forms
from hwcost.ops.binary import Add
from hwcost.ops.norm import GroupNorm, InstanceNorm, LayerNorm, LpNormalize, RMSNorm
from hwcost.ops.onnx_readers.quantised import MICROSOFT
from hwcost.ops.reading import Call, Value, onnx_reader
from hwcost.sizes import prod

DEFAULT_EPSILON = 1e-5


def epsilon_of(call: Call, default: float = DEFAULT_EPSILON) -> float:
    """`epsilon`, or what the operator has without it."""
    return float(call.attribute("epsilon", default))


@onnx_reader("BatchNormalization")
def read_batch_norm(call: Call) -> Value:
    if call.attribute("training_mode", 0):
        call.refuse("batch norm in training mode uses the statistics of the batch: export the network for inference")
    scale, bias, mean, variance = (call.value(i) for i in range(1, 5))
    return forms.batch_norm(call, call.value(0), epsilon_of(call), scale=scale, bias=bias, mean=mean, variance=variance)


@onnx_reader("InstanceNormalization")
def read_instance_norm(call: Call) -> Value:
    return forms.mapped(call, InstanceNorm(epsilon_of(call)), call.value(0), scale=call.value(1), bias=call.value(2))


@onnx_reader("LayerNormalization")
def read_layer_norm(call: Call) -> Value:
    """Over all axes from one on; the outputs beyond the first, statistics for training, are not read."""
    x, scale, bias = call.value(0), call.value(1), call.optional(2)
    axes = _trailing(call, x)
    shape = x.shape[len(x.shape) - axes :]
    return forms.mapped(
        call,
        LayerNorm(axes, epsilon_of(call), bias=bias is not None),
        x,
        scale=_over(call, scale, shape),
        bias=bias and _over(call, bias, shape),
    )


@onnx_reader("RMSNormalization", "SimplifiedLayerNormalization")
def read_rms_norm(call: Call) -> Value:
    x, scale = call.value(0), call.value(1)
    axes = _trailing(call, x)
    return forms.mapped(call, RMSNorm(axes, epsilon_of(call)), x, scale=_over(call, scale, x.shape[len(x.shape) - axes :]))


def _trailing(call: Call, x: Value) -> int:
    """How many of the last axes are normalised; the batch may not be among them."""
    first = x.axis(int(call.attribute("axis", -1)))
    for axis in range(first, len(x.shape)):
        x.graph_axis(axis)
    return len(x.shape) - first


def _over(call: Call, stored: Value, shape: tuple[int, ...]) -> Value:
    """A scale or bias of the normalised shape, which may be written with axes of one element, or to be repeated."""
    if stored.shape == shape:
        return stored
    if not stored.is_constant:
        call.refuse("its scale or bias is computed by the network: a stored one was expected")
    squeezed = stored.shape[max(len(stored.shape) - len(shape), 0) :]
    if prod(squeezed) != stored.elements or np.broadcast_shapes(squeezed, shape) != shape:
        call.refuse(f"a scale or bias of shape {stored.shape} does not go with {shape}")
    return stored.mapped(shape, lambda values: np.broadcast_to(values.reshape(squeezed), shape).copy())


@onnx_reader("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def read_skip_layer_norm(call: Call) -> Sequence[Value]:
    """The sum of two tensors (and a bias), normalised; the sum itself is the fourth output."""
    x = forms.binary(call, Add, call.value(0), call.value(1))
    simplified = call.op.startswith("SkipSimplified")
    bias = call.optional(3 if simplified else 4)
    x = x if bias is None else forms.binary(call, Add, x, bias)
    beta = None if simplified else call.optional(3)
    epsilon = epsilon_of(call, 1e-12)
    op = RMSNorm(1, epsilon) if simplified else LayerNorm(1, epsilon, bias=beta is not None)
    return [forms.mapped(call, op, x, scale=call.value(2), bias=beta), x, x, x]


@onnx_reader("GroupNormalization")
def read_group_norm(call: Call) -> Value:
    """Scale and bias are one per channel since opset 21, one per group before."""
    x, groups = call.value(0), int(call.attribute("num_groups", 0))
    channels = x.graph_shape[0]
    if groups < 1 or channels % groups:
        call.refuse(f"{groups} groups cannot divide the {channels} channels of {x.shape}")
    scale, bias = (_per_channel(call.value(i), channels) for i in (1, 2))
    return forms.mapped(call, GroupNorm(groups, epsilon_of(call)), x, scale=scale, bias=bias)


def _per_channel(value: Value, channels: int) -> Value:
    times = channels // max(value.elements, 1)
    return value if times == 1 else value.mapped((channels,), lambda values: np.repeat(values, times))


@onnx_reader("LpNormalization")
def read_lp_norm(call: Call) -> Value:
    x = call.value(0)
    return forms.mapped(call, LpNormalize(x.graph_axis(int(call.attribute("axis", -1))), int(call.attribute("p", 2))), x)
