"""What layers take in plain C, by the kind of their operator: their constants, the function that runs them, how often its loops run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from hwcost.kernels.variant import WORD_BYTES, Needs, channel_bytes, words
from hwcost.sizes import Size, ceil_div, equal
from hwcost.target import LayerFacts

TABLE_BYTES = 256
"""An int8 for each of the 256 values of an int8."""

WALK = "hwc_pairs"
"""The loops over two operands, which their kernels share."""

EXPONENTIALS_BYTES = 4 * TABLE_BYTES
"""Of a softmax: a 32-bit entry for each difference to the largest of its row."""


def _plain(
    function: str,
    steps: Mapping[str, Size],
    *arrays: Size,
    struct: str | None = None,
    channels: Size = 0,
    calls: int = 1,
) -> Needs:
    """A layer of one function that needs no working memory; `arrays` are the bytes of its constants."""
    return Needs(
        packed_bytes=sum(words(array) for array in arrays),
        scratch_bytes=0,
        functions=(function,),
        struct=struct or function,
        steps={"layer": calls, **steps},
        channels=channels,
        calls=calls,
    )


def _weighted(layer: LayerFacts, function: str, struct: str, places: Size) -> Needs:
    """A layer of weights: a step for each product, each place, each output."""
    channels = layer.out_channels
    steps = {"mac": layer.output_elements * layer.patch_elements, "output": layer.output_elements, "place": places}
    arrays = (layer.weight_elements, *channel_bytes(channels))
    return _plain(function, steps, *arrays, struct=struct, channels=channels)


def _convolution(layer: LayerFacts) -> Needs:
    """A dense kernel where each place is on its own, a depthwise one where each channel is, else the general one."""
    places = ceil_div(layer.output_elements, layer.out_channels)
    if layer.kernel == (1, 1) and layer.stride == (1, 1) and not any(layer.padding) and layer.groups == 1:
        return _weighted(layer, "hwc_dense", "hwc_dense", places)
    is_depthwise = layer.kind.startswith("depthwise") or equal(layer.groups, layer.in_channels)
    return _weighted(layer, "hwc_depthwise" if is_depthwise else "hwc_conv", "hwc_conv", places)


def _transposed(layer: LayerFacts) -> Needs:
    return _weighted(layer, "hwc_conv_transposed", "hwc_conv", ceil_div(layer.output_elements, layer.out_channels))


def _matrix_product(layer: LayerFacts) -> Needs:
    return _plain("hwc_matmul", {"mac": layer.output_elements * layer.patch_elements, "output": layer.output_elements})


def _lookup(layer: LayerFacts) -> Needs:
    """One table."""
    return _tables(layer, 1)


def _channel_lookup(layer: LayerFacts) -> Needs:
    """A table for each entry of a constant."""
    return _tables(layer, layer.weight_elements)


def _tables(layer: LayerFacts, count: Size) -> Needs:
    return _plain("hwc_lookup", {"element": layer.output_elements}, TABLE_BYTES * count)


def _pairwise(function: str) -> Callable[[LayerFacts], Needs]:
    """Two activations, or one and a constant; a single number is a table."""

    def needs(layer: LayerFacts) -> Needs:
        if layer.inputs == 1 and (equal(layer.weight_elements, 1) or function == "hwc_extreme"):
            return _channel_lookup(layer)
        alone = _plain(function, {"element": layer.output_elements}, layer.weight_elements)
        return replace(alone, functions=(function, WALK))

    return needs


def _max_pool(layer: LayerFacts) -> Needs:
    return _plain("hwc_max_pool", _window_steps(layer))


def _average_pool(layer: LayerFacts) -> Needs:
    """A multiplier for each number of places that a window may cover."""
    return _plain("hwc_average_pool", _window_steps(layer), WORD_BYTES * layer.patch_elements)


def _window_steps(layer: LayerFacts) -> dict[str, Size]:
    places = ceil_div(layer.output_elements, layer.out_channels)
    return {"output": layer.output_elements, "tap": layer.output_elements * layer.patch_elements, "place": places}


def _reduction(layer: LayerFacts) -> Needs:
    return _plain("hwc_reduction", {"input": layer.input_elements, "output": layer.output_elements})


def _arg_max(layer: LayerFacts) -> Needs:
    return _plain("hwc_arg_max", {"input": layer.input_elements, "output": layer.output_elements})


def _concat(layer: LayerFacts) -> Needs:
    """Bytes and table of each input, and the tables."""
    numbers = WORD_BYTES * layer.inputs
    steps = {"element": layer.output_elements, "input": layer.inputs}
    return _plain("hwc_concat", steps, numbers, numbers, TABLE_BYTES * layer.tables)


def _move(layer: LayerFacts) -> Needs:
    """The length of each axis of each output, and the offset of each place along it."""
    rows = ceil_div(layer.output_elements, layer.out_channels)
    arrays = (WORD_BYTES * max(layer.outputs, layer.output_axes), WORD_BYTES * layer.axis_entries if layer.output_axes else WORD_BYTES)
    return _plain("hwc_move", {"element": layer.output_elements, "row": rows}, *arrays, calls=layer.outputs)


def _softmax(layer: LayerFacts) -> Needs:
    rows = ceil_div(layer.output_elements, layer.out_channels)
    return _plain("hwc_softmax", {"element": layer.output_elements, "row": rows}, EXPONENTIALS_BYTES)


def _scaling(function: str) -> Callable[[LayerFacts], Needs]:
    """Between floats and integers; between integers a table."""

    def needs(layer: LayerFacts) -> Needs:
        if layer.activation_bits == 8:
            return _lookup(layer)
        return _plain(function, {"element": layer.output_elements}, struct="hwc_scale")

    return needs


LOOKUPS = (
    *("relu", "clip", "leaky_relu", "sigmoid", "tanh", "hard_sigmoid", "hard_swish", "silu", "gelu", "elu", "selu", "softplus"),
    *("softsign", "mish", "erf", "exp", "log", "sqrt", "reciprocal", "neg", "abs", "sign", "sin", "cos", "floor", "ceil", "round"),
)
MOVES = ("split", "slice", "pad", "expand", "gather", "transpose", "resize", "depth_to_space", "space_to_depth")

NEEDS: Mapping[str, Callable[[LayerFacts], Needs]] = {
    **dict.fromkeys(("conv2d", "conv1d", "depthwise_conv2d", "depthwise_conv1d", "dense"), _convolution),
    **dict.fromkeys(("conv_transpose2d", "conv_transpose1d"), _transposed),
    "matmul": _matrix_product,
    **dict.fromkeys(LOOKUPS, _lookup),
    "prelu": _channel_lookup,
    **dict.fromkeys(("add", "sub"), _pairwise("hwc_sum")),
    "mul": _pairwise("hwc_product"),
    **dict.fromkeys(("minimum", "maximum", "div", "pow"), _pairwise("hwc_extreme")),
    **dict.fromkeys(("max_pool2d", "max_pool1d", "global_max_pool"), _max_pool),
    **dict.fromkeys(("average_pool2d", "average_pool1d", "global_average_pool"), _average_pool),
    **dict.fromkeys(("reduce_mean", "reduce_sum", "reduce_max", "reduce_min"), _reduction),
    **dict.fromkeys(("arg_max", "arg_min"), _arg_max),
    "concat": _concat,
    **dict.fromkeys(MOVES, _move),
    "softmax": _softmax,
    "quantize": _scaling("hwc_quantise"),
    "dequantize": _scaling("hwc_dequantise"),
}
"""Every kind that is lowered."""
