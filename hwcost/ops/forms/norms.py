"""Batch norm by stored statistics, wherever the channels are."""

from __future__ import annotations

import numpy as np

from hwcost.ops.binary import Add, Mul
from hwcost.ops.forms.arithmetic import binary, mapped
from hwcost.ops.norm import BatchNorm
from hwcost.ops.reading import Array, Call, Value


def batch_norm(call: Call, x: Value, epsilon: float, *, scale: Value, bias: Value, mean: Value, variance: Value) -> Value:
    """Channels are file axis 1. Where a reshape merged the batch with another axis, that is no longer the leading axis of an image,
    and the norm is a factor and an offset for each feature.
    """
    if x.axis(1) != x.batch_axis and x.graph_axis(1) == 0:
        return mapped(call, BatchNorm(epsilon), x, scale=scale, bias=bias, mean=mean, variance=variance)
    shape = (*scale.shape, *(1 for _ in x.shape[2:]))

    def factor() -> Array:
        values: Array = scale.array() / np.sqrt(variance.array() + np.float32(epsilon))
        return values

    factors = scale.mapped(shape, lambda _: factor().reshape(shape), ".factor")
    offsets = bias.mapped(shape, lambda values: (values - mean.array() * factor()).reshape(shape), ".offset")
    return binary(call, Add, binary(call, Mul, x, factors), offsets)
