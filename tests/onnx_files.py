"""Small ONNX files, written node by node, and what onnxruntime makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from hwcost.graph import Graph
from tests.running import run

FLOAT, UINT8, INT8, INT32, INT64, BOOL = 1, 2, 3, 6, 7, 9
MICROSOFT = "com.microsoft"

Shape = Sequence[int | str | None]


def node(
    op: str, inputs: Sequence[str], outputs: Sequence[str] = ("y",), *, domain: str = "", name: str = "", **attributes: Any
) -> onnx.NodeProto:
    """One node; named after its operator and first output unless it has a name."""
    return helper.make_node(op, list(inputs), list(outputs), name or f"{op.lower()}_{outputs[0]}", domain=domain, **attributes)


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers around 0, the same every time."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, Shape | tuple[Shape, int]],
    constants: dict[str, np.ndarray] | None = None,
    *,
    outputs: Sequence[str] = ("y",),
    opset: int = 18,
    domains: Sequence[str] = (),
    functions: Sequence[onnx.FunctionProto] = (),
    constants_are_inputs: bool = False,
) -> onnx.ModelProto:
    """A model of these nodes; an input is a shape, or a shape and an element type; None and text are symbolic sizes."""
    stored = [numpy_helper.from_array(np.asarray(values), name) for name, values in (constants or {}).items()]
    given = [_info(name, shape) for name, shape in inputs.items()]
    if constants_are_inputs:
        given += [helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in stored]
    graph = helper.make_graph(list(nodes), "g", given, [helper.make_empty_tensor_value_info(name) for name in outputs], stored)
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=3 if constants_are_inputs else 8)


def _info(name: str, shape: Any) -> onnx.ValueInfoProto:
    sizes, element = shape if isinstance(shape, tuple) and len(shape) == 2 and isinstance(shape[0], (list, tuple)) else (shape, FLOAT)
    return helper.make_tensor_value_info(name, element, list(sizes))


def session(file: bytes | onnx.ModelProto) -> onnxruntime.InferenceSession:
    """onnxruntime on a file as it is written, without its own rewrites."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        file if isinstance(file, bytes) else file.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def answers(file: bytes | onnx.ModelProto, *inputs: np.ndarray) -> list[np.ndarray]:
    """What onnxruntime makes of inputs in the shapes of the file."""
    runtime = session(file)
    return runtime.run(None, {info.name: x for info, x in zip(runtime.get_inputs(), inputs, strict=True)})


def meant(graph: Graph, name: str, values: np.ndarray) -> np.ndarray:
    """Real numbers, of integers that are stored as the graph says."""
    quantisation = graph.values[name].quantisation
    if values.dtype.kind not in "iu" or quantisation is None or not quantisation.scale:
        return values
    return (values.astype(np.float64) - quantisation.zero_point[0]) * quantisation.scale[0]


def disagreement(graph: Graph, file: bytes | onnx.ModelProto, *inputs: np.ndarray) -> float:
    """How far the graph's answers are from onnxruntime's: in steps of the output's scale, or relative to the largest if it is a float.

    Inputs have a batch of 1; they and the answers may lie in another order of axes in the graph, of which only the layout matters.
    """
    given = [_laid_out(meant(graph, name, x), spec.shape) for (name, spec), x in zip(graph.inputs.items(), inputs, strict=True)]
    made, wanted = run(graph, *given), answers(file, *inputs)
    return max(_apart(graph, name, a, b) for name, a, b in zip(graph.outputs, made, wanted, strict=True))


def _laid_out(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Without the batch, and channels first where the graph has them first."""
    if x.size == np.prod(shape) and x.shape[1:] != shape and len(x.shape) == len(shape) + 1 and x.shape[0] == 1:
        return np.moveaxis(x[0], -1, 0).reshape(shape)
    return x.reshape(shape)


def _apart(graph: Graph, name: str, made: np.ndarray, wanted: np.ndarray) -> float:
    spec = graph.values[name]
    real = meant(graph, name, wanted).astype(np.float64)
    if wanted.shape[:1] == (1,) and made.ndim == wanted.ndim - 1 and made.shape != wanted.shape[1:]:
        real = np.moveaxis(real[0], -1, 0)
    step = spec.quantisation.scale[0] if spec.quantisation is not None and spec.quantisation.scale else max(1e-9, float(np.abs(real).max()))
    return float(np.abs(made.reshape(-1) - real.reshape(-1)).max()) / step
