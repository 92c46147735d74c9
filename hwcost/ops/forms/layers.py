"""Layers that multiply: convolutions, dense layers, and products of two activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from hwcost.ops.base import Op
from hwcost.ops.conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, DepthwiseConv1d, DepthwiseConv2d
from hwcost.ops.dense import Dense, MatMul
from hwcost.ops.forms.axes import materialised, reshape, reshape_keeping, transpose
from hwcost.ops.forms.batch import meeting, met_batch
from hwcost.ops.reading import Call, Value

Pairs: TypeAlias = tuple[tuple[int, int], ...]

CONV: dict[int, type[Conv1d | Conv2d]] = {1: Conv1d, 2: Conv2d}
DEPTHWISE: dict[int, type[DepthwiseConv1d | DepthwiseConv2d]] = {1: DepthwiseConv1d, 2: DepthwiseConv2d}
TRANSPOSED: dict[int, type[ConvTranspose1d | ConvTranspose2d]] = {1: ConvTranspose1d, 2: ConvTranspose2d}


def require_image(call: Call, x: Value, axes: int) -> None:
    """Raise GraphError unless `x` is channels and `axes` more, with the batch in front if there is one."""
    if len(x.graph_shape) != axes + 1 or x.batch_axis not in {0, None}:
        call.refuse(f"expected a batch, channels and {axes} more axes, got shape {x.shape} with the batch at axis {x.batch_axis}")


def _window(
    call: Call, weight: Value, bias: Value | None, stride: Sequence[int], padding: Pairs, dilation: Sequence[int]
) -> dict[str, Any]:
    """The attributes that all convolutions have; raises GraphError for weights that are computed, or more axes than two."""
    if not weight.is_constant or (bias is not None and not bias.is_constant):
        call.refuse("its weights are computed by the network: only stored weights can be priced")
    if len(weight.shape) - 2 not in CONV:
        call.refuse(f"convolution over {len(weight.shape) - 2} axes: hwcost knows one and two")
    kernel = weight.shape[2:]
    return {"kernel": kernel, "stride": tuple(stride), "padding": padding, "dilation": tuple(dilation), "bias": bias is not None}


def conv(
    call: Call, x: Value, weight: Value, bias: Value | None, *, stride: Sequence[int], padding: Pairs, dilation: Sequence[int], groups: int
) -> Value:
    """A convolution; depthwise where every input channel is a group of its own and there is more than one."""
    window = _window(call, weight, bias, stride, padding, dilation)
    rank = len(window["kernel"])
    require_image(call, x, rank)
    out_channels = weight.shape[0]
    depthwise = 1 < groups == x.graph_shape[0]
    op: Op = (
        DEPTHWISE[rank](multiplier=out_channels // groups, **window) if depthwise else CONV[rank](out_channels, groups=groups, **window)
    )
    return call.emit(op, x, batch_axis=x.batch_axis, weight=weight, bias=bias)


def conv_transpose(
    call: Call,
    x: Value,
    weight: Value,
    bias: Value | None,
    *,
    stride: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
    groups: int,
    output_padding: Sequence[int],
) -> Value:
    """A transposed convolution; weights are `(in, out / groups, kernel...)`."""
    window = _window(call, weight, bias, stride, padding, dilation)
    rank = len(window["kernel"])
    require_image(call, x, rank)
    op = TRANSPOSED[rank](weight.shape[1] * groups, groups=groups, output_padding=tuple(output_padding), **window)
    return call.emit(op, x, batch_axis=x.batch_axis, weight=weight, bias=bias)


def dense(call: Call, x: Value, weight: Value, bias: Value | None) -> Value:
    """A fully connected layer on the last axis; weights are `(out, in)`."""
    if not weight.is_constant or (bias is not None and not bias.is_constant):
        call.refuse("its weights are computed by the network: only stored weights can be priced")
    x.graph_axis(-1)
    return call.emit(Dense(weight.shape[0], bias=bias is not None), x, batch_axis=x.batch_axis, weight=weight, bias=bias)


def matmul(call: Call, a: Value, b: Value) -> Value:
    """The product of two activations; with a stored matrix on the right, a dense layer without bias.

    A vector stands for one row on the left and for one column on the right, whose axis the result lacks.
    """
    if len(b.shape) == 1:
        made = matmul(call, a, reshape(call, b, (*b.shape, 1)))
        return reshape(call, made, made.shape[:-1])
    if len(a.shape) == 1:
        made = matmul(call, reshape(call, a, (1, *a.shape), batch_axis=None), b)
        return reshape(call, made, (*made.shape[:-2], made.shape[-1]))
    if b.is_constant and not a.is_constant and len(b.shape) == 2:
        return dense(call, a, transpose(call, b, (1, 0)), None)
    # Rows and columns are no place for the batch: there it is an ordinary axis of one element.
    a, b = (reshape_keeping(call, x) if x.batch_axis is not None and x.batch_axis >= len(x.shape) - 2 else x for x in (a, b))
    rank = max(len(a.shape), len(b.shape))
    a, b = (materialised(call, x, _facing(other, len(x.shape))) for x, other in ((a, b), (b, a)))
    left, right = meeting(call, a, b)
    return call.emit(MatMul(), left, right, batch_axis=met_batch(left, right) if rank > 2 else None)


def _facing(other: Value, rank: int) -> int | None:
    """Where the batch of one operand would be in another of `rank` axes, counted from the last."""
    return None if other.batch_axis is None else other.batch_axis - len(other.shape) + rank
