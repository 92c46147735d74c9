"""Windows of 3 x 3 by Winograd's filtering: weights transformed, and the call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.emission import Array, Emission, Placed
from hwcost.deploy.program import Convolution
from hwcost.deploy.tiles import products_unit, transform_unit
from hwcost.deploy.variants.dsp_tile import WIDENED_ORDER
from hwcost.kernels.winograd import row_bytes
from hwcost.kernels.winograd_code import CHANNELS, PLACES

DOUBLED_G = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])
"""Twice the transform of weights, so that it is whole."""


def emit(placed: Placed) -> Emission:
    """The struct, transformed weights and generated products of a convolution that meets the variant's conditions."""
    layer = placed.layer
    if not isinstance(layer, Convolution):
        raise TypeError(f"expected a convolution, got {type(layer).__name__} for {placed.node}")
    (in_height, in_width, in_channels), (out_height, out_width, out_channels) = placed.inputs[0].shape, placed.output.shape
    weights = Array(f"layer{placed.number}_stream", pack(layer))
    units = (transform_unit(in_channels, row_bytes(in_channels, out_width)), products_unit(in_channels // 2))
    numbers = {
        "weights": weights.name,
        "transform": units[0].name,
        "products": units[1].name,
        "in_height": in_height,
        "in_width": in_width,
        "in_channels": in_channels,
        "out_height": out_height,
        "out_width": out_width,
        "out_channels": out_channels,
        "pad_top": layer.padding[0],
        "pad_left": layer.padding[1],
        "zero": 2 + 4 * layer.output_zero_point,
        "fill": f"0x{(layer.input_zero_point & 0xFF) * 0x01010101:08x}u",
    }
    fields = tuple((name, str(number)) for name, number in numbers.items())
    return Emission("hwc_dsp_winograd", "hwc_dsp_winograd", fields, (weights,), ("hwc_dsp_winograd.c",), units)


def transformed(layer: Convolution) -> NDArray[np.int64]:
    """(out_channels, 4, 4, in_channels): 2G w (2G)', four times the weights of the transformed window."""
    rows = np.tensordot(DOUBLED_G, layer.weights.astype(np.int64), axes=(1, 1))
    both: NDArray[np.int64] = np.tensordot(DOUBLED_G, rows, axes=(1, 2)).transpose(2, 1, 0, 3)
    return both


def pack(layer: Convolution) -> NDArray[np.uint32]:
    """Groups of four channels: for each place and pair of inputs a word a channel, then 4 * bias and multiplier of each channel."""
    out_channels, _, _, in_channels = layer.weights.shape
    groups = out_channels // CHANNELS
    weights = transformed(layer).reshape(out_channels, PLACES, -1, 4)[..., WIDENED_ORDER].reshape(groups, CHANNELS, PLACES, in_channels)
    halves = (weights & 0xFFFF).transpose(0, 2, 3, 1)
    words = halves[:, :, 0::2] | halves[:, :, 1::2] << 16
    numbers = np.stack([4 * layer.bias.astype(np.int64), layer.multiplier], axis=1).reshape(groups, -1)
    return (np.concatenate([words.reshape(groups, -1), numbers], axis=1).reshape(-1) & 0xFFFFFFFF).astype(np.uint32)
