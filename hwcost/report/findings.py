"""What a report has to say, before any form is given to it: the rows that the terminal and the Markdown both print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hwcost.budget import METRICS, Metric
from hwcost.checking import Report, dearest
from hwcost.cost import NodeCost
from hwcost.memory.regions import Region
from hwcost.ops.base import shape_text
from hwcost.quantities import human_bytes, human_hertz
from hwcost.report.names import quoted

__all__ = [
    "Breach",
    "Headroom",
    "Term",
    "alive_at_peak",
    "bar",
    "basis_lines",
    "breaches",
    "caveats",
    "dearest_layers",
    "flash_sum",
    "headline",
    "headroom",
    "peak_node",
    "percent",
    "placement",
    "platform",
    "ram_sum",
    "remarks",
    "slow_layers",
    "uncounted",
]

Term = tuple[str, int]
"""One summand of RAM or flash: what it is, and its bytes."""


@dataclass(frozen=True, slots=True)
class Headroom:
    """One metric beside its limit; `used` is None where nobody can price it, `limit` where nothing was asked of it."""

    metric: Metric
    used: float | None
    limit: float | None
    interval: tuple[float, float] | None
    at_least: bool = False
    """Whether layers are missing from the figure."""

    def __str__(self) -> str:
        """The figure for people."""
        if self.used is None:
            return "absent"
        return f"{'>= ' if self.at_least else ''}{self.metric.human(self.used)}"

    @property
    def ratio(self) -> float | None:
        """Used over limit; None where one of them is missing."""
        return None if self.used is None or self.limit is None else self.used / self.limit

    @property
    def free(self) -> float | None:
        """What is left below the limit, negative where it is passed."""
        return None if self.used is None or self.limit is None else self.limit - self.used


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that was passed: of the whole target, or of one memory of it."""

    metric: str
    used: float
    limit: float
    region: str | None
    worst_nodes: tuple[str, ...]

    @property
    def label(self) -> str:
        """The metric for people, with the memory it is about."""
        label = METRICS[self.metric].label
        return label if self.region is None else f"{label} in '{self.region}'"

    @property
    def excess(self) -> float:
        """By how much."""
        return self.used - self.limit

    def __str__(self) -> str:
        """`RAM 64.2 KiB, limit 64.0 KiB: 0.2 KiB over`."""
        human = METRICS[self.metric].human
        return f"{self.label} {human(self.used)}, limit {human(self.limit)}: {human(self.excess)} over"


def breaches(report: Report) -> tuple[Breach, ...]:
    """Every limit that was passed; the overflow of a memory that is all there is of its kind says nothing new beside its metric."""
    whole = [Breach(found.metric, found.used, found.limit, None, report.worst_nodes(found.metric)) for found in report.violations]
    kinds = [region.kind for region in report.cost.regions]
    told = {breach.metric for breach in whole if kinds.count(breach.metric.removesuffix("_bytes")) == 1}
    parts = (_of_region(report, region) for region in report.overflows)
    return (*whole, *(breach for breach in parts if breach.metric not in told))


def _of_region(report: Report, region: Region) -> Breach:
    metric = f"{region.kind}_bytes"
    worst = report.worst_nodes(metric, region.name)
    return Breach(metric, region.used_bytes + region.reserved_bytes, region.limit_bytes, region.name, worst)


def headroom(report: Report) -> tuple[Headroom, ...]:
    """The four metrics in their order."""
    limits, cost = report.budget.limits(), report.cost
    return tuple(
        Headroom(metric, getattr(cost, field), limits.get(field), cost.interval.get(field), cost.lower_bound)
        for field, metric in METRICS.items()
    )


def headline(report: Report) -> str:
    """What the verdict rests on, in one line."""
    if report.verdict is None:
        return f"no limits were given: nothing was judged{_missing(report)}"
    broken = "; ".join(map(str, breaches(report)))
    if report.verdict == "unsupported":
        layers = _counted(len(report.cost.unsupported))
        return f"{layers} cannot run under {report.target.runtime.reference}{'; ' if broken else ''}{broken}"
    if report.verdict == "too close to call":
        return f"at confidence {report.confidence}: the interval reaches across the limit{_missing(report)}"
    return (broken or _tightest(report)) + _missing(report)


def _missing(report: Report) -> str:
    layers = _counted(len(report.cost.unsupported))
    return f"; {layers} left out, every total is a lower bound" if report.cost.lower_bound else ""


def _tightest(report: Report) -> str:
    ratios = [(row.ratio, row.metric.label) for row in headroom(report) if row.ratio is not None]
    if not ratios:
        return "nothing is limited"
    ratio, label = max(ratios)
    return f"{label} is the tightest, at {percent(ratio)} of its limit"


def percent(ratio: float) -> str:
    """A share as a whole number of percent, rounded so that a limit that is passed never reads 100 %."""
    whole = round(100 * ratio)
    return f"{max(whole, 101) if ratio > 1 else whole} %"


def bar(ratio: float, cells: int, full: str = "█", empty: str = "░") -> str:
    """A share as a row of cells; what is used at all fills one, and only what is used up fills the last."""
    filled = min(cells, max(int(ratio * cells), 1 if ratio > 0 else 0))
    return full * filled + empty * (cells - filled)


def platform(report: Report) -> str:
    """Device, core, clock and runtime in one line."""
    target = report.target
    device = f"{target.board.name} ({target.device.name})" if target.board else target.device.name
    runtime = f"{target.runtime.reference}{' (provisional)' if target.runtime.provisional else ''}"
    return f"{device}, {target.core.name} at {human_hertz(target.clock_hz)}, {runtime}"


