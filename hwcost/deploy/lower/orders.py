"""How each value lies in memory: channels last around convolutions, as the graph has it around dense layers and states.

Values that layers pass on element by element lie alike. A reshape is free where the order stays, or where only dense layers read it,
whose columns then follow; else it becomes a move, and the graph says so with an operator that takes memory of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hwcost.graph import Graph, Node, Storage
from hwcost.ops import conv, dense, pool, resize
from hwcost.ops.activation import LogSoftmax, PRelu, Softmax
from hwcost.ops.base import Op
from hwcost.ops.gather import Gather
from hwcost.ops.recurrent import GRU, LSTM, RNN
from hwcost.ops.shape import FOLLOWS, Block, Reshape, Transpose
from hwcost.tensor import TensorSpec

Order = tuple[int, ...]

CHANNELS_LAST = (
    *(conv.Conv1d, conv.Conv2d, conv.DepthwiseConv1d, conv.DepthwiseConv2d, conv.ConvTranspose1d, conv.ConvTranspose2d),
    *(pool.MaxPool1d, pool.MaxPool2d, pool.AveragePool1d, pool.AveragePool2d, pool.GlobalAveragePool, pool.GlobalMaxPool),
    *(resize.Resize, resize.DepthToSpace, resize.SpaceToDepth, PRelu),
)
NATURAL = (dense.Dense, dense.MatMul, LSTM, GRU, RNN)


@dataclass(frozen=True, slots=True)
class Rearrange(Op):
    """A reshape that memory has to be moved for: the orders before and after are not the same."""

    reshape: Reshape

    kind: ClassVar[str] = "transpose"

    def infer(self, *inputs: TensorSpec) -> TensorSpec:
        """What the reshape makes."""
        return self.reshape.infer(*inputs)


FREE = (Reshape, Rearrange, Transpose)
"""Operators whose output may lie as it likes."""


def natural(rank: int) -> Order:
    """The graph's own order."""
    return tuple(range(rank))


def channels_last(rank: int) -> Order:
    """The leading axis behind the others."""
    return (*range(1, rank), 0) if rank else ()


def axis_last(rank: int, axis: int) -> Order:
    """The other axes in order, then `axis`."""
    return (*(i for i in range(rank) if i != axis), axis)


