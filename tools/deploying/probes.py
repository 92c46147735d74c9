"""Small programs made by hand, whose images tell what calls, start-up and stack take."""

from __future__ import annotations

import numpy as np

from hwcost.deploy.program import Convolution, Layer, Lookup, Program, Tensor
from hwcost.graph import Graph, Node, Parameter
from hwcost.ops.activation import Sigmoid
from hwcost.ops.base import Op
from hwcost.ops.conv import Conv2d, DepthwiseConv2d
from hwcost.tensor import Quantisation, int8

ELEMENTS = 1000
"""More than a compiler copies without a call."""


def lookups(count: int) -> Program:
    """A chain of tables, each its own: the shortest calls there are."""
    nodes = tuple(Node(f"table{i}", Sigmoid(), (_value(i),), (_value(i + 1),)) for i in range(count))
    graph = Graph({_value(0): int8(ELEMENTS)}, (_value(count),), nodes)
    tables = tuple(Lookup(np.roll(np.arange(-128, 128, dtype=np.int8), i).reshape(1, 256)) for i in range(count))
    return Program(graph, tables, {_value(i): Tensor(_value(i), (ELEMENTS,), (0,)) for i in range(count + 1)})


def convolutions() -> Program:
    """A first layer, a depthwise one and a pointwise one: the deepest calls there are."""
    ops: list[Op] = [
        Conv2d(8, kernel=(3, 3), padding=((1, 1), (1, 1))),
        Conv2d(16, kernel=(3, 3), padding=((1, 1), (1, 1))),
        DepthwiseConv2d(kernel=(3, 3), padding=((1, 1), (1, 1))),
        Conv2d(10, kernel=(1, 1)),
    ]
    channels, rng = [3, 8, 16, 16, 10], np.random.default_rng(0)
    nodes, layers, parameters = list[Node](), list[Layer](), dict[str, Parameter]()
    for i, op in enumerate(ops):
        layer = _convolution(op, channels[i], channels[i + 1], rng)
        shape = (channels[i + 1], *np.moveaxis(layer.weights, -1, 1).shape[1:])
        parameters[f"weight{i}"] = Parameter(f"weight{i}", shape, 8, Quantisation(axis=0), "int")
        parameters[f"bias{i}"] = Parameter(f"bias{i}", (channels[i + 1],), 32, None, "int")
        nodes.append(Node(f"conv{i}", op, (_value(i),), (_value(i + 1),), (("weight", f"weight{i}"), ("bias", f"bias{i}"))))
        layers.append(layer)
    graph = Graph({_value(0): int8(3, 9, 9)}, (_value(len(ops)),), tuple(nodes), parameters)
    tensors = {_value(i): Tensor(_value(i), (9, 9, count), (1, 2, 0)) for i, count in enumerate(channels)}
    stored = {name: spec.as_int8() for name, spec in graph.values.items()}
    assert {name: spec.elements for name, spec in stored.items()} == {name: tensor.elements for name, tensor in tensors.items()}
    return Program(graph, tuple(layers), tensors)


def _convolution(op: Op, inputs: int, outputs: int, rng: np.random.Generator) -> Convolution:
    height, width = op.kernel  # type: ignore[attr-defined]
    depthwise = isinstance(op, DepthwiseConv2d)
    weights = rng.integers(-127, 128, (outputs, height, width, 1 if depthwise else inputs)).astype(np.int8)
    pad = height // 2
    return Convolution(
        weights=weights,
        bias=np.zeros(outputs, np.int32),
        multiplier=np.full(outputs, 1 << 22, np.int32),
        shift=32,
        input_zero_point=0,
        output_zero_point=0,
        padding=(pad, pad, pad, pad),
        groups=inputs if depthwise else 1,
    )


def _value(index: int) -> str:
    return f"value{index}"
