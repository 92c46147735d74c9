"""Planners that place one buffer after the other and never move one: first fit in several orders, TFLM's among them."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from hwcost.memory.bounds import live_bound
from hwcost.memory.buffers import Buffer, Plan
from hwcost.sizes import round_up

Tie = Literal["execution-descending", "execution-ascending"]
Order = Callable[[Buffer], tuple[int, ...]]

ORDERS: dict[str, Order] = {
    "size": lambda b: (-b.size_bytes, b.start),
    "area": lambda b: (-b.size_bytes * (b.stop - b.start), b.start),
    "duration": lambda b: (b.start - b.stop, -b.size_bytes),
    "start": lambda b: (b.start, -b.size_bytes),
    "stop": lambda b: (-b.stop, -b.size_bytes),
}
"""Orders in which buffers are placed, by name; which one is best differs from network to network."""


def first_fit(buffers: Sequence[Buffer], method: str) -> Plan:
    """Each buffer in the order given, at the lowest offset that is free while it lives."""
    placed: list[tuple[int, int, Buffer]] = []
    for number, buffer in enumerate(buffers):
        insort(placed, (_lowest(buffer, placed), number, buffer))
    return planned({buffer.name: offset for offset, _, buffer in placed}, buffers, method)


def planned(offsets: dict[str, int], buffers: Sequence[Buffer], method: str) -> Plan:
    """Offsets as a plan, with its height and whether that is proven to be the lowest."""
    height = max((offsets[buffer.name] + buffer.size_bytes for buffer in buffers), default=0)
    bound = live_bound(buffers)
    return Plan(offsets, height, bound, method, height == bound)


def _lowest(buffer: Buffer, placed: Sequence[tuple[int, int, Buffer]]) -> int:
    """The first gap among buffers sorted by offset that is wide enough while `buffer` lives."""
    offset = 0
    for start, _, other in placed:
        if not other.overlaps(buffer):
            continue
        if offset + buffer.size_bytes <= start:
            break
        offset = max(offset, round_up(start + other.size_bytes, buffer.alignment))
    return offset


def greedy_plans(buffers: Sequence[Buffer]) -> Iterator[Plan]:
    """First fit in every order, one plan after the other, so that a caller may stop at the first good one."""
    return (first_fit(sorted(buffers, key=order), f"first fit by {name}") for name, order in ORDERS.items())


def greedy_by_size(buffers: Sequence[Buffer]) -> Plan:
    """Largest first, each into the first gap."""
    return first_fit(sorted(buffers, key=ORDERS["size"]), "greedy by size")


def tflm_greedy(buffers: Sequence[Buffer], *, tie: Tie = "execution-descending") -> Plan:
    """TFLM's GreedyMemoryPlanner: largest first, each into the first gap; `tie` says which of two equal sizes goes first.

    With the later of two equal buffers first it ends at the heads that TFLM reports for the MLPerf Tiny networks.
    """
    later_first = -1 if tie == "execution-descending" else 1
    return first_fit(sorted(buffers, key=lambda b: (-b.size_bytes, later_first * b.start)), "tflm-greedy")