@dataclass
class Orders:
    """The order in memory of every value of a graph, by name; `features` where a flattened value lies in another than the graph's."""

    graph: Graph
    order: dict[str, Order] = field(default_factory=dict)
    features: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)
    """Reshapes that must move memory."""
    conflicts: list[tuple[str, str]] = field(default_factory=list)
    """Values that a node needs, or makes, in another order than they have, as (value, node)."""
    same: dict[str, str] = field(default_factory=dict)

    def find(self) -> Orders:
        """Settles every value; where layers need or make one in two orders, `conflicts` says so."""
        for node in self.graph.nodes:
            self._unite(node)
        for name, order, node in self._demands():
            self._settle(name, order, node)
        for node in self.graph.nodes:
            self._pass_on(node)
        return self

    def of(self, name: str) -> Order:
        """The order of a value; the graph's own where nobody asked for another."""
        rank = len(self.graph.values[name].shape)
        return self.order.get(self._root(name), natural(rank))

    def _root(self, name: str) -> str:
        while name in self.same:
            name = self.same[name]
        return name

    def _rank(self, name: str) -> int:
        return len(self.graph.values[name].shape)

    def _unite(self, node: Node) -> None:
        """Values that lie alike: those of an operator that keeps axes."""
        op = node.op
        if isinstance(op, (*CHANNELS_LAST, *NATURAL, *FREE)) or (isinstance(op, Gather) and not isinstance(op.indices, tuple)):
            return
        first = node.output
        for name in (*node.inputs, *node.outputs):
            if self._rank(name) == self._rank(first) and self._root(name) != self._root(first):
                self.same[self._root(name)] = self._root(first)

    def _demands(self) -> Iterator[tuple[str, Order, Node]]:
        for node in self.graph.nodes:
            for name in (*node.inputs, *node.outputs):
                rank = self._rank(name)
                if isinstance(node.op, CHANNELS_LAST):
                    yield name, channels_last(rank), node
                elif isinstance(node.op, NATURAL):
                    yield name, natural(rank), node
                elif isinstance(node.op, Softmax | LogSoftmax):
                    yield name, axis_last(rank, node.op.axis), node

    def _settle(self, name: str, order: Order, node: Node) -> None:
        there = self.order.setdefault(self._root(name), order)
        if there == order or self._alike(name, there, order):
            return
        self.conflicts.append((name, node.name))

    def _alike(self, name: str, a: Order, b: Order) -> bool:
        """Whether two orders are the same bytes, as where an axis has one element."""
        shape = self.graph.values[name].shape
        return [i for i in a if shape[i] != 1] == [i for i in b if shape[i] != 1]

    def _pass_on(self, node: Node) -> None:
        """Orders that follow from the input's: of reshapes, transposes and reductions that nobody asked otherwise."""
        if isinstance(node.op, Reshape | Rearrange):
            self._pass_reshape(node)
        elif isinstance(node.op, Transpose) and self._root(node.output) not in self.order:
            self.order[self._root(node.output)] = tuple(node.op.order.index(axis) for axis in self.of(node.inputs[0]))

    def _pass_reshape(self, node: Node) -> None:
        before, after = self._flat(node.inputs[0], self.of(node.inputs[0])), node.output
        root = self._root(after)
        wanted = [self.order[root]] if root in self.order else list(_candidates(self._rank(after)))
        for order in wanted:
            if np.array_equal(self._flat(after, order), before):
                self.order[root] = order
                return
        readers = self.graph.consumers[after]
        if self._rank(after) == 1 and readers and after not in self.graph.outputs and all(isinstance(n.op, dense.Dense) for n in readers):
            self.features[after] = before
        else:
            self.moved.append(node.name)

    def _flat(self, name: str, order: Order) -> NDArray[np.int64]:
        """The graph's number of each element, as they lie in memory."""
        shape = self.graph.values[name].shape
        return np.arange(int(np.prod(shape))).reshape(shape).transpose(order).ravel()


def _candidates(rank: int) -> Iterator[Order]:
    yield natural(rank)
    if rank <= 4:
        yield from permutations(range(rank))


def with_moves(graph: Graph) -> Graph:
    """The graph with a move in place of each reshape that changes the order in memory, and beside each layer that needs another."""
    found = Orders(graph).find()
    if found.conflicts:
        return with_moves(_rearranged(graph, *found.conflicts[0]))
    moved = found.moved
    if not moved:
        return graph
    return replace(graph, nodes=tuple(replace(n, op=_moving(n.op)) if n.name in moved else n for n in graph.nodes))


def _moving(op: Op) -> Op:
    return Rearrange(op) if isinstance(op, Reshape) else op


def _rearranged(graph: Graph, value: str, name: str) -> Graph:
    """The graph with the value moved to another order in memory: before the node of that name, or after it where the node makes it."""
    made = f"{value}.{'of' if value in _named(graph, name).outputs else 'for'}.{name}"
    spec = graph.values[value]
    keeps = tuple(Block(1, (FOLLOWS,)) for _ in spec.shape)
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.name != name:
            nodes.append(node)
        elif value in node.outputs:
            nodes.append(replace(node, outputs=tuple(made if output == value else output for output in node.outputs)))
            nodes.append(Node(f"{made}.moved", Rearrange(Reshape(keeps)), (made,), (value,)))
        else:
            nodes.append(Node(f"{made}.moved", Rearrange(Reshape(keeps)), (value,), (made,)))
            nodes.append(replace(node, inputs=tuple(made if given == value else given for given in node.inputs)))
    stored = Storage(spec.bits, spec.quantisation, spec.kind)
    return replace(graph, nodes=tuple(nodes), storage={**graph.storage, made: stored, value: stored})


def _named(graph: Graph, name: str) -> Node:
    return next(node for node in graph.nodes if node.name == name)


__all__ = ["Order", "Orders", "Rearrange", "with_moves"]
