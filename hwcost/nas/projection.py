"""Which channels to keep so that every limit holds and the most saliency stays: shrink, grow, swap.

Only the cost of widths is asked for, many candidates at a time, so any cost model works: tables, forests, schedulers without a
gradient. A greedy choice: the tests hold it against every combination of small networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwcost.nas.taps import best_patterns, living
from hwcost.ops.conv import Taps

Array = np.ndarray[Any, Any]
Usage = Callable[[Array], Array]
"""Widths (candidates, groups) to used / limit of every constraint (candidates, constraints); 1 is exactly full."""

STRIDES = (1, 2, 4, 8)
"""Widths that a move takes at once: kernels that compute four channels together save nothing on the first three that go."""
LEAST_GAIN = 1e-4
"""Least use that a growing candidate is counted with, so that free channels do not divide by nothing."""
LEAST_SALIENCY = 1e-12
COARSE = 8
"""Smallest moves of the first pace between a group's widest and narrowest: of 128 channels, 16 go at once."""
MOST_SWAPS = 32


@dataclass(frozen=True, slots=True)
class Ladder:
    """The widths of one group, smallest first, and the saliency of keeping its best channels, or taps, at each of them."""

    widths: Array
    order: Array
    value: Array
    patterns: tuple[Taps, ...] = ()
    """Of the taps of a kernel, those of every rung; `order` is not asked then."""

    @classmethod
    def of(cls, widths: Sequence[int], saliency: Array) -> Ladder:
        """The ladder of a group whose channels have these saliencies; of equal channels the first is kept.

        The k-th best of n channels counts n / k times its saliency, which is measured with the others there: they stand in for it,
        but of a few that are left none can. Without that, narrow layers become bottlenecks and digits loses one point more.
        """
        order = np.argsort(-saliency, kind="stable")
        rungs = np.asarray(widths)
        return cls(rungs, order, _worth(saliency[order], len(saliency))[rungs - 1])

    @classmethod
    def of_taps(cls, patterns: Sequence[Taps], saliency: Array, *, every: bool = False) -> Ladder:
        """The ladder of a kernel: the best pattern of each number of taps, unless fewer taps are worth more; with `every`, that too.

        Taps of a pattern count for more where they are few, as channels do.
        """
        rising: list[tuple[int, Taps, float]] = []
        for count, pattern in sorted(best_patterns(patterns, saliency).items()):
            worth = float(_worth(np.sort(saliency[pattern.places])[::-1], len(saliency))[-1])
            if every or not rising or worth > rising[-1][2]:
                rising.append((count, pattern, worth))
        counts, chosen, values = zip(*rising, strict=True)
        return cls(np.asarray(counts), np.arange(len(saliency)), np.asarray(values), chosen)

    def rung(self, width: int) -> int:
        """The lowest rung that is at least this wide."""
        return int(np.searchsorted(self.widths, width))

    def kept(self, rung: int) -> Array:
        """Which channels live on a rung, or which taps."""
        if self.patterns:
            return living(self.patterns[rung], len(self.order))
        kept = np.zeros(len(self.order), dtype=bool)
        kept[self.order[: self.widths[rung]]] = True
        return kept


