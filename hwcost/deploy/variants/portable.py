"""C of any layer in plain loops: the kernels of hwcost/deploy/c/ that every core runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy import program as p
from hwcost.deploy.emission import Array, Emission, Placed
from hwcost.deploy.variants.steps import pair_fields, reduction_fields
from hwcost.errors import GraphError

MOST_AXES = 6
"""Axes hwc_move counts."""

WALK = ("hwc_pairs.c",)
"""The loops over two operands."""


def emit(placed: Placed) -> Emission:
    """How the layer is run in plain C. Raises GraphError for what no plain kernel covers."""
    layer = placed.layer
    shift = getattr(layer, "shift", p.SHIFT)
    if not 1 <= shift <= p.SHIFT:
        raise GraphError(f"the shift of a rescaling lies between 1 and {p.SHIFT}, not {shift}", node=placed.node)
    if type(layer) not in EMITTERS:
        raise GraphError(f"{type(layer).__name__} has no kernel in plain C", node=placed.node)
    return EMITTERS[type(layer)](placed, layer)


def whole(number: Any) -> str:
    """An integer as C has it."""
    return str(int(number))


def single(number: float) -> str:
    """A float to the last bit, as a C literal of type float."""
    return f"{float(np.float32(number)).hex()}f"


def image(shape: Sequence[int]) -> tuple[int, int, int]:
    """Height, width and channels of a shape in memory order; sequences have height 1, rows of features are places."""
    return int(np.prod(shape[:-2], dtype=np.int64)), shape[-2] if len(shape) > 1 else 1, shape[-1] if shape else 1


def clamp(zero: int, limits: p.Range = p.Range()) -> str:  # noqa: B008 - frozen
    """The initialiser of struct hwc_clamp."""
    return f"{{{zero}, {limits.low}, {limits.high}}}"


def window(placed: Placed, kernel: Sequence[int], layer: Any) -> str:
    """The initialiser of struct hwc_window."""
    sizes = (*image(placed.inputs[0].shape)[:2], *image(placed.output.shape)[:2])
    return f"{{{', '.join(map(str, (*sizes, *kernel, *layer.stride, *layer.dilation, *layer.padding[:2])))}}}"


def array(placed: Placed, name: str, values: NDArray[Any]) -> Array:
    """A constant of the layer, flat."""
    return Array(f"{name}_{placed.number}", np.ascontiguousarray(values).reshape(-1))


def emission(name: str, struct: str, fields: dict[str, Any], *arrays: Array, source: str = "", shared: tuple[str, ...] = ()) -> Emission:
    """An emission of one plain kernel; arrays fill the fields of their names, `shared` are sources it has in common with others."""
    values = {**fields, **{one.name.rpartition("_")[0]: one.name for one in arrays}}
    return Emission(name, struct, tuple((key, str(value)) for key, value in values.items()), arrays, (f"{source or name}.c", *shared))


def convolution(placed: Placed, layer: p.Convolution) -> Emission:
    """A dense kernel where each place is on its own, a depthwise one where each channel is, else the general one."""
    pointwise = layer.weights.shape[1:3] == (1, 1) and layer.stride == (1, 1) and not any(layer.padding) and layer.groups == 1
    if pointwise:
        return _dense(placed, layer)
    channels = placed.inputs[0].shape[-1]
    return _windowed(placed, layer, "hwc_depthwise" if layer.groups == channels else "hwc_conv")


def _channel_arrays(placed: Placed, layer: p.Convolution | p.TransposedConvolution) -> tuple[Array, Array, Array]:
    arrays: dict[str, NDArray[Any]] = {"weights": layer.weights, "bias": layer.bias, "multipliers": layer.multiplier}
    weights, bias, multipliers = (array(placed, name, values) for name, values in arrays.items())
    return weights, bias, multipliers


def _dense(placed: Placed, layer: p.Convolution) -> Emission:
    features = layer.weights.shape[-1]
    fields = {
        "rows": placed.inputs[0].elements // features,
        "in_features": features,
        "out_features": len(layer.weights),
        "shift": layer.shift,
        "range": clamp(layer.output_zero_point, layer.range),
    }
    return emission("hwc_dense", "hwc_dense", fields, *_channel_arrays(placed, layer))


def _windowed(placed: Placed, layer: p.Convolution | p.TransposedConvolution, name: str) -> Emission:
    fields = {
        "window": window(placed, layer.weights.shape[1:3], layer),
        "in_channels": placed.inputs[0].shape[-1],
        "out_channels": len(layer.weights),
        "groups": layer.groups,
        "shift": layer.shift,
        "input_zero": layer.input_zero_point,
        "range": clamp(layer.output_zero_point, layer.range),
    }
    return emission(name, "hwc_conv", fields, *_channel_arrays(placed, layer))


def transposed(placed: Placed, layer: p.TransposedConvolution) -> Emission:
    """One output at a time."""
    return _windowed(placed, layer, "hwc_conv_transposed")


def matrix_product(placed: Placed, layer: p.MatrixProduct) -> Emission:
    """Matrices of a batch; an input without a batch is used again for each."""
    (rows, depth), columns = placed.inputs[0].shape[-2:], placed.inputs[1].shape[-1]
    batch = placed.output.elements // (rows * columns)
    held = [int(np.prod(tensor.shape[:-2], dtype=np.int64)) for tensor in placed.inputs]
    if any(count not in (1, batch) for count in held):
        raise GraphError(f"a batch of matrices is repeated as a whole; got {held} for {batch}", node=placed.node)
    fields = {
        "batch": batch,
        "rows": rows,
        "depth": depth,
        "columns": columns,
        "left_step": rows * depth if held[0] > 1 else 0,
        "right_step": depth * columns if held[1] > 1 else 0,
        **_factor(layer),
    }
    return emission("hwc_matmul", "hwc_matmul", fields)


def _factor(layer: p.MatrixProduct | p.Product) -> dict[str, Any]:
    return {
        "multiplier": layer.multiplier,
        "shift": layer.shift,
        "left_zero": layer.zero_points[0],
        "right_zero": layer.zero_points[1],
        "range": clamp(layer.output_zero_point, layer.range),
    }


def _pairwise(placed: Placed, name: str, operand: NDArray[Any] | None, fields: dict[str, Any]) -> Emission:
    """Two inputs, or one and a constant, element by element."""
    right = placed.inputs[1].shape if operand is None else operand.shape
    pairs = pair_fields(placed, placed.inputs[0].shape, right)
    if operand is None:
        return emission(name, name, {"pairs": pairs, **fields}, shared=WALK)
    constant = array(placed, "constant", operand)
    return emission(f"{name}_constant", name, {"pairs": pairs, **fields}, constant, source=name, shared=WALK)


def addition(placed: Placed, layer: p.Sum) -> Emission:
    """Sums and differences."""
    fields = {
        "left_multiplier": layer.multipliers[0],
        "right_multiplier": layer.multipliers[1],
        "shift": layer.shift,
        "left_zero": layer.zero_points[0],
        "right_zero": layer.zero_points[1],
        "range": clamp(layer.output_zero_point, layer.range),
    }
    return _pairwise(placed, "hwc_sum", layer.operand, fields)


def product(placed: Placed, layer: p.Product) -> Emission:
    """Products element by element."""
    return _pairwise(placed, "hwc_product", layer.operand, _factor(layer))


def extreme(placed: Placed, layer: p.Extreme) -> Emission:
    """The larger or smaller of two."""
    return _pairwise(placed, "hwc_extreme", None, {"largest": whole(layer.largest)})


def lookup(placed: Placed, layer: p.Lookup) -> Emission:
    """One table, or one a channel."""
    tables = len(layer.table)
    channels = placed.output.shape[-1] if placed.output.shape else 1
    fields = {"places": placed.output.elements // channels, "channels": channels, "table_step": 0 if tables == 1 else 256}
    return emission("hwc_lookup", "hwc_lookup", fields, array(placed, "table", layer.table))


def max_pool(placed: Placed, layer: p.MaxPool) -> Emission:
    """The largest of each window."""
    fields = {"window": window(placed, layer.kernel, layer), "channels": placed.output.shape[-1], "range": clamp(0, layer.range)}
    return emission("hwc_max_pool", "hwc_max_pool", fields)


def average_pool(placed: Placed, layer: p.AveragePool) -> Emission:
    """The mean of each window."""
    fields = {
        "window": window(placed, layer.kernel, layer),
        "channels": placed.output.shape[-1],
        "shift": layer.shift,
        "input_zero": layer.input_zero_point,
        "count_padding": whole(layer.count_padding),
        "range": clamp(layer.output_zero_point, layer.range),
    }
    return emission("hwc_average_pool", "hwc_average_pool", fields, array(placed, "multipliers", layer.multipliers))


def reduction(placed: Placed, layer: p.Reduction) -> Emission:
    """Sums and means, or the largest and smallest, over any axes."""
    name = "hwc_reduce_sum" if layer.what in ("mean", "sum") else "hwc_reduce_extreme"
    fields = {
        **reduction_fields(placed, layer.axes),
        "multiplier": layer.multiplier,
        "shift": layer.shift,
        "input_zero": layer.input_zero_point,
        "largest": whole(layer.what == "max"),
        "range": clamp(layer.output_zero_point, layer.range),
    }
    return emission(name, "hwc_reduction", fields, source="hwc_reduction")


def arg_max(placed: Placed, layer: p.ArgMax) -> Emission:
    """Places before and after the axis."""
    shape = placed.inputs[0].shape
    axis = layer.axis % len(shape)
    before, after = (int(np.prod(part, dtype=np.int64)) for part in (shape[:axis], shape[axis + 1 :]))
    fields = {"before": before, "length": shape[axis], "after": after, "largest": whole(layer.largest)}
    return emission("hwc_arg_max", "hwc_arg_max", fields)


def concat(placed: Placed, layer: p.Concat) -> Emission:
    """Bytes of each input in a row of the output, and the tables of those on another scale, each stored once."""
    axis = layer.axis % len(placed.output.shape)
    rows = int(np.prod(placed.output.shape[:axis], dtype=np.int64))
    own = {table.tobytes(): table for table in layer.tables if table is not None}
    places = {key: 256 * place for place, key in enumerate(own)}
    table_at = [-1 if table is None else places[table.tobytes()] for table in layer.tables]
    widths = [tensor.bytes // rows for tensor in placed.inputs]
    arrays = [array(placed, "bytes", np.array(widths, np.int32)), array(placed, "table_at", np.array(table_at, np.int32))]
    if own:
        arrays.append(array(placed, "tables", np.stack([table.reshape(-1) for table in own.values()])))
    emitted = emission("hwc_concat", "hwc_concat", {"rows": rows, "count": len(widths)}, *arrays)
    return Emission(emitted.function, emitted.struct, emitted.fields, emitted.arrays, emitted.sources, gathers=True)


def move(placed: Placed, layer: p.Move) -> Emission:
    """The tables of offsets, one after another."""
    if len(layer.tables) > MOST_AXES:
        raise GraphError(f"values are moved along {MOST_AXES} axes at most, not {len(layer.tables)}", node=placed.node)
    tables = layer.tables or (np.zeros(1, np.int32),)
    sizes = np.array([len(table) for table in tables], np.int32)
    name = "hwc_move" if placed.output.bits == 8 else "hwc_move_words"
    fields = {"axes": len(tables), "base": layer.base, "fill": layer.fill}
    arrays = (array(placed, "sizes", sizes), array(placed, "tables", np.concatenate(tables).astype(np.int32)))
    return emission(name, "hwc_move", fields, *arrays, source="hwc_move")


def alias(placed: Placed, layer: p.Alias) -> Emission:
    """No code: the output is the input's bytes."""
    return Emission("", "", ())


