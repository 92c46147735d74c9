"""Recurrent layers take the kernels that are there for their direction."""

from __future__ import annotations

import pytest

from hwcost.graph import Graph, Node
from hwcost.kernels import Kernel, choose
from hwcost.ops import LSTM
from hwcost.target import Target
from hwcost.tensor import int8


def lstm(direction: str, runtime: str) -> Kernel:
    target = Target.load("stm32l4r5", runtime=runtime)
    node = Node("lstm", LSTM(4, direction=direction, bias=False), ("x",), ("y", "h", "c"))
    graph = Graph({"x": int8(5, 8)}, ("y",), (node,))
    return choose(graph.steps[0], target.runtime, target.core)


@pytest.mark.parametrize("runtime", ["tflm-cmsis-nn", "tflm-reference"])
def test_tflm_runs_one_direction_alone(runtime: str) -> None:
    assert lstm("forward", runtime).is_supported
    both = lstm("bidirectional", runtime)
    assert not both.is_supported
    assert "direction" in both.why
