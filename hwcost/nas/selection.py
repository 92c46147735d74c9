"""Networks with one alternative for every choice, cut out of the one network that was read with all of them in it.

A module is traced once, every choice as the sum of its alternatives. To select is to put the value of one alternative in the place of
that sum: what leads nowhere then is dropped, in a few milliseconds and without tracing again.
"""

from __future__ import annotations

import heapq
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import nn

from hwcost.errors import GraphError
from hwcost.graph import Graph, Node
from hwcost.nas.choice import Choice
from hwcost.ops.base import shape_text
from hwcost.passes import normalise
from hwcost.passes.rewriting import rewritten

Selection: TypeAlias = tuple[int, ...]
"""Index of the alternative of every choice, in the order of the blocks."""


@dataclass(frozen=True, slots=True)
class Block:
    """A choice as a network has it: the value that each alternative makes, and the one that is their sum."""

    path: str
    names: tuple[str, ...]
    values: tuple[str, ...]
    total: str

    @property
    def inside(self) -> str:
        """How the names of all nodes of all alternatives begin."""
        return f"{self.path}.alternatives.".lstrip(".")

    def holds(self, node: str) -> bool:
        """Whether a node is part of an alternative."""
        return node.startswith(self.inside)


def blocks_of(written: Graph, choices: Mapping[str, Choice]) -> tuple[Block, ...]:
    """Every choice of a module, of which `written` is the network with the choices as sums; nested ones are refused.

    Raises GraphError for a choice that is called more than once or never, and for alternatives of different shapes.
    """
    nested = [f"'{inner}' inside '{outer}'" for outer in choices for inner in choices if inner != outer and _is_inside(inner, outer)]
    twice = [path for path, choice in choices.items() if list(choices.values()).count(choice) > 1]
    if twice:
        raise GraphError(f"one choice is used in several places, which would need one answer: {', '.join(map(repr, twice))}")
    if nested:
        raise GraphError(f"a choice inside an alternative of another is not searched: {', '.join(nested)}")
    return tuple(_block(written, path, choice) for path, choice in choices.items())


def _is_inside(inner: str, outer: str) -> bool:
    return not outer or inner.startswith(f"{outer}.")


def _block(written: Graph, path: str, choice: Choice) -> Block:
    pattern = re.compile(re.escape(f"{path}.".lstrip(".")) + r"add(_\d+)?")
    adds = [node for node in written.nodes if pattern.fullmatch(node.name)]
    if len(adds) != len(choice.alternatives) - 1 or not _is_chain(adds):
        times = "never" if not adds else "more than once, or makes no plain tensor"
        raise GraphError(f"a choice is searched where the network calls it once; it is called {times}", node=path)
    values = (adds[0].inputs[0], *(add.inputs[1] for add in adds))
    shapes = {name: written.values[value].shape for name, value in zip(choice.names, values, strict=True)}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} {shape_text(shape)}" for name, shape in shapes.items())
        raise GraphError(f"expected alternatives of one output shape, got {told}", node=path)
    return Block(path, choice.names, values, adds[-1].output)


def _is_chain(adds: Sequence[Node]) -> bool:
    return all(len(add.inputs) == 2 for add in adds) and all(b.inputs[0] == a.output for a, b in itertools.pairwise(adds))


def selected(written: Graph, blocks: Sequence[Block], selection: Selection) -> Graph:
    """The network with one alternative of every choice, in normal form."""
    renamed = {block.total: block.values[index] for block, index in zip(blocks, selection, strict=True)}
    return normalise(rewritten(written, written.nodes, renamed=renamed))


def by_probability(thetas: Sequence[Sequence[float]]) -> Iterator[Selection]:
    """All selections, the most probable first: the largest sum of log theta; of equal ones the earlier alternatives."""
    ranked = [sorted(range(len(theta)), key=lambda index: (-theta[index], index)) for theta in thetas]
    losses = [[-math.log(max(theta[index], 1e-300)) for index in order] for theta, order in zip(thetas, ranked, strict=True)]
    best = (0,) * len(thetas)
    queue, seen = [(sum(loss[0] for loss in losses), best)], {best}
    while queue:
        _, ranks = heapq.heappop(queue)
        yield tuple(order[rank] for order, rank in zip(ranked, ranks, strict=True))
        for at, rank in enumerate(ranks):
            following = (*ranks[:at], rank + 1, *ranks[at + 1 :])
            if rank + 1 < len(ranked[at]) and following not in seen:
                seen.add(following)
                heapq.heappush(queue, (sum(loss[each] for loss, each in zip(losses, following, strict=True)), following))


def with_chosen(module: nn.Module, blocks: Sequence[Block], selection: Selection) -> nn.Module:
    """The module with the chosen alternative in the place of every choice: `block.alternatives.1.conv` becomes `block.conv`."""
    for block, index in zip(blocks, selection, strict=True):
        choice = module.get_submodule(block.path)
        assert isinstance(choice, Choice)
        if not block.path:
            return choice.alternatives[index]
        module.set_submodule(block.path, choice.alternatives[index])
    return module
