"""The order of nodes with the smallest live peak: exact where the network has few branches, a beam of good orders elsewhere.

The files' order is one of many; where branches are wide, running one to its end before the next begins can lower the peak. The search
walks sets of finished nodes: what is live depends on the set alone, so the best way to reach a set is found once (the bottleneck
shortest path of Liberis and Lane, arXiv:1910.05110, written over bit sets).
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import reduce

from hwcost.graph import Graph
from hwcost.memory.lifetime import lifetimes

EXACT_STATES = 20_000
"""Sets of finished nodes visited before the search settles for a beam."""
BEAM = 64


@dataclass(frozen=True, slots=True)
class Order:
    """An execution order: the network in it, its live peak in bytes, and whether no other order has a lower one."""

    graph: Graph
    live_peak_bytes: int
    exact: bool


def best_order(graph: Graph, in_place: Collection[str] = (), *, max_states: int = EXACT_STATES) -> Order:
    """The order of `graph` with the lowest live peak found; the given one is kept where none is lower."""
    given = lifetimes(graph, in_place).peak_bytes(graph.values)
    task = _Task.of(graph)
    found, exact = task.shortest(max_states)
    reordered = replace(graph, nodes=tuple(graph.nodes[index] for index in found))
    peak = lifetimes(reordered, in_place).peak_bytes(graph.values)
    # Working in place is outside the exact search, so with it the order found is good and not proven.
    proven = exact and not any(node.op.kind in in_place for node in graph.nodes)
    return Order(reordered, peak, proven) if peak < given else Order(graph, given, proven)


@dataclass(frozen=True, slots=True)
class _Task:
    """The network as bit sets: what each node must wait for, which blocks it touches, who needs each block last."""

    waits: tuple[int, ...]
    makes: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]
    makers: tuple[int, ...]
    users: tuple[int, ...]
    forever: tuple[bool, ...]

    @staticmethod
    def of(graph: Graph) -> _Task:
        """Blocks are tensors with their views; a network input is made before the first node."""
        block = _blocks(graph)
        names = list(dict.fromkeys(block.values()))
        number = {name: index for index, name in enumerate(names)}
        maker = {output: index for index, node in enumerate(graph.nodes) for output in node.outputs}
        waits, users, makers = [], [0] * len(names), [0] * len(names)
        for index, node in enumerate(graph.nodes):
            waits.append(reduce(int.__or__, (1 << maker[name] for name in node.inputs if name in maker), 0))
            for name in node.inputs:
                users[number[block[name]]] |= 1 << index
            for name in node.outputs:
                makers[number[block[name]]] |= 1 << index
        makes = tuple(tuple(dict.fromkeys(number[block[name]] for name in node.outputs)) for node in graph.nodes)
        sizes = tuple(0 if _in_flash(graph, name) else graph.values[name].bytes for name in names)
        outputs = {block[name] for name in graph.outputs}
        forever = tuple(name in outputs for name in names)
        return _Task(tuple(waits), makes, sizes, tuple(makers), tuple(users), forever)

    def live(self, done: int) -> int:
        """Bytes that must be kept once the nodes in `done` have run."""
        kept = 0
        for size, maker, user, forever in zip(self.sizes, self.makers, self.users, self.forever, strict=True):
            exists = not maker or maker & done
            if exists and (forever or user & ~done or (maker & ~done and maker & done)):
                kept += size
        return kept

    def peak_of(self, done: int, node: int, kept: int) -> int:
        """Bytes live while `node` runs after `done`, of which `kept` were live before."""
        fresh = sum(self.sizes[block] for block in self.makes[node] if not self.makers[block] & done)
        return kept + fresh

    def ready(self, done: int) -> list[int]:
        """Nodes whose inputs are all there."""
        return [node for node, waits in enumerate(self.waits) if not done >> node & 1 and not waits & ~done]

    def shortest(self, max_states: int) -> tuple[list[int], bool]:
        """The order with the smallest peak, and whether it was proven; a beam search beyond `max_states` sets."""
        everything = (1 << len(self.waits)) - 1
        queue: list[tuple[int, int, int]] = [(0, 0, 0)]
        reached: dict[int, tuple[int, int]] = {0: (0, -1)}
        closed: set[int] = set()
        while queue:
            peak, _, done = heapq.heappop(queue)
            if done in closed:
                continue
            closed.add(done)
            if done == everything:
                return _trace(reached, done), True
            if len(closed) > max_states:
                return self.beam(), False
            kept = self.live(done)
            for node in self.ready(done):
                after = done | 1 << node
                cost = max(peak, self.peak_of(done, node, kept))
                if after not in reached or cost < reached[after][0]:
                    reached[after] = (cost, node)
                    heapq.heappush(queue, (cost, -after.bit_count(), after))
        return list(range(len(self.waits))), False

    def beam(self) -> list[int]:
        """A good order: the best partial orders kept at each length, by peak so far and then by what stays live."""
        states: list[tuple[int, int, int, tuple[int, ...]]] = [(0, 0, 0, ())]
        for _ in self.waits:
            nearest: dict[int, tuple[int, int, int, tuple[int, ...]]] = {}
            for peak, kept, done, order in states:
                for node in self.ready(done):
                    after = done | 1 << node
                    candidate = (max(peak, self.peak_of(done, node, kept)), self.live(after), after, (*order, node))
                    if after not in nearest or candidate < nearest[after]:
                        nearest[after] = candidate
            states = heapq.nsmallest(BEAM, nearest.values())
        return list(states[0][3])


def _trace(reached: Mapping[int, tuple[int, int]], done: int) -> list[int]:
    order = []
    while done:
        node = reached[done][1]
        order.append(node)
        done ^= 1 << node
    return order[::-1]


def _blocks(graph: Graph) -> dict[str, str]:
    """The tensor whose memory each value lives in: its own, or that of what it is a view of."""
    home = {name: name for name in graph.inputs}
    for node in graph.nodes:
        for output in node.outputs:
            home[output] = home[node.inputs[0]] if node.op.alias and node.inputs else output
    return home


def _in_flash(graph: Graph, tensor: str) -> bool:
    return any(tensor in node.outputs and node.op.resident == "flash" for node in graph.nodes)
