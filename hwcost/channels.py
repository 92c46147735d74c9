"""Which layers must keep equal widths, and how the axes of every tensor follow from those widths.

Read off the operators' flow facts alone: no operator is named here. A search gives one width to each group; the compiled cost
reads every axis as a sum of widths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hwcost.errors import GraphError
from hwcost.graph import Graph, Step
from hwcost.ops.conv import Taps
from hwcost.ops.flow import AxisFlow, Fixed, InputAxis, Joined, Own, Part, Repeated, Same, Spread
from hwcost.sizes import Size, prod, value


@dataclass(frozen=True, slots=True)
class ChannelGroup:
    """Nodes whose own widths must stay equal; `frozen` says why they cannot change at all, and is None if they can."""

    nodes: tuple[str, ...]
    size: int
    frozen: str | None = None

    @property
    def name(self) -> str:
        """Name of its first node, by which segments and widths refer to it."""
        return self.nodes[0]


@dataclass(frozen=True, slots=True)
class TapsGroup:
    """The taps of convolution `node`, priced as a width beside those of channels: how many there are, and which stand for each number."""

    name: str
    node: str
    size: int
    patterns: Mapping[int, Taps]
    frozen: str | None = None

    @property
    def nodes(self) -> tuple[str, ...]:
        """Nothing but itself: the width of its node is another one."""
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Segment:
    """Indices of an axis that stand together: each channel of a group becomes `times` neighbours; without a group, `times` fixed ones."""

    group: str | None
    times: int


@dataclass(frozen=True, slots=True)
class Extent:
    """The length of one axis as segments that stand one behind the other."""

    segments: tuple[Segment, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups it depends on, each once."""
        return tuple(dict.fromkeys(s.group for s in self.segments if s.group is not None))

    def size(self, widths: Mapping[str, Size]) -> Size:
        """Its length where the groups have the given widths."""
        return sum(s.times if s.group is None else widths[s.group] * s.times for s in self.segments)


@dataclass(frozen=True, slots=True)
class Channels:
    """The groups of a network in the order of their first nodes, and the extents of all its values."""

    groups: tuple[ChannelGroup, ...]
    extents: Mapping[str, tuple[Extent, ...]]

    @property
    def widths(self) -> dict[str, int]:
        """The width that each group has now, by name."""
        return {group.name: group.size for group in self.groups}

    def widths_of(self, value: str) -> tuple[Extent, ...]:
        """Each axis of a value as segments of groups; raises GraphError if there is no such value."""
        if value not in self.extents:
            raise GraphError(f"there is no value '{value}' whose widths could be told")
        return self.extents[value]

    def group_of(self, node: str) -> ChannelGroup:
        """The group a node belongs to; raises GraphError if its channels are not its own."""
        for group in self.groups:
            if node in group.nodes:
                return group
        raise GraphError("it takes its channels from its input, or is not in the network: it belongs to no channel group", node=node)


def channel_groups(graph: Graph) -> tuple[ChannelGroup, ...]:
    """The groups of nodes that must keep equal widths, in the order of their first nodes."""
    return trace_channels(graph).groups


def trace_channels(graph: Graph) -> Channels:
    """Follow every axis of the network from the nodes that set its size; raises ShapeError where the network does not fit."""
    trace = _Trace(graph)
    for step in graph.steps:
        trace.step(step)
    trace.tie_shared_parameters(graph)
    for name in graph.outputs:
        trace.freeze(trace.extents[name], f"it makes the network output '{name}'")
    return trace.result()


