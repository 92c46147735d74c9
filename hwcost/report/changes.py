"""A network that does not fit, changed and priced again: narrower layers, another order, a better plan of its arena.

No figure here is extrapolated; each is that of a network that could be built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hwcost.channels import ChannelGroup, Channels, trace_channels
from hwcost.checking import Report
from hwcost.cost import Cost
from hwcost.errors import HwcostError
from hwcost.memory.buffers import Buffer
from hwcost.memory.placement import place
from hwcost.memory.ram import PlacedTensor
from hwcost.memory.schedule import best_order
from hwcost.target import RamModel

__all__ = ["Changes", "blocks"]

PRICED_NODES = 4000
"""Nodes priced for one kind of advice at most, so that advice on a network of a thousand layers costs no more than its verdict."""
ORDERED_NODES = 200
"""Layers up to which other orders are looked for."""
NARROWED_GROUPS = 4
"""Groups of layers tried at the peak, the widest first."""

Keeps = Callable[[Cost], bool]
"""Whether a cost keeps the limit in question."""


@dataclass(frozen=True)
class Changes:
    """What can be changed about the network of one report."""

    report: Report

    @cached_property
    def free_groups(self) -> Sequence[ChannelGroup]:
        """Groups of layers whose channels may change; none for networks too large to be tried, or whose channels cannot be told."""
        return [] if self._channels is None else [group for group in self._channels.groups if group.frozen is None and group.size > 1]

    @cached_property
    def groups_at_peak(self) -> Sequence[ChannelGroup]:
        """Of these, the groups that set the sizes of what is alive at the peak."""
        if self._channels is None or self._trials < 10 * NARROWED_GROUPS:
            return []
        alive = (axis for name in self.report.cost.ram.live_tensors for axis in self._channels.extents.get(name, ()))
        names = {group for axis in alive for group in axis.groups}
        return sorted((group for group in self.free_groups if group.name in names), key=lambda group: -group.size)[:NARROWED_GROUPS]

    def narrowed(self, group: ChannelGroup, keeps: Keeps) -> int | None:
        """The most channels of one group with which a limit is kept; None where even one channel is too many."""
        return _largest(lambda width: self._keeps(dict.fromkeys(group.nodes, width), keeps), 1, group.size - 1)

    def thinned(self, keeps: Keeps) -> tuple[int, Cost] | None:
        """The most hundredths of the channels of every group with which the limits are kept, and what that network costs."""
        share = _largest(lambda hundredths: self._keeps(self._scaled(hundredths), keeps), 1, 99)
        cost = None if share is None else self._priced(self._scaled(share))
        return None if share is None or cost is None else (share, cost)

    def reordered(self) -> Cost | None:
        """The same layers in the order with the lowest peak; None where the given order is as good."""
        graph, model = self.report.graph, self.report.target.runtime.ram
        if len(graph.nodes) > ORDERED_NODES:
            return None
        order = best_order(graph, () if model is None else model.in_place)
        if order.live_peak_bytes >= self.report.cost.ram.live_peak_bytes:
            return None
        cost = self.report.pricing.cost(order.graph, self.report.target)
        return cost if cost.ram_bytes < self.report.cost.ram_bytes else None

    def replanned_bytes(self) -> int:
        """Height of the lowest plan found for the same buffers, summed over the regions they were placed in."""
        model = self.report.target.runtime.ram
        buffers: dict[str, list[Buffer]] = {}
        for block in blocks(self.report.cost.ram.plan):
            buffers.setdefault(block.region, []).append(_buffer(block, model))
        return sum(place(each).height_bytes for each in buffers.values())

    def _scaled(self, hundredths: int) -> dict[str, int]:
        widths = ((group, max(1, group.size * hundredths // 100)) for group in self.free_groups)
        return {node: width for group, width in widths for node in group.nodes}

    def _keeps(self, widths: Mapping[str, int], keeps: Keeps) -> bool:
        cost = self._priced(widths)
        return cost is not None and keeps(cost)

    def _priced(self, widths: Mapping[str, int]) -> Cost | None:
        """The network with other widths; None where it cannot have them (groups that do not divide, a tie that breaks)."""
        try:
            return self.report.pricing.cost(self.report.graph.rebind(widths), self.report.target)
        except (HwcostError, ValueError):
            return None

    @property
    def _trials(self) -> int:
        return PRICED_NODES // max(1, len(self.report.graph.nodes))

    @cached_property
    def _channels(self) -> Channels | None:
        if self._trials < 8:
            return None
        try:
            return trace_channels(self.report.graph)
        except (HwcostError, ValueError):
            return None


def blocks(plan: Sequence[PlacedTensor]) -> list[PlacedTensor]:
    """The placed blocks, each once however many tensors pass through it."""
    return list({(item.region, item.offset, item.size, item.start, item.stop): item for item in plan}.values())


def _buffer(block: PlacedTensor, model: RamModel | None) -> Buffer:
    return Buffer(block.tensor, block.size, block.start, block.stop, 1 if model is None else model.alignment_bytes.value)


def _largest(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """The largest number from `low` to `high` that holds, if smaller ones hold too; only numbers that were tried are returned."""
    best = None
    while low <= high:
        middle = (low + high) // 2
        if holds(middle):
            best, low = middle, middle + 1
        else:
            high = middle - 1
    return best
