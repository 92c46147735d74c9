"""Placement by improving an order: first fit in an order that is disturbed again and again around the buffers that lie highest."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from hwcost.memory.buffers import Buffer, Plan
from hwcost.memory.greedy import planned
from hwcost.sizes import round_up

STRANGERS = 0.2
"""Share of moves that take any buffer, not one of the highest: without them the search circles in a few orders."""


class OrderSearch:
    """Iterated first fit; deterministic for a seed and a number of rounds."""

    def __init__(self, buffers: Sequence[Buffer], seed: int = 0) -> None:
        self.buffers = list(buffers)
        self.random = random.Random(seed)
        self.neighbours = [[j for j, other in enumerate(self.buffers) if j != i and other.overlaps(b)] for i, b in enumerate(self.buffers)]

    def improve(self, plan: Plan, rounds: int, go_on: Callable[[], bool]) -> Plan:
        """The lowest plan of `rounds` disturbed orders, starting from `plan`; stops at the bound, or when `go_on` says so."""
        order = sorted(range(len(self.buffers)), key=lambda i: plan.offsets[self.buffers[i].name])
        offsets = self._placed(order)
        best, height = offsets, self._height(offsets)
        for _ in range(rounds):
            if height <= plan.lower_bound_bytes or not go_on():
                break
            trial = self._disturbed(order, offsets)
            tried = self._placed(trial)
            reached = self._height(tried)
            if reached <= self._height(offsets):
                order, offsets = trial, tried
            if reached < height:
                best, height = tried, reached
        if height >= plan.height_bytes:
            return plan
        return planned({b.name: offset for b, offset in zip(self.buffers, best, strict=True)}, self.buffers, "local search")

    def _disturbed(self, order: Sequence[int], offsets: Sequence[int]) -> list[int]:
        """The order with one buffer taken to an earlier place: one that reaches the top, or now and then any."""
        height = self._height(offsets)
        highest = [i for i in order if offsets[i] + self.buffers[i].size_bytes == height]
        moved = self.random.choice(order if self.random.random() < STRANGERS else highest)
        at = order.index(moved)
        rest = [i for i in order if i != moved]
        rest.insert(self.random.randrange(at + 1), moved)
        return rest

    def _placed(self, order: Sequence[int]) -> list[int]:
        """Offsets of first fit in this order."""
        offsets = [-1] * len(self.buffers)
        for index in order:
            buffer = self.buffers[index]
            taken = sorted((offsets[j], offsets[j] + self.buffers[j].size_bytes) for j in self.neighbours[index] if offsets[j] >= 0)
            lowest = 0
            for start, end in taken:
                if lowest + buffer.size_bytes <= start:
                    break
                lowest = max(lowest, round_up(end, buffer.alignment))
            offsets[index] = lowest
        return offsets

    def _height(self, offsets: Sequence[int]) -> int:
        return max(offset + b.size_bytes for b, offset in zip(self.buffers, offsets, strict=True))
