"""Quantising: what is written, what is measured, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import hwcost
from hwcost.checking import float_islands
from hwcost.errors import HwcostError, InputError
from hwcost.frontends.from_onnx import from_onnx

pytest.importorskip("onnxruntime")

from hwcost.deploy.quantise import quantise, require_usable_scales
from hwcost.deploy.sensitivity import overflows

FIGURES = ("ram_bytes", "flash_bytes", "latency_s", "energy_j")


def network(path: Path, *, weight: float = 1.0, bias: float = 0.1, operator: str = "Relu") -> Path:
    """A convolution, an operator, a pool over all places and a dense layer of three classes."""
    rng = np.random.default_rng(4)
    constants = {
        "w": weight * rng.standard_normal((8, 3, 3, 3)),
        "b": np.full(8, bias),
        "d": rng.standard_normal((3, 8)),
        "e": rng.standard_normal(3),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["y"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node(operator, ["y"], ["z"], name="act"),
        helper.make_node("GlobalAveragePool", ["z"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "d", "e"], ["out"], name="dense", transB=1),
    ]
    tensors = [numpy_helper.from_array(values.astype(np.float32), name) for name, values in constants.items()]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 3])
    model = helper.make_model(
        helper.make_graph(nodes, "net", [x], [out], tensors), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.save(model, path)
    return path


def samples(count: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 3, 8, 8)).astype(np.float32)


@pytest.fixture
def source(tmp_path):
    return network(tmp_path / "float.onnx")


@pytest.fixture
def target():
    return hwcost.Target.load("stm32l4r5")


def costs(path, target):
    report = hwcost.check(path, target)
    assert report.float_islands == ()
    return [getattr(report.cost, figure) for figure in FIGURES]


def test_the_file_costs_what_the_float_network_was_said_to(source, tmp_path, target):
    made = quantise(source, {"x": samples()}, tmp_path / "int8.onnx")
    assert costs(made.path, target) == costs(source, target)
    assert made.float_islands == () == made.warnings
    assert [layer.name for layer in made.layers] == ["conv", "pool", "flat", "dense"]  # the Relu became part of a range
    assert min(layer.own_db for layer in made.layers) > 25
    assert made.worst[0].own_db == min(layer.own_db for layer in made.layers)


def test_weights_are_symmetric_with_a_scale_per_channel(source, tmp_path):
    made = onnx.load(quantise(source, {"x": samples()}, tmp_path / "int8.onnx").path)
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    (reader,) = [node for node in made.graph.node if node.op_type == "DequantizeLinear" and node.input[0].startswith("w")]
    stored, scale, zero = (values[name] for name in reader.input)
    assert stored.dtype == np.int8
    assert scale.shape == (8,)
    assert not zero.any()


def test_noise_of_the_outputs_is_what_running_both_files_gives(source, tmp_path):
    import onnxruntime

    data = samples()
    made = quantise(source, {"x": data}, tmp_path / "int8.onnx")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    exact = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    rounded = onnxruntime.InferenceSession(made.path, options, providers=["CPUExecutionProvider"])
    wanted = np.concatenate([exact.run(None, {"x": data[i : i + 1]})[0] for i in range(8)]).astype(np.float64)
    got = np.concatenate([rounded.run(None, {"x": data[i : i + 1]})[0] for i in range(8)])
    assert made.agreement.sqnr_db == pytest.approx(10 * np.log10((wanted**2).sum() / ((wanted - got) ** 2).sum()), abs=0.01)
    assert made.agreement.argmax == (wanted.argmax(1) == got.argmax(1)).mean()
    labelled = quantise(source, {"x": data, "labels": wanted.argmax(1)}, tmp_path / "int8.onnx")
    assert labelled.agreement.float_accuracy == 1.0
    assert labelled.agreement.int8_accuracy == made.agreement.argmax


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_other_methods_make_files_that_agree_as_well(source, tmp_path, method, capsys):
    made = quantise(source, {"x": samples()}, tmp_path / "int8.onnx", method=method)
    assert made.agreement.sqnr_db > 10
    assert capsys.readouterr() == ("", "")


def test_equal_inputs_give_equal_bytes_and_nothing_is_left_elsewhere(source, tmp_path):
    np.savez(tmp_path / "data.npz", x=samples())
    code = "import sys; from hwcost.deploy.quantise import quantise; quantise(*sys.argv[1:])"
    for seed, name in (("1", "a.onnx"), ("2", "b.onnx")):
        empty = tmp_path / f"run{seed}"
        empty.mkdir()
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(hwcost.__file__).parent.parent), "TMPDIR": str(empty)}
        command = [sys.executable, "-c", code, str(source), str(tmp_path / "data.npz"), str(tmp_path / name)]
        run = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True)
        assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
        left = [path.name for path in empty.iterdir()]
        assert set(left) <= {".ses"}  # onnxruntime leaves this in TMPDIR when it is imported, whatever is done with it
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


@pytest.mark.parametrize("operator", ["Sigmoid", "Tanh", "HardSwish", "LeakyRelu", "Elu", "HardSigmoid", "Softplus"])
def test_activations_are_no_float_islands(tmp_path, target, operator):
    source = network(tmp_path / "float.onnx", operator=operator)
    made = quantise(source, {"x": samples()}, tmp_path / "int8.onnx")
    assert made.float_islands == ()
    assert [layer.op for layer in made.layers][:2] == ["Conv", operator]
    assert costs(made.path, target)[:2] == costs(source, target)[:2]


def test_an_output_that_never_varies_is_named(tmp_path):
    made = quantise(network(tmp_path / "dead.onnx", bias=-1000.0), {"x": samples()}, tmp_path / "int8.onnx")
    assert any("'conv'" in warning and "hardly varies" in warning for warning in made.warnings)


def quantised_layer(bias: int, scale: float) -> onnx.ModelProto:
    weights = {"w": np.full((1, 2), 127, np.int8), "b": np.array([bias], np.int32), "s": np.float32(scale)}
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["wf"], name="read_w"),
        helper.make_node("DequantizeLinear", ["b", "s"], ["bf"], name="read_b"),
        helper.make_node("Gemm", ["x", "wf", "bf"], ["y"], name="dense", transB=1),
    ]
    tensors = [numpy_helper.from_array(np.asarray(values), name) for name, values in weights.items()]
    return helper.make_model(helper.make_graph(nodes, "net", [], [], tensors))


def test_a_bias_that_leaves_no_room_for_its_products_is_named():
    room = 2**31 - 1 - 255 * 2 * 127
    assert overflows(quantised_layer(room, 1.0)) == []
    (told,) = overflows(quantised_layer(room + 1, 1.0))
    assert "'dense'" in told
    assert "int32" in told


@pytest.mark.parametrize("scale", [0.0, 1e-40, -1.0, np.inf, np.nan])
def test_scales_that_stand_for_no_range_are_refused(scale):
    require_usable_scales(quantised_layer(0, 1.0))
    with pytest.raises(InputError, match="read_"):
        require_usable_scales(quantised_layer(0, scale))


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, "there is no array 'x'"),
        ({"y": samples()}, "'y' is no input"),
        ({"x": samples()[:0]}, "empty"),
        ({"x": samples()[:, :2]}, r"shape \(8, 2, 8, 8\).*\(samples, 3, 8, 8\)"),
        ({"x": np.float32(1)}, "shape"),
        ({"x": samples().astype(complex)}, "complex"),
        ({"x": np.full((1, 3, 8, 8), np.nan)}, "not finite"),
        ({"x": np.full((1, 3, 8, 8), 1e300)}, "not finite"),
        ({"x": samples(), "labels": [1]}, "1 labels for 8 samples"),
        ({"x": samples(), "labels": np.zeros(8)}, "whole number"),
    ],
)
def test_data_that_does_not_fit_is_refused(source, tmp_path, arrays, said):
    with pytest.raises(InputError, match=said):
        quantise(source, arrays, tmp_path / "int8.onnx")
    assert not (tmp_path / "int8.onnx").exists()


def test_a_quantised_file_is_no_float_network(source, tmp_path):
    made = quantise(source, {"x": samples()}, tmp_path / "int8.onnx").path
    with pytest.raises(InputError, match="quantised already"):
        quantise(made, {"x": samples()}, tmp_path / "again.onnx")


def test_an_input_is_never_written_over(source, tmp_path):
    before = source.read_bytes()
    (tmp_path / "link.onnx").symlink_to(source)
    for output in (source, tmp_path / "link.onnx"):
        with pytest.raises(InputError, match="one of the inputs"):
            quantise(source, {"x": samples()}, output)
    assert source.read_bytes() == before


def test_truncated_models_are_refused(source, tmp_path):
    whole = source.read_bytes()
    for share in (0, 0.1, 0.5, 0.9):
        source.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(HwcostError):
            quantise(source, {"x": samples()}, tmp_path / "int8.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["float.onnx"]


def test_the_published_float_network(shared, tmp_path, target):
    source = shared / "models" / "mlperf_tiny_resnet8_float.onnx"
    (value,) = onnx.load(source).graph.input
    shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim][1:]
    data = np.random.default_rng(1).uniform(0, 255, (8, *shape)).astype(np.float32)
    made = quantise(source, {value.name: data}, tmp_path / "int8.onnx")
    assert float_islands(from_onnx(made.path)) == ()
    assert made.agreement.argmax is not None
    assert costs(made.path, target) == costs(source, target)
