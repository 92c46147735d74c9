"""C of depthwise layers whose taps are found place by place: the numbers and arrays of the portable kernel."""

from __future__ import annotations

import numpy as np

from hwcost.deploy.emission import Array, Emission, Placed
from hwcost.deploy.program import Convolution
from hwcost.deploy.variants.portable import clamp, window


def emit(placed: Placed) -> Emission:
    """How the layer is run."""
    layer = placed.layer
    if not isinstance(layer, Convolution):
        raise TypeError(f"expected a convolution, got {type(layer).__name__} for {placed.node}")
    values = {"weights": layer.weights, "bias": layer.bias, "multipliers": layer.multiplier}
    arrays = {name: Array(f"layer{placed.number}_{name}", np.ascontiguousarray(data).reshape(-1)) for name, data in values.items()}
    numbers = {
        "window": window(placed, layer.weights.shape[1:3], layer),
        "channels": len(layer.weights),
        **{name: array.name for name, array in arrays.items()},
        "input_zero": layer.input_zero_point,
        "range": clamp(layer.output_zero_point, layer.range),
    }
    return Emission(
        function="hwc_plain_depthwise",
        struct="hwc_plain_depthwise",
        fields=tuple((name, str(number)) for name, number in numbers.items()),
        arrays=tuple(arrays.values()),
        sources=("hwc_plain_depthwise.c",),
    )
