"""Trees of operators that mean one operator: how such a tree is written down, and found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import isclose
from typing import Any

import numpy as np

from hwcost.graph import Graph, Node
from hwcost.ops.base import Op
from hwcost.ops.binary import Add, Mul
from hwcost.passes.rewriting import producers, rewritten

LARGEST_SCALAR = 1 << 16
"""Elements of a constant that is looked at: one that holds the same number everywhere may have been broadcast by an exporter."""


def anything(op: Any) -> bool:
    """No condition on attributes."""
    return op is not None


@dataclass(frozen=True, slots=True)
class Made:
    """A value made by one operator of others; a name stands for any value, and for the same one each time.

    `constant` is the number beside the input of an operator with a stored operand; `where` is a condition on its attributes.
    """

    op: type[Op]
    inputs: tuple[Made | str, ...]
    constant: float | None = None
    first: bool = False
    """Whether the constant is the left operand."""
    where: Callable[[Any], bool] = anything
    keep: str = ""
    """Name under which the node is remembered."""


@dataclass
class Match:
    """What the names of a tree stand for, and the nodes it consists of, the last one first."""

    values: dict[str, str] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    kept: dict[str, Node] = field(default_factory=dict)

    def copied(self) -> Match:
        """A match to go on from, while this one stays as it is."""
        return Match(dict(self.values), list(self.nodes), dict(self.kept))


@dataclass(frozen=True)
class Matching:
    """One network, looked at by trees."""

    graph: Graph
    numbers: dict[str, float | None] = field(default_factory=dict)
    """What has been read of stored operands, by the node that has them."""

    @cached_property
    def makers(self) -> dict[str, Node]:
        """The node that makes each value."""
        return producers(self.graph)

    def match(self, node: Node, tree: Made) -> Match | None:
        """The tree that ends in `node`; its other nodes must be used by nothing else."""
        if type(node.op) is not tree.op:
            return None
        for found in self._nodes(node, tree, Match()):
            inside = {each.name for each in found.nodes}
            if all(self._is_inner(each, inside) for each in found.nodes[1:]):
                return found
        return None

    def _is_inner(self, node: Node, inside: set[str]) -> bool:
        read = [reader.name for output in node.outputs for reader in self.graph.consumers[output]]
        return inside.issuperset(read) and not set(node.outputs) & set(self.graph.outputs)

    def _nodes(self, node: Node, tree: Made, so_far: Match) -> Iterator[Match]:
        if type(node.op) is not tree.op or not tree.where(node.op) or not self._has_constant(node, tree):
            return
        if len(node.inputs) != len(tree.inputs):
            return
        here = so_far.copied()
        here.nodes.append(node)
        if tree.keep:
            here.kept[tree.keep] = node
        orders = [tree.inputs, tree.inputs[::-1]] if tree.op in {Add, Mul} and len(tree.inputs) == 2 else [tree.inputs]
        for order in orders:
            yield from self._inputs(node.inputs, order, here)

    def _inputs(self, values: tuple[str, ...], trees: tuple[Made | str, ...], so_far: Match) -> Iterator[Match]:
        if not trees:
            yield so_far
            return
        for first in self._value(values[0], trees[0], so_far):
            yield from self._inputs(values[1:], trees[1:], first)

    def _value(self, value: str, tree: Made | str, so_far: Match) -> Iterator[Match]:
        if isinstance(tree, Made):
            maker = self.makers.get(value)
            if maker is not None:
                yield from self._nodes(maker, tree, so_far)
        elif so_far.values.get(tree, value) == value:
            here = so_far.copied()
            here.values[tree] = value
            yield here

    def _has_constant(self, node: Node, tree: Made) -> bool:
        op: Any = node.op
        if not hasattr(op, "constant"):
            return tree.constant is None
        if tree.constant is None:
            return op.constant is None or bool(tree.keep)
        if op.constant is None or op.constant_first != tree.first:
            return False
        number = self.number(node)
        return number is not None and isclose(number, tree.constant, rel_tol=1e-5)

    def number(self, node: Node) -> float | None:
        """The one number a stored operand holds, if it holds one and its values are there."""
        if node.name not in self.numbers:
            self.numbers[node.name] = self._number(node)
        return self.numbers[node.name]

    def _number(self, node: Node) -> float | None:
        parameter = self.graph.parameters[dict(node.parameters)["operand"]]
        if parameter.read is None or parameter.quantisation is not None or parameter.elements > LARGEST_SCALAR:
            return None
        values = parameter.array()
        same = values.size > 0 and bool(np.all(values == values.flat[0]))
        return float(values.flat[0]) if same else None


Make = Callable[[Match], Op]
Compound = tuple[Made, Make]
"""A tree, and the operator of its value `x` that computes the same."""


def fuse(graph: Graph, compounds: tuple[Compound, ...]) -> Graph:
    """The network with each tree of `compounds` as the one operator it means; the earlier trees are looked for first."""
    matching = Matching(graph)
    made: dict[str, Node] = {}
    gone: set[str] = set()
    ends = {tree.op for tree, _ in compounds}
    for node in [node for node in graph.nodes if type(node.op) in ends]:
        for tree, make in compounds:
            found = matching.match(node, tree)
            if found is not None and gone.isdisjoint(each.name for each in found.nodes):
                made[node.name] = Node(node.name, make(found), (found.values["x"],), node.outputs)
                gone.update(each.name for each in found.nodes[1:])
                break
    if not made:
        return graph
    return rewritten(graph, [made.get(node.name, node) for node in graph.nodes if node.name not in gone])
