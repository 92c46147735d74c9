"""The plain C kernels: any shape, any core, one byte for each weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from hwcost.kernels.plain_layers import NEEDS
from hwcost.kernels.variant import Needs, WeightFacts
from hwcost.target import LayerFacts


class Portable:
    """Loops as a textbook writes them; what every other variant is held against."""

    name: ClassVar[str] = "portable"
    kinds: ClassVar[tuple[str, ...]] = tuple(NEEDS)
    expands_weights: ClassVar[bool] = False

    def refusal(self, layer: LayerFacts, extensions: Sequence[str], weights: WeightFacts | None) -> str | None:
        """None: it runs whatever lowering makes."""
        return None

    def needs(self, layer: LayerFacts) -> Needs:
        """Constants as they are."""
        return NEEDS[layer.kind](layer)
