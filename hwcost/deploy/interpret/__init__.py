"""The integer program run in numpy: the reference every kernel is held to, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.interpret.border import given, taken
from hwcost.deploy.interpret.layers import run
from hwcost.deploy.program import Program

__all__ = ["interpret", "interpret_layer"]

Values = dict[str, NDArray[Any]]
interpret_layer = run


@overload
def interpret(program: Program, inputs: Mapping[str, NDArray[Any]], *, trace: Literal[False] = False) -> Values:  # noqa: D418
    """The outputs alone."""


@overload
def interpret(program: Program, inputs: Mapping[str, NDArray[Any]], *, trace: Literal[True]) -> tuple[Values, Values]:  # noqa: D418
    """The outputs, and every value as it lies in memory."""


def interpret(program: Program, inputs: Mapping[str, NDArray[Any]], *, trace: bool = False) -> Values | tuple[Values, Values]:
    """The outputs of one example, by the graph's names.

    Inputs and outputs are in the file's own order of axes, with or without a batch of 1 (outputs without), of the file's type: int8,
    uint8 or float; floats for an integer input are quantised as its scale says. With `trace` also every value as it lies in memory
    (int8, memory order): (outputs, values). Raises InputError for inputs that are missing, unknown or of another shape.
    """
    values = taken(program, inputs)
    for node, layer in zip(program.graph.nodes, program.layers, strict=True):
        layers = layer if isinstance(layer, tuple) else (layer,)
        read = [(program.tensors[name], values[name]) for name in node.inputs]
        if len(layers) == 1 and len(node.outputs) > 1:
            raise AssertionError(f"node '{node.name}' has {len(node.outputs)} outputs and one layer")
        for one, name in zip(layers, node.outputs, strict=True):
            output = program.tensors[name]
            values[name] = np.ascontiguousarray(run(one, [v for _, v in read], output).reshape(output.shape))
    outputs = {name: given(program, name, values[name]) for name in program.graph.outputs}
    return (outputs, values) if trace else outputs
