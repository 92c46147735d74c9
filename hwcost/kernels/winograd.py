"""Windows of 3 x 3 at stride 1 by Winograd's F(2 x 2, 3 x 3): 16 products instead of 36 for four outputs, exact in integers.

Weights are transformed by 2G on both sides (at most 9 * 128 in magnitude, int16), so sums are four times the convolution's.
Source: A. Lavin, S. Gray, Fast Algorithms for Convolutional Neural Networks, 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import ClassVar

from hwcost.kernels.dsp_code import LARGEST_OFFSET
from hwcost.kernels.dsp_tile import LARGEST_SCRATCH_BYTES, SHIFT
from hwcost.kernels.variant import Needs, WeightFacts, has_whole_channels, plain
from hwcost.kernels.winograd_code import (
    CHANNELS,
    PLACES,
    TILES,
    WORD_BYTES,
    code_bytes,
    last_load,
    last_store,
    products,
    products_name,
    transform,
    transform_name,
)
from hwcost.sizes import Size, ceil_div, is_int
from hwcost.target import LayerFacts

SUM_LIMIT = 2**29
"""Four times a sum fits int32 below it."""


class Winograd:
    """Fewer products for weights of 3.6 bytes each."""

    name: ClassVar[str] = "winograd"
    kinds: ClassVar[tuple[str, ...]] = ("conv2d",)
    expands_weights: ClassVar[bool] = True

    def refusal(self, layer: LayerFacts, extensions: Sequence[str], weights: WeightFacts | None) -> str | None:
        """Why not: the core, another window, sizes that are no whole tiles, working memory, or sums that are too large."""
        if "dsp" not in extensions:
            return "the core has no dual multiplication (dsp)"
        return _window_refusal(layer) or _size_refusal(layer) or (None if weights is None else _weights_refusal(weights))

    def needs(self, layer: LayerFacts) -> Needs:
        """16 int16 for each window of nine weights; four rows of input, two transformed tiles and their sums in scratch."""
        groups = ceil_div(layer.out_channels, CHANNELS)
        tiles = ceil_div(layer.output_height * layer.output_width, CHANNELS)
        steps: dict[str, Size] = {
            "layer": 1,
            "row": ceil_div(layer.output_height, 2),
            "transformed word": tiles * ceil_div(layer.in_channels, CHANNELS),
            "products call": ceil_div(tiles, TILES) * groups,
            "products pair": ceil_div(tiles, TILES) * groups * PLACES * ceil_div(layer.in_channels, 2),
            "transformed output": tiles * layer.out_channels,
        }
        return Needs(
            packed_bytes=groups * group_bytes(layer.in_channels),
            scratch_bytes=scratch_bytes(layer.in_channels, layer.output_width),
            functions=("hwc_dsp_winograd",),
            struct="hwc_dsp_winograd",
            channels=groups * CHANNELS,
            steps=steps,
            unit_bytes=_unit_bytes(plain(layer.in_channels), plain(layer.output_width)) if has_whole_channels(layer) else {},
        )


@cache
def _unit_bytes(in_channels: int, out_width: int) -> dict[str, int]:
    pairs, row = -(-in_channels // 2), row_bytes(in_channels, out_width)
    return {
        transform_name(in_channels, row): code_bytes(transform(in_channels, row)),
        products_name(pairs): code_bytes(products(pairs)),
    }


def row_bytes(in_channels: Size, out_width: Size) -> Size:
    """Bytes of a padded row: two places more than outputs."""
    return (out_width + 2) * in_channels


def group_bytes(in_channels: Size) -> Size:
    """Transformed weights, biases and multipliers of four output channels."""
    return CHANNELS * (2 * PLACES * in_channels + 2 * WORD_BYTES)


def scratch_bytes(in_channels: Size, out_width: Size) -> Size:
    """Four padded rows of int8, two tiles of int16, and the sums of four channels."""
    return 4 * row_bytes(in_channels, out_width) + 2 * TILES * PLACES * in_channels + WORD_BYTES * PLACES * CHANNELS * TILES


def _window_refusal(layer: LayerFacts) -> str | None:
    if layer.activation_bits != 8 or layer.weight_bits not in (None, 8):
        return f"its values have {layer.activation_bits} bits and its weights {layer.weight_bits}, not 8"
    if (layer.kernel, layer.stride, layer.dilation) != ((3, 3), (1, 1), (1, 1)) or layer.groups != 1:
        return "it is no window of 3 x 3 at stride 1 in one group"
    return None


def _size_refusal(layer: LayerFacts) -> str | None:
    sizes = {"output height": (layer.output_height, 2), "output width": (layer.output_width, 4)}
    sizes |= {"input channels": (layer.in_channels, 4), "output channels": (layer.out_channels, 4)}
    for what, (size, step) in sizes.items():
        if is_int(size) and size % step:
            return f"{what}: {size}, not a multiple of {step}"
    in_channels, out_width = plain(layer.in_channels), plain(layer.output_width)
    taken = scratch_bytes(in_channels, out_width)
    if taken > LARGEST_SCRATCH_BYTES:
        return f"rows and tiles take {taken} bytes, more than {LARGEST_SCRATCH_BYTES}"
    farthest = max(last_load(in_channels, row_bytes(in_channels, out_width)), last_store(in_channels))
    return None if farthest <= LARGEST_OFFSET else "its tiles reach farther than a constant offset"


def _weights_refusal(weights: WeightFacts) -> str | None:
    if weights.shift != SHIFT:
        return f"its rescaling shifts by {weights.shift}, not {SHIFT}"
    if weights.clamps:
        return "its outputs are clamped to less than int8"
    if weights.accumulator_bound >= SUM_LIMIT:
        return f"a sum may reach {weights.accumulator_bound}, not below {SUM_LIMIT}"
    return None
