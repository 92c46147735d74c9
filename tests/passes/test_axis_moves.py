"""Reshapes and transposes in any order: the rewrites keep what they compute, and what they leave is no longer than it was."""

from __future__ import annotations

from math import prod

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.graph import Graph, Node
from hwcost.ops import Exp, Reshape, Transpose
from hwcost.passes.merge_reshapes import merge_reshapes
from hwcost.passes.shorten_axis_moves import shorten_axis_moves
from hwcost.tensor import float32
from tests.evaluating import evaluated


def factored(draw, elements: int) -> tuple[int, ...]:
    """Any shape of so many elements, with axes of one here and there."""
    shape = []
    while elements > 1 and len(shape) < 4:
        divisors = [n for n in range(1, elements + 1) if elements % n == 0]
        shape.append(draw(st.sampled_from(divisors)))
        elements //= shape[-1]
    return (*shape, elements) if elements > 1 or not shape else tuple(shape)


@st.composite
def chains(draw):
    """A network that moves axes a few times, sometimes with something else between."""
    first = factored(draw, draw(st.sampled_from([1, 6, 12, 24, 36])))
    graph_input, shape, nodes = first, first, []
    for number in range(draw(st.integers(1, 6))):
        what = draw(st.sampled_from(["transpose", "reshape", "reshape", "exp"]))
        if what == "transpose":
            op = Transpose(tuple(draw(st.permutations(range(len(shape))))))
            shape = tuple(shape[axis] for axis in op.order)
        elif what == "reshape":
            after = factored(draw, prod(shape))
            op, shape = Reshape.between(shape, after), after
        else:
            op = Exp()
        nodes.append(Node(f"n{number}", op, (f"v{number}",), (f"v{number + 1}",)))
    outputs = (f"v{len(nodes)}", *([f"v{draw(st.integers(1, len(nodes)))}"] if draw(st.booleans()) else []))
    return Graph({"v0": float32(*graph_input)}, outputs, tuple(nodes))


def either(graph):
    """Both rewrites until neither finds anything."""
    while (simpler := shorten_axis_moves(merge_reshapes(graph))) is not graph:
        graph = simpler
    return graph


@settings(max_examples=100, deadline=None)
@given(chains())
def test_axis_moves_compute_the_same_in_fewer_steps(graph):
    x = torch.arange(float(prod(graph.inputs["v0"].shape))).reshape(graph.inputs["v0"].shape) / 50
    for rewrite in (merge_reshapes, shorten_axis_moves, either):
        shorter = rewrite(graph)
        assert len(shorter.nodes) <= len(graph.nodes)
        assert rewrite(shorter) == shorter
        for made, expected in zip(evaluated(shorter, x), evaluated(graph, x), strict=True):
            assert torch.equal(made, expected)
