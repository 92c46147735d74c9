"""A small program with two inputs and two outputs whose names are somebody's worst, and plans for its memory."""

from __future__ import annotations

import numpy as np

from hwcost.deploy.program import Lookup, Program, Sum, Tensor
from hwcost.graph import Graph, Node
from hwcost.memory.ram import PlacedTensor
from hwcost.ops.activation import Sigmoid
from hwcost.ops.binary import Add
from hwcost.tensor import int8

HOSTILE = (
    "../../left */ int stolen; /*",
    "right\n#error \\",
    "sum ??/ {{ 7 }} %s",
    "table';\"`$(id)\u202e/**/",
    "../node\x00*/",
    "no\\de ??/\n",
)
PLAIN = ("left", "right", "sum", "table", "add", "look_up")
SHAPE = (4, 6, 3)
ELEMENTS = 72


def program(names: tuple[str, ...] = PLAIN, network: str = "made") -> Program:
    """`left + right`, and a table of that; both are outputs."""
    left, right, total, looked_up, add, look_up = names
    nodes = (Node(add, Add(), (left, right), (total,)), Node(look_up, Sigmoid(), (total,), (looked_up,)))
    graph = Graph({left: int8(3, 4, 6), right: int8(3, 4, 6)}, (total, looked_up), nodes, name=network)
    table = Lookup(np.arange(127, -129, -1, dtype=np.int8).reshape(1, 256))
    layers = (Sum((1 << 20, 3 << 19), 20, (3, -4), 5), table)
    return Program(graph, layers, {name: Tensor(name, SHAPE, (1, 2, 0), scale=0.5, zero_point=-1) for name in names[:4]})


def plan(names: tuple[str, ...] = PLAIN, regions: tuple[str, ...] = ("SRAM1",)) -> tuple[PlacedTensor, ...]:
    """The four values one after another, in one region or spread over several in turn."""
    ends = dict.fromkeys(regions, 0)
    placed = []
    for i, name in enumerate(names[:4]):
        region = regions[i % len(regions)]
        placed.append(PlacedTensor(name, region, ends[region], ELEMENTS, 0, 2))
        ends[region] += ELEMENTS
    return tuple(placed)
