"""What the candidates of a search cost: quickly for thousands of widths, and exactly, as `check` would say, for the ones that count."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch

from hwcost.budget import Budget
from hwcost.checking import Pricing, Report, device_limits, judge, quote
from hwcost.compiled import Candidates, CompiledCost
from hwcost.errors import InputError, listed
from hwcost.latency import LatencyModel
from hwcost.nas.choice import Choice
from hwcost.nas.expectation import Expectation, OpenChoices, Priced
from hwcost.nas.groups import Kept, taps_of
from hwcost.nas.mixture import Mixture
from hwcost.nas.relaxation import Relaxation, Relaxed, stand_in
from hwcost.nas.runnable import Runnable, runnable
from hwcost.nas.selection import Selection
from hwcost.nas.shared_code import SharedCode
from hwcost.nas.space import Space
from hwcost.ops.conv import Taps
from hwcost.target import Target

Array = np.ndarray[Any, Any]
Figures = Mapping[str, float]


MOST_VIEWS = 256
"""Selections whose prices are kept at once; the oldest is forgotten."""


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
        if selection is None:
            _require_supported(self.seed)
        self._others: dict[Selection, Costs] = {self.selection: self}

    @cached_property
    def seed(self) -> Report:
        """The verdict on the network with all its channels."""
        return self.exact({})

    @cached_property
    def compiled(self) -> CompiledCost:
        """The network of this selection, compiled."""
        return self._compiled(self.latency_model)

    def _compiled(self, model: LatencyModel | None) -> CompiledCost:
        taps = [each.priced for each in self.runnable.values()]
        return CompiledCost(self.space.graph_of(self.selection).as_int8(), self.target, latency_model=model, taps=taps)

    @cached_property
    def runnable(self) -> Mapping[str, Runnable]:
        """The patterns of taps that the runtime runs, for every kernel under search in this selection."""
        return runnable(self.space.graph_of(self.selection).as_int8(), self.space.free, self.target, self.latency_model)

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
            if len(self._others) >= MOST_VIEWS:
                del self._others[next(iter(self._others))]
            self._others[selection] = other
        return self._others[selection]

    @property
    def limits(self) -> dict[str, float]:
        """The limits by metric, those of the device included."""
        return self.budget.limits()

    def exact(self, widths: Mapping[str, int], kept: Kept | None = None) -> Report:
        """The verdict that `check` gives on the network with these widths, and the taps kept of kernels (None: the dearest of as many)."""
        graph = self.space.network(
            widths, self.selection, self._dearest(widths) if kept is None else taps_of(self.space.free, widths, kept)
        )
        return judge(quote(graph.name, graph, self.target, self._pricing), self.budget, self.confidence)

    def _dearest(self, widths: Mapping[str, int]) -> dict[str, Taps]:
        kernels = [group.name for group in self.space.free if group.kernel is not None and group.name in widths]
        priced = [self.runnable[name].priced for name in kernels if name in self.runnable]
        return {taps.node: taps.patterns[widths[taps.name]] for taps in priced}

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
            rows = zip(limits.items(), cost.constraints(list(limits)), strict=True)
            columns = [taken * factors.get(metric, 1) / limit for (metric, limit), taken in rows]
            return np.concatenate([np.broadcast_to(c, (*widths.shape[:-1], c.shape[-1])) for c in columns], axis=-1)

        return used

    @cached_property
    def relaxed(self) -> Relaxed:
        """The same under the limits of the budget as a differentiable function of widths that may be fractional.

        Where there are choices it is what is expected over their alternatives, whichever this selection has.
        Raises NotDifferentiableError for a latency model without gradients.
        """
        blocks, choices = self.space.blocks, self.space.choices.values()
        if not blocks:
            return self._relaxation

        def thetas() -> list[torch.Tensor]:
            return [choice.theta.cpu().double() if choice.settled is None else _sure(choice) for choice in choices]

        def expectation(mixture: Mixture) -> Expectation:
            code, limit = self.unseen_code(mixture), self.limits.get("flash_bytes", math.inf)
            unseen = None if code is None else lambda odds: code.unseen(odds) / limit
            return Expectation(mixture, lambda selection: self.on(selection)._priced, thetas, unseen)

        return OpenChoices(expectation, thetas)

    def unseen_code(self, mixture: Mixture) -> SharedCode | None:
        """The shared code of images that a mixture of few selections does not see; None where it has all of them."""
        if mixture.is_exact:
            return None
        return SharedCode(self.space.blocks, mixture, lambda selection: self.space.graph_of(selection).as_int8(), self.target)

    @property
    def _priced(self) -> Priced:
        return Priced.of(self._relaxation, [node.name for node in self.compiled.graph.nodes], self.space.blocks)

    @cached_property
    def _relaxation(self) -> Relaxation:
        """The constraints of this selection alone."""
        smooth = stand_in(self.target, self.latency_model) if {"latency_s", "energy_j"} & set(self.limits) else None
        compiled = self.compiled if smooth is None else self._compiled(smooth)
        columns, sources = self._columns
        return Relaxation(compiled, columns, self.limits, sources=sources)

    def margins(self, report: Report, widths: Array) -> dict[str, float]:
        """Exact over quick figure of every limited metric at one candidate."""
        cost = self.quick(widths[None])
        quick = {metric: float(np.asarray(getattr(cost, metric)).reshape(-1)[0]) for metric in self.limits}
        return {metric: self.figure(report, metric) / quick[metric] if quick[metric] else 1.0 for metric in self.limits}


def _sure(choice: Choice) -> torch.Tensor:
    """The probabilities where one alternative is chosen for good."""
    theta = torch.zeros(len(choice.alpha), dtype=torch.float64)
    theta[choice.settled] = 1.0
    return theta


def _require_supported(report: Report) -> None:
    if report.verdict == "unsupported":
        runtime = report.target.runtime.reference
        faults = [f"'{node}': {why}" for node, why in report.cost.unsupported]
        raise InputError(f"the network cannot run under {runtime}, whatever its widths: {listed(faults)}")
