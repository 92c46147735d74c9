"""One model, one target, one budget: a verdict, and everything a report needs to explain it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hwcost.budget import Budget, Violation
from hwcost.cost import Cost, NodeCost, estimate
from hwcost.errors import InputError
from hwcost.graph import Graph
from hwcost.latency import LatencyModel
from hwcost.memory.regions import Region
from hwcost.target import Target

if TYPE_CHECKING:
    import torch

Verdict = Literal["fits", "over", "too close to call", "unsupported"]

WORST_NODES = 3
"""Layers named with each violation: enough to start with, few enough to read."""


@dataclass(frozen=True, slots=True)
class Report:
    """What check found: the noun behind the terminal report, the Markdown and the JSON.

    `budget` holds the limits judged, those of the device included; `verdict` is None where nothing was judged (`hwcost cost`).
    """

    model: str
    graph: Graph
    target: Target
    budget: Budget
    cost: Cost
    verdict: Verdict | None
    usage: Mapping[str, float]
    violations: tuple[Violation, ...]
    overflows: tuple[Region, ...]
    confidence: float | None = None

    @property
    def exit_code(self) -> int:
        """0 within budget or nothing to judge, 1 for any other verdict."""
        return 0 if self.verdict in (None, "fits") else 1

    def worst_nodes(self, metric: str) -> tuple[str, ...]:
        """The layers that take most of a metric, the dearest first."""
        return tuple(node.name for node in dearest(self.cost, metric)[:WORST_NODES])


def dearest(cost: Cost, metric: str) -> list[NodeCost]:
    """Layers by what they take of a metric, the dearest first; for RAM, by what is live while they run."""
    share = {"ram_bytes": "live_bytes", "flash_bytes": "weight_bytes"}.get(metric, "latency_s")
    return sorted(cost.nodes, key=lambda node: -(getattr(node, share) or 0))


def check(
    model: str | Path | Graph | torch.nn.Module,
    target: Target,
    budget: Budget | None = None,
    *,
    example_input: Any = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    priced_as: Literal["int8", "float32"] = "int8",
    allow_unsupported: bool = False,
    latency_model: LatencyModel | None = None,
    confidence: float | None = None,
    io_in_arena: bool | None = None,
) -> Report:
    """Whether a network fits: an ONNX file, a Graph, or an nn.Module with an example input.

    Limits that `budget` leaves open on RAM and flash are the device's. Raises GraphError for a network that cannot be read,
    InputError for a limit on a metric that nobody can price on this target.
    """
    graph = as_graph(model, example_input=example_input, shapes=shapes, allow_unsupported=allow_unsupported)
    cost = priced(
        graph, target, priced_as=priced_as, latency_model=latency_model, io_in_arena=io_in_arena, allow_unsupported=allow_unsupported
    )
    limits = (budget or Budget()).with_defaults(device_limits(target))
    return judge(Path(model).name if isinstance(model, str | Path) else graph.name, graph, target, limits, cost, allow_unsupported, confidence)


def as_graph(
    model: str | Path | Graph | torch.nn.Module,
    *,
    example_input: Any = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    allow_unsupported: bool = False,
) -> Graph:
    """The network in any of the forms people have it in."""
    if isinstance(model, Graph):
        return model
    if isinstance(model, str | Path):
        from hwcost.frontends.from_onnx import from_onnx

        return from_onnx(model, shapes=shapes, allow_unsupported=allow_unsupported)
    if example_input is None:
        raise InputError("an nn.Module is read with an example input; pass example_input=a tensor of the shape it takes")
    from hwcost.frontends.from_torch import from_torch

    return from_torch(model, example_input)


def priced(
    graph: Graph,
    target: Target,
    *,
    priced_as: Literal["int8", "float32"] = "int8",
    latency_model: LatencyModel | None = None,
    io_in_arena: bool | None = None,
    allow_unsupported: bool = False,
) -> Cost:
    """What a network costs as the int8 program quantising would make of it, or as it is."""
    if priced_as not in ("int8", "float32"):
        raise InputError(f"a network is priced as int8 or float32, got '{priced_as}'")
    projected = graph.as_int8() if priced_as == "int8" else graph
    return estimate(projected, target, latency_model=latency_model, io_in_arena=io_in_arena, allow_unsupported=allow_unsupported)


def device_limits(target: Target) -> Budget:
    """The whole RAM and flash of the target; a metric it has no memory for is not limited."""
    return Budget(ram_bytes=target.ram_bytes or None, flash_bytes=target.flash_bytes or None)


def judge(name: str, graph: Graph, target: Target, budget: Budget, cost: Cost, allow_unsupported: bool, confidence: float | None) -> Report:
    """The verdict on a cost; operators without a kernel decide it alone unless they are allowed."""
    overflows = tuple(region for region in cost.regions if region.overflow_bytes)
    if cost.unsupported and not allow_unsupported:
        known = _judgeable(budget, cost)
        return Report(name, graph, target, budget, cost, "unsupported", known.usage(cost), known.violations(cost), overflows, confidence)
    violations = budget.violations(cost)
    verdict: Verdict = "over" if violations or overflows else "fits"
    if confidence is not None:
        verdict = _confident(budget, cost, bool(overflows))
    return Report(name, graph, target, budget, cost, verdict, budget.usage(cost), violations, overflows, confidence)


def _judgeable(budget: Budget, cost: Cost) -> Budget:
    """The limits on metrics that have a figure."""
    return Budget(**{metric: limit for metric, limit in budget.limits().items() if getattr(cost, metric) is not None})  # type: ignore[arg-type]


def _confident(budget: Budget, cost: Cost, overflow: bool) -> Verdict:
    """The verdict where models know their own error: an interval across its limit is too close to call."""
    limits = {metric: limit for metric, limit in budget.limits().items() if metric in cost.interval}
    outside = [metric for metric, limit in limits.items() if cost.interval[metric][0] > limit]
    across = [metric for metric, limit in limits.items() if cost.interval[metric][0] <= limit < cost.interval[metric][1]]
    certain = [v for v in budget.violations(cost) if v.metric not in limits]
    if outside or certain or overflow:
        return "over"
    return "too close to call" if across else "fits"
