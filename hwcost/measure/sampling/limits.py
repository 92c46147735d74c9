"""Which layers a device can run at all, and in how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from hwcost.errors import ShapeError
from hwcost.records import Layer
from hwcost.target import Target

__all__ = ["MOST_MACS", "Limits"]

MOST_MACS = 2_500_000
"""Of one sampled layer: the largest of the MLPerf Tiny networks has 2.36 million."""

_SHARE = 0.9
"""Of RAM and flash, which one layer may take: code, stack and scratch need some too."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one layer may take: RAM for its inputs and output, flash for its weights, and work."""

    ram_bytes: int
    flash_bytes: int
    macs: int = MOST_MACS

    @classmethod
    def of(cls, target: Target, macs: int = MOST_MACS) -> Self:
        """Those of a device: nine tenths of what nothing else has taken."""
        free = [
            sum(memory.size_bytes.value - memory.reserved_bytes.value for memory in regions)
            for regions in (target.ram_regions, target.flash_regions)
        ]
        return cls(int(_SHARE * free[0]), int(_SHARE * free[1]), macs)

    def allow(self, layer: Layer) -> bool:
        """Whether the layer stays within all of them; no where its shapes do not go together."""
        try:
            work = layer.step.work
        except ShapeError:
            return False
        held = int(work.in_bytes) + int(work.out_bytes)
        return held <= self.ram_bytes and 4 * int(work.out_channels) + int(work.params) <= self.flash_bytes and int(work.macs) <= self.macs
