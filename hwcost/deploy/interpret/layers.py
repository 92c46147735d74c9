"""What each layer computes, by its type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.interpret import pointwise, windows
from hwcost.deploy.program import (
    Alias,
    ArgMax,
    AveragePool,
    Concat,
    Convolution,
    Dequantise,
    Extreme,
    Layer,
    Lookup,
    MatrixProduct,
    MaxPool,
    Move,
    Product,
    Quantise,
    Reduction,
    Softmax,
    Sum,
    Tensor,
    TransposedConvolution,
)

Array = NDArray[Any]

ONE_INPUT: dict[type[Any], Callable[[Any, Array, Tensor], Array]] = {
    Convolution: windows.convolution,
    TransposedConvolution: windows.transposed,
    MaxPool: windows.max_pool,
    AveragePool: windows.average_pool,
    Lookup: pointwise.lookup,
    Reduction: pointwise.reduction,
    ArgMax: pointwise.arg_max,
    Move: pointwise.move,
    Alias: lambda layer, x, output: x,
    Softmax: pointwise.softmax,
    Quantise: pointwise.quantise,
    Dequantise: pointwise.dequantise,
}
SEVERAL: dict[type[Any], Callable[[Any, Sequence[Array], Tensor], Array]] = {
    MatrixProduct: pointwise.matrix_product,
    Sum: pointwise.sum_of,
    Product: pointwise.product_of,
    Extreme: pointwise.extreme,
    Concat: pointwise.concat,
}


def run(layer: Layer, inputs: Sequence[Array], output: Tensor) -> Array:
    """One layer: inputs as they lie in memory, and the tensor it makes; the result has that tensor's elements."""
    if type(layer) in ONE_INPUT:
        return np.asarray(ONE_INPUT[type(layer)](layer, inputs[0], output)).reshape(output.shape)
    return np.asarray(SEVERAL[type(layer)](layer, inputs, output)).reshape(output.shape)
