"""The nouns of placement: buffers that live for a while, and a plan that says where each lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Buffer:
    """A block of `size_bytes` needed during steps `start` to `stop`, the last excluded, at a multiple of `alignment`."""

    name: str
    size_bytes: int
    start: int
    stop: int
    alignment: int = 1

    def overlaps(self, other: Buffer) -> bool:
        """Whether both are needed during some step."""
        return self.start < other.stop and other.start < self.stop


@dataclass(frozen=True, slots=True)
class Plan:
    """Offset of every buffer, the height they reach, and how far that can be from the best."""

    offsets: Mapping[str, int]
    height_bytes: int
    lower_bound_bytes: int
    method: str
    optimal: bool

    @property
    def gap(self) -> float:
        """Height above the lower bound as a share of it; 0 is proven optimal."""
        return self.height_bytes / self.lower_bound_bytes - 1 if self.lower_bound_bytes else 0.0
