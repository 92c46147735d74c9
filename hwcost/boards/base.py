"""What every board can do, and what a run on one tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

__all__ = ["Board", "FunctionRun", "Run"]


@dataclass(frozen=True, slots=True)
class FunctionRun:
    """What one function of the image took in a run, those it called not counted."""

    instructions: int
    cycles: float


@dataclass(frozen=True, slots=True)
class Run:
    """One call on an emulated board: executed instructions are exact, cycles are the core's documented times added up."""

    instructions: int
    cycles: float
    result: int
    """What the function returned, as 32 unsigned bits."""
    stack_bytes: int
    """Deepest use of the stack."""
    classes: Mapping[str, int] = field(default_factory=dict)
    """Executed instructions by class."""
    functions: Mapping[str, FunctionRun] = field(default_factory=dict)


class Board(Protocol):
    """Something that runs an image; raises BoardError where it cannot."""

    def load(self, elf: Path) -> None:
        """Put an image into its memory, in place of the one that was there."""

    def call(self, symbol: str, args: Sequence[int] = ()) -> Run:
        """Call a function of the image with integers or addresses, and return when it does."""

    def write(self, place: int | str, data: bytes) -> None:
        """Put bytes at an address, or where a symbol is."""

    def read(self, place: int | str, size: int) -> bytes:
        """Bytes at an address, or from where a symbol is."""
