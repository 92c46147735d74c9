"""Small quantised ONNX models, made node by node, and what onnxruntime makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import hwcost
from hwcost.deploy.interpret import interpret
from hwcost.deploy.lower import lower
from hwcost.deploy.program import Program

Array = NDArray[Any]


class Model:
    """A network in the QDQ form: every value is quantised right after it is made."""

    def __init__(self, folder: Path, unsigned: bool = False) -> None:
        self.path = folder / "model.onnx"
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.unsigned = unsigned
        self.scale_of: dict[str, float] = {}

    def constant(self, name: str, values: Array) -> str:
        """An initialiser."""
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def scales(self, name: str, scale: Any, zero: Any, dtype: Any) -> list[str]:
        return [self.constant(f"{name}.scale", np.asarray(scale, np.float32)), self.constant(f"{name}.zero", np.asarray(zero, dtype))]

    def input(self, name: str, shape: tuple[int, ...], scale: float, zero: int) -> str:
        """A quantised input; returns its real value."""
        kind = TensorProto.UINT8 if self.unsigned else TensorProto.INT8
        self.inputs.append(helper.make_tensor_value_info(name, kind, [1, *shape]))
        self.scale_of[name] = scale
        pair = self.scales(name, scale, zero, np.uint8 if self.unsigned else np.int8)
        self.nodes.append(helper.make_node("DequantizeLinear", [name, *pair], [f"{name}.real"]))
        return f"{name}.real"

    def weights(self, name: str, values: Array, scale: Any, axis: int = 0) -> str:
        """Symmetric int8 weights with one scale or one per index of an axis."""
        pair = self.scales(name, scale, np.zeros_like(np.asarray(scale), dtype=np.int8), np.int8)
        stored = self.constant(f"{name}.stored", values.astype(np.int8))
        self.nodes.append(helper.make_node("DequantizeLinear", [stored, *pair], [name], axis=axis if np.ndim(scale) else 0))
        return name

    def bias(self, name: str, values: Array, scale: Any) -> str:
        """An int32 bias in steps of the accumulator."""
        pair = self.scales(name, scale, np.zeros_like(np.asarray(scale), dtype=np.int32), np.int32)
        stored = self.constant(f"{name}.stored", values.astype(np.int32))
        self.nodes.append(helper.make_node("DequantizeLinear", [stored, *pair], [name], axis=0))
        return name

    def node(self, op: str, inputs: list[str], output: str, scale: float, zero: int, **attributes: Any) -> str:
        """A layer whose output is quantised; returns the real value of it, as stored."""
        self.nodes.append(helper.make_node(op, inputs, [f"{output}.made"], **attributes))
        return self.stored(f"{output}.made", output, scale, zero)

    def stored(self, made: str, output: str, scale: float, zero: int) -> str:
        pair = self.scales(output, scale, zero, np.uint8 if self.unsigned else np.int8)
        self.nodes.append(helper.make_node("QuantizeLinear", [made, *pair], [output]))
        self.nodes.append(helper.make_node("DequantizeLinear", [output, *pair], [f"{output}.real"]))
        return f"{output}.real"

    def saved(self, *outputs: str) -> Path:
        """The file, whose outputs are the stored integers of these values."""
        kind = TensorProto.UINT8 if self.unsigned else TensorProto.INT8
        infos = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "model", self.inputs, infos, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(onnx.shape_inference.infer_shapes(model), self.path)
        return self.path


def both(path: Path, seed: int = 0, *, simplify: bool = True) -> tuple[list[Array], list[Array], Program]:
    """Outputs of the interpreter and of onnxruntime without its fusions, on the same random input."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options)
    rng = np.random.default_rng(seed)
    feed = {}
    for given in session.get_inputs():
        low, dtype = (0, np.uint8) if "uint8" in given.type else (-128, np.int8)
        feed[given.name] = rng.integers(low, low + 256, given.shape).astype(dtype)
    program = lower(hwcost.from_onnx(path), simplify=simplify)
    mine = list(interpret(program, feed).values())
    return mine, [np.asarray(value) for value in session.run(None, feed)], program


def furthest(path: Path, seed: int = 0) -> int:
    """Largest distance of any output from onnxruntime's, in steps; shapes and types must be the same."""
    mine, theirs, _ = both(path, seed)
    assert len(mine) == len(theirs)
    apart = 0
    for a, b in zip(mine, theirs, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape[1:]
        apart = max(apart, int(np.abs(a.astype(int) - b.astype(int)).max()))
    return apart
