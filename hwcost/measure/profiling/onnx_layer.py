"""A layer as an int8 ONNX model: quantised inputs, seeded weights, the operator, a quantised output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hwcost.errors import MeasurementError
from hwcost.ops import Clip, Op, Relu
from hwcost.records import Layer

__all__ = ["onnx_layer"]

_OPSET = 17
_IR = 8
_SCALE = np.float32(1 / 32)
_NAMES: Mapping[str, str] = {
    "conv2d": "Conv",
    "conv1d": "Conv",
    "depthwise_conv2d": "Conv",
    "depthwise_conv1d": "Conv",
    "dense": "Gemm",
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "max_pool2d": "MaxPool",
    "max_pool1d": "MaxPool",
    "average_pool2d": "AveragePool",
    "average_pool1d": "AveragePool",
    "global_average_pool": "GlobalAveragePool",
    "global_max_pool": "GlobalMaxPool",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "hard_swish": "HardSwish",
    "softmax": "Softmax",
    "concat": "Concat",
}


def onnx_layer(layer: Layer, seed: int = 0) -> bytes:
    """The model's bytes; MeasurementError for an operator that has no such model here."""
    from onnx import TensorProto, helper

    op, step = layer.op, layer.step
    if op.kind not in _NAMES or any(spec.bits != 8 for spec in layer.inputs) or getattr(op, "constant", None) is not None:
        raise MeasurementError(f"{op.kind} is not run on this machine: kinds that are: {', '.join(_NAMES)}")
    writing = _Writing(np.random.default_rng(seed))
    names = [f"x{i}" for i in range(len(layer.inputs))]
    wires = [writing.dequantised(name) for name in names]
    made = writing.node(_NAMES[op.kind], [*wires, *writing.constants(op, step.parameters)], **_attributes(op, layer))
    made = _activated(writing, getattr(op, "activation", None), made)
    writing.nodes.append(helper.make_node("QuantizeLinear", [made, "scale", "zero"], ["y"]))
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT8, _batched(spec.shape)) for name, spec in zip(names, layer.inputs, strict=True)
    ]
    output = helper.make_tensor_value_info("y", TensorProto.INT8, None)
    graph = helper.make_graph(writing.nodes, op.kind, inputs, [output], writing.initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    data: bytes = model.SerializeToString()
    return data


class _Writing:
    """Nodes and constants as they are made."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.nodes: list[Any] = []
        self.initialisers: list[Any] = []
        self._constant("scale", np.array(_SCALE, np.float32))
        self._constant("zero", np.array(0, np.int8))

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        from onnx import helper

        made = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [made], **attributes))
        return made

    def dequantised(self, name: str, scale: str = "scale") -> str:
        """Its real values: onnxruntime merges this with what reads them."""
        return self.node("DequantizeLinear", [name, scale, "zero"])

    def constants(self, op: Op, parameters: Any) -> list[str]:
        """Seeded weights and bias, in the order the operator takes them."""
        made = []
        for role, parameter in parameters:
            shape = tuple(int(n) for n in parameter.shape)
            if role == "bias":
                values = self._rng.integers(-1000, 1000, shape).astype(np.int32)
                self._constant("bias_scale", np.array(_SCALE * _SCALE, np.float32))
                self._constant("bias_zero", np.array(0, np.int32))
                self._constant("bias", values)
                made.append(self.node("DequantizeLinear", ["bias", "bias_scale", "bias_zero"]))
            else:
                self._constant(role, self._rng.integers(-127, 128, shape).astype(np.int8))
                made.append(self.dequantised(role))
        return made

    def _constant(self, name: str, values: Any) -> None:
        from onnx import numpy_helper

        self.initialisers.append(numpy_helper.from_array(values, name))


def _batched(shape: tuple[Any, ...]) -> list[int]:
    return [1, *(int(n) for n in shape)]


def _activated(writing: _Writing, activation: Op | None, made: str) -> str:
    """What is behind a fused activation; a bounded one is left to the quantised range, which bounds it as well."""
    return writing.node("Relu", [made]) if isinstance(activation, Relu | Clip) else made


def _attributes(op: Op, layer: Layer) -> dict[str, Any]:
    if op.kind.startswith("depthwise"):
        return _window(op) | {"group": int(layer.inputs[0].channels)}
    find: Callable[[Op], dict[str, Any]] | None = _BY_KIND.get(op.kind)
    if find is not None:
        return find(op)
    return _window(op) if hasattr(op, "kernel") else {}


def _window(op: Any) -> dict[str, Any]:
    pads = [before for before, _ in op.padding] + [after for _, after in op.padding]
    found = {"kernel_shape": list(op.kernel), "strides": list(op.stride), "pads": pads}
    if op.kind.startswith("average"):
        return found | {"count_include_pad": int(op.count_include_pad)}
    return found | {"dilations": list(op.dilation)}


_BY_KIND: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "dense": lambda _: {"transB": 1},
    "concat": lambda op: {"axis": op.axis + 1},
    "softmax": lambda op: {"axis": -1},
    "conv2d": lambda op: _window(op) | {"group": op.groups},
    "conv1d": lambda op: _window(op) | {"group": op.groups},
}
