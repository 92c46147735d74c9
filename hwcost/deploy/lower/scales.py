"""Operators that pick integers get inputs and outputs of one scale; where a file gives them two, a table stands in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hwcost.graph import Graph, Node, Storage
from hwcost.ops import gather, joining, pool, reduce, resize, shape
from hwcost.ops.binary import Maximum, Minimum
from hwcost.ops.storage import Identity, Quantize
from hwcost.tensor import TensorSpec

PICKING = (
    *(joining.Slice, joining.Split, joining.Pad, joining.Expand, gather.Gather, shape.Reshape, shape.Transpose, Identity),
    *(pool.MaxPool1d, pool.MaxPool2d, pool.GlobalMaxPool, reduce.ReduceMax, reduce.ReduceMin),
    *(resize.Resize, resize.DepthToSpace, resize.SpaceToDepth),
)
"""One input, whose integers the outputs are."""
COMPARING = (Minimum, Maximum)
"""Two inputs, which must be on the output's scale."""


def with_one_scale(graph: Graph) -> Graph:
    """The graph with a node that changes the scale after each operator that picks, and before each that compares, across scales."""
    storage: dict[str, Storage] = {}
    nodes = [made for node in graph.nodes for made in _on_one_scale(graph, node, storage)]
    if len(nodes) == len(graph.nodes):
        return graph
    return replace(graph, nodes=tuple(nodes), storage={**graph.storage, **storage})


def _on_one_scale(graph: Graph, node: Node, storage: dict[str, Storage]) -> Iterator[Node]:
    if isinstance(node.op, PICKING):
        yield from _picking(graph, node, storage)
    elif isinstance(node.op, COMPARING) and node.op.constant is None:
        yield from _comparing(graph, node, storage)
    else:
        yield node


def _picking(graph: Graph, node: Node, storage: dict[str, Storage]) -> Iterator[Node]:
    given = graph.values[node.inputs[0]]
    outputs, after = [], []
    for name in node.outputs:
        wanted = graph.values[name]
        if not _differ(given, wanted):
            outputs.append(name)
            continue
        picked = f"{name}.picked"
        storage[picked] = _storage(given)
        outputs.append(picked)
        after.append(_rescaling(picked, name, wanted, storage))
    yield replace(node, outputs=tuple(outputs)) if after else node
    yield from after


def _comparing(graph: Graph, node: Node, storage: dict[str, Storage]) -> Iterator[Node]:
    wanted = graph.values[node.output]
    inputs = []
    for i, name in enumerate(node.inputs):
        if _differ(graph.values[name], wanted):
            compared = f"{node.output}.operand{i}"
            yield _rescaling(name, compared, wanted, storage)
            name = compared
        inputs.append(name)
    yield replace(node, inputs=tuple(inputs))


def _rescaling(source: str, made: str, wanted: TensorSpec, storage: dict[str, Storage]) -> Node:
    storage[made] = _storage(wanted)
    return Node(f"{made}.rescaled", Quantize(wanted.bits, wanted.kind), (source,), (made,))


def _differ(a: TensorSpec, b: TensorSpec) -> bool:
    """Whether both are quantised, each on a scale of its own."""
    return a.quantisation is not None and b.quantisation is not None and a.quantisation != b.quantisation


def _storage(spec: TensorSpec) -> Storage:
    return Storage(spec.bits, spec.quantisation, spec.kind)
