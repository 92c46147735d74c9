"""Convolutions and dense layers as integers: the input's offset folded into the bias, a multiplier per channel, accumulators proved."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.lower.fixed_point import fixed
from hwcost.deploy.lower.site import RefusedError, Site, int8
from hwcost.deploy.program import Convolution, Int32, MatrixProduct, TransposedConvolution
from hwcost.ops.conv import DepthwiseConv1d, DepthwiseConv2d

INT32_MAX = 2**31 - 1
Whole = NDArray[np.int64]


def convolution(site: Site) -> Convolution:
    """Any convolution over one or two axes; a dense layer is a 1x1 window over rows of features."""
    weights, scale = _weights(site, axis=0)
    weights = np.moveaxis(_two_axes(weights), 1, -1)
    groups = site.x.shape[-1] if isinstance(site.op, DepthwiseConv1d | DepthwiseConv2d) else site.op.groups
    return _convolution(site, weights, scale, groups=groups, **_window(site.op))


def dense(site: Site) -> Convolution:
    """A dense layer; its columns follow the order in which a flattened input lies in memory."""
    weights, scale = _weights(site, axis=0)
    if site.features is not None:
        weights = weights[:, site.features]
    return _convolution(site, weights[:, None, None, :], scale)


def _convolution(site: Site, weights: Whole, scale: NDArray[np.float64], **window: Any) -> Convolution:
    folded = _bias(site, len(weights)) - site.x.zero_point * weights.reshape(len(weights), -1).sum(axis=1)
    _require_int32(folded, weights)
    multiplier, shift = fixed(_factors(site, scale, len(weights)))
    zeros = (site.x.zero_point, site.y.zero_point)
    return Convolution(int8(weights, "weights"), folded.astype(np.int32), multiplier, shift, *zeros, range=site.range(), **window)


def transposed(site: Site) -> TransposedConvolution:
    """A transposed convolution: weights (in, out / groups, kernel...) turned to (out, kernel..., in / groups)."""
    raw, scale = _weights(site, axis=1)
    weights = _by_output(_two_axes(raw), site.op.groups)
    scale = np.tile(scale, site.op.groups) if scale.ndim else scale
    bias = _bias(site, len(weights))
    _require_int32(bias, 2 * weights)  # an input less its zero point is up to 255
    multiplier, shift = fixed(_factors(site, scale, len(weights)))
    zeros = (site.x.zero_point, site.y.zero_point)
    window = _window(site.op) | {"groups": site.op.groups}
    return TransposedConvolution(int8(weights, "weights"), bias.astype(np.int32), multiplier, shift, *zeros, range=site.range(), **window)


def matrix_product(site: Site) -> MatrixProduct:
    """The product of two activations."""
    a, b = site.inputs
    if 255 * 255 * a.shape[-1] > INT32_MAX:
        raise RefusedError(f"a sum of {a.shape[-1]} products of activations can overflow int32: split the matrix product")
    multiplier, shift = fixed(np.asarray([a.scale * b.scale / site.y.scale]))
    return MatrixProduct(int(multiplier[0]), shift, (a.zero_point, b.zero_point), site.y.zero_point, site.range())


def _weights(site: Site, axis: int) -> tuple[Whole, NDArray[np.float64]]:
    """Weights without their zero point, and their scales by output channel (or one)."""
    constant = site.constant("weight")
    if constant.axis not in (None, axis):
        raise RefusedError(
            f"its weights have a scale per index of axis {constant.axis}, expected axis {axis} (output channels): quantise again"
        )
    shape = [-1 if i == constant.axis else 1 for i in range(constant.values.ndim)]
    zero = constant.zero_point.reshape(shape) if constant.axis is not None else constant.zero_point
    return constant.values - zero, constant.scale


def _two_axes(weights: Whole) -> Whole:
    return weights[:, :, None, :] if weights.ndim == 3 else weights


def _by_output(weights: Whole, groups: int) -> Whole:
    """(in, out / groups, h, w) to (out, h, w, in / groups)."""
    inputs, outputs, height, width = weights.shape
    split = weights.reshape(groups, inputs // groups, outputs, height, width)
    return split.transpose(0, 2, 3, 4, 1).reshape(groups * outputs, height, width, inputs // groups)


def _window(op: Any) -> dict[str, Any]:
    """Stride, dilation and padding over height and width; layers over time have a height of 1."""
    return {"stride": pair(op.stride), "dilation": pair(op.dilation), "padding": padding(op.padding)}


def pair(values: tuple[int, ...]) -> tuple[int, int]:
    """One number per axis as height and width."""
    height, width = (1, *values)[-2:]
    return height, width


def padding(pads: tuple[tuple[int, int], ...]) -> tuple[int, int, int, int]:
    """Padding per axis as top, left, bottom, right."""
    (top, bottom), (left, right) = ((0, 0), *pads)[-2:]
    return top, left, bottom, right


def _bias(site: Site, channels: int) -> Whole:
    parameter = site.parameter("bias")
    if parameter is None:
        return np.zeros(channels, np.int64)
    values = np.asarray(parameter.array())
    if values.dtype.kind == "f":
        raise RefusedError(f"its bias '{parameter.name}' is not quantised: quantise the whole network (hwcost quantize)")
    return values.astype(np.int64)


def _factors(site: Site, scale: NDArray[np.float64], channels: int) -> NDArray[np.float64]:
    return np.broadcast_to(site.x.scale * scale / site.y.scale, (channels,))


def _require_int32(bias: Whole, weights: Whole) -> None:
    """Refuses layers of which some partial sum, in any order and for any input, can leave int32."""
    reach = np.abs(bias) + 128 * np.abs(weights).reshape(len(weights), -1).sum(axis=1)
    if reach.size and reach.max() > INT32_MAX:
        channel = int(reach.argmax())
        raise RefusedError(
            f"int32 overflow in output channel {channel}: its bias is {bias[channel]} in steps of the accumulator and sums reach "
            f"{reach[channel]}; the channel's weights or the input's scale are degenerate: calibrate again or prune the channel"
        )


def as_int32(values: Whole, what: str) -> Int32:
    """The values as int32; refused where they do not fit."""
    if values.size and np.abs(values).max() > INT32_MAX:
        raise RefusedError(f"{what} do not fit int32")
    return values.astype(np.int32)
