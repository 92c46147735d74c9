"""How little a network can take: the reachable minimum of every limit, and of all of them together, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hwcost.budget import METRICS, Violation
from hwcost.checking import Report
from hwcost.errors import InputError, listed
from hwcost.nas.costs import Costs
from hwcost.nas.selection import Selection

Array = np.ndarray[Any, Any]

TRIED = 12
"""Narrowest widths of a group that are tried: kernels may be quicker at four or eight channels than at one, never beyond that."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What the narrowest networks take: `lowest` of each metric on its own, `widths`, `selection` and `report` of all limits together."""

    lowest: Mapping[str, float]
    widths: Mapping[str, int]
    report: Report
    selection: Selection = ()

    @property
    def is_enough(self) -> bool:
        """Whether some network meets every limit."""
        return self.report.verdict == "fits"


def reach(costs: Costs) -> Reach:
    """The reachable minimum of every limited metric and the network that is furthest inside all limits, by exact figures.

    Of choices, the alternatives that take least at the narrowest are tried: of each metric, and of the fullest of all limits.
    """
    tried = dict.fromkeys([costs.selection, *(cheapest(costs, metric) for metric in (*costs.limits, None))])
    reaches = [reach_of(costs.on(selection)) for selection in tried]
    lowest = {metric: min(each.lowest[metric] for each in reaches) for metric in costs.limits}
    return replace(min(reaches, key=lambda each: _distance(each.report)), lowest=lowest)


def _distance(report: Report) -> tuple[bool, float]:
    """What sorts networks by how far inside all limits they are."""
    return report.verdict != "fits", max(report.usage.values(), default=0.0)


def cheapest(costs: Costs, metric: str | None) -> Selection:
    """The alternatives that take least of a metric, or of the fullest limit (None), at the narrowest widths; changed one by one."""
    known: dict[Selection, float] = {}

    def taken(selection: Selection) -> float:
        if selection not in known:
            view = costs.on(selection)
            floors = narrowest(view)[None]
            figures = _worst(view.usage(costs.limits)(floors)) if metric is None else _figure_of(view, metric)(floors)
            known[selection] = float(figures[0]) if view.seed.verdict != "unsupported" else float("inf")
        return known[selection]

    best, before = costs.selection, None
    while best != before:
        before = best
        for at, block in enumerate(costs.space.blocks):
            best = min(((*best[:at], index, *best[at + 1 :]) for index in range(len(block.names))), key=taken)
    return best


def narrowest(costs: Costs) -> Array:
    """The narrowest width of every free group."""
    return np.array([group.widths[0] for group in costs.space.free], dtype=np.int64)


def reach_of(costs: Costs) -> Reach:
    """The reach with the alternatives that `costs` prices."""
    floors = narrowest(costs)
    starts = {metric: _descended(costs, floors, _figure_of(costs, metric)) for metric in costs.limits}
    reports = {metric: costs.exact(costs.named(widths)) for metric, widths in starts.items()}
    lowest = {metric: costs.figure(report, metric) for metric, report in reports.items()}
    usage = costs.usage(costs.limits)
    together = [_descended(costs, start, lambda widths: _worst(usage(widths))) for start in [floors, *starts.values()]]
    found = [(costs.named(widths), costs.exact(costs.named(widths))) for widths in [*together, *starts.values()]]
    widths, report = min(found, key=lambda each: _distance(each[1]))
    return Reach(lowest, widths, report, costs.selection)


def _figure_of(costs: Costs, metric: str) -> Callable[[Array], Array]:
    return lambda widths: np.asarray(getattr(costs.quick(widths), metric), dtype=float)


def _worst(usage: Array) -> Array:
    """Overshoot of all constraints first, then the fullest of them."""
    return np.asarray(1e3 * np.maximum(usage - 1, 0).sum(axis=-1) + usage.max(axis=-1))


def _descended(costs: Costs, start: Array, objective: Callable[[Array], Array]) -> Array:
    """Widths that no change of one group makes cheaper."""
    best, least = start, float(objective(start[None])[0])
    improved = True
    while improved:
        improved = False
        for index, group in enumerate(costs.space.free):
            trials = np.repeat(best[None], min(TRIED, len(group.widths)), axis=0)
            trials[:, index] = group.widths[:TRIED]
            found = objective(trials)
            if found.min() < least:
                best, least, improved = trials[int(found.argmin())], float(found.min()), True
    return best


def require_reachable(costs: Costs) -> Reach:
    """The reach; raises InputError, with what stands in the way, where no widths and alternatives meet every limit."""
    found = reach(costs)
    if not found.is_enough:
        raise InputError(out_of_reach(costs, found))
    return found


def out_of_reach(costs: Costs, found: Reach) -> str:
    """Why a budget cannot be met, limit by limit."""
    alone = [metric for metric, limit in costs.limits.items() if found.lowest[metric] > limit]
    faults = [
        f"at best {Violation(metric, found.lowest[metric], costs.limits[metric])}; {in_the_way(found.report, metric)}" for metric in alone
    ]
    if not alone:
        over = "; ".join(str(violation) for violation in found.report.violations) or "a memory region overflows"
        faults = [f"each limit can be met, but not all together: the nearest network takes {over}"]
    return f"no widths of this network meet the budget{_even_with(costs, found)}: {listed(faults)}"


def _even_with(costs: Costs, found: Reach) -> str:
    """The alternatives that take least, where there are choices."""
    pairs = zip(costs.space.blocks, found.selection, strict=True)
    told = ", ".join(f"'{block.names[index]}' for '{block.path}'" for block, index in pairs)
    return f", even with {told}" if told else ""


def in_the_way(report: Report, metric: str) -> str:
    """What a narrowest network still spends a metric on."""
    ram, flash = report.cost.ram, report.cost.flash
    human = METRICS[metric].human
    if metric == "ram_bytes":
        sizes = {name: spec.bytes for name, spec in report.graph.values.items()}
        live = ", ".join(f"'{name}' {human(sizes[name])}" for name in ram.live_tensors if name in sizes)
        fixed = ram.runtime_bytes + ram.stack_bytes + ram.reserved_bytes + ram.io_bytes
        return f"at its peak {live} are alive, and runtime, stack and reserved bytes take {human(fixed)}"
    if metric == "flash_bytes":
        rest = f"code takes {human(flash.code_bytes)}, metadata {human(flash.metadata_bytes)}"
        return f"{rest}, the network's own bytes {human(flash.network_bytes)}"
    return f"most of it goes to {', '.join(repr(name) for name in report.worst_nodes(metric))}"
