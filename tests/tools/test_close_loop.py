"""What the tool that closes the loop counts as apart, and as inside."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from hwcost.verify.agreement import Agreement
from hwcost.verify.truth import Measured, Predicted, Truth


@pytest.fixture(scope="module")
def tool(root: Path) -> ModuleType:
    sys.path.insert(0, str(root / "tools"))
    try:
        return importlib.import_module("close_loop")
    finally:
        sys.path.remove(str(root / "tools"))


def loop(tool: ModuleType, latency_s: float, ram_bytes: int, flash_bytes: int):
    measured = Measured(ram_bytes, flash_bytes, 256, 10, 20, latency_s, "emulated", "zig", ())
    agreement = Agreement(1, True, 0, 1.0, 1.0, 1.0)
    truth = Truth(Predicted(1, 1, 1, 1.0), measured, agreement, ())
    limits = {"latency_s": 0.010, "ram_bytes": 1000, "flash_bytes": 2000}
    believed = {"latency_s": 0.008, "ram_bytes": 990, "flash_bytes": 2000}
    return tool.Loop("digits", "stm32l4r5", limits, believed, truth, 94.0, 93.0, 92.0)


def test_apart_is_of_what_was_believed(tool: ModuleType) -> None:
    found = loop(tool, 0.0082, 990, 1990)
    assert found.apart("latency_s") == pytest.approx(2.5)
    assert found.apart("ram_bytes") == 0
    assert found.apart("flash_bytes") == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("figures", "inside"), [((0.010, 1000, 2000), True), ((0.0101, 1, 1), False), ((0.001, 1001, 1), False), ((0.001, 1, 2001), False)]
)
def test_one_figure_above_its_limit_is_outside(tool: ModuleType, figures: tuple[float, int, int], inside: bool) -> None:
    assert loop(tool, *figures).within_every_limit is inside


def test_a_loop_outside_misses_the_goal(tool: ModuleType) -> None:
    kept = {figure.name: figure for figure in tool.figures([loop(tool, 0.009, 1, 1), loop(tool, 0.011, 1, 1)])}
    assert kept["firmware within every limit, as measured"].value == 50
    assert not kept["firmware within every limit, as measured"].is_met
    assert kept["digits on stm32l4r5: latency measured, off what the search believed"].value == pytest.approx(37.5)
