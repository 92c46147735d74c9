"""RAM of small networks, region by region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from hwcost.graph import Graph, Node
from hwcost.memory.buffers import Buffer, Plan
from hwcost.memory.greedy import greedy_by_size
from hwcost.memory.ram import FILLING_ROUNDS, Ram, fixed_bytes, ram
from hwcost.ops import Add, Concat, Conv2d
from hwcost.target import Cited, Memory, RamModel, Record, Target
from hwcost.tensor import int8


def conv(name: str, source: str, channels: int) -> Node:
    return Node(name, Conv2d(channels, bias=False), (source,), (name,))


GRAPH = Graph({"x": int8(4, 10, 10)}, ("b",), (conv("a", "x", 8), conv("b", "a", 2)))


@pytest.fixture
def bare() -> Target:
    """A target whose runtime asks for nothing: RAM is the arena alone."""
    target = Target.load("stm32l4r5", runtime="hwcost-c")
    model = RamModel("optimal", Cited(1, "made up"), runtime_bytes=Cited(0, "made up"), stack_bytes=Cited(0, "made up"))
    return replace(target, runtime=replace(target.runtime, ram=model))


def with_memories(target: Target, *sizes: int, reserved: int = 0, spread: bool = False) -> Target:
    flash = [memory for memory in target.memories if memory.kind == "flash"]
    regions = [Memory(f"ram{i}", "ram", Cited(size, "made up"), Cited(reserved, "made up")) for i, size in enumerate(sizes)]
    device = replace(target.device, memories=(*regions, *flash))
    assert target.runtime.ram is not None
    model = replace(target.runtime.ram, arena_regions="many" if spread else "one")
    return replace(target, device=device, board=None, runtime=replace(target.runtime, ram=model))


def measured(target: Target, scratch: tuple[int | None, ...] = (0, 0), *, io_in_arena: bool | None = None) -> Ram:
    return ram(GRAPH, target, scratch, io_in_arena=io_in_arena)


def test_the_arena_of_a_chain_is_its_live_peak(bare: Target) -> None:
    found = measured(bare)
    assert found.live_peak_bytes == found.arena_bytes == found.total_bytes == 400 + 800
    assert found.optimal
    assert found.live_tensors == ("x", "a")
    assert found.live_bytes == (1200, 1000)


def test_scratch_is_placed_beside_the_tensors_of_its_step_alone(bare: Target) -> None:
    assert measured(bare, (0, 100)).arena_bytes == 1200
    found = measured(bare, (50, 100))
    assert (found.arena_bytes, found.scratch_bytes, found.live_peak_bytes) == (1250, 100, 1200)
    assert "a (scratch)" in {placed.tensor for placed in found.plan}


def test_scratch_nobody_knows_is_named_and_not_zero_in_silence(bare: Target) -> None:
    assert any("scratch of conv2d" in fault for fault in measured(bare, (None, 0)).unknown)


def test_inputs_and_outputs_outside_the_arena_still_count(bare: Target) -> None:
    inside, outside = measured(bare), measured(bare, io_in_arena=False)
    assert outside.arena_bytes == 800
    assert outside.io_bytes == 400 + 200
    assert inside.io_bytes == 0
    assert outside.total_bytes == 1400


def test_reserved_bytes_stand_on_the_used_side_once(bare: Target) -> None:
    assert measured(with_memories(bare, 5000, reserved=100)).total_bytes == 1300


def test_an_arena_that_the_first_memory_cannot_hold_goes_to_one_that_can(bare: Target) -> None:
    found = measured(with_memories(bare, 1000, 2000))
    assert set(found.region_of.values()) == {"ram1"}
    assert found.by_region == {"ram0": 0, "ram1": 1200}


def test_reserved_bytes_leave_less_room(bare: Target) -> None:
    assert set(measured(with_memories(bare, 1250, 5000, reserved=100)).region_of.values()) == {"ram1"}


def test_a_runtime_that_can_spreads_tensors_over_memories(bare: Target) -> None:
    found = measured(with_memories(bare, 900, 500, spread=True))
    assert found.region_of == {"a": "ram0", "x": "ram1", "b": "ram1"} or found.by_region["ram0"] <= 900
    assert all(used <= size for used, size in zip(found.by_region.values(), (900, 500), strict=True))


def test_a_runtime_with_one_arena_does_not(bare: Target) -> None:
    assert len(set(measured(with_memories(bare, 900, 500)).region_of.values())) == 1


def test_an_arena_goes_where_the_runtimes_records_fit_too(bare: Target) -> None:
    assert bare.runtime.ram is not None
    model = replace(bare.runtime.ram, persistent=(Record("tensors", "tensor", Cited(10, "made up")),))
    target = replace(bare, runtime=replace(bare.runtime, ram=model))
    found = measured(with_memories(target, 1210, 5000))
    assert found.runtime_bytes > 10
    assert found.by_region == {"ram0": 0, "ram1": 1200 + found.runtime_bytes}


def test_a_network_far_too_large_is_not_planned_once_per_tensor(bare: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[Plan] = []

    def counted(buffers: Sequence[Buffer]) -> Plan:
        plans.append(greedy_by_size(buffers))
        return plans[-1]

    monkeypatch.setattr("hwcost.memory.ram.greedy_by_size", counted)
    branches = tuple(conv(f"c{index}", "x", 8) for index in range(60))
    names = tuple(node.name for node in branches)
    joined = Graph({"x": int8(4, 10, 10)}, ("all",), (*branches, Node("all", Concat(axis=0), names, ("all",))))
    found = ram(joined, with_memories(bare, 9000, 100, spread=True), [0] * 61)
    assert len(plans) <= FILLING_ROUNDS
    assert 0 < found.by_region["ram0"] <= 9000 < found.by_region["ram1"]


def test_tflms_records_stay_beside_its_arena() -> None:
    target = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")
    found = ram(GRAPH, target, (0, 0))
    assert found.runtime_bytes > 0
    assert fixed_bytes(GRAPH, target) == found.runtime_bytes + found.stack_bytes + found.reserved_bytes


def test_tensors_that_share_a_block_are_listed_at_its_place(bare: Target) -> None:
    assert bare.runtime.ram is not None
    in_place = replace(bare, runtime=replace(bare.runtime, ram=replace(bare.runtime.ram, in_place=("add",))))
    graph = Graph({"x": int8(4, 2, 2)}, ("s",), (conv("a", "x", 4), Node("s", Add(), ("a", "x"), ("s",))))
    places = {placed.tensor: placed.offset for placed in ram(graph, in_place, (0, 0)).plan}
    assert places["s"] in (places["a"], places["x"])
