"""Where buffers lie in an arena: greedies in several orders, and the runtime's own planners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from hwcost.memory.buffers import Buffer, Plan
from hwcost.sizes import round_up

Tie = Literal["execution-descending", "execution-ascending"]


def live_bound(buffers: Sequence[Buffer]) -> int:
    """The most bytes needed during any one step: no plan is lower."""
    starts = {buffer.start for buffer in buffers}
    return max((sum(b.size_bytes for b in buffers if b.start <= step < b.stop) for step in starts), default=0)


def first_fit(buffers: Sequence[Buffer], method: str) -> Plan:
    """Each buffer in the order given, at the lowest offset that is free while it lives."""
    placed: list[tuple[int, Buffer]] = []
    for buffer in buffers:
        placed.append((_lowest(buffer, placed), buffer))
    height = max((offset + buffer.size_bytes for offset, buffer in placed), default=0)
    bound = live_bound(buffers)
    return Plan({buffer.name: offset for offset, buffer in placed}, height, bound, method, height == bound)


def _lowest(buffer: Buffer, placed: Sequence[tuple[int, Buffer]]) -> int:
    offset = 0
    for start, other in sorted(((o, b) for o, b in placed if b.overlaps(buffer)), key=lambda item: item[0]):
        if offset + buffer.size_bytes <= start:
            break
        offset = max(offset, round_up(start + other.size_bytes, buffer.alignment))
    return offset


def tflm_greedy(buffers: Sequence[Buffer], *, tie: Tie = "execution-descending") -> Plan:
    """TFLM's planner: largest first, each into the first gap; `tie` says which of two equal sizes is placed first."""
    later_first = -1 if tie == "execution-descending" else 1
    return first_fit(sorted(buffers, key=lambda b: (-b.size_bytes, later_first * b.start)), "tflm-greedy")


def greedy_by_size(buffers: Sequence[Buffer]) -> Plan:
    """Largest first, each into the first gap."""
    return first_fit(sorted(buffers, key=lambda b: (-b.size_bytes, b.start)), "greedy by size")


ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda b: (-b.size_bytes, b.start),
    lambda b: (-b.size_bytes * (b.stop - b.start), b.start),
    lambda b: (-(b.stop - b.start), -b.size_bytes),
    lambda b: (b.start, -b.size_bytes),
)


def place(buffers: Sequence[Buffer]) -> Plan:
    """The lowest plan found; it is proven optimal where it meets the lower bound."""
    plans = (first_fit(sorted(buffers, key=order), "greedy") for order in ORDERS)
    best = next(plans)
    for plan in plans:
        if best.optimal:
            break
        best = min(best, plan, key=lambda p: p.height_bytes)
    return best
