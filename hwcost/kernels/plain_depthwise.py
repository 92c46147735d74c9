"""Depthwise windows on any core: the taps of a place are found once for all its channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from hwcost.kernels.variant import Needs, WeightFacts, channel_bytes, words
from hwcost.sizes import Size, ceil_div, equal
from hwcost.target import LayerFacts

ADDRESS_BYTES = 4
"""Of a pointer on the cores it is for."""


class PlainDepthwise:
    """No test in the inner loop: taps outside the image point to a row of zero points."""

    name: ClassVar[str] = "plain-depthwise"
    kinds: ClassVar[tuple[str, ...]] = ("depthwise_conv2d", "depthwise_conv1d")
    expands_weights: ClassVar[bool] = False

    def refusal(self, layer: LayerFacts, extensions: Sequence[str], weights: WeightFacts | None) -> str | None:
        """Why not: several outputs of one channel, or a rescaling that is not by 32 bits."""
        if layer.activation_bits != 8 or layer.weight_bits not in (None, 8):
            return f"its values have {layer.activation_bits} bits and its weights {layer.weight_bits}, not 8"
        if not equal(layer.in_channels, layer.out_channels):
            return "several outputs of one channel"
        if weights is not None and weights.shift != 32:
            return f"its rescaling shifts by {weights.shift}, not 32"
        return None

    def needs(self, layer: LayerFacts) -> Needs:
        """Weights as they are; an address for each tap, and a place of zero points."""
        taps = layer.kernel[0] * layer.kernel[1]
        places = ceil_div(layer.output_elements, layer.out_channels)
        steps: dict[str, Size] = {"layer": 1, "place": places, "tap": places * taps, "output": layer.output_elements}
        return Needs(
            packed_bytes=words(taps * layer.out_channels) + sum(channel_bytes(layer.out_channels)),
            scratch_bytes=ADDRESS_BYTES * taps + layer.out_channels,
            functions=("hwc_plain_depthwise",),
            struct="hwc_plain_depthwise",
            channels=layer.out_channels,
            steps=steps | {"mac": layer.output_elements * taps},
        )
