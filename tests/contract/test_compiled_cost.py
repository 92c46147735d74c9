"""A compiled cost and a walked one are the same numbers, at any widths."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from hwcost import kernels
from hwcost.channels import TapsGroup
from hwcost.compiled import CompiledCost
from hwcost.cost import estimate
from hwcost.errors import InputError
from hwcost.frontends.from_torch import from_torch
from hwcost.graph import Graph
from hwcost.ops.conv import Taps
from hwcost.target import Target
from hwcost.tasks import REGISTRY, reference_network

TARGETS = ("stm32l4r5", "gap8", "rp2040", "esp32s3-n16r8", "esp32c3")
GENERATED = ("stm32l4r5 hwcost-c", "rp2040 hwcost-c")


@pytest.fixture(scope="module")
def graphs() -> Mapping[str, Graph]:
    networks = {name: reference_network(name) for name in REGISTRY}
    return {name: from_torch(network, network.example_input()).as_int8() for name, network in networks.items()}


def candidates(compiled: CompiledCost, count: int) -> np.ndarray:
    """Widths between a quarter and twice what they are; frozen groups as they are."""
    rng = np.random.default_rng(7)
    drawn = rng.integers(np.maximum(1, compiled.base // 4), 2 * compiled.base + 1, (count, len(compiled.base)))
    frozen = np.array([group.frozen is not None for group in compiled.groups])
    return np.where(frozen, compiled.base, drawn)


def walked(compiled: CompiledCost, graph: Graph, row: np.ndarray) -> Graph:
    widths = {node: int(n) for group, n in zip(compiled.groups, row, strict=True) for node in group.nodes}
    return graph.rebind(widths)


def walked_steps(graph: Graph, target: Target) -> list[int]:
    """Live bytes with scratch for each step, and what is fixed."""
    cost = estimate(graph, target)
    scratch = [kernels.choose(step, target.runtime, target.core).scratch_bytes or 0 for step in graph.steps]
    fixed = cost.ram.runtime_bytes + cost.ram.stack_bytes + cost.ram.reserved_bytes
    return [live + asked + fixed for live, asked in zip(cost.ram.live_bytes, scratch, strict=True)]


@pytest.mark.parametrize("name", sorted(REGISTRY))
@pytest.mark.parametrize("device", [*TARGETS, *GENERATED])
def test_compiled_and_walked_agree(graphs: Mapping[str, Graph], name: str, device: str) -> None:
    target, graph = Target.load(*device.split()), graphs[name]
    compiled = CompiledCost(graph, target)
    rows = candidates(compiled, 3)
    many = compiled(rows)
    for index, row in enumerate(rows):
        small = walked(compiled, graph, row)
        one, cost = compiled(row), estimate(small, target)
        steps = walked_steps(small, target)
        assert one.step_bytes.tolist() == many.step_bytes[index].tolist() == steps
        assert one.ram_bytes == many.ram_bytes[index] == max(steps) <= cost.ram_bytes
        assert one.flash_bytes == many.flash_bytes[index] == cost.flash_bytes
        assert set(one.absent) == set(cost.absent)
        if cost.latency_s is not None:
            assert one.latency_s == pytest.approx(cost.latency_s, rel=1e-12)
            assert many.latency_s[index] == pytest.approx(cost.latency_s, rel=1e-12)
        if cost.energy_j is not None:
            assert one.energy_j == pytest.approx(cost.energy_j, rel=1e-12)


@pytest.mark.parametrize("device", [*TARGETS, *GENERATED])
def test_numbers_of_taps_are_priced_as_they_are_walked(graphs: Mapping[str, Graph], device: str) -> None:
    target, graph = Target.load(*device.split()), graphs["tcn"]
    patterns = {1: Taps(2, 1, 1), 2: Taps(0, 2, 2), 3: Taps(0, 1, 3)}
    taps = [TapsGroup(f"{node.name}.kernel", node.name, 3, patterns) for node in graph.nodes if getattr(node.op, "kernel", None) == (3,)]
    compiled = CompiledCost(graph, target, taps=taps)
    channels = len(compiled.groups) - len(taps)
    assert len(taps) == 8
    rows = candidates(compiled, 4)
    rows[:, channels:] = np.random.default_rng(8).integers(1, 4, (len(rows), len(taps)))
    many = compiled(rows)
    for index, row in enumerate(rows):
        widths = {node: int(n) for group, n in zip(compiled.groups, row[:channels], strict=False) for node in group.nodes}
        small = graph.rebind(widths, {group.node: patterns[int(n)] for group, n in zip(taps, row[channels:], strict=True)})
        one, cost = compiled(row), estimate(small, target)
        assert one.step_bytes.tolist() == many.step_bytes[index].tolist() == walked_steps(small, target)
        assert one.flash_bytes == many.flash_bytes[index] == cost.flash_bytes
        assert set(one.absent) == set(cost.absent)
        if cost.latency_s is not None:
            assert one.latency_s == pytest.approx(cost.latency_s, rel=1e-12)
            assert many.latency_s[index] == pytest.approx(cost.latency_s, rel=1e-12)
    with pytest.raises(InputError, match="can keep 1, 2, 3 taps, got 4"):
        compiled({taps[0].name: 4})


def test_groups_left_out_of_a_mapping_stay_as_they_are(graphs: Mapping[str, Graph]) -> None:
    compiled = CompiledCost(graphs["resnet8"], Target.load("stm32l4r5"))
    group = compiled.groups[0]
    assert compiled({}).flash_bytes == compiled(compiled.base).flash_bytes
    assert compiled({group.name: group.size - 4}).flash_bytes < compiled({}).flash_bytes


def test_unknown_groups_frozen_groups_and_empty_layers_are_refused(graphs: Mapping[str, Graph]) -> None:
    compiled = CompiledCost(graphs["resnet8"], Target.load("stm32l4r5"))
    frozen = next(group for group in compiled.groups if group.frozen)
    with pytest.raises(InputError, match="expected channel groups out of"):
        compiled({"nowhere": 4})
    with pytest.raises(InputError, match="keeps its 10 channels"):
        compiled({frozen.name: 5})
    with pytest.raises(InputError, match="at least 1"):
        compiled({compiled.groups[0].name: 0})
