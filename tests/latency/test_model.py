"""What every model shares: totals, absent figures with their reasons, slow memories."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hwcost import energy
from hwcost.graph import Graph, Node
from hwcost.latency import Absent, AnalyticModel, choose
from hwcost.latency.model import NOWHERE
from hwcost.ops import Conv2d, Dense, Gelu, LayerNorm, Reshape
from hwcost.records import Layer
from hwcost.target import Basis, Cited, Latency, LinearPrice, Memory, Target
from hwcost.tensor import int8

DENSE = Layer(Dense(10, bias=False), (int8(64),)).graph()


@pytest.fixture(scope="module")
def plain() -> Target:
    return Target.load("stm32l4r5", runtime="tflm-cmsis-nn")


def with_figures(target: Target, *, device: str | None = None, **more: object) -> Target:
    """The target with one cycle per MAC and per byte of nothing else."""
    price = LinearPrice("linear", ("dense", "conv2d"), "a test", per_mac=1.0)
    figures = Latency(target.runtime.name, target.core.name, "a test", Basis("analytic", "measured", 1), (price,), device=device, **more)  # type: ignore[arg-type]
    return replace(target, runtime=replace(target.runtime, latency={target.core.name: figures}))


def with_memory(target: Target, memory: Memory) -> Target:
    return replace(target, device=replace(target.device, memories=(*target.device.memories, memory)))


def cycles(target: Target, graph: Graph, placed: dict[str, str] | None = None) -> float:
    found = AnalyticModel.of(target.runtime, target.core.name).predict(graph, target, placed or NOWHERE)
    assert found.latency_s is not None, found.reason
    return float(found.latency_s) * target.clock_hz


def slow(name: str = "psram", *, rate: float | None = 0.5, kind: str = "ram", cached: bool = True) -> Memory:
    cited = None if rate is None else Cited(rate, "a test")
    return Memory(name, kind, Cited(2**20, "a test"), read_bytes_per_cycle=cited, external=True, cached=cached)  # type: ignore[arg-type]


def test_a_dense_layer_takes_its_macs(plain: Target) -> None:
    assert cycles(with_figures(plain), DENSE) == pytest.approx(640)


def test_a_searched_width_keeps_its_gradient_through_memory_without_a_cache(plain: Target) -> None:
    width = torch.tensor(8.0, dtype=torch.float64, requires_grad=True)
    nodes = (Node("a", Conv2d(8, bias=False), ("x",), ("a",)), Node("b", Conv2d(2, kernel=(3, 3), bias=False), ("a",), ("b",)))
    graph = Graph({"x": int8(4, 10, 10)}, ("b",), nodes).rebind({"a": width})
    target = with_memory(with_figures(plain, ram_read_bytes_per_cycle=Cited(4, "a test")), slow(cached=False))
    found = AnalyticModel.of(target.runtime, target.core.name).predict(graph, target, {"a": "psram"})
    found.known_s.backward()
    assert width.grad is not None
    macs, written, read = 100 * 4 + 64 * 9 * 2, 100 * (1 / 0.5 - 1 / 4), 64 * 9 * (1 / 0.5 - 1 / 4)
    assert width.grad.item() * target.clock_hz == pytest.approx(macs + written + read)


def test_the_clock_is_the_targets(plain: Target) -> None:
    target = with_figures(plain)
    fast = replace(target, device=replace(target.device, clock_hz=Cited(240e6, "a test")))
    slow_s, fast_s = (AnalyticModel.of(t.runtime, t.core.name).predict(DENSE, t).latency_s for t in (target, fast))
    assert slow_s == 2 * fast_s  # type: ignore[operator]


def test_every_inference_pays_its_overhead_once(plain: Target) -> None:
    assert cycles(with_figures(plain, per_inference_cycles=1000.0), DENSE) == pytest.approx(1640)


def test_a_layer_without_a_price_leaves_no_total_and_says_so(plain: Target) -> None:
    target = with_figures(plain)
    graph = Layer(LayerNorm(), (int8(8, 4),)).graph()
    found = AnalyticModel.of(target.runtime, target.core.name).predict(graph, target)
    assert found.latency_s is None
    assert found.known_s == 0
    assert found.reason == f"{target.runtime.reference} has no latency figure for a reference layer_norm on cortex-m4 ('layer_norm')"


def test_a_layer_nobody_runs_is_named_with_the_reason(plain: Target) -> None:
    found = AnalyticModel.of(plain.runtime, "cortex-m4").predict(Layer(Gelu(), (int8(8),)).graph(), plain)
    assert found.latency_s is None
    assert found.reason == f"{plain.runtime.reference} has no kernel for gelu ('gelu')"


def test_what_is_declared_free_costs_nothing(plain: Target) -> None:
    assert cycles(with_figures(plain), Layer(Reshape.between((8, 2, 2), (32,)), (int8(8, 2, 2),)).graph()) == 0


def test_weights_in_slow_flash_are_waited_for(plain: Target) -> None:
    target = with_memory(with_figures(plain), slow("qspi", kind="flash"))
    assert cycles(target, DENSE, {"weight": "qspi"}) == pytest.approx(640 + 640 / 0.5)


def test_tensors_in_slow_ram_are_waited_for_both_ways(plain: Target) -> None:
    target = with_memory(with_figures(plain), slow())
    assert cycles(target, DENSE, {"input0": "psram", "output0": "psram"}) == pytest.approx(640 + (64 + 10) / 0.5)


def test_without_a_cache_weights_are_read_at_every_position(plain: Target) -> None:
    graph = Layer(Conv2d(4, bias=False), (int8(8, 3, 3),)).graph()
    target = with_memory(with_figures(plain), slow("qspi", kind="flash", cached=False))
    assert cycles(target, graph, {"weight": "qspi"}) == pytest.approx(9 * 32 + 9 * 32 / 0.5)


def test_the_memory_that_was_measured_is_already_in_the_figures(plain: Target) -> None:
    """On a device whose first flash is external, figures of that very device contain it; figures of another do not."""
    outside = replace(plain, device=replace(plain.device, memories=(plain.device.memories[0], slow("flash", kind="flash"))))
    assert cycles(with_figures(outside, device="stm32l4r5"), DENSE) == pytest.approx(640)
    assert cycles(with_figures(outside, device="another"), DENSE) == pytest.approx(640 + 640 / 0.5)


def test_regions_are_compared_by_speed_where_it_is_stated(plain: Target) -> None:
    figures = with_figures(plain, flash_read_bytes_per_cycle=Cited(1.0, "a test"))
    assert cycles(with_memory(figures, slow("qspi", kind="flash")), DENSE, {"weight": "qspi"}) == pytest.approx(640 + 640 * (2 - 1))
    assert cycles(with_memory(figures, slow("fast", rate=4.0, kind="flash")), DENSE, {"weight": "fast"}) == pytest.approx(640)


def test_wait_states_stand_for_a_speed_that_is_not_stated(plain: Target) -> None:
    """Three wait states: four cycles for a word of four bytes, so one a byte."""
    waiting = replace(slow("norflash", rate=None, kind="flash"), wait_states=Cited(3, "a test"))
    assert cycles(with_memory(with_figures(plain), waiting), DENSE, {"weight": "norflash"}) == pytest.approx(640 + 640)


def test_a_memory_of_unknown_speed_leaves_no_figure(plain: Target) -> None:
    target = with_memory(with_figures(plain), slow(rate=None))
    found = AnalyticModel.of(target.runtime, target.core.name).predict(DENSE, target, {"input0": "psram"})
    assert found.latency_s is None
    assert found.reason == "the speed of external memory psram is not described ('dense')"


def test_layers_outside_of_the_measured_range_are_remarked(plain: Target) -> None:
    target = with_figures(plain, macs_range=(1000, 2000))
    (remark,) = AnalyticModel.of(target.runtime, target.core.name).predict(DENSE, target).remarks
    assert remark == "outside of the 1,000 to 2,000 MACs a layer behind the figures: 'dense'"
    inside = with_figures(plain, macs_range=(100, 2000))
    assert AnalyticModel.of(inside.runtime, inside.core.name).predict(DENSE, inside).remarks == ()


def test_a_target_without_figures_names_runtimes_that_have_them(plain: Target) -> None:
    bare = replace(plain, runtime=replace(plain.runtime, latency={}))
    found = choose(bare)
    assert isinstance(found, Absent)
    assert found.reason.startswith("nobody published how long tflm-cmsis-nn@2026.10 takes on cortex-m4; figures exist for ")
    assert "hwcost-c@0.1" in found.reason


def test_the_analytic_model_is_chosen_where_there_are_figures(plain: Target) -> None:
    model = choose(plain)
    assert isinstance(model, AnalyticModel)
    assert (model.runtime, model.core, model.basis.method) == ("tflm-cmsis-nn@2026.10", "cortex-m4", "analytic")


def test_energy_is_active_power_times_latency(plain: Target) -> None:
    assert plain.device.power is not None
    assert energy.of(0.5, plain) == 0.5 * plain.device.power.active_w.value


def test_energy_is_absent_without_power_or_latency(plain: Target) -> None:
    unknown = replace(plain, device=replace(plain.device, power=None))
    assert energy.of(0.5, unknown) == Absent("nobody published the active power of stm32l4r5")
    assert isinstance(energy.of(None, plain), Absent)
