"""`hwcost quantize`: the report, and refusals in one sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("onnxruntime")


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x=np.random.default_rng(0).standard_normal((4, 3, 8, 8)).astype(np.float32))
    return path


def test_the_report_is_data_and_progress_is_talk(hwcost, model, data, tmp_path):
    done = hwcost("quantize", model, "--calibration", data, "--output", tmp_path / "int8.onnx", "--json")
    assert done.code == 0
    report = json.loads(done.out)
    assert report["samples"] == 4
    assert report["float_islands"] == []
    assert [layer["op"] for layer in report["layers"]] == ["Conv"]
    assert any("hardly varies" in warning for warning in report["warnings"])  # its weights are all zero
    assert "calibrating on 4 samples" in done.err
    assert hwcost("check", tmp_path / "int8.onnx", "--target", "stm32l4r5").code == 0


def test_the_report_in_words(hwcost, model, data, tmp_path):
    done = hwcost("quantize", model, "--calibration", data, "--output", tmp_path / "int8.onnx", "--method", "percentile")
    assert done.code == 0
    assert "int8, calibrated on 4 samples (percentile)" in done.out
    assert "conv (Conv)" in done.out


def refused(hwcost, *arguments):
    done = hwcost("quantize", *arguments)
    assert done.code == 2
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    return done.err


def test_data_that_cannot_be_read(hwcost, model, tmp_path):
    np.savez(tmp_path / "objects.npz", x=np.array([{}, None], dtype=object))
    np.save(tmp_path / "single.npy", np.zeros(3))
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "short.npz").write_bytes((tmp_path / "objects.npz").read_bytes()[:60])
    said = {
        "missing.npz": "No such file",
        "objects.npz": "pickled objects",
        "single.npy": "single array",
        "text.npz": "no .npz file",
        "short.npz": "no .npz file",
        ".": "a directory",
    }
    for name, reason in said.items():
        assert reason in refused(hwcost, model, "--calibration", tmp_path / name, "--output", tmp_path / "int8.onnx")


def test_places_that_cannot_be_written(hwcost, model, data, tmp_path):
    assert "one of the inputs" in refused(hwcost, model, "--calibration", data, "--output", data)
    assert "directory" in refused(hwcost, model, "--calibration", data, "--output", tmp_path)
    assert "does not exist" in refused(hwcost, model, "--calibration", data, "--output", tmp_path / "no" / "int8.onnx")
    assert "No such file" in refused(hwcost, tmp_path / "no.onnx", "--calibration", data, "--output", tmp_path / "int8.onnx")
    assert "--calibration" in refused(hwcost, model, "--output", tmp_path / "int8.onnx")


def test_a_damaged_network(hwcost, model, data, tmp_path):
    model.write_bytes(model.read_bytes()[:200])
    assert "is no ONNX model, or is damaged" in refused(hwcost, model, "--calibration", data, "--output", tmp_path / "int8.onnx")
