"""The networks that benchmarks make are the ones they claim to be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hwcost.frontends.from_onnx import from_onnx


@pytest.fixture(scope="module")
def made(root: Path):
    sys.path.insert(0, str(root / "tools"))
    try:
        import made_networks
    finally:
        sys.path.remove(str(root / "tools"))
    return made_networks


def test_resnet8_has_the_layers_of_the_trained_one(made, tmp_path, shared):
    ours, theirs = from_onnx(made.resnet8_int8(tmp_path / "r.onnx")), from_onnx(shared / "models" / "mlperf_tiny_resnet8_int8_qdq.onnx")
    assert sorted(step.work.macs for step in ours.steps if step.work.macs) == sorted(
        step.work.macs for step in theirs.steps if step.work.macs
    )


def test_resnet8_is_int8_throughout(made, tmp_path):
    graph = from_onnx(made.resnet8_int8(tmp_path / "r.onnx"))
    assert graph.macs == made.RESNET8_MACS
    assert not any(step.output.is_float for step in graph.steps)


def test_nodes_stay_apart(made, tmp_path):
    assert len(from_onnx(made.many_nodes(tmp_path / "m.onnx", 40)).nodes) == 40


def test_weights_take_what_was_asked_for(made, tmp_path):
    path = made.large_float(tmp_path / "l.onnx", 9_000_000)
    assert sum(parameter.bytes for _, parameter in from_onnx(path).used_parameters.values()) == 2 * 4 * 1024 * 1024
