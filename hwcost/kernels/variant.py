"""What a kernel of our own code generator asks for, in formulas that hold for numbers, searched sizes and columns alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np

from hwcost.sizes import Size, is_int, round_up, value
from hwcost.slopes import Sloped
from hwcost.target import LayerFacts

WORD_BYTES = 4
"""Of a bias, a multiplier, an offset; constants begin at whole words."""


def words(size: Size) -> Size:
    """Bytes of an array of constants with what is left free behind it."""
    return round_up(size, WORD_BYTES)


def plain(n: Size) -> int:
    """A number to make code for, or to decide with; of a column, its largest."""
    column = n.value if isinstance(n, Sloped) else n
    return int(column.max()) if isinstance(column, np.ndarray) else value(column)


def has_whole_channels(layer: LayerFacts) -> bool:
    """Whether a layer is one layer, with numbers of channels that code can be generated for; columns and searched sizes are not."""
    return is_int(layer.in_channels) and is_int(layer.out_channels)


def channel_bytes(channels: Size) -> tuple[Size, Size]:
    """Bytes of the biases and of the multipliers of so many channels."""
    return WORD_BYTES * channels, WORD_BYTES * channels


@dataclass(frozen=True, slots=True)
class WeightFacts:
    """What some kernels must know of a layer's values before they may be used.

    `accumulator_bound` is the largest magnitude any output's sum can reach, bias included: max over channels of
    |bias| + 128 * sum |weights|; `lowest` and `highest` bound the weights; `shift` is the layer's rescaling shift, `clamps` whether its
    range is narrower than int8.
    """

    accumulator_bound: int
    lowest: int
    highest: int
    shift: int = 32
    clamps: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """What one layer takes under one variant.

    `packed_bytes` is everything of the layer in flash but its struct: weights as the kernel wants them, biases, multipliers, tables, each
    array filled up to whole words; `channels` of them have a bias and a multiplier of four bytes each. `functions` names the sources of
    the C functions it calls (their sizes are in the runtime's table for the core), `struct` the C type of its numbers, of which there is
    one for each of its `calls`. `unit_bytes` is the code generated for its shape, by unit name, shared between layers whose units have
    the same name. `steps` says how often each piece of the kernel runs; a core's table gives each its cycles and instructions.
    """

    packed_bytes: Size
    scratch_bytes: Size
    functions: tuple[str, ...]
    struct: str
    steps: Mapping[str, Size]
    channels: Size = 0
    calls: int = 1
    unit_bytes: Mapping[str, int] = field(default_factory=dict)


class Variant(Protocol):
    """One way to run layers of some kinds; one file of this folder each, without state."""

    name: ClassVar[str]
    """As reports say it: `dsp-tile`."""
    kinds: ClassVar[tuple[str, ...]]
    """Operator kinds of the graph it can run."""
    expands_weights: ClassVar[bool]
    """Whether it takes more flash for weights than one byte each: only `--optimise time` picks it."""

    def refusal(self, layer: LayerFacts, extensions: Sequence[str], weights: WeightFacts | None) -> str | None:
        """Why it cannot run the layer on a core with these extensions; None where it can (or could: weights of None are assumed to fit)."""

    def needs(self, layer: LayerFacts) -> Needs:
        """What the layer takes, if it runs it."""
