"""Normalisations, by stored statistics and by the input's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwcost.ops import forms
from hwcost.ops.norm import GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from hwcost.ops.reading import Call, Value, torch_reader


@torch_reader("aten.batch_norm", "aten._native_batch_norm_legit_no_training")
def read_batch_norm(call: Call) -> Value:
    """In evaluation: stored mean and variance; without an affine part the scale is 1 and the bias 0."""
    x, mean, variance = call.value(0), call.optional(3), call.optional(4)
    if call.attribute("training", False) or mean is None or variance is None:
        call.refuse("batch norm by the statistics of the batch cannot run one input at a time: give it track_running_stats=True")
    return forms.batch_norm(call, x, call.attribute("eps"), **_affine(call, mean.elements), mean=mean, variance=variance)


@torch_reader("aten.layer_norm")
def read_layer_norm(call: Call) -> Value:
    x, bias = call.value(0), call.optional(2)
    shape = call.attribute("normalized_shape")
    x.graph_axis(-len(shape))
    op = LayerNorm(len(shape), call.attribute("eps"), bias=bias is not None)
    return forms.mapped(call, op, x, scale=call.optional(1) or _ones(call, shape), bias=bias)


@torch_reader("aten.rms_norm")
def read_rms_norm(call: Call) -> Value:
    """Without an epsilon of its own, the smallest step of a float32."""
    x, scale, epsilon = call.value(0), call.optional(1), call.attribute("eps")
    axes = len(call.attribute("normalized_shape"))
    x.graph_axis(-axes)
    smallest = float(str(np.finfo(np.float32).eps))
    return forms.mapped(call, RMSNorm(axes, smallest if epsilon is None else epsilon, scale is not None), x, scale=scale)


@torch_reader("aten.group_norm")
def read_group_norm(call: Call) -> Value:
    x = call.value(0)
    return forms.mapped(call, GroupNorm(call.attribute("num_groups"), call.attribute("eps")), x, **_affine(call, x.graph_shape[0]))


@torch_reader("aten.instance_norm")
def read_instance_norm(call: Call) -> Value:
    """By the input's own statistics, or by stored ones, which is batch norm."""
    x, epsilon = call.value(0), call.attribute("eps")
    affine = _affine(call, x.graph_shape[0])
    if not call.attribute("use_input_stats"):
        return forms.batch_norm(call, x, epsilon, **affine, mean=call.value(3), variance=call.value(4))
    return forms.mapped(call, InstanceNorm(epsilon), x, **affine)


def _affine(call: Call, channels: int) -> dict[str, Value]:
    """Scale and bias per channel; runtimes and files have them always, so a layer without gets ones and zeros."""
    shape = (channels,)
    return {"scale": call.optional(1) or _ones(call, shape), "bias": call.optional(2) or call.constant(np.zeros(shape, np.float32), "bias")}


def _ones(call: Call, shape: Sequence[int]) -> Value:
    return call.constant(np.ones(tuple(shape), np.float32), "scale")
