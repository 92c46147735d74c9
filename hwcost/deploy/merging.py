"""Tables that become one, or go: exact simplifications of an integer program, its outputs the same to the bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.program import Concat, Dequantise, Layer, Lookup, Program, Quantise, Tensor
from hwcost.graph import Graph, Node
from hwcost.passes.rewriting import only_consumer, rewritten

Layers = dict[str, Layer | tuple[Layer, ...]]
Table = NDArray[np.int8]
Step = Callable[[Program, Layers, Node], Program | None]

UNCHANGED = np.arange(-128, 128).astype(np.int8)
"""The table that gives each value back."""


def with_fewer_tables(program: Program) -> Program:
    """The program with no table left that could be part of another one, or of the concatenation behind it, or that changes nothing."""
    while (merged := _once(program)) is not None:
        program = merged
    return program


def by_name(program: Program) -> Layers:
    """What each node does, by the node's name."""
    return {node.name: layer for node, layer in zip(program.graph.nodes, program.layers, strict=True)}


def _once(program: Program) -> Program | None:
    layers = by_name(program)
    tried = (step(program, layers, node) for node in program.graph.nodes for step in STEPS)
    return next((made for made in tried if made is not None), None)


def _with_one_for_two(program: Program, layers: Layers, first: Node) -> Program | None:
    """One table for a node and its only reader."""
    second = _reader(program.graph, first)
    made = None if second is None else _composed(layers[first.name], layers[second.name])
    if second is None or made is None:
        return None
    kept = replace(second, inputs=first.inputs)
    return _without(program, first, {**layers, second.name: made}, kept, note=f"'{first.name}' and '{second.name}' are one table")


def _with_concat(program: Program, layers: Layers, first: Node) -> Program | None:
    """A table as one of those of the concatenation that alone reads it.

    Only where input and concatenation differ in scale: by their scales, others are told which inputs of a concatenation have a table.
    """
    second, table = _reader(program.graph, first), layers[first.name]
    joined = None if second is None else layers[second.name]
    if second is None or not isinstance(joined, Concat) or not isinstance(table, Lookup) or len(table.table) != 1:
        return None
    x, before, y = (program.tensors[name] for name in (first.inputs[0], first.output, second.output))
    if _scale(x) == _scale(y) or (x.shape, x.order) != (before.shape, before.order):
        return None
    at = second.inputs.index(first.output)
    then = joined.tables[at]
    tables = list(joined.tables)
    tables[at] = table.table[0] if then is None else through(table.table[0], then)
    kept = replace(second, inputs=(*second.inputs[:at], first.inputs[0], *second.inputs[at + 1 :]))
    layer = replace(joined, tables=tuple(tables))
    return _without(program, first, {**layers, second.name: layer}, kept, note=f"the table '{first.name}' is part of '{second.name}'")


def _without_unchanged(program: Program, layers: Layers, node: Node) -> Program | None:
    """A table that gives each value back, and whose values lie as they did, is left out."""
    table = layers[node.name]
    if not isinstance(table, Lookup) or node.output in program.graph.outputs or not (table.table == UNCHANGED).all():
        return None
    x, y = (program.tensors[name] for name in (node.inputs[0], node.output))
    if replace(x, name=y.name) != y:
        return None
    return _without(program, node, layers, renamed={node.output: node.inputs[0]}, note=f"the table '{node.name}' changes nothing")


STEPS: tuple[Step, ...] = (_without_unchanged, _with_one_for_two, _with_concat)


def _reader(graph: Graph, node: Node) -> Node | None:
    """The one node that reads a node's only output, once, where that is no output of the network."""
    return only_consumer(graph, node.output) if len(node.outputs) == 1 else None


def _scale(tensor: Tensor) -> tuple[float, int]:
    return tensor.scale, tensor.zero_point


def through(first: Table, then: Table) -> Table:
    """The table of one table after another."""
    return np.asarray(then[first.astype(np.int64) + 128])


def _composed(first: object, second: object) -> Lookup | None:
    """One table for two layers on single values."""
    if isinstance(first, Lookup) and isinstance(second, Lookup):
        at = first.table.astype(np.int64) + 128
        tables = np.broadcast_to(second.table, (max(len(at), len(second.table)), 256))
        return Lookup(np.take_along_axis(tables, np.broadcast_to(at, tables.shape), axis=1))
    if isinstance(first, Dequantise) and isinstance(second, Quantise):
        real = np.arange(-128, 128).astype(np.int16) - np.int16(first.zero_point)
        steps = np.rint(real.astype(np.float32) * np.float32(first.scale) / np.float32(second.scale))
        whole = steps.clip(-1e6, 1e6).astype(np.int64) + second.zero_point
        return Lookup(np.clip(whole, -128, 127).astype(np.int8)[None])
    return None


def _without(
    program: Program, gone: Node, layers: Layers, kept: Node | None = None, *, renamed: Mapping[str, str] | None = None, note: str
) -> Program:
    """The program without a node; `kept` takes the place of the node of its name, `renamed` values stand for others."""
    nodes = [kept if kept is not None and node.name == kept.name else node for node in program.graph.nodes if node is not gone]
    graph = rewritten(program.graph, nodes, renamed=renamed)
    tensors = {name: tensor for name, tensor in program.tensors.items() if name != gone.output}
    return Program(graph, tuple(layers[node.name] for node in graph.nodes), tensors, (*program.notes, note))


__all__ = ["Layers", "by_name", "with_fewer_tables"]
