"""What onnxruntime leaves to fold: batch norms after dense layers or on their own, and HardSwish, which it takes apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

Reals: TypeAlias = "NDArray[np.float64]"

BIAS = 2
"""Where a Gemm's bias stands among its inputs."""

LEADING_AXES = 2
"""Batch and channels, in front of the axes of an image or a sequence."""


def fold_dense(model: onnx.ModelProto) -> None:
    """In place: y = scale * (W x + b - mean) / sqrt(variance + epsilon) + shift becomes one Gemm, where nothing else reads W x + b."""
    nodes = {node.output[0]: node for node in model.graph.node if node.op_type == "Gemm"}
    outputs = {info.name for info in model.graph.output}
    for norm in [node for node in model.graph.node if node.op_type == "BatchNormalization"]:
        dense = nodes.get(norm.input[0])
        readers = sum(list(node.input).count(norm.input[0]) for node in model.graph.node)
        if dense is not None and readers == 1 and norm.input[0] not in outputs and _fold(model, dense, norm):
            model.graph.node.remove(norm)
    _drop_unread(model)


def _fold(model: onnx.ModelProto, dense: onnx.NodeProto, norm: onnx.NodeProto) -> bool:
    """Write the folded weights and bias beside the old ones; False where they are no constants."""
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    settings = {attribute.name: attribute for attribute in dense.attribute}
    needed = [*dense.input[1:], *norm.input[1:]]
    if any(name not in constants for name in needed) or any(key in settings and settings[key].f != 1.0 for key in ("alpha", "beta")):
        return False
    factor, offset = _affine(norm, constants)
    weights = _exact(constants[dense.input[1]])
    turned = "transB" in settings and settings["transB"].i
    weights = weights * (factor[:, None] if turned else factor)
    bias = _exact(constants[dense.input[BIAS]]) if len(dense.input) > BIAS else np.zeros(1)
    folded = {
        f"{dense.output[0]}.weight": weights,
        f"{dense.output[0]}.bias": np.broadcast_to(bias * factor + offset, factor.shape),
    }
    model.graph.initializer.extend(numpy_helper.from_array(values.astype(np.float32), name) for name, values in folded.items())
    dense.input[:] = [dense.input[0], *folded]
    dense.output[0] = norm.output[0]
    return True


def _affine(norm: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> tuple[Reals, Reals]:
    """The factor and the offset of each channel, which is all that a batch norm is at inference."""
    scale, shift, mean, variance = (_exact(constants[name]) for name in norm.input[1:])
    epsilon = next((attribute.f for attribute in norm.attribute if attribute.name == "epsilon"), 1e-5)
    factor = scale / np.sqrt(variance + epsilon)
    return factor, shift - mean * factor


def norms_as_convolutions(model: onnx.ModelProto) -> None:
    """In place: a batch norm of images or sequences that no layer takes in becomes a depthwise convolution of one place, which quantises.

    Those of features without places stay as they are; so do those whose statistics are no constants. Shapes must have been inferred.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    infos = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    ranks = {info.name: len(info.type.tensor_type.shape.dim) for info in infos}
    for norm in [node for node in model.graph.node if node.op_type == "BatchNormalization"]:
        places = ranks.get(norm.input[0], 0) - LEADING_AXES
        if places in (1, 2) and len(norm.output) == 1 and all(name in constants for name in norm.input[1:]):
            _as_convolution(model, norm, *_affine(norm, constants), places)
    _drop_unread(model)


def _as_convolution(model: onnx.ModelProto, norm: onnx.NodeProto, factor: Reals, offset: Reals, places: int) -> None:
    from onnx import helper, numpy_helper

    made = {f"{norm.output[0]}.weight": factor.reshape(-1, 1, *(1 for _ in range(places))), f"{norm.output[0]}.bias": offset}
    model.graph.initializer.extend(numpy_helper.from_array(values.astype(np.float32), name) for name, values in made.items())
    norm.op_type = "Conv"
    norm.input[:] = [norm.input[0], *made]
    del norm.attribute[:]
    norm.attribute.append(helper.make_attribute("group", len(factor)))


def _exact(tensor: onnx.TensorProto) -> Any:
    from onnx import numpy_helper

    return np.asarray(numpy_helper.to_array(tensor), np.float64)


def _drop_unread(model: onnx.ModelProto) -> None:
    """Remove constants that no node reads."""
    read = {name for node in model.graph.node for name in node.input} | {info.name for info in model.graph.output}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in read]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def join_hard_swish(model: onnx.ModelProto) -> None:
    """In place: x * HardSigmoid(x), which onnxruntime writes for HardSwish, becomes HardSwish again: one rounding and not two."""
    readers = [name for node in model.graph.node for name in node.input] + [info.name for info in model.graph.output]
    gates = {node.output[0]: node for node in model.graph.node if node.op_type == "HardSigmoid" and readers.count(node.output[0]) == 1}
    for product in [node for node in model.graph.node if node.op_type == "Mul"]:
        for value, gate in (tuple(product.input), tuple(product.input)[::-1]):
            if gate in gates and gates[gate].input[0] == value and _is_swish(gates[gate]):
                model.graph.node.remove(gates[gate])
                product.op_type = "HardSwish"
                product.input[:] = [value]
                break


def _is_swish(gate: onnx.NodeProto) -> bool:
    """Whether the gate is min(max(x / 6 + 1/2, 0), 1)."""
    settings = {"alpha": 0.2, "beta": 0.5} | {attribute.name: attribute.f for attribute in gate.attribute}
    return bool(np.isclose(settings["alpha"], 1 / 6, rtol=1e-6)) and settings["beta"] == 1 / 2