class _Trace:
    """Union-find over the nodes that have a width of their own. While it runs, segments name nodes, not yet groups."""

    def __init__(self, graph: Graph) -> None:
        self.sizes: dict[str, int] = {}
        self.parent: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.extents: dict[str, tuple[Extent, ...]] = {
            name: tuple(_fixed(value(n)) for n in spec.shape) for name, spec in graph.inputs.items()
        }

    def step(self, step: Step) -> None:
        node, op = step.node, step.node.op
        place = f"{op.kind} '{node.name}'"
        inputs = [self.extents[name] for name in node.inputs]
        flows = op.flows(*step.inputs)
        if op.width is not None:
            self._add(node.name, value(op.own_width), owns=any(isinstance(flow, Own) for axes in flows for flow in axes), place=place)
        for i, axis in op.pinned(*step.inputs):
            self.freeze(inputs[i][axis], f"{place} needs its input as it is")
        for tied in op.ties(*step.inputs):
            self.tie([inputs[i][axis] for i, axis in tied], place)
        for name, axes, spec in zip(node.outputs, flows, step.outputs, strict=True):
            self.extents[name] = tuple(
                self._follow(flow, node.name, inputs, value(n), place) for flow, n in zip(axes, spec.shape, strict=True)
            )

    def _add(self, node: str, size: int, *, owns: bool, place: str) -> None:
        self.sizes[node] = size
        self.parent[node] = node
        if not owns:
            self.reasons[node] = f"{place} needs its own width as it is"

    def _follow(self, flow: AxisFlow, node: str, inputs: Sequence[tuple[Extent, ...]], size: int, place: str) -> Extent:
        match flow:
            case Own():
                return Extent((Segment(node, 1),))
            case Fixed() | Part():
                return _fixed(size)
            case Same(sources):
                return _at(inputs, sources[0])
            case Joined(sources):
                return _joined(_at(inputs, source) for source in sources)
            case Repeated(source, times):
                return _repeated(_at(inputs, source), times)
            case Spread(axes):
                return self._merged([inputs[0][axis] for axis in axes], place)

    def _merged(self, axes: Sequence[Extent], place: str) -> Extent:
        """Axes merged into one, outermost first: linear only while at most one of them can change."""
        moving = [i for i, extent in enumerate(axes) if extent.groups]
        for i in moving if len(moving) > 1 else ():
            self.freeze(axes[i], f"{place} merges it with another width")
        if len(moving) != 1:
            return _fixed(prod(extent.size(self.sizes) for extent in axes))
        (at,) = moving
        outer, inner = (prod(extent.size({}) for extent in part) for part in (axes[:at], axes[at + 1 :]))
        return _joined([_repeated(axes[at], inner)] * outer)

    def freeze(self, extent: Extent | Iterable[Extent], reason: str) -> None:
        """Keep every node that the extents depend on at its width."""
        for each in (extent,) if isinstance(extent, Extent) else extent:
            for node in each.groups:
                self.reasons.setdefault(node, reason)

    def tie(self, extents: Sequence[Extent], place: str) -> None:
        """Keep extents equally long: segment by segment where they are alike, otherwise by changing none of them."""
        first = extents[0]
        for other in extents[1:]:
            if self._alike(first, other):
                for a, b in zip(first.segments, other.segments, strict=True):
                    self._unite(a.group, b.group)
            else:
                self.freeze((first, other), f"{place} ties it to what cannot follow")

    def tie_shared_parameters(self, graph: Graph) -> None:
        """Nodes that read one parameter keep the shapes it has, so their widths and their inputs' are tied."""
        readers: dict[str, Step] = {}
        for step in graph.steps:
            for _, name in step.node.parameters:
                other = readers.setdefault(name, step)
                if other is not step:
                    self._tie_nodes(other, step, name)

    def _tie_nodes(self, a: Step, b: Step, parameter: str) -> None:
        place = f"the shared parameter '{parameter}'"
        if a.node.op.width is not None and b.node.op.width is not None:
            self._unite(a.node.name, b.node.name)
        for x, y in zip(a.node.inputs, b.node.inputs, strict=False):
            for n, m in zip(self.extents[x], self.extents[y], strict=False):
                self.tie((n, m), place)

    def _alike(self, a: Extent, b: Extent) -> bool:
        if len(a.segments) != len(b.segments):
            return False
        return all(
            s.times == t.times and (s.group is None) == (t.group is None) and self.sizes.get(s.group or "") == self.sizes.get(t.group or "")
            for s, t in zip(a.segments, b.segments, strict=True)
        )

    def _unite(self, a: str | None, b: str | None) -> None:
        if a is not None and b is not None:
            self.parent[self._root(b)] = self._root(a)

    def _root(self, node: str) -> str:
        while self.parent[node] != node:
            node = self.parent[node]
        return node

    def result(self) -> Channels:
        members: dict[str, list[str]] = {}
        for node in self.sizes:
            members.setdefault(self._root(node), []).append(node)
        groups = tuple(self._group(nodes) for nodes in members.values())
        names = {node: group.name for group in groups for node in group.nodes}
        return Channels(groups, {name: tuple(_renamed(extent, names) for extent in axes) for name, axes in self.extents.items()})

    def _group(self, nodes: list[str]) -> ChannelGroup:
        reasons = [self.reasons[node] for node in nodes if node in self.reasons]
        return ChannelGroup(tuple(nodes), self.sizes[nodes[0]], reasons[0] if reasons else None)


def _at(inputs: Sequence[tuple[Extent, ...]], source: InputAxis) -> Extent:
    return inputs[source[0]][source[1]]


def _fixed(size: int) -> Extent:
    return Extent((Segment(None, size),))


def _repeated(extent: Extent, times: int) -> Extent:
    return Extent(tuple(Segment(s.group, s.times * times) for s in extent.segments))


def _joined(extents: Iterable[Extent]) -> Extent:
    """Extents one behind the other, fixed runs that meet made one."""
    segments: list[Segment] = []
    for segment in (s for extent in extents for s in extent.segments):
        if segments and segment.group is None and segments[-1].group is None:
            segments[-1] = Segment(None, segments[-1].times + segment.times)
        else:
            segments.append(segment)
    return Extent(tuple(segments))


def _renamed(extent: Extent, names: Mapping[str, str]) -> Extent:
    return Extent(tuple(Segment(s.group and names[s.group], s.times) for s in extent.segments))
