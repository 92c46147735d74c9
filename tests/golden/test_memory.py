"""RAM of the MLPerf Tiny networks against figures measured with TFLM itself.

Arena heads and tails: the tflite-micro wheel (0.dev20261023) on the int8 files of mlcommons/tiny, a 64-bit host, reference kernels.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hwcost.frontends.from_torch import from_torch
from hwcost.graph import Graph
from hwcost.memory.placement import place
from hwcost.memory.ram import arena_buffers, ram
from hwcost.memory.records import record_bytes
from hwcost.target import Target
from hwcost.tasks import reference_network

HEADS = {"autoencoder": 768, "dscnn": 16_000, "resnet8": 49_152, "mobilenetv1": 73_728}
OPTIMA = {**HEADS, "mobilenetv1": 55_296}
TAILS = {"dscnn": 8_272, "resnet8": 6_832, "mobilenetv1": 29_952}


@pytest.fixture(scope="module")
def graphs() -> Mapping[str, Graph]:
    networks = {name: reference_network(name) for name in HEADS}
    return {name: from_torch(network, network.example_input()).as_int8() for name, network in networks.items()}


@pytest.fixture(scope="module")
def host() -> Target:
    """TFLM with reference kernels, as it was measured."""
    return Target.load("stm32l4r5", runtime="tflm-reference")


@pytest.mark.parametrize("name", HEADS)
def test_tflms_planner_ends_at_its_measured_head(graphs: Mapping[str, Graph], host: Target, name: str) -> None:
    graph = graphs[name]
    assert ram(graph, host, [0] * len(graph.steps)).arena_bytes == HEADS[name]


@pytest.mark.parametrize("name", OPTIMA)
def test_our_placement_is_proven_optimal(graphs: Mapping[str, Graph], host: Target, name: str) -> None:
    buffers = arena_buffers(graphs[name], host, [0] * len(graphs[name].steps))
    plan = place(buffers)
    assert (plan.height_bytes, plan.optimal) == (OPTIMA[name], True)


@pytest.mark.parametrize("name", TAILS)
def test_what_tflm_keeps_is_within_15_percent_of_its_measured_tail(graphs: Mapping[str, Graph], host: Target, name: str) -> None:
    assert host.runtime.ram is not None
    kept = record_bytes(host.runtime.ram.persistent, graphs[name], pointer_bytes=8)
    assert kept == pytest.approx(TAILS[name], rel=0.15)
