"""The plain C kernels: any shape, any core, one byte for each weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from hwcost.kernels.variant import Needs, WeightFacts
from hwcost.sizes import Size
from hwcost.target import LayerFacts

CHANNEL_BYTES = 8
"""An int32 bias and an int32 multiplier."""

CONVOLUTIONS = ("conv2d", "conv1d", "depthwise_conv2d", "depthwise_conv1d", "dense")


class Portable:
    """Loops as a textbook writes them; what every other variant is held against."""

    name: ClassVar[str] = "portable"
    kinds: ClassVar[tuple[str, ...]] = CONVOLUTIONS
    expands_weights: ClassVar[bool] = False

    def refusal(self, layer: LayerFacts, extensions: Sequence[str], weights: WeightFacts | None) -> str | None:
        """None: it runs whatever lowering makes."""
        return None

    def needs(self, layer: LayerFacts) -> Needs:
        """Weights as they are; the work is one step a MAC and one an output."""
        macs = layer.output_elements * layer.patch_elements
        steps: dict[str, Size] = {"mac": macs, "output": layer.output_elements, "layer": 1}
        return Needs(
            packed_bytes=layer.weight_elements + CHANNEL_BYTES * layer.out_channels,
            scratch_bytes=0,
            functions=("hwc_conv",),
            steps=steps,
        )
