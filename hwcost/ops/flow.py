"""How the size of an output axis comes about: the fact from which channel groups, slices and frozen layers follow.

Each operator tells, axis by axis, where the sizes of its output come from. Nothing else in the package restates it: the groups
of channels that must be searched together (`channels.py`), the compiled cost and the slices of export all read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

InputAxis: TypeAlias = tuple[int, int]
"""One axis of one input: `(input, axis)`, both from 0."""


@dataclass(frozen=True, slots=True)
class Own:
    """The operator's own attribute sets the size (the output channels of a convolution)."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The size is geometry that no search changes (height, width), or the operator needs it exactly as it is."""


@dataclass(frozen=True, slots=True)
class Same:
    """The size is that of input axes; several are tied and must stay equal (a residual sum)."""

    sources: tuple[InputAxis, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """The sizes of input axes stand one behind the other (concat)."""

    sources: tuple[InputAxis, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """Several axes of input 0 are merged into one, outermost first (flatten: every channel becomes `positions` features)."""

    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """Every index of an input axis becomes `times` neighbours (a depthwise layer with a multiplier)."""

    source: InputAxis
    times: int


@dataclass(frozen=True, slots=True)
class Part:
    """A run of an input axis, `start` to `stop` (split, slice)."""

    source: InputAxis
    start: int
    stop: int


AxisFlow: TypeAlias = Own | Fixed | Same | Joined | Spread | Repeated | Part


def same_axes(rank: int, source: int = 0) -> tuple[AxisFlow, ...]:
    """Every axis is that of input `source`: the flow of an activation."""
    return tuple(Same(((source, axis),)) for axis in range(rank))
