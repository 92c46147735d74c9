"""What a search can narrow of a module, channels of layers and taps of kernels: which widths each may take, and why some have one."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hwcost.channels import ChannelGroup, Channels, trace_channels
from hwcost.errors import InputError, listed, shown
from hwcost.graph import Graph
from hwcost.nas.taps import Kernel, living
from hwcost.ops.conv import Taps

Kept = Mapping[str, "np.ndarray[Any, Any]"]
"""Which channels or taps live, by group: an array of booleans each."""


@dataclass(frozen=True, slots=True)
class Group:
    """Layers of one width, and the widths a search may give them, smallest first; `frozen` says why there is only one, or is None.

    The taps of a convolution over time, `layer`, are a group too, whose widths are numbers of taps: `kernel` then says which patterns
    of them there are, and its name is that of the layer with `.kernel` behind it.
    """

    name: str
    nodes: tuple[str, ...]
    size: int
    widths: tuple[int, ...]
    frozen: str | None = None
    kernel: Kernel | None = None
    layer: str | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers it is of, by module path."""
        return self.nodes if self.layer is None else (self.layer,)

    def at_least(self, least: int) -> Group:
        """The group without widths below `least`."""
        widths = tuple(width for width in self.widths if width >= min(least, self.size))
        return replace(self, widths=widths, kernel=self.kernel and self.kernel.at_least(widths[0]))

    def some(self, width: int) -> np.ndarray[Any, Any]:
        """A choice of that many channels or taps."""
        return np.asarray(np.arange(self.size) < width) if self.kernel is None else living(self.kernel.first(width), self.size)

    def half(self) -> np.ndarray[Any, Any]:
        """Every second channel, or taps of a pattern between the shortest and the whole kernel."""
        if self.kernel is None:
            return np.asarray(np.arange(self.size) % 2 == 0)
        return living(self.kernel.patterns[(len(self.kernel.patterns) - 1) // 2], self.size)

    def possible(self, kept: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """These channels; of taps those of the shortest pattern that holds them."""
        return kept if self.kernel is None else living(self.kernel.holding(kept), self.size)

    def frozen_for(self, reason: str | None) -> Group:
        """The group kept as it is, if there is a reason."""
        return self if reason is None else replace(self, widths=(self.size,), frozen=reason, kernel=None)


def taps_of(groups: Sequence[Group], widths: Mapping[str, int], kept: Kept) -> dict[str, Taps]:
    """The taps of every kernel that is given a width, by layer: those kept, where they are that many, else the first pattern of it."""
    kernels = ((group.name, group.kernel) for group in groups if group.kernel is not None and group.name in widths)
    return {kernel.node: _taps(kernel, widths[name], kept.get(name)) for name, kernel in kernels}


def _taps(kernel: Kernel, count: int, kept: np.ndarray[Any, Any] | None) -> Taps:
    held = None if kept is None else kernel.holding(kept)
    return held if held is not None and held.count == count else kernel.first(count)


def groups_of(graph: Graph, written: Channels, problems: Mapping[str, str], granularity: int, freeze: Sequence[str]) -> tuple[Group, ...]:
    """The groups of the network that is priced, each frozen for the first reason that anything gives.

    `written` is the trace of the module as written, `problems` its groups whose tensors cannot be sliced.
    """
    priced = trace_channels(graph)
    homes = [home(written, group.nodes) for group in priced.groups]
    deep = _read_by_depthwise(graph, priced)
    return tuple(
        Group(group.name, group.nodes, group.size, _widths(group.size, granularity, 2 if group.name in deep else 1)).frozen_for(
            group.frozen or _reason(group, there, problems, granularity, freeze) or _shared(there, homes)
        )
        for group, there in zip(priced.groups, homes, strict=True)
    )


def _widths(size: int, granularity: int, least: int) -> tuple[int, ...]:
    """Multiples of the granularity, and the size it has."""
    return (*(width for width in range(granularity, size, granularity) if width >= least), size)


def _read_by_depthwise(graph: Graph, channels: Channels) -> set[str]:
    """Groups that a depthwise layer reads: with one channel left it would be an ordinary convolution, priced as another layer."""
    extents = (channels.widths_of(step.node.inputs[0]) for step in graph.steps if step.kind.startswith("depthwise_conv"))
    return {name for axes in extents for extent in axes for name in extent.groups}


def home(written: Channels, nodes: Sequence[str]) -> ChannelGroup | None:
    """The one group of the module as written that holds all these nodes."""
    return next((group for group in written.groups if set(nodes) <= set(group.nodes)), None)


def _reason(
    group: ChannelGroup, there: ChannelGroup | None, problems: Mapping[str, str], granularity: int, freeze: Sequence[str]
) -> str | None:
    if there is None:
        return "its layers have different widths before the network is simplified"
    asked = next((pattern for pattern in freeze if any(is_part(node, pattern) for node in group.nodes)), None)
    if asked is not None:
        return f"'{asked}' is to stay as it is"
    least = max(granularity, 2)
    narrow = f"it has {group.size} channels, and no fewer can be taken at a granularity of {granularity}" if group.size < least else None
    return there.frozen or problems.get(there.name) or narrow


def _shared(there: ChannelGroup | None, homes: Sequence[ChannelGroup | None]) -> str | None:
    return "its layers share a width with others before the network is simplified" if homes.count(there) > 1 else None


def is_part(node: str, pattern: str) -> bool:
    """Whether a node is the part of a module that a pattern names, or is inside it."""
    parts = node.split(".")
    return any(fnmatch.fnmatchcase(".".join(parts[:length]), pattern) for length in range(1, len(parts) + 1))


def require_parts(network: Graph, freeze: Sequence[str], others: Sequence[str] = ()) -> None:
    """Raise InputError unless every pattern names a part of the network, or one of `others`."""
    names = [*(node.name for node in network.nodes), *others]
    strangers = [pattern for pattern in freeze if not any(is_part(name, pattern) for name in names)]
    if strangers:
        layers = ", ".join(node.name for node in network.nodes[:8])
        faults = [f"freeze: {shown(pattern)} names no part of the module, whose layers are {layers}..." for pattern in strangers]
        raise InputError(listed(faults))
