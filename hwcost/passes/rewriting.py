"""What the passes are written with: a network taken apart into nodes, and put together again without those that became nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hwcost.graph import Graph, Node, Parameter, Storage


def producers(graph: Graph) -> dict[str, Node]:
    """The node that makes each value; network inputs have none."""
    return {output: node for node in graph.nodes for output in node.outputs}


def only_consumer(graph: Graph, value: str) -> Node | None:
    """The one node that reads `value`, once, if nothing else does and it is no output of the network."""
    readers = graph.consumers[value]
    if len(readers) != 1 or value in graph.outputs or readers[0].inputs.count(value) != 1:
        return None
    return readers[0]


def rewritten(
    graph: Graph, nodes: Iterable[Node], *, renamed: Mapping[str, str] | None = None, parameters: Mapping[str, Parameter] | None = None
) -> Graph:
    """The network of other nodes, in which a value of `renamed` stands for another one; nothing unused is kept.

    A value that stands for another takes its storage from it; one that another node makes now is stored as it was. Parameters given
    are added to, or replace, those there are.
    """
    names = _final(renamed or {})
    nodes = list(nodes)
    rewired = [replace(node, inputs=tuple(names.get(name, name) for name in node.inputs)) for node in nodes]
    outputs = tuple(names.get(name, name) for name in graph.outputs)
    return _without_unused(_stored_as_before(graph, nodes), rewired, outputs, {**graph.parameters, **(parameters or {})})


def _stored_as_before(graph: Graph, nodes: Sequence[Node]) -> Graph:
    """The network with the storage of values that change their maker written down, where any storage is."""
    if not graph.storage:
        return graph
    before = {output: node.name for node in graph.nodes for output in node.outputs}
    moved = {name for node in nodes for name in node.outputs if before.get(name, node.name) != node.name} - graph.storage.keys()
    specs = {name: graph.values[name] for name in moved}
    storage = {name: Storage(spec.bits, spec.quantisation, spec.kind) for name, spec in specs.items()}
    return replace(graph, storage={**graph.storage, **storage}) if storage else graph


def _final(renamed: Mapping[str, str]) -> dict[str, str]:
    """Each name with the one at the end of its chain."""
    final: dict[str, str] = {}
    for name in renamed:
        chain = [name]
        while chain[-1] in renamed and chain[-1] not in final:
            chain.append(renamed[chain[-1]])
        final.update(dict.fromkeys(chain[:-1] or chain, final.get(chain[-1], chain[-1])))
    return final


def _without_unused(graph: Graph, nodes: Sequence[Node], outputs: tuple[str, ...], parameters: Mapping[str, Parameter]) -> Graph:
    """Nodes that lead to an output, and the parameters and storage they use; the network given if that is all it has."""
    needed = set(outputs)
    kept: list[Node] = []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
    kept.reverse()
    used = {name for node in kept for _, name in node.parameters}
    made = set(graph.inputs).union(*(node.outputs for node in kept))
    left = {name: parameter for name, parameter in parameters.items() if name in used}
    storage = {name: storage for name, storage in graph.storage.items() if name in made}
    if (graph.nodes, graph.outputs, graph.parameters, graph.storage) == (tuple(kept), outputs, left, storage):
        return graph
    return replace(graph, nodes=tuple(kept), outputs=outputs, parameters=left, storage=storage)
