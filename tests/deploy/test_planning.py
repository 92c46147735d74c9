"""What is decided before a firmware is built: the kernels of the smallest image."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

import hwcost
from hwcost.deploy.build import build, sections
from hwcost.deploy.emit import calls, emit
from hwcost.deploy.lower import lower
from hwcost.deploy.planning import FirmwarePlan, firmware_size, plan
from hwcost.deploy.program import Program
from hwcost.target import Target
from tests.deploy.qdq import Model

CHANNELS = 8
WINDOWS = {"windows": (3, 3, 3), "depthwise": (3, -3, 1, -3, 1), "places": (1, 1, 1, 1)}
"""Sides of the windows of each layer; below 0 depthwise."""
CASES = list(product(("stm32l4r5", "rp2040"), WINDOWS))


def network(sides: tuple[int, ...], folder: Path) -> Program:
    """Layers of windows over as many channels each, weights by a seed."""
    rng, model = np.random.default_rng(5), Model(folder)
    value = model.input("x", (CHANNELS, 6, 6), 0.05, 3)
    for number, side in enumerate(sides):
        groups, taps = (CHANNELS, 1) if side < 0 else (1, CHANNELS)
        weights = model.weights(f"w{number}", rng.integers(-127, 128, (CHANNELS, taps, abs(side), abs(side))), np.full(CHANNELS, 0.002))
        bias = model.bias(f"b{number}", rng.integers(-99, 99, CHANNELS), np.full(CHANNELS, 0.0001))
        value = model.node("Conv", [value, weights, bias], f"y{number}", 0.05, 3, group=groups, pads=[abs(side) // 2] * 4)
    return lower(hwcost.from_onnx(model.saved(f"y{len(sides) - 1}")))


def flash_bytes(program: Program, planned: FirmwarePlan, target: Target) -> int:
    """As the calls add up that would be emitted."""
    return firmware_size([call.emission for call in calls(program, planned.variants)], planned, target).flash_bytes


@pytest.mark.parametrize(("device", "kind"), CASES[1::2])
def test_the_smallest_image_is_built_of_the_kernels_said_to_make_it(device: str, kind: str, tmp_path: Path) -> None:
    """Read from the linked image: no larger than that of the fastest kernels, and as large as was said."""
    pytest.importorskip("ziglang")
    target, program = Target.load(device, "hwcost-c"), network(WINDOWS[kind], tmp_path)
    built = {}
    for objective in ("flash", "balanced"):
        planned = plan(program, target, objective)
        project = emit(program, target, planned.cost.ram.plan, planned.variants, tmp_path / objective)
        elf = build(project.sources, project.folder, tmp_path / objective / "build", target.core).elf
        built[objective] = sections(elf).flash_bytes
        assert built[objective] == pytest.approx(flash_bytes(program, planned, target), rel=0.03)
    assert built["flash"] <= built["balanced"]


@pytest.mark.parametrize(("device", "kind"), CASES)
def test_no_one_kernel_for_all_makes_a_smaller_image(device: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kernel alone beside the portable ones, and all of them, layer by layer the fewest bytes."""
    from hwcost.kernels import generated

    target, program = Target.load(device, "hwcost-c"), network(WINDOWS[kind], tmp_path)
    smallest = flash_bytes(program, plan(program, target, "flash"), target)
    others = []
    for variant in generated.VARIANTS[:-1]:
        monkeypatch.setattr(generated, "VARIANTS", (variant, generated.VARIANTS[-1]))
        others.append(flash_bytes(program, plan(program, target, "balanced"), target))
        monkeypatch.undo()
    assert smallest <= min(others)


def test_functions_that_few_layers_share_cost_more_than_they_save(tmp_path: Path) -> None:
    """A depthwise layer has as many weights either way, so its function decides; on the Cortex-M0+ the textbook's loops are smaller."""
    target = Target.load("rp2040", "hwcost-c")
    functions = target.runtime.functions["cortex-m0plus"].functions
    assert functions["hwc_depthwise"] < functions["hwc_plain_depthwise"]
    assert set(plan(network((-3,), tmp_path), target, "flash").variants) == {"portable"}
    assert set(plan(network((-3,), tmp_path), target, "balanced").variants) == {"plain-depthwise"}
