"""A quantised network, evaluated: everything in real numbers, rounded to its scale where a value is stored as integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from hwcost.graph import Graph, Parameter, Step
from hwcost.passes.real_numbers import numbers
from hwcost.tensor import TensorSpec
from tests.evaluating import EVALUATE


def run(graph: Graph, *inputs: np.ndarray) -> list[np.ndarray]:
    """The outputs of a network for real inputs in the shapes of the graph, without a batch."""
    values = {name: rounded(torch.as_tensor(x), spec) for (name, spec), x in zip(graph.inputs.items(), inputs, strict=True)}
    for step in graph.steps:
        made = _made(step, [values[name] for name in step.node.inputs])
        assert [tuple(value.shape) for value in made] == [spec.shape for spec in step.outputs], step.node
        values |= {name: rounded(value, spec) for name, value, spec in zip(step.node.outputs, made, step.outputs, strict=True)}
    return [values[name].numpy() for name in graph.outputs]


def rounded(value: Tensor, spec: TensorSpec) -> Tensor:
    """Real numbers as the integers of `spec` tell them; floats, indices and truth values as they are."""
    value = value.double() if value.is_floating_point() else value
    if spec.quantisation is None or not spec.quantisation.scale:
        return value
    low, high = (0, 2**spec.bits - 1) if spec.kind == "uint" else (-(2 ** (spec.bits - 1)), 2 ** (spec.bits - 1) - 1)
    scale, zero = torch.tensor([spec.quantisation.scale[0], spec.quantisation.zero_point[0]], dtype=torch.float64)
    return (torch.clamp(torch.round(value.double() / scale) + zero, low, high) - zero) * scale


def _made(step: Step, given: list[Tensor]) -> list[Tensor]:
    op: Any = step.node.op
    stored = {role: torch.as_tensor(_real(step, role, parameter)) for role, parameter in step.parameters}
    # A scale belongs to storage: here, integers and floats are the same numbers.
    made = given if op.kind in {"quantize", "dequantize"} else EVALUATE[type(op)](op, *given, **stored)
    outputs = list(made) if isinstance(made, tuple | list) else [made]
    bounds = op.attributes().get("activation")
    return outputs if bounds is None else [EVALUATE[type(bounds)](bounds, output) for output in outputs]


def _real(step: Step, role: str, parameter: Parameter) -> np.ndarray:
    """A constant in real numbers; a bias of an integer layer is in steps of its input times its weights."""
    values = np.array(numbers(parameter))
    if role != "bias" or parameter.kind != "int" or parameter.quantisation is not None:
        return values
    weight = dict(step.parameters)["weight"].quantisation
    return values * np.asarray(weight.scale) * step.inputs[0].quantisation.scale[0]
