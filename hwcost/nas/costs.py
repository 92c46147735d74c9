"""What the candidates of a search cost: quickly for thousands of widths, and exactly, as `check` would say, for the ones that count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from hwcost.budget import Budget
from hwcost.checking import Pricing, Report, device_limits, judge, quote
from hwcost.compiled import Candidates, CompiledCost
from hwcost.errors import InputError, listed
from hwcost.latency import LatencyModel
from hwcost.nas.selection import Selection
from hwcost.nas.space import Space
from hwcost.target import Target

Array = np.ndarray[Any, Any]
Figures = Mapping[str, float]


class Costs:
    """The prices of a space on a target under a budget, sizes as int8; limits on RAM and flash left open are the device's.

    These are the prices of one `selection` of alternatives, at first that of the first alternatives; `on` gives those of another.
    Candidates are arrays of widths (candidates, free groups). With a `confidence`, the upper end of an interval counts where the
    latency model knows its own error. Raises InputError for a limit that nobody can judge and for layers that the runtime cannot run.
    """

    def __init__(
        self,
        space: Space,
        target: Target,
        budget: Budget,
        *,
        latency_model: LatencyModel | None = None,
        confidence: float | None = None,
        selection: Selection | None = None,
    ) -> None:
        self.space, self.target = space, target
        self.selection = space.first if selection is None else selection
        self.latency_model, self.confidence = latency_model, confidence
        self.budget = budget.with_defaults(device_limits(target))
        self._pricing = Pricing(latency_model=latency_model)
        self.seed = self.exact({})
        if selection is None:
            _require_supported(self.seed)
        self._others: dict[Selection, Costs] = {self.selection: self}

    @cached_property
    def compiled(self) -> CompiledCost:
        """The network of this selection, compiled."""
        return CompiledCost(self.space.graph_of(self.selection).as_int8(), self.target, latency_model=self.latency_model)

    @cached_property
    def _columns(self) -> tuple[list[int], list[int]]:
        """Positions among the groups of the compiled network, and those of the free groups of the space they follow."""
        # One group of the space can be several of this selection, whose layers nothing ties, or none.
        homes = {node: index for index, group in enumerate(self.space.free) for node in group.nodes}
        pairs = [(column, homes[group.name]) for column, group in enumerate(self.compiled.groups) if group.name in homes]
        return [column for column, _ in pairs], [source for _, source in pairs]

    def on(self, selection: Selection) -> Costs:
        """The prices of other alternatives; worked out once."""
        if selection not in self._others:
            judged = {"latency_model": self.latency_model, "confidence": self.confidence}
            other = Costs(self.space, self.target, self.budget, **judged, selection=selection)  # type: ignore[arg-type]
            other._others = self._others
            self._others[selection] = other
        return self._others[selection]

    @property
    def limits(self) -> dict[str, float]:
        """The limits by metric, those of the device included."""
        return self.budget.limits()

    def exact(self, widths: Mapping[str, int]) -> Report:
        """The verdict that `check` gives on the network with these widths."""
        graph = self.space.network(widths, self.selection)
        return judge(quote(graph.name, graph, self.target, self._pricing), self.budget, self.confidence)

    def named(self, widths: Array) -> dict[str, int]:
        """One candidate by group."""
        return {group.name: int(width) for group, width in zip(self.space.free, widths, strict=True)}

    def figure(self, report: Report, metric: str) -> float:
        """What decides about a metric: the point value, or the upper end of its interval where that is judged."""
        point: float = getattr(report.cost, metric)
        return report.cost.interval[metric][1] if self.confidence is not None and metric in report.cost.interval else point

    def figures(self, report: Report) -> dict[str, float]:
        """What decides about every limited metric."""
        return {metric: self.figure(report, metric) for metric in self.limits}

    def quick(self, widths: Array) -> Candidates:
        """The cost of many candidates; RAM is the live peak, the arena that is placed can only be larger."""
        everything = np.broadcast_to(self.compiled.base, (*widths.shape[:-1], len(self.compiled.base))).copy()
        columns, sources = self._columns
        everything[..., columns] = widths[..., sources]
        return self.compiled(everything)

    def usage(self, limits: Figures, margins: Figures | None = None) -> Callable[[Array], Array]:
        """Used / limit of every constraint as a function of candidates: each metric one, RAM one for every step of the schedule.

        `margins` are factors on what is used, where the exact figures are known to be larger.
        """
        factors = margins or {}

        def used(widths: Array) -> Array:
            cost = self.quick(widths)
            columns = [
                (cost.step_bytes if metric == "ram_bytes" else np.asarray(getattr(cost, metric))[..., None])
                * factors.get(metric, 1)
                / limit
                for metric, limit in limits.items()
            ]
            return np.concatenate([np.broadcast_to(c, (*widths.shape[:-1], c.shape[-1])) for c in columns], axis=-1)

        return used

    def margins(self, report: Report, widths: Array) -> dict[str, float]:
        """Exact over quick figure of every limited metric at one candidate."""
        cost = self.quick(widths[None])
        quick = {metric: float(np.asarray(getattr(cost, metric)).reshape(-1)[0]) for metric in self.limits}
        return {metric: self.figure(report, metric) / quick[metric] if quick[metric] else 1.0 for metric in self.limits}


def _require_supported(report: Report) -> None:
    if report.verdict == "unsupported":
        runtime = report.target.runtime.reference
        faults = [f"'{node}': {why}" for node, why in report.cost.unsupported]
        raise InputError(f"the network cannot run under {runtime}, whatever its widths: {listed(faults)}")