def ram_sum(report: Report) -> list[Term]:
    """What RAM holds: its summands, the arena first."""
    ram = report.cost.ram
    terms = [("arena", ram.arena_bytes), ("inputs and outputs outside it", ram.io_bytes), ("runtime", ram.runtime_bytes)]
    return [*terms, ("stack", ram.stack_bytes), ("reserved", ram.reserved_bytes)]


def flash_sum(report: Report) -> list[Term]:
    """What flash holds: its summands, weights first."""
    flash = report.cost.flash
    terms = [("weights", flash.weight_bytes), ("biases", flash.bias_bytes), ("quantisation", flash.quant_bytes)]
    return [*terms, ("graph", flash.metadata_bytes), ("code", flash.code_bytes)]


def placement(report: Report) -> str:
    """How the arena came about, and how far it can be from the best."""
    ram = report.cost.ram
    gap, bound = ram.arena_bytes - ram.bound_bytes, human_bytes(ram.bound_bytes)
    against = "no plan is lower" if ram.optimal or not gap else f"{human_bytes(gap)} above the lower bound of {bound}"
    peak, scratch = human_bytes(ram.live_peak_bytes), human_bytes(ram.scratch_bytes)
    return f"arena placed by {ram.planner or 'nobody'}, {against}; activations alone peak at {peak}; largest scratch {scratch}"


def peak_node(report: Report) -> str | None:
    """The layer during which most is alive; None for a network without layers."""
    return report.graph.nodes[report.cost.ram.peak_step].name if report.graph.nodes else None


def alive_at_peak(report: Report) -> list[tuple[str, str, int]]:
    """Tensors alive during the peak step, the largest first: name, shape, bytes."""
    specs = [(name, report.graph.values[name]) for name in report.cost.ram.live_tensors]
    return sorted(((name, shape_text(spec.shape), spec.bytes) for name, spec in specs), key=lambda row: -row[2])


def dearest_layers(report: Report, most: int) -> list[tuple[NodeCost, float | None]]:
    """Layers by their share of the latency, or by MACs where there is none; the share is None then."""
    total = sum(node.latency_s or 0.0 for node in report.cost.nodes)
    if not total or report.cost.latency_s is None:
        ranked = sorted((node for node in report.cost.nodes if node.macs), key=lambda node: -node.macs)
        return [(node, None) for node in ranked[:most]]
    return [(node, (node.latency_s or 0.0) / report.cost.latency_s) for node in dearest(report.cost, "latency_s")[:most]]


def slow_layers(report: Report) -> list[str]:
    """Layers that run, but not as fast as they could: reference kernels, and floats in a quantised network."""
    reference = report.cost.reference_nodes
    lines = [f"{_counted(len(reference))} on a reference kernel: {_some(reference)}"] if reference else []
    islands = report.float_islands
    return lines + ([f"{_counted(len(islands))} in floats inside a quantised network: {_some(islands)}"] if islands else [])


def _counted(layers: int) -> str:
    return f"{layers} {'layer' if layers == 1 else 'layers'}"


def _some(names: tuple[str, ...], most: int = 6) -> str:
    return ", ".join(map(quoted, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")


def basis_lines(report: Report) -> Iterator[tuple[str, str]]:
    """For each metric how its figure was found, or why there is none."""
    cost = report.cost
    for field, metric in METRICS.items():
        basis = cost.basis.get(field)
        if basis is None:
            yield metric.label, f"absent: {cost.absent.get(field, 'no reason given')}"
        else:
            yield metric.label, f"{basis.method}, {basis.source}: {basis.model}{_standing(report, field)}"


def _standing(report: Report, field: str) -> str:
    """What stands behind the runtime's own figures: how many measurements, how far off, and whether they only stand in."""
    figures = report.target.latency
    if field not in ("latency_s", "energy_j") or figures is None or report.pricing.latency_model is not None:
        return ""
    provisional = ", provisional" if figures.provisional else ""
    if field == "energy_j" or not figures.basis.rows:
        return provisional
    error = "" if figures.basis.mape is None else f", mean error {percent(figures.basis.mape)} on the one left out"
    rows = f"{figures.basis.rows} measurement{'' if figures.basis.rows == 1 else 's'}"
    return f", from {rows}{error}{provisional}"


def caveats(report: Report) -> list[str]:
    """Which figures only stand in until something better is measured, and whether a confidence had anything to be about."""
    target = report.target
    lines = [f"{target.runtime.reference} is priced before it exists"] if target.runtime.provisional else []
    if _standing(report, "latency_s").endswith("provisional") and report.cost.latency_s is not None:
        lines.append(f"the latency figures of {target.runtime.reference} on {target.core.name} are provisional")
    if report.confidence is not None and not report.cost.interval:
        lines.append("no model here knows its own error: the figures themselves were judged")
    return lines


def uncounted(report: Report) -> list[str]:
    """What no figure exists for, operators that cannot run included."""
    unknown = dict(report.graph.unknown)
    refused = (f"{quoted(node)}: {why}" for node, why in report.cost.unsupported if node not in unknown)
    return [*report.cost.not_counted, *refused]


def remarks(report: Report) -> list[str]:
    """What was assumed on the way: by the reader of the file, by the pricing, by the models."""
    lines = [*report.graph.notes, *report.cost.remarks, *caveats(report)]
    if report.graph.projected_from:
        lines.append("projected: the file is float; these are the figures of the int8 program that quantising would make of it")
    if report.target.device.accelerators:
        lines.append(f"not used by this runtime: {'; '.join(report.target.device.accelerators)}")
    return lines
