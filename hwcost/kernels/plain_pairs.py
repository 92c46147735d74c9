"""Convolutions without dual multiplications: one 32-bit multiplication makes products of two output channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from hwcost.kernels.variant import Needs, WeightFacts, channel_bytes, plain, words
from hwcost.sizes import Size, ceil_div, equal
from hwcost.target import LayerFacts

OUTPUTS = 4
"""Output channels that are computed together, two in each word."""

WORDS_BYTES = 8
"""Of one input's weights, widened."""

LOWEST_WEIGHT = -127
"""Two products of it and of an input of -128 stay inside 16 bits."""

LARGEST_SCRATCH_BYTES = 8192
FEWEST_PLACES = 2
"""With one place alone, widening weights costs more than it saves."""


class PlainPairs:
    """Weights widened once for a whole image, then one load and one multiplication for two products."""

    name: ClassVar[str] = "plain-pairs"
    kinds: ClassVar[tuple[str, ...]] = ("conv2d", "conv1d", "dense")
    expands_weights: ClassVar[bool] = False

    def refusal(self, layer: LayerFacts, extensions: Sequence[str], weights: WeightFacts | None) -> str | None:
        """Why not: groups, a single place, working memory, or weights that two products of could leave 16 bits."""
        if layer.activation_bits != 8 or layer.weight_bits not in (None, 8):
            return f"its values have {layer.activation_bits} bits and its weights {layer.weight_bits}, not 8"
        if not equal(layer.groups, 1):
            return f"it has {layer.groups} groups, not one"
        if plain(_places(layer)) < FEWEST_PLACES:
            return "it has one place, for which weights would be widened"
        scratch = plain(_scratch_bytes(layer))
        if scratch > LARGEST_SCRATCH_BYTES:
            return f"widened weights take {scratch} bytes, more than {LARGEST_SCRATCH_BYTES}"
        return None if weights is None else _weights_refusal(weights)

    def needs(self, layer: LayerFacts) -> Needs:
        """Weights of one byte, and for each four channels how many products may be summed before they are split."""
        groups = ceil_div(layer.out_channels, OUTPUTS)
        steps: dict[str, Size] = {
            "layer": 1,
            "widened input": groups * layer.patch_elements,
            "place": groups * _places(layer),
            "window row": groups * _places(layer) * layer.kernel[0],
            "input": groups * _places(layer) * layer.patch_elements,
            "output": layer.output_elements,
        }
        return Needs(
            packed_bytes=words(layer.weight_elements) + sum(channel_bytes(layer.out_channels)) + words(groups),
            scratch_bytes=_scratch_bytes(layer),
            functions=("hwc_plain_pairs", "hwc_plain_pairs_run"),
            struct="hwc_plain_pairs",
            channels=layer.out_channels,
            steps=steps,
        )


def _places(layer: LayerFacts) -> Size:
    return ceil_div(layer.output_elements, layer.out_channels)


def _scratch_bytes(layer: LayerFacts) -> Size:
    """Widened weights of four channels, and one place of zero points."""
    return WORDS_BYTES * layer.patch_elements + layer.in_channels


def _weights_refusal(weights: WeightFacts) -> str | None:
    if weights.shift != 32:
        return f"its rescaling shifts by {weights.shift}, not 32"
    return f"a weight is {weights.lowest}, below {LOWEST_WEIGHT}" if weights.lowest < LOWEST_WEIGHT else None
