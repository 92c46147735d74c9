"""Convolutions and dense layers for cores with SMLAD: weights as the generated tile reads them, and the call."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.emission import Array, Emission, Placed
from hwcost.deploy.program import Convolution, Int8, Tensor
from hwcost.deploy.tiles import tile_unit
from hwcost.deploy.variants.portable import image
from hwcost.kernels.dsp_tile import CHANNELS_IN_A_WORD, LANES, DspShape

WIDENED_ORDER = (0, 2, 1, 3)
"""Where SXTB16 leaves four channels."""


def emit(placed: Placed) -> Emission:
    """The struct, weights and tiles of a convolution whose weights meet the variant's conditions."""
    layer = placed.layer
    if not isinstance(layer, Convolution):
        raise TypeError(f"expected a convolution, got {type(layer).__name__} for {placed.node}")
    shape = shape_of_placed(layer, placed.inputs[0], placed.output)
    array = Array(f"layer{placed.number}_stream", pack(shape, layer))
    tiles = {"two": shape.two, "one": shape.one}
    fields = (
        ("channels", _channels(shape, layer, array.name)),
        *((name, tile.name if tile else "0") for name, tile in tiles.items()),
        *((name, str(number)) for name, number in _numbers(shape, layer).items()),
    )
    return Emission(
        function=shape.function,
        struct="hwc_dsp_pointwise" if shape.is_pointwise else "hwc_dsp_window",
        fields=fields,
        arrays=(array,),
        sources=(f"{shape.function}.c", "hwc_dsp_rest.c"),
        units=tuple(tile_unit(tile) for tile in shape.tiles),
    )


def shape_of_placed(layer: Convolution, source: Tensor, output: Tensor) -> DspShape:
    """The shape of a lowered convolution; sequences are one row high, features of a dense layer a row of places."""
    in_height, in_width, in_channels = image(source.shape)
    out_height, out_width, out_channels = image(output.shape)
    return DspShape(
        in_channels,
        out_channels,
        in_height,
        in_width,
        out_height,
        out_width,
        (layer.weights.shape[1], layer.weights.shape[2]),
        layer.stride,
        layer.padding,
    )


def pack(shape: DspShape, layer: Convolution) -> NDArray[np.uint32]:
    """Groups of channels, each its biases, the weights of each pair of inputs, and its multipliers.

    Words of weights hold two inputs, low half first; each half 256 * w1 + w0 of two channels. Odd biases are 256 * b1 + b0.
    """
    outputs, channels = shape.outputs, shape.groups * shape.outputs
    weights = _filled(_in_reading_order(shape, layer.weights), channels).astype(np.int64)
    bias, multiplier = (_filled(values, channels).astype(np.int64) for values in (layer.bias, layer.multiplier))
    even, odd = slice(0, None, LANES), slice(1, None, LANES)
    lanes = (LANES**8 * weights[odd] + weights[even]) & 0xFFFF
    words = (lanes[:, 0::2] | lanes[:, 1::2] << 16).reshape(shape.groups, outputs // LANES, -1).swapaxes(1, 2)
    bias[odd] = LANES**8 * bias[odd] + bias[even]
    parts = (bias.reshape(-1, outputs), words.reshape(shape.groups, -1), multiplier.reshape(-1, outputs))
    return (np.concatenate(parts, axis=1).reshape(-1) & 0xFFFFFFFF).astype(np.uint32)


def _in_reading_order(shape: DspShape, weights: Int8) -> Int8:
    """(out_channels, inputs): runs filled up to whole pairs, channels in the order that widening leaves them in."""
    runs = weights.reshape(len(weights), shape.kernel[0], -1)
    missing = 2 * shape.pairs - runs.shape[2]
    runs = np.pad(runs, ((0, 0), (0, 0), (0, missing)))
    if shape.function != "hwc_dsp_window_natural":
        fours = runs.reshape(*runs.shape[:2], -1, CHANNELS_IN_A_WORD)
        runs = fours[..., WIDENED_ORDER].reshape(runs.shape)
    return runs.reshape(len(weights), -1)


def _filled(values: NDArray[Any], channels: int) -> NDArray[Any]:
    """Zeros behind the channels, so that they are whole groups."""
    return np.pad(values, ((0, channels - len(values)), *((0, 0),) * (values.ndim - 1)))


def _channels(shape: DspShape, layer: Convolution, stream: str) -> str:
    """The initialiser of `struct hwc_dsp_channels`."""
    rest = shape.out_channels % shape.outputs
    whole, zero = shape.out_channels - rest, layer.output_zero_point
    offset = whole // shape.outputs * shape.group_bytes // 4
    limits = layer.range
    has_rest = int(rest > 0 or (limits.low, limits.high) != (-128, 127))
    return (
        f"{{{{{shape.out_channels}, {whole}, {zero}}}, {{{shape.outputs}, {shape.outputs}, {zero}}}, {stream}, {stream} + {offset}, "
        f"{shape.out_channels}, {rest}, {has_rest}, {limits.low}, {limits.high}}}"
    )


def _numbers(shape: DspShape, layer: Convolution) -> dict[str, int]:
    """The other members of the struct."""
    if shape.is_pointwise:
        return {
            "rows": shape.rows,
            "columns": shape.columns,
            "row_step": shape.stride[0] * shape.in_width * shape.in_channels,
            "column_step": shape.stride[1] * shape.in_channels,
            "in_channels": shape.in_channels,
        }
    return {
        "in_height": shape.in_height,
        "out_height": shape.out_height,
        "out_width": shape.out_width,
        "kernel_height": shape.kernel[0],
        "stride_y": shape.stride[0],
        "pad_top": shape.padding[0],
        "held_rows": shape.held_rows,
        "row_elements": shape.row_elements,
        "pad_elements": shape.padding[1] * shape.in_channels,
        "in_elements": shape.in_width * shape.in_channels,
        "column_elements": shape.stride[1] * shape.in_channels,
        "input_zero": layer.input_zero_point,
    }
