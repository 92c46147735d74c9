"""Reports about the toy target."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hwcost.budget import Budget
from hwcost.checking import Pricing, Report, judge, quote
from hwcost.graph import Graph, Node
from hwcost.ops import Relu
from tests.toy import conv, network, residual, toy_target

Checked = Callable[..., Report]


@pytest.fixture
def checked() -> Checked:
    """`checked(graph, ram_bytes=..., flash_bytes=..., **limits)`: the verdict on a network on the toy."""

    def check(graph: Graph | None = None, *, ram: int = 1000, flash: int = 4000, pricing: Pricing | None = None, **limits: float) -> Report:
        quoted = quote("net.onnx", graph or residual(), toy_target(ram, flash), pricing or Pricing())
        return judge(quoted, Budget(**limits))

    return check


@pytest.fixture
def quoted() -> Report:
    """The figures of the residual network, judged by nothing."""
    return quote("net.onnx", residual(), toy_target(), Pricing())


@pytest.fixture
def hostile() -> Graph:
    """A network whose layers have the names an attacker would choose."""
    return network(conv(HOSTILE, "x", 3), Node("@all #1\n\u202e", Relu(), (HOSTILE,), ("y",)))


HOSTILE = "[red]bold[/red] \x1b[31m|`</details><script>"