class Projection:
    """Positions on the ladders of all groups, moved until all constraints hold and nothing more fits."""

    def __init__(self, ladders: Sequence[Ladder], usage: Usage) -> None:
        self.ladders, self._usage = tuple(ladders), usage
        count = len(self.ladders)
        self.tops = np.array([len(ladder.widths) - 1 for ladder in self.ladders], dtype=np.int64)
        depth = int(self.tops.max(initial=0)) + 1
        self._widths = np.array([np.resize(ladder.widths, depth) for ladder in self.ladders]).reshape(count, depth)
        self._values = np.array([np.resize(ladder.value, depth) for ladder in self.ladders]).reshape(count, depth)
        self._moves = np.concatenate([stride * np.eye(count, dtype=np.int64) for stride in STRIDES])

    def widths(self, rungs: Array) -> Array:
        """The width of every group at these rungs; candidates come first."""
        return np.asarray(self._widths[np.arange(len(self.ladders)), rungs])

    def value(self, rungs: Array) -> Array:
        """Saliency kept, over all groups."""
        return np.asarray(self._values[np.arange(len(self.ladders)), rungs].sum(axis=-1))

    def usage(self, rungs: Array) -> Array:
        """Used / limit of every constraint."""
        return self._usage(self.widths(rungs))

    def fits(self, rungs: Array) -> bool:
        """Whether every constraint holds."""
        return bool((self.usage(rungs[None]) <= 1).all())

    def best(self) -> Array:
        """Rungs from all channels alive: shrunk until the constraints hold, then grown. Check `fits`: a budget can be out of reach."""
        rungs = self.shrunk(self.tops.copy())
        return self.grown(rungs) if self.fits(rungs) else rungs

    def shrunk(self, rungs: Array) -> Array:
        """Channels removed, least saliency for most overshoot first, until every constraint holds or nothing is left to remove.

        Wide groups lose many channels at once as long as that does not go too far; the last move of each pace is taken again in halves.
        """
        pace = np.maximum(1, (self.tops + 1) // COARSE)
        while pace.max(initial=1) > 1:
            # The last rungs of this pace that do not fit yet are where the next one goes on.
            rungs = [rungs, *(lower for lower, over in self._shrinking(rungs, pace) if over > 0)][-1]
            pace = np.maximum(1, pace // 2)
        return [rungs, *(lower for lower, _ in self._shrinking(rungs, pace))][-1]

    def _shrinking(self, rungs: Array, pace: Array) -> Iterator[tuple[Array, float]]:
        """Each move down in turn with the overshoot that is left, until there is none of either."""
        over = float(_overshoot(self.usage(rungs[None]))[0])
        while over > 0:
            lower = rungs - self._moves * pace
            lower = lower[(lower >= 0).all(axis=-1)]
            if not len(lower):
                break
            left = _overshoot(self.usage(lower))
            lost, gained = self.value(rungs) - self.value(lower), over - left
            price = np.divide(lost, gained, out=np.full(len(lost), np.inf), where=gained > LEAST_SALIENCY)
            # Where no move helps (ties, plateaus of SIMD lanes), the cheapest one leads on.
            chosen = int(np.argmin(price)) if np.isfinite(price).any() else int(np.argmin(lost))
            rungs, over = lower[chosen], float(left[chosen])
            yield rungs, over

    def grown(self, rungs: Array) -> Array:
        """Channels added, most saliency for least use first, until none fits."""
        higher = self.growth(rungs)
        while len(higher):
            rungs = higher[0]
            higher = self.growth(rungs)
        return rungs

    def growth(self, rungs: Array) -> Array:
        """Every move up that fits, most saliency for least use first."""
        higher, used = self._fitting(rungs + self._moves)
        if not len(higher):
            return higher
        gain = self.value(higher) - self.value(rungs)
        spent = np.maximum(used.max(axis=-1) - self.usage(rungs[None]).max(), LEAST_GAIN)
        return np.asarray(higher[np.argsort(-gain / spent, kind="stable")])

    def swapped(self, rungs: Array) -> Array:
        """Channels of one group exchanged for channels of another while that keeps more saliency and fits, then grown again."""
        pairs = (self._moves[None, :, :] - self._moves[:, None, :]).reshape(-1, len(self.ladders))
        pairs = pairs[(pairs > 0).any(axis=-1) & (pairs < 0).any(axis=-1)]
        for _ in range(MOST_SWAPS):
            others = rungs + pairs
            others = others[((others >= 0) & (others <= self.tops)).all(axis=-1)]
            others = others[self.value(others) > self.value(rungs) * (1 + 1e-9)]
            others, _ = self._fitting(others)
            if not len(others):
                break
            rungs = others[int(np.argmax(self.value(others)))]
        return self.grown(rungs)

    def _fitting(self, candidates: Array) -> tuple[Array, Array]:
        """The candidates that are rungs and fit, with their use."""
        inside = candidates[(candidates <= self.tops).all(axis=-1)]
        if not len(inside):
            return inside, np.empty((0, 0))
        used = self.usage(inside)
        fitting = (used <= 1).all(axis=-1)
        return inside[fitting], used[fitting]


def _worth(best_first: Array, size: int) -> Array:
    """What the first of some of `size` channels or taps are worth together, from one to all of them."""
    alone = size / np.arange(1, len(best_first) + 1)
    return np.asarray(np.cumsum(np.maximum(best_first, LEAST_SALIENCY) * alone))


def _overshoot(usage: Array) -> Array:
    """How far the constraints are passed, summed: of tied peaks each counts, or no single removal would show a gain."""
    return np.asarray(np.maximum(usage - 1, 0).sum(axis=-1))
