"""Which taps of a kernel over time a search may keep, and which of those are worth most.

What PIT calls receptive field and dilation (Risso et al., 2022 and 2023; arXiv 2203.14768, 2301.10281) is one pattern here: some
neighbouring taps, or every second, fourth, eighth... of them. All that moves with a pattern is how many zeros stand around the input,
and no amount of zeros is below none: so a causal convolution keeps its most recent tap, one that is padded on both sides keeps
its pattern around the middle, and one that is not padded keeps its first and its last tap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hwcost.ops.conv import Taps

Array = np.ndarray[Any, Any]
Sides = tuple[int, int]
"""Zeros before the input and after it."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """The taps of one convolution: its name in the network, its path in the module, and that of the layer before it which pads for it.

    `pad` is None where it pads itself. `patterns` are those allowed, the fewest taps first; the last one is the whole kernel.
    """

    node: str
    layer: str
    pad: str | None
    patterns: tuple[Taps, ...]

    @property
    def size(self) -> int:
        """Taps of the whole kernel."""
        return self.patterns[-1].count

    @property
    def counts(self) -> tuple[int, ...]:
        """How many taps can be kept, smallest first."""
        return tuple(sorted({pattern.count for pattern in self.patterns}))

    def at_least(self, count: int) -> Kernel:
        """The kernel without patterns of fewer taps."""
        return replace(self, patterns=tuple(pattern for pattern in self.patterns if pattern.count >= count))

    def holding(self, kept: Array) -> Taps:
        """The pattern of fewest taps that holds all of these."""
        return next(pattern for pattern in self.patterns if not (kept & ~living(pattern, self.size)).any())

    def first(self, count: int) -> Taps:
        """A pattern of that many taps: of several the first, neighbours before others."""
        return next(pattern for pattern in self.patterns if pattern.count == count)


def living(pattern: Taps, size: int) -> Array:
    """Which of `size` taps a pattern keeps."""
    kept = np.zeros(size, dtype=bool)
    kept[pattern.places] = True
    return kept


def patterns_of(kernel: int, dilation: int, has_room: Callable[[Taps], bool]) -> tuple[Taps, ...]:
    """Every pattern of a kernel whose padding there is room for: neighbours and powers of two apart, the fewest taps first."""
    return tuple(sorted((taps for taps in _candidates(kernel) if has_room(taps)), key=lambda taps: (taps.count, taps.step, -taps.start)))


def _candidates(kernel: int) -> Iterator[Taps]:
    step = 1
    while step < max(kernel, 2):
        for count in range(1 if step == 1 else 2, (kernel - 1) // step + 2):
            for start in range(kernel - (count - 1) * step):
                yield Taps(start, step, count)
        step *= 2


def best_patterns(patterns: Sequence[Taps], saliency: Array) -> dict[int, Taps]:
    """The pattern of every number of taps that keeps most saliency; of equal ones the first."""
    best: dict[int, Taps] = {}
    for pattern in patterns:
        known = best.setdefault(pattern.count, pattern)
        if saliency[pattern.places].sum() > saliency[known.places].sum():
            best[pattern.count] = pattern
    return best


def own_padding_moves(kernel: int, dilation: int, own: Sides, is_same: bool) -> Callable[[Taps], bool]:
    """Whether a convolution can pad for a pattern by itself: as much before as after, or as `padding="same"` shares it out.

    A dilated kernel with `padding="same"` is written to ONNX in a form that onnxruntime does not run, so none is made.
    """

    def has_room(taps: Taps) -> bool:
        sides = taps.padding(kernel, dilation, own)
        runs = is_same and (taps.dilation(dilation) == 1 or taps.count == kernel)
        return min(sides) >= 0 and (sides[0] == sides[1] or (runs and sides == same_padding(taps.count, taps.dilation(dilation))))

    return has_room


def same_padding(kernel: int, dilation: int) -> Sides:
    """How torch shares out `padding="same"`: an odd zero stands after the input."""
    total = (kernel - 1) * dilation
    return total // 2, total - total // 2


def any_padding_moves(kernel: int, dilation: int, around: Sides) -> Callable[[Taps], bool]:
    """Whether the layer before a convolution can pad for a pattern: it takes any amounts."""
    return lambda taps: min(taps.padding(kernel, dilation, around)) >= 0
