"""C of depthwise layers on cores with SMLAD: weights in the order of the generated strips, and the numbers of the layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.emission import Array, Emission, Placed
from hwcost.deploy.program import Convolution
from hwcost.deploy.tiles_depthwise import Strip, strip_unit
from hwcost.kernels.dsp_depthwise import ring_columns, rows_of_strip, strip_rows

WINDOW_ROWS = (0, 1, 1, 2)
"""Rows of the window in the bytes of a packed word: SXTB16 makes (0, 1) of it and, rotated by a byte, (1, 2)."""


def pack(layer: Convolution) -> NDArray[np.uint32]:
    """Five words a channel: bias, multiplier and one word for each column of the window."""
    columns = np.ascontiguousarray(layer.weights[..., 0][:, WINDOW_ROWS, :].transpose(0, 2, 1)).view(np.uint32)[..., 0]
    numbers = np.stack([layer.bias, layer.multiplier], axis=1).astype(np.int32).view(np.uint32)
    return np.concatenate([numbers, columns], axis=1)


def emit(placed: Placed) -> Emission:
    """How the layer is run; its weights are one array, its strips are generated for its width and channels."""
    layer = placed.layer
    if not isinstance(layer, Convolution):
        raise TypeError(f"expected a convolution, got {type(layer).__name__} for {placed.node}")
    (in_height, in_width, channels), (out_height, out_width, _) = placed.inputs[0].shape, placed.output.shape
    stride = layer.stride[0]
    weights = Array(f"layer{placed.number}_pairs", pack(layer).reshape(-1))
    strips = [Strip(rows, stride, out_width, channels) for rows in strip_rows(stride, out_height)]
    numbers = {
        "in_height": in_height,
        "in_width": in_width,
        "out_height": out_height,
        "out_width": out_width,
        "channels": channels,
        "columns": ring_columns(out_width, stride),
        "pad_top": layer.padding[0],
        "pad_left": layer.padding[1],
        "strip_rows": rows_of_strip(stride),
        "zero": layer.output_zero_point,
        "fill": f"0x{(layer.input_zero_point & 0xFF) * 0x01010101:08x}u",
        "weights": weights.name,
        "strip": strips[0].name,
        "last_strip": strips[-1].name,
    }
    return Emission(
        function="hwc_dsp_depthwise",
        struct="hwc_dsp_depthwise",
        fields=tuple((name, str(value)) for name, value in numbers.items()),
        arrays=(weights,),
        sources=("hwc_dsp_depthwise.c",),
        units=tuple(strip_unit(strip) for strip in strips),
    )
