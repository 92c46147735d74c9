"""Layers that QDQ cannot express stay floats, and are named."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwcost.errors import InputError

pytest.importorskip("onnxruntime")

from hwcost.deploy.quantise import quantise

STEPS, FEATURES, HIDDEN = 5, 4, 6


def recurrent(path, *, dense: bool = True):
    """An LSTM over steps, its batch the second axis, and a dense layer on its last state."""
    rng = np.random.default_rng(3)
    shapes = {"w": (1, 4 * HIDDEN, FEATURES), "r": (1, 4 * HIDDEN, HIDDEN), "d": (HIDDEN, 3)}
    tensors = [numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name) for name, shape in shapes.items()]
    axes = numpy_helper.from_array(np.array([0]), "axes")
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r"], ["", "h"], name="lstm", hidden_size=HIDDEN),
        helper.make_node("Squeeze", ["h", "axes"], ["s"], name="last"),
        *([helper.make_node("MatMul", ["s", "d"], ["y"], name="dense")] if dense else []),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [STEPS, 1, FEATURES])
    y = helper.make_tensor_value_info("y" if dense else "s", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "net", [x], [y], [*tensors, axes])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_a_recurrent_layer_is_named(tmp_path):
    data = np.random.default_rng(0).standard_normal((6, STEPS, 1, FEATURES)).astype(np.float32)
    made = quantise(recurrent(tmp_path / "float.onnx"), {"x": data}, tmp_path / "int8.onnx")
    assert "lstm" in made.float_islands
    assert "dense" not in made.float_islands
    assert made.samples == 6


def test_a_network_with_nothing_to_quantise_is_refused(tmp_path):
    data = np.zeros((2, STEPS, 1, FEATURES), np.float32)
    with pytest.raises(InputError, match="no layer that can be quantised"):
        quantise(recurrent(tmp_path / "float.onnx", dense=False), {"x": data}, tmp_path / "int8.onnx")
    assert not (tmp_path / "int8.onnx").exists()
