"""Planners that place one buffer after the other and never move one: first fit in several orders, TFLM's among them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
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
    shelf = _Shelf(buffers)
    return planned({buffer.name: shelf.put(buffer) for buffer in buffers}, buffers, method)


def planned(offsets: dict[str, int], buffers: Sequence[Buffer], method: str) -> Plan:
    """Offsets as a plan, with its height and whether that is proven to be the lowest."""
    height = max((offsets[buffer.name] + buffer.size_bytes for buffer in buffers), default=0)
    bound = live_bound(buffers)
    return Plan(offsets, height, bound, method, height == bound)


Extent = tuple[int, int]
"""Offset and end of a placed buffer."""


class _Shelf:
    """What is placed, found by the steps it lives in, so that a buffer is held against its neighbours alone.

    A neighbour is live when the buffer starts, or starts during its life: `live` and `begun` hold them by the steps at which
    some buffer starts.
    """

    def __init__(self, buffers: Sequence[Buffer]) -> None:
        self.starts = sorted({buffer.start for buffer in buffers})
        self.live: list[list[Extent]] = [[] for _ in self.starts]
        self.begun: list[list[Extent]] = [[] for _ in self.starts]

    def put(self, buffer: Buffer) -> int:
        """Place a buffer at the lowest free offset."""
        first, last = bisect_left(self.starts, buffer.start), bisect_left(self.starts, buffer.stop)
        offset = _lowest(buffer, sorted(chain(self.live[first], *self.begun[first + 1 : last])))
        extent = offset, offset + buffer.size_bytes
        self.begun[first].append(extent)
        for extents in self.live[first:last]:
            extents.append(extent)
        return offset


def _lowest(buffer: Buffer, neighbours: Sequence[Extent]) -> int:
    """The first gap among neighbours sorted by offset that is wide enough."""
    offset = 0
    for start, end in neighbours:
        if offset + buffer.size_bytes <= start:
            break
        if end > offset:
            offset = round_up(end, buffer.alignment)
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
