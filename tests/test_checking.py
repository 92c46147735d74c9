"""The verdict: which limits hold, what decides where a model knows its own error, and what is never passed over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hwcost.budget import Budget
from hwcost.checking import Pricing, Report, as_graph, check, float_islands, judge, other_runtimes, quote
from hwcost.errors import InputError, TargetError
from hwcost.graph import Graph, Node, Parameter, Storage
from hwcost.ops import Conv2d
from hwcost.target import Target
from hwcost.tensor import Quantisation, TensorSpec, float32, int8

IMAGE = int8(3, 8, 8)


def network(spec: TensorSpec = IMAGE, *, bits: int = 8) -> Graph:
    """Two pointwise convolutions."""
    kind = "int" if bits == 8 else "float"
    layers = (("wide", "x", "y", 8), ("narrow", "y", "z", 4))
    nodes = tuple(Node(name, Conv2d(width, bias=False), (x,), (y,), (("weight", f"{name}.w"),)) for name, x, y, width in layers)
    shapes = {"wide.w": (8, 3, 1, 1), "narrow.w": (4, 8, 1, 1)}
    return Graph({"x": spec}, ("z",), nodes, {name: Parameter(name, shape, bits, kind=kind) for name, shape in shapes.items()}, name="one")


@pytest.fixture(scope="module")
def target() -> Target:
    return Target.load("stm32l4r5")


@pytest.fixture
def quoted(target: Target) -> Report:
    return quote("one", network(), target, Pricing())


def with_interval(quoted: Report, low: float, high: float) -> Report:
    return replace(quoted, cost=replace(quoted.cost, interval={"latency_s": (low, high)}))


def test_a_quote_is_judged_by_nothing(quoted: Report) -> None:
    assert (quoted.verdict, quoted.exit_code, quoted.violations, quoted.usage) == (None, 0, (), {})


def test_the_devices_memories_are_limits_where_the_budget_has_none(quoted: Report, target: Target) -> None:
    report = judge(quoted, Budget(ram_bytes=2**20))
    assert report.budget == Budget(ram_bytes=2**20, flash_bytes=target.flash_bytes)
    assert (report.verdict, report.exit_code) == ("fits", 0)
    assert report.usage["ram_bytes"] == report.cost.ram_bytes / 2**20


def test_the_limit_itself_fits_and_one_byte_less_does_not(quoted: Report) -> None:
    used = quoted.cost.ram_bytes
    assert judge(quoted, Budget(ram_bytes=used)).verdict == "fits"
    report = judge(quoted, Budget(ram_bytes=used - 1))
    assert (report.verdict, report.exit_code) == ("over", 1)
    assert [violation.metric for violation in report.violations] == ["ram_bytes"]
    assert report.worst_nodes("ram_bytes") == ("narrow", "wide")


@pytest.mark.parametrize(
    ("low", "high", "limit", "verdict"),
    [(1.0, 2.0, 2.0, "fits"), (1.0, 2.0, 1.5, "too close to call"), (1.0, 2.0, 0.9, "over"), (1.0, 2.0, 1.0, "too close to call")],
)
def test_with_a_confidence_the_interval_decides(quoted: Report, low: float, high: float, limit: float, verdict: str) -> None:
    report = judge(with_interval(quoted, low, high), Budget(latency_s=limit), confidence=0.9)
    assert report.verdict == verdict
    assert report.exit_code == (verdict != "fits")


def test_without_a_confidence_the_point_decides(quoted: Report) -> None:
    assert judge(with_interval(quoted, 1.0, 2.0), Budget(latency_s=quoted.cost.latency_s)).verdict == "fits"


def test_a_certain_violation_is_over_whatever_the_interval_says(quoted: Report) -> None:
    assert judge(with_interval(quoted, 1.0, 2.0), Budget(latency_s=1.5, ram_bytes=1), confidence=0.9).verdict == "over"


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, float("nan"), 90.0])
def test_a_confidence_lies_between_none_and_all(quoted: Report, confidence: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        judge(quoted, Budget(), confidence)


def test_a_limit_on_an_absent_metric_is_refused_with_the_reason_and_a_runtime_that_has_it(quoted: Report) -> None:
    cost = replace(quoted.cost, latency_s=None, absent={"latency_s": "nobody timed it"})
    with pytest.raises(InputError) as refused:
        judge(replace(quoted, cost=cost), Budget(latency_s=1.0))
    message = str(refused.value)
    assert "limit on latency" in message
    assert "nobody timed it" in message
    having = [target.runtime.reference for target, other in other_runtimes(quoted) if other.latency_s is not None]
    assert all(f"--runtime {reference}" in message for reference in having)


def test_absent_metrics_without_a_limit_are_no_fault(quoted: Report) -> None:
    cost = replace(quoted.cost, latency_s=None, energy_j=None, absent={"latency_s": "nobody timed it"})
    assert judge(replace(quoted, cost=cost), Budget()).verdict == "fits"


def test_layers_that_cannot_run_decide_alone_unless_they_are_allowed(quoted: Report) -> None:
    cost = replace(quoted.cost, unsupported=(("narrow", "no kernel"),))
    strict = judge(replace(quoted, cost=cost), Budget(latency_s=1.0))
    assert (strict.verdict, strict.exit_code) == ("unsupported", 1)
    allowed = replace(quoted, cost=cost, pricing=Pricing(allow_unsupported=True))
    assert judge(allowed, Budget()).verdict == "fits"


def test_other_runtimes_are_described_for_the_same_core(quoted: Report) -> None:
    others = [target for target, _ in other_runtimes(quoted)]
    assert others
    assert all(quoted.target.core.name in other.runtime.cores for other in others)
    assert all(other.runtime.name != quoted.target.runtime.name for other in others)
    assert not any(other.runtime.data_only for other in others)


def test_nothing_is_priced_under_a_runtime_that_only_published_figures_refer_to() -> None:
    with pytest.raises(TargetError, match=r"got x-cube-ai@10.0, of which only published figures.*tflm-cmsis-nn@") as caught:
        check(network(), Target.load("stm32l4r5", runtime="x-cube-ai"))
    assert "microtvm" not in str(caught.value)


def test_floats_are_priced_as_int8_unless_asked_otherwise(target: Target) -> None:
    graph = network(float32(3, 8, 8), bits=32)
    projected, plain = (check(graph, target, priced_as=form) for form in ("int8", "float32"))
    assert (projected.graph.projected_from, plain.graph.projected_from) == ("float32", None)
    assert plain.cost.flash.weight_bytes == 4 * projected.cost.flash.weight_bytes
    with pytest.raises(InputError, match="int8 or float32"):
        check(graph, target, priced_as="int4")


def test_a_float_layer_of_a_quantised_network_is_an_island() -> None:
    graph = network()
    assert float_islands(graph) == ()
    island = replace(graph, storage={"y": Storage(8, Quantisation(), "int"), "z": Storage(32, None, "float")})
    assert float_islands(island) == ("narrow",)
    assert float_islands(network(float32(3, 8, 8), bits=32)) == ()


def test_an_island_is_priced_in_floats_and_nothing_is_projected(target: Target) -> None:
    island = replace(network(), storage={"y": Storage(8, Quantisation(), "int"), "z": Storage(32, None, "float")})
    report = check(island, target)
    assert report.graph.projected_from is None
    assert report.cost.nodes[-1].out_bytes == 4 * check(network(), target).cost.nodes[-1].out_bytes


def test_the_model_is_called_by_its_file_name_or_its_own(target: Target) -> None:
    assert check(network(), target).model == "one"


def test_a_module_needs_an_example_input() -> None:
    with pytest.raises(InputError, match="example_input"):
        as_graph(object())  # type: ignore[arg-type]
