"""Recipes: the project's own generated C, from layers of every kind that its emulated cores ran."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hwcost.records import Measurement
from hwcost.target import Runtime
from pricing.fits import Figures, basis_of, fit_layers, layers_of, section
from pricing.templates import DEPTHWISE_KINDS, INT8, Template

TABLES = ("pointwise", "conv2d", "depthwise", "dense", "others")
WINDOW = ("per_layer", "per_mac", "per_output_element", "per_position")
MOVED = ("per_layer", "per_output_element")
NEAR = replace(INT8, max_groups=1, max_dilation=(1, 1))
LOOKUPS = (
    *("relu", "clip", "leaky_relu", "prelu", "sigmoid", "tanh", "hard_sigmoid", "hard_swish", "silu", "gelu", "elu", "selu", "softplus"),
    *("softsign", "mish", "erf", "exp", "log", "sqrt", "reciprocal", "neg", "abs", "sign", "sin", "cos", "floor", "ceil", "round", "pow"),
)
"""Kinds that are one table of 256 entries, and cost the same whatever it holds."""

MOST_ROWS = 300
"""Of a kind, that coefficients are fitted to."""

TEMPLATES = (
    Template("pointwise", ("conv2d",), WINDOW, replace(NEAR, kernel=(1, 1))),
    Template("convolution", ("conv2d",), WINDOW, NEAR),
    Template("grouped or dilated convolution", ("conv2d",), WINDOW),
    Template("convolution over time", ("conv1d",), WINDOW),
    Template("depthwise at stride 1", ("depthwise_conv2d",), WINDOW, replace(INT8, kernel=(3, 3), stride=(1, 1))),
    Template("depthwise at stride 2", ("depthwise_conv2d",), WINDOW, replace(INT8, kernel=(3, 3))),
    Template("other depthwise", DEPTHWISE_KINDS, WINDOW),
    Template("dense", ("dense",), WINDOW),
    Template("average pool", ("average_pool2d", "average_pool1d"), WINDOW),
    Template("global average pool", ("global_average_pool",), WINDOW),
    Template("max pool", ("max_pool2d", "max_pool1d"), WINDOW),
    Template("global max pool", ("global_max_pool",), WINDOW),
    Template(
        "reduction", ("reduce_mean", "reduce_sum", "reduce_max", "reduce_min"), ("per_layer", "per_input_element", "per_output_element")
    ),
    Template("sum", ("add", "sub"), MOVED),
    Template("product", ("mul", "div"), MOVED),
    Template("concat", ("concat",), MOVED),
    Template("softmax", ("softmax",), (*MOVED, "per_position")),
    Template("lookup", LOOKUPS, MOVED),
    Template("move", ("pad", "resize"), MOVED),
)

STAND_INS = {
    ("conv2d",): ("conv_transpose2d", "conv_transpose1d", "matmul"),
    ("pad", "resize"): ("split", "slice", "expand", "transpose", "gather", "depth_to_space", "space_to_depth", "quantize", "dequantize"),
    ("add", "sub"): ("minimum", "maximum"),
    ("reduce_mean", "reduce_sum", "reduce_max", "reduce_min"): ("arg_max", "arg_min"),
}
"""Kinds that nobody ran, priced as their nearest relatives: those of plain loops over products as grouped convolutions."""


def _some(rows: Sequence[Measurement]) -> Sequence[Measurement]:
    """Rows spread over a table, enough for a few coefficients; tables of many kinds are taken whole."""
    kinds = {row.layer.op.kind for row in rows if row.layer is not None}
    return rows[:: max(1, len(rows) // (MOST_ROWS * len(kinds)))]


def generated(core: str) -> Callable[[Runtime], Figures]:
    """The recipe of one core."""

    def recipe(runtime: Runtime) -> Figures:
        rows = [row for table in TABLES for row in _some(layers_of(f"emulated-{core}/hwcost-c/{table}.csv"))]
        prices, quality = fit_layers(f"generated C, emulated {core}", TEMPLATES, rows, f"layers that the emulated {core} ran")
        others = [
            replace(price, kinds=kinds, when=replace(INT8, activation_bits=None), source=f"as {price.kinds[0]}; {price.source}")
            for price in prices
            if (kinds := STAND_INS.get(price.kinds)) is not None and price.when == INT8
        ]
        source = f"layers of every kind that the emulated {core} ran by its documented timing, without wait states or caches"
        basis = basis_of("emulated", len(rows), quality)
        return Figures(section(runtime, core, [*prices, *others], source, basis, quality, confirmed=True), (quality,))

    return recipe
