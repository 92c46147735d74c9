"""Normalisations, by stored statistics and by the input's own."""

from __future__ import annotations

import numpy as np

from hwcost.ops import forms
from hwcost.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from hwcost.ops.reading import Call, Value, torch_reader


@torch_reader("aten.batch_norm", "aten._native_batch_norm_legit_no_training")
def read_batch_norm(call: Call) -> Value:
    """In evaluation: stored mean and variance; without an affine part the scale is 1 and the bias 0."""
    x, mean, variance = call.value(0), call.optional(3), call.optional(4)
    if call.attribute("training", False) or mean is None or variance is None:
        call.refuse("batch norm by the statistics of the batch cannot run one input at a time: give it track_running_stats=True")
    scale = call.optional(1) or call.constant(np.ones(mean.shape, np.float32), "scale")
    bias = call.optional(2) or call.constant(np.zeros(mean.shape, np.float32), "bias")
    return forms.mapped(call, BatchNorm(call.attribute("eps")), x, scale=scale, bias=bias, mean=mean, variance=variance)


@torch_reader("aten.layer_norm")
def read_layer_norm(call: Call) -> Value:
    x, scale, bias = call.value(0), call.optional(1), call.optional(2)
    axes = len(call.attribute("normalized_shape"))
    x.graph_axis(-axes)
    op = LayerNorm(axes, call.attribute("eps"), scale is not None, bias is not None)
    return forms.mapped(call, op, x, scale=scale, bias=bias)


@torch_reader("aten.rms_norm")
def read_rms_norm(call: Call) -> Value:
    x, scale = call.value(0), call.optional(1)
    axes = len(call.attribute("normalized_shape"))
    x.graph_axis(-axes)
    epsilon = call.attribute("eps")
    return forms.mapped(
        call, RMSNorm(axes, float(np.finfo(np.float32).eps) if epsilon is None else epsilon, scale is not None), x, scale=scale
    )


@torch_reader("aten.group_norm")
def read_group_norm(call: Call) -> Value:
    x = call.value(0)
    scale, bias = _affine(call, call.optional(1), call.optional(2), x.graph_shape[0])
    op = GroupNorm(call.attribute("num_groups"), call.attribute("eps"), scale is not None)
    return forms.mapped(call, op, x, scale=scale, bias=bias)


@torch_reader("aten.instance_norm")
def read_instance_norm(call: Call) -> Value:
    x = call.value(0)
    if not call.attribute("use_input_stats"):
        mean, variance = call.value(3), call.value(4)
        scale = call.optional(1) or call.constant(np.ones(mean.shape, np.float32), "scale")
        bias = call.optional(2) or call.constant(np.zeros(mean.shape, np.float32), "bias")
        return forms.mapped(call, BatchNorm(call.attribute("eps")), x, scale=scale, bias=bias, mean=mean, variance=variance)
    factor, shift = _affine(call, call.optional(1), call.optional(2), x.graph_shape[0])
    return forms.mapped(call, InstanceNorm(call.attribute("eps"), factor is not None), x, scale=factor, bias=shift)


def _affine(call: Call, scale: Value | None, bias: Value | None, channels: int) -> tuple[Value | None, Value | None]:
    """Both or neither: a scale without a bias gets one of zeros."""
    if scale is None and bias is None:
        return None, None
    return (
        scale or call.constant(np.ones(channels, np.float32), "scale"),
        bias or call.constant(np.zeros(channels, np.float32), "bias"),
    )
