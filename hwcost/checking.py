"""One model, one target, one budget: a verdict, and everything a report needs to explain it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hwcost.budget import METRICS, Budget, Violation
from hwcost.cost import Cost, NodeCost, estimate
from hwcost.errors import InputError, TargetError, listed
from hwcost.graph import Graph, Step
from hwcost.latency import LatencyModel
from hwcost.memory.regions import Region
from hwcost.target import Runtime, Target

if TYPE_CHECKING:
    import torch

Verdict = Literal["fits", "over", "too close to call", "unsupported"]
Storage = Literal["int8", "float32"]

WORST_NODES = 3
"""Layers named with each violation: enough to start with, few enough to read."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """What a price depends on besides network and target; InputError for a storage that nobody prices."""

    priced_as: Storage = "int8"
    latency_model: LatencyModel | None = None
    io_in_arena: bool | None = None
    allow_unsupported: bool = False
    confidence: float | None = None
    """Of the intervals of models that know their error; nine in ten where none is asked for."""

    def __post_init__(self) -> None:
        if self.priced_as not in ("int8", "float32"):
            raise InputError(f"a network is priced as int8 or float32, got '{self.priced_as}'")

    def stored(self, graph: Graph) -> Graph:
        """The network as it is priced: by default as the int8 program that quantising it would make.

        One that is quantised already is what it is: where it computes in floats, the firmware made of it does too.
        """
        return graph.as_int8() if self.priced_as == "int8" and not is_quantised(graph) else graph

    def cost(self, graph: Graph, target: Target) -> Cost:
        """What the network, stored like this, costs on a target."""
        return estimate(
            self.stored(graph),
            target,
            latency_model=self.latency_model,
            io_in_arena=self.io_in_arena,
            allow_unsupported=self.allow_unsupported,
            confidence=self.confidence,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What check found: the noun behind the terminal report, the Markdown and the JSON.

    `graph` is the network as it was priced, `float_islands` the layers of a quantised file that compute in floats. `budget` holds
    the limits judged, those of the device included; `verdict` is None where nothing was judged (`hwcost cost`).
    """

    model: str
    graph: Graph
    target: Target
    pricing: Pricing
    budget: Budget
    cost: Cost
    verdict: Verdict | None
    usage: Mapping[str, float]
    violations: tuple[Violation, ...]
    overflows: tuple[Region, ...]
    float_islands: tuple[str, ...] = ()
    confidence: float | None = None

    @property
    def exit_code(self) -> int:
        """0 within budget or nothing to judge, 1 for any other verdict."""
        return 0 if self.verdict in (None, "fits") else 1

    def worst_nodes(self, metric: str, region: str | None = None) -> tuple[str, ...]:
        """The layers that take most of a metric, the dearest first; of flash in one region, those whose weights are there."""
        nodes = dearest(self.cost, metric)
        there = [node for node in nodes if metric != "flash_bytes" or region in (None, node.weight_region)]
        return tuple(node.name for node in there[:WORST_NODES])


def dearest(cost: Cost, metric: str) -> list[NodeCost]:
    """Layers by what they take of a metric, the dearest first; for RAM, by what is live while they run."""
    share = {"ram_bytes": "live_bytes", "flash_bytes": "weight_bytes"}.get(metric, "latency_s")
    return sorted((node for node in cost.nodes if getattr(node, share)), key=lambda node: -getattr(node, share))


def check(
    model: str | Path | Graph | torch.nn.Module,
    target: Target,
    budget: Budget | None = None,
    *,
    example_input: Any = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    priced_as: Storage = "int8",
    allow_unsupported: bool = False,
    latency_model: LatencyModel | None = None,
    confidence: float | None = None,
    io_in_arena: bool | None = None,
) -> Report:
    """Whether a network fits: an ONNX file, a Graph, or an nn.Module with an example input.

    Limits that `budget` leaves open on RAM and flash are the device's. With a `confidence` (0.9), the intervals of models that
    know their own error decide instead of the point value. Raises GraphError for a network that cannot be read, InputError for a
    limit on a metric that nobody can price on this target.
    """
    pricing = Pricing(priced_as, latency_model, io_in_arena, allow_unsupported, confidence)
    graph = as_graph(model, example_input=example_input, shapes=shapes, allow_unsupported=allow_unsupported)
    name = Path(model).name if isinstance(model, str | Path) else graph.name
    return judge(quote(name, graph, target, pricing), budget or Budget(), confidence)


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


def quote(name: str, graph: Graph, target: Target, pricing: Pricing) -> Report:
    """What a network costs on a target, judged by nothing; TargetError for a runtime that only published figures refer to."""
    if target.runtime.data_only:
        raise TargetError(_data_only(target))
    cost = pricing.cost(graph, target)
    return Report(name, pricing.stored(graph), target, pricing, Budget(), cost, None, {}, (), (), float_islands(graph))


