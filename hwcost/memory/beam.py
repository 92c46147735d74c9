"""Placement from the bottom up: a beam of partial plans, all offsets tried in rising order.

A plan can be pushed down until every buffer rests on the arena's floor or on another buffer, so it is enough to place buffers in
the order of their offsets, each at the lowest offset its neighbours leave (the canonical plans of MiniMalloc, Moffitt, ASPLOS 2023). A
partial plan is dropped once some step has more left to place than fits above its lowest free offset. All partial plans of a length are
rows of arrays. A beam that never had to drop a plan for its width has tried everything, which proves what it did not find.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from hwcost.memory.buffers import Buffer

Array: TypeAlias = "np.ndarray[Any, Any]"

DONE = np.int32(2**30)
"""Offset of a buffer that is placed, and free offset of a step with nothing left to place."""
WASTE_SHARE = 0.01
"""Waste of this share of the height, at one step, is as bad as the height's whole waste e times over."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one beam found: offsets by buffer in bytes, or None and the buffers of its longest partial plan, lowest first.

    `complete` when nothing was dropped for want of width: no plan within the limit exists if none was found.
    """

    offsets: dict[str, int] | None
    begun: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class _Beam:
    """Partial plans, one a row: lowest offset of each buffer, bytes left at each section, offset and section placed last."""

    support: Array
    left: Array
    line: Array
    section: Array
    offset: Array
    free: Array
    slack: Array

    def __len__(self) -> int:
        return len(self.line)

    def taken(self, rows: Array) -> _Beam:
        """Only these rows."""
        parts = (self.support, self.left, self.line, self.section, self.offset, self.free, self.slack)
        return _Beam(*(part[rows] for part in parts))


class BottomUp:
    """One placement problem in the form the beam works on.

    Steps are merged into sections: sets of buffers that are live together and in no larger such set. Sizes are in units of their
    greatest common divisor (and of the alignment), so that arrays of int32 hold them.
    """

    def __init__(self, buffers: Sequence[Buffer]) -> None:
        alignment = max(buffer.alignment for buffer in buffers)
        rounded = [-(-buffer.size_bytes // alignment) * alignment for buffer in buffers]
        self.unit, self.alignment = math.gcd(*rounded), alignment
        sections = _sections(buffers)
        first = np.searchsorted(sections, [b.start for b in buffers], "left")
        last = np.searchsorted(sections, [b.stop for b in buffers], "left") - 1
        sizes = np.array(rounded, dtype=np.int64) // self.unit
        order = np.lexsort((-sizes, first - last, first))
        self.names = [buffers[index].name for index in order]
        self.first, self.last, self.sizes = first[order].astype(np.int32), last[order], sizes[order].astype(np.int32)
        self.sizes_bytes = np.array([buffers[index].size_bytes for index in order], dtype=np.int64)
        self.sections = len(sections)
        overlap = (self.first[:, None] <= self.last) & (self.first <= self.last[:, None])
        np.fill_diagonal(overlap, val=False)
        self.overlap = -overlap.astype(np.int32)  # all bits set where two buffers are live together
        live = (self.first[:, None] <= np.arange(self.sections)) & (np.arange(self.sections) <= self.last[:, None])
        self.size_at = live * self.sizes[:, None]
        self.total = self.size_at.sum(0, dtype=np.int64)
        self.twin = self._twins()
        self._weights = np.random.default_rng(0).integers(1, 2**62, len(self.sizes) + self.sections, dtype=np.int64)
        self._prepare_free()

    @property
    def bound(self) -> int:
        """The most that is live at once, in units."""
        return int(self.total.max())

    def units(self, height_bytes: int) -> int:
        """The most units a stack of rounded sizes may reach in an arena of that height: its top need not be rounded."""
        return (height_bytes + self.alignment - 1) // self.unit

    def _twins(self) -> Array:
        """The nearest earlier buffer with the same life and size, or -1: of such buffers the earlier lies lower."""
        known: dict[tuple[int, int, int], int] = {}
        twins = np.full(len(self.sizes), -1)
        for index, key in enumerate(zip(self.first.tolist(), self.last.tolist(), self.sizes_bytes.tolist(), strict=True)):
            twins[index] = known.get(key, -1)
            known[key] = index
        return twins

    def _prepare_free(self) -> None:
        """Tables to spread minima over ranges of sections: each buffer's range is two overlapping runs of a power of two."""
        length = self.last - self.first + 1
        power = np.floor(np.log2(length)).astype(int)
        at_start, at_end = power * self.sections + self.first, power * self.sections + self.last - (1 << power) + 1
        keys = np.concatenate([at_start, at_end])
        order = np.argsort(keys, kind="stable")
        self._source = np.tile(np.arange(len(length)), 2)[order]
        self._starts = np.flatnonzero(np.r_[True, np.diff(keys[order]) != 0])
        self._keys = keys[order][self._starts]
        self._levels = int(power.max()) + 1

    def free_offsets(self, offset: Array) -> Array:
        """For each section the lowest offset at which one of its unplaced buffers can still lie."""
        n = self.sections
        table = np.full((len(offset), self._levels * n), DONE, np.int32)
        table[:, self._keys] = np.minimum.reduceat(offset[:, self._source], self._starts, axis=1)
        for level in range(self._levels - 1, 0, -1):
            upper, lower = table[:, level * n : (level + 1) * n], table[:, (level - 1) * n : level * n]
            half = 1 << (level - 1)
            np.minimum(lower, upper, out=lower)
            np.minimum(lower[:, half:], upper[:, : n - half], out=lower[:, half:])
        return table[:, :n]

    def _judged(self, support: Array, left: Array, line: Array, section: Array, target: int) -> tuple[_Beam, Array]:
        """Partial plans with what follows from them, and which of them can be continued."""
        below = line[:, None]
        can_end_high = (support + self.sizes > below).all(1)  # else a buffer fits wholly under the line, where it should have been placed
        next_line = (np.maximum(support, below) + self.sizes).min(1)
        passed = support < below + (self.first < section[:, None])
        offset = np.where(passed, next_line[:, None], support)
        offset[support == DONE] = DONE
        free = self.free_offsets(offset)
        slack = np.where(left == 0, DONE, target - left - free)
        return _Beam(support, left, line, section, offset, free, slack), np.asarray(can_end_high)

    def search(
        self, width: int, target: int, limit_bytes: int, waste_weight: float, most: int, go_on: Callable[[], bool] = lambda: True
    ) -> Outcome:
        """Place everything within `limit_bytes`, aiming at `target` units, with at most `width` partial plans of a length.

        Gives up after `most` partial plans, or when `go_on` says so.
        """
        count = len(self.sizes)
        start = np.zeros((1, count), np.int32), self.total[None].astype(np.int32), np.zeros(1, np.int32), np.zeros(1, np.int32)
        beam, _ = self._judged(*start, target)
        steps: list[tuple[Array, Array, Array]] = []
        complete, evaluated = True, 0
        limit = self.units(limit_bytes)
        highest = (limit_bytes - self.sizes_bytes) // self.unit
        while len(steps) < count:
            parent, child = self._choices(beam, limit, highest)
            if evaluated > most or not go_on():
                return Outcome(None, self._begun(steps), complete=False)
            if len(parent) == 0:
                return Outcome(None, self._begun(steps), complete)
            offsets = beam.offset[parent, child]
            grown, alive = self._grown(beam, parent, child, target)
            evaluated += len(parent)
            kept = np.flatnonzero(alive & (grown.slack.min(1) + (limit - target) >= 0))
            kept = kept[self._distinct(grown, kept)]
            if len(kept) > width:
                complete = False
                score = self._score(grown.taken(kept), target, waste_weight)
                kept = kept[np.argsort(score, kind="stable")[:width]]
            if len(kept) == 0:
                return Outcome(None, self._begun(steps), complete)
            steps.append((parent[kept], child[kept], offsets[kept]))
            beam = grown.taken(kept)
        return Outcome(self._lowest(steps), (), complete)

    def _choices(self, beam: _Beam, limit: int, highest: Array) -> tuple[Array, Array]:
        """Every (partial plan, buffer) that may come next: at its own support, not above what others still need below."""
        room = np.where(beam.left > 0, limit - beam.left, DONE).min(1)
        tops = np.where(beam.support < DONE, beam.support + self.sizes, DONE).min(1)
        ceiling = np.minimum(room, tops - 1)
        fits = (beam.offset == beam.support) & (beam.offset <= ceiling[:, None]) & (beam.offset <= highest)
        fits &= (self.twin < 0) | (beam.support[:, self.twin] == DONE)
        parent, child = np.nonzero(fits)
        return parent, child

    def _grown(self, beam: _Beam, parent: Array, child: Array, target: int) -> tuple[_Beam, Array]:
        """Each partial plan with its chosen buffer placed."""
        offsets = beam.offset[parent, child]
        top = offsets + self.sizes[child]
        support = np.maximum(beam.support[parent], self.overlap[child] & top[:, None])
        support[np.arange(len(parent)), child] = DONE
        left = beam.left[parent] - self.size_at[child].astype(np.int32)
        return self._judged(support, left, offsets, self.first[child], target)

    def _distinct(self, beam: _Beam, rows: Array) -> Array:
        """Positions of rows that differ in what is placed or in where the rest can lie, told by 64-bit sums of random weights."""
        placed = np.where(beam.support[rows] == DONE, self._weights[: len(self.sizes)], 0).sum(1)
        free = (beam.free[rows] * self._weights[len(self.sizes) :]).sum(1)
        _, index = np.unique(placed ^ free, return_index=True)
        return np.sort(index)

    def _score(self, beam: _Beam, target: int, waste_weight: float) -> Array:
        """Ragged tops and wasted space, both a share of the sections; lower is better."""
        edges = (beam.free[:, 1:] != beam.free[:, :-1]).sum(1)
        waste = np.exp(-np.minimum(beam.slack, target).astype(np.float32) / (target * WASTE_SHARE)).sum(1)
        return np.asarray((edges + waste_weight * waste) / self.sections)

    def _begun(self, steps: Sequence[tuple[Array, Array, Array]]) -> tuple[str, ...]:
        """The buffers of the best partial plan, in the order they were placed."""
        row, order = 0, []
        for parent, child, _ in reversed(steps):
            order.append(self.names[child[row]])
            row = parent[row]
        return tuple(reversed(order))

    def _lowest(self, steps: Sequence[tuple[Array, Array, Array]]) -> dict[str, int]:
        """Read the plans of the last beam back to their beginning, and take the lowest."""
        rows = np.arange(len(steps[-1][0]))
        offsets = np.zeros((len(rows), len(self.sizes)), np.int64)
        plan = rows
        for parent, child, offset in reversed(steps):
            offsets[rows, child[plan]] = offset[plan]
            plan = parent[plan]
        best = int((offsets * self.unit + self.sizes_bytes).max(1).argmin())
        return {name: int(offset) * self.unit for name, offset in zip(self.names, offsets[best], strict=True)}


def _sections(buffers: Sequence[Buffer]) -> list[int]:
    """First steps of the largest sets of buffers live together: every other set is part of one of them."""
    starts, stops = {b.start for b in buffers}, {b.stop for b in buffers}
    sections: list[int] = []
    pending: int | None = None
    for step in sorted(starts | stops):
        if step in stops and pending is not None:
            sections.append(pending)
            pending = None
        if step in starts:
            pending = step
    return sections if pending is None else [*sections, pending]
