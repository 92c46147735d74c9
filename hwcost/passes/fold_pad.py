"""Padding written as a layer of its own before a convolution, which pads by itself for nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hwcost.graph import Graph, Node
from hwcost.ops.base import Op
from hwcost.ops.conv import Conv1d, Conv2d, DepthwiseConv1d, DepthwiseConv2d
from hwcost.ops.joining import Pad
from hwcost.ops.pool import AveragePool1d, AveragePool2d
from hwcost.passes.rewriting import rewritten

CONVOLUTIONS = (Conv1d, Conv2d, DepthwiseConv1d, DepthwiseConv2d)


def fold_pad(graph: Graph) -> Graph:
    """Zeros around an image, read by convolutions alone, become their own padding.

    An average pool takes them too, if it has no padding of its own: its zeros then count.
    """
    folded: dict[str, Node] = {}
    gone: dict[str, str] = {}
    for node in graph.nodes:
        readers = [folded.get(reader.name, reader) for reader in graph.consumers[node.output]]
        if _is_zeros_around(node.op) and readers and node.output not in graph.outputs and all(map(_takes_padding, readers)):
            gone[node.output] = node.inputs[0]
            folded |= {reader.name: replace(reader, op=_padded(reader.op, node.op)) for reader in readers}
    if not gone:
        return graph
    return rewritten(graph, [folded.get(node.name, node) for node in graph.nodes if node.output not in gone], renamed=gone)


def _is_zeros_around(op: Op) -> bool:
    if not isinstance(op, Pad) or op.mode != "constant" or op.value != 0:
        return False
    return op.pads[0] == (0, 0) and all(n >= 0 for pair in op.pads for n in pair)


def _takes_padding(node: Node) -> bool:
    if isinstance(node.op, AveragePool1d | AveragePool2d):
        return not any(map(any, node.op.padding))
    return isinstance(node.op, CONVOLUTIONS)


def _padded(op: Op, pad: Any) -> Op:
    windowed: Any = op
    pairs = tuple((a + before, b + after) for (before, after), (a, b) in zip(pad.pads[1:], windowed.padding, strict=True))
    counted = {"count_include_pad": True} if isinstance(op, AveragePool1d | AveragePool2d) else {}
    changed: Op = replace(windowed, padding=pairs, **counted)
    return changed
