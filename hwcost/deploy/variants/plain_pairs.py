"""C of convolutions whose output channels share words in pairs: weights as they are, and how often their sums must be split."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.emission import Array, Emission, Placed
from hwcost.deploy.program import Convolution, Int8
from hwcost.deploy.variants.portable import clamp, window
from hwcost.kernels.plain_pairs import OUTPUTS

LONG, SHORT = 4, 2
LARGEST_SUM = (2**15 - 1) // 128
"""Magnitudes of weights whose products with any inputs stay within 16 bits."""


def spans(weights: Int8) -> NDArray[np.uint8]:
    """For each four output channels: 4 where any four weights in a row sum to at most 255 in magnitude, else 2."""
    magnitudes = np.abs(weights.reshape(len(weights), -1).astype(np.int32))
    padded = np.pad(magnitudes, ((0, -len(weights) % OUTPUTS), (0, LONG - 1)))
    sums = np.lib.stride_tricks.sliding_window_view(padded, LONG, axis=1).sum(axis=2).max(axis=1)
    return np.where(sums.reshape(-1, OUTPUTS).max(axis=1) <= LARGEST_SUM, LONG, SHORT).astype(np.uint8)


def emit(placed: Placed) -> Emission:
    """How the layer is run: the struct's numbers, and its arrays as the portable kernel has them."""
    layer = placed.layer
    if not isinstance(layer, Convolution):
        raise TypeError(f"expected a convolution, got {type(layer).__name__} for {placed.node}")
    values = {"weights": layer.weights, "bias": layer.bias, "multipliers": layer.multiplier, "spans": spans(layer.weights)}
    arrays = {name: Array(f"layer{placed.number}_{name}", np.ascontiguousarray(data).reshape(-1)) for name, data in values.items()}
    numbers = {
        "window": window(placed, layer.weights.shape[1:3], layer),
        "in_channels": layer.weights.shape[3],
        "out_channels": len(layer.weights),
        **{name: array.name for name, array in arrays.items()},
        "input_zero": layer.input_zero_point,
        "range": clamp(layer.output_zero_point, layer.range),
    }
    return Emission(
        function="hwc_plain_pairs",
        struct="hwc_plain_pairs",
        fields=tuple((name, str(number)) for name, number in numbers.items()),
        arrays=tuple(arrays.values()),
        sources=("hwc_plain_pairs.c", "hwc_plain_pairs_run.c"),
    )