def _data_only(target: Target) -> str:
    """Why nothing can be priced under a runtime whose kernels nobody described, and what can be asked for instead."""
    from hwcost.target.find import names
    from hwcost.target.load import load_runtime

    core = target.core.name
    others = [load_runtime(name, core) for name in names("runtimes")]
    having = ", ".join(other.reference for other in others if _can_stand_in(other, core)) or "none"
    return (
        f"expected a runtime whose kernels are described, got {target.runtime.reference}, of which only published figures are known; "
        f"described for core '{core}': {having}"
    )


def judge(quoted: Report, budget: Budget, confidence: float | None = None) -> Report:
    """The verdict on a cost; operators without a kernel decide it alone unless they are allowed.

    Limits that `budget` leaves open on RAM and flash are the device's. Raises InputError for a limit on a metric without a figure.
    """
    require_confidence(confidence)
    cost, limits = quoted.cost, budget.with_defaults(device_limits(quoted.target))
    undecided = bool(cost.unsupported) and not quoted.pricing.allow_unsupported
    known = _with_figures(limits, cost)
    if known != limits and not undecided:
        raise InputError(listed(_no_figure(metric, quoted) for metric in limits.limits() if metric not in known.limits()))
    judged = replace(
        quoted,
        budget=limits,
        usage=known.usage(cost),
        violations=known.violations(cost),
        overflows=tuple(region for region in cost.regions if region.overflow_bytes),
        confidence=confidence,
    )
    return replace(judged, verdict="unsupported" if undecided else _verdict(judged))


def require_confidence(confidence: float | None) -> None:
    """Raise InputError unless a confidence is a share between none and all."""
    if confidence is not None and not 0 < confidence < 1:
        raise InputError(f"expected a confidence between 0 and 1, such as 0.9, got {confidence}")


def device_limits(target: Target) -> Budget:
    """The whole RAM and flash of the target; a metric it has no memory for is not limited."""
    return Budget(ram_bytes=target.ram_bytes or None, flash_bytes=target.flash_bytes or None)


def _with_figures(budget: Budget, cost: Cost) -> Budget:
    """The limits on metrics that have a figure."""
    return Budget(**{metric: limit for metric, limit in budget.limits().items() if getattr(cost, metric) is not None})  # type: ignore[arg-type]


def _verdict(report: Report) -> Verdict:
    """By the point values, or, where a confidence is asked for and a model knows its error, by the interval around them."""
    intervals = report.cost.interval if report.confidence is not None else {}
    bounds = [(intervals[metric], limit) for metric, limit in report.budget.limits().items() if metric in intervals]
    certain = [violation for violation in report.violations if violation.metric not in intervals]
    if certain or report.overflows or any(low > limit for (low, _), limit in bounds):
        return "over"
    return "too close to call" if any(high > limit for (_, high), limit in bounds) else "fits"


def _no_figure(metric: str, quoted: Report) -> str:
    """Why a limit cannot be judged, and with which runtime it could be."""
    label, human = METRICS[metric].label, METRICS[metric].human
    found = [(target.runtime.reference, getattr(cost, metric)) for target, cost in other_runtimes(quoted, timed=True)]
    having = [f"--runtime {reference} has it ({human(figure)})" for reference, figure in found if figure is not None]
    where = f"on {quoted.target.name} under {quoted.target.runtime.reference}"
    why = quoted.cost.absent.get(metric, "no reason given")
    others = "; ".join(having) or "no other described runtime has it for this network on this core"
    return f"the limit on {label} cannot be judged, because there is no {label} {where}: {why}; {others}"


def other_runtimes(report: Report, *, timed: bool = False) -> list[tuple[Target, Cost]]:
    """The same network on the same device under every other runtime described for its core, the newest version of each.

    `timed` keeps those with latency figures on that core.
    """
    from hwcost.target.find import names
    from hwcost.target.load import load_runtime

    core = report.target.core.name
    runtimes = [load_runtime(name, core) for name in names("runtimes") if name != report.target.runtime.name]
    targets = [replace(report.target, runtime=runtime) for runtime in runtimes if _can_stand_in(runtime, core)]
    pricing = replace(report.pricing, latency_model=None)
    return [(target, pricing.cost(report.graph, target)) for target in targets if target.latency is not None or not timed]


def _can_stand_in(runtime: Runtime, core: str) -> bool:
    return core in runtime.cores and not runtime.data_only


def float_islands(graph: Graph) -> tuple[str, ...]:
    """Layers that compute in floats inside a network that is quantised elsewhere: slow and large where nobody wanted them."""
    return tuple(step.node.name for step in graph.steps if _computes_in_floats(step)) if is_quantised(graph) else ()


def is_quantised(graph: Graph) -> bool:
    """Whether some layer that multiplies computes on integers; weights alone stored as integers make no such layer."""
    return any(step.work.macs and 0 < step.weight_bits <= 8 and not step.output.is_float for step in graph.steps)


def _computes_in_floats(step: Step) -> bool:
    return step.output.is_float and step.kind not in ("dequantize", "cast", "identity") and not step.node.op.alias