def softmax(placed: Placed, layer: p.Softmax) -> Emission:
    """Rows along the last axis."""
    length = placed.output.shape[-1]
    fields = {
        "rows": placed.output.elements // length,
        "length": length,
        "factor": f"{layer.factor}u",
        "range": clamp(layer.output_zero_point),
    }
    return emission("hwc_softmax", "hwc_softmax", fields, array(placed, "exponentials", layer.exponentials.astype(np.uint32)))


def scaling(placed: Placed, layer: p.Quantise | p.Dequantise) -> Emission:
    """Between floats and integers."""
    name = "hwc_quantise" if isinstance(layer, p.Quantise) else "hwc_dequantise"
    fields = {"elements": placed.output.elements, "scale": single(layer.scale), "zero": layer.zero_point}
    return emission(name, "hwc_scale", fields)


EMITTERS: dict[type, Callable[[Placed, Any], Emission]] = {
    p.Convolution: convolution,
    p.TransposedConvolution: transposed,
    p.MatrixProduct: matrix_product,
    p.Sum: addition,
    p.Product: product,
    p.Extreme: extreme,
    p.Lookup: lookup,
    p.MaxPool: max_pool,
    p.AveragePool: average_pool,
    p.Reduction: reduction,
    p.ArgMax: arg_max,
    p.Concat: concat,
    p.Move: move,
    p.Alias: alias,
    p.Softmax: softmax,
    p.Quantise: scaling,
    p.Dequantise: scaling,
}
"""The function of each kind of layer."""
