"""Small ONNX files, and the command line run in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwcost.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Hwcost = Callable[..., Outcome]


@pytest.fixture
def hwcost(capsys: pytest.CaptureFixture[str]) -> Hwcost:
    """`hwcost("check", path, ...)`: the exit code and what was written where."""

    def run(*arguments: str | Path) -> Outcome:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


def conv_net(path: Path, *, channels: int = 8, size: int | str = 8, operator: str = "Relu") -> Path:
    """A float network of one 3x3 convolution and one operator without attributes, written to `path`."""
    weight = numpy_helper.from_array(np.zeros((channels, 3, 3, 3), np.float32), "conv.weight")
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight"], ["y"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node(operator, ["y"], ["z"], name="last"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, size, size])
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "net", [x], [z], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A network that fits the device below many times over."""
    return conv_net(tmp_path / "net.onnx")


@pytest.fixture
def open_model(tmp_path: Path) -> Path:
    """A network whose height and width the file leaves open."""
    return conv_net(tmp_path / "open.onnx", size="side")


@pytest.fixture
def unknown_model(tmp_path: Path) -> Path:
    """A network with an operator that hwcost does not know."""
    return conv_net(tmp_path / "unknown.onnx", operator="NonZero")
