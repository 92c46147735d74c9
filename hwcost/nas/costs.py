"""What the candidates of a search cost: quickly for thousands of widths, and exactly, as `check` would say, for the ones that count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hwcost.budget import Budget
from hwcost.checking import Pricing, Report, device_limits, judge, quote
from hwcost.compiled import Candidates, CompiledCost
from hwcost.errors import InputError, listed
from hwcost.latency import LatencyModel
from hwcost.nas.space import Space
from hwcost.target import Target

Array = np.ndarray[Any, Any]
Figures = Mapping[str, float]


class Costs:
    """The prices of a space on a target under a budget, sizes as int8; limits on RAM and flash left open are the device's.

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
    ) -> None:
        self.space, self.target = space, target
        self.latency_model, self.confidence = latency_model, confidence
        self.budget = budget.with_defaults(device_limits(target))
        self._pricing = Pricing(latency_model=latency_model)
        self.seed = self.exact({})
        _require_supported(self.seed)
        self.compiled = CompiledCost(space.graph.as_int8(), target, latency_model=latency_model)
        free = {group.name for group in space.free}
        self._columns = [index for index, group in enumerate(self.compiled.groups) if group.name in free]

    @property
    def limits(self) -> dict[str, float]:
        """The limits by metric, those of the device included."""
        return self.budget.limits()

    def exact(self, widths: Mapping[str, int]) -> Report:
        """The verdict that `check` gives on the network with these widths."""
        return judge(quote(self.space.graph.name, self.space.network(widths), self.target, self._pricing), self.budget, self.confidence)

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
        everything[..., self._columns] = widths
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
