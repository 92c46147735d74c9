"""Used / limit of every constraint at fractional widths, with gradients: what a loss pulls on."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from hwcost import latency
from hwcost.compiled import CompiledCost
from hwcost.errors import NotDifferentiableError
from hwcost.latency import Absent, LatencyModel
from hwcost.slopes import Sloped
from hwcost.target import Target

Array = np.ndarray[Any, Any]


class Relaxed(Protocol):
    """What a loss and the strategies ask: used / limit of every constraint as a function of widths, differentiable."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metric of each constraint: each limited one once, RAM once for every step of the schedule."""

    def usage(self, widths: torch.Tensor) -> torch.Tensor:
        """Used / limit of every constraint (constraints,)."""

    def overshoot(self, widths: torch.Tensor) -> torch.Tensor:
        """How far each constraint is passed as a share of its limit (constraints,), 0 where it holds."""

    def usage_and_slopes(self, widths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Used / limit of every constraint and its slopes by each width (constraints, groups), without autograd."""


def stand_in(target: Target, model: LatencyModel | None) -> LatencyModel | None:
    """The model whose gradients a loss follows in place of `model` (or of the target's own); None where that itself will do.

    Raises NotDifferentiableError where it has no gradient and offers nothing in its place, with what to do.
    """
    chosen = model if model is not None else latency.choose(target)
    if isinstance(chosen, Absent) or chosen.differentiable:
        return None
    smooth = chosen.differentiable_part
    if smooth is None:
        raise NotDifferentiableError(
            f"latency model '{chosen.name}' has no gradient and offers no differentiable part, so no loss can follow it; "
            "take strategy='projection', which only asks for its values, or give the model a differentiable_part"
        )
    return smooth


def widths_of(masks: Sequence[torch.Tensor]) -> torch.Tensor:
    """The sums of masks, one for each, in double precision on the CPU, where costs are worked out; gradients reach the masks."""
    if not masks:
        return torch.zeros(0, dtype=torch.float64)
    values = torch.cat(list(masks)).to("cpu", torch.float64)
    return _members(tuple(len(mask) for mask in masks)) @ values


@functools.lru_cache(maxsize=16)
def _members(sizes: tuple[int, ...]) -> torch.Tensor:
    """Which entries of all masks in a row belong to each: ones and zeros (masks, entries)."""
    homes = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return (homes == torch.arange(len(sizes))[:, None]).double()


@dataclass(frozen=True, slots=True)
class _Point:
    """Used / limit of every constraint at some widths, (used - limit) / limit, and their slopes by each width."""

    usage: torch.Tensor
    over: torch.Tensor
    slopes: torch.Tensor


class Relaxation:
    """Used / limit of every constraint at widths that may be fractional: one for each limited metric, for RAM one for every step.

    Widths are float64 (groups,); entry `sources[i]` of them, by default entry i, is the width of group `columns[i]` of `compiled`.
    Rounding up passes its gradient on: of a division rounded up by d it is 1/d, of lanes filled up it is 1. At whole widths the values
    are those of `compiled`. What is worked out once is kept for as long as the widths stay.
    """

    def __init__(
        self, compiled: CompiledCost, columns: Sequence[int], limits: Mapping[str, float], *, sources: Sequence[int] | None = None
    ) -> None:
        self._compiled, self._columns, self._limited = compiled, list(columns), tuple(limits)
        self._sources = None if sources is None else torch.tensor(sources, dtype=torch.int64)
        self._unknowns = np.zeros((len(self._columns), len(compiled.base)))
        self._unknowns[range(len(self._columns)), self._columns] = 1.0
        rows = compiled(compiled.base).constraints(self._limited)
        self.metrics = tuple(metric for metric, column in zip(limits, rows, strict=True) for _ in column)
        self._limit = np.array([limits[metric] for metric in self.metrics])
        self._known: tuple[bytes, _Point] | None = None

    def usage(self, widths: torch.Tensor) -> torch.Tensor:
        """Used / limit of every constraint (constraints,), differentiable by the widths."""
        point, moved = self._near(widths)
        return point.usage if moved is None else torch.addmv(point.usage, point.slopes, moved)

    def overshoot(self, widths: torch.Tensor) -> torch.Tensor:
        """(used - limit) / limit where that is above 0, as `Budget.penalty` writes it: used / limit - 1 would round the last byte away."""
        point, moved = self._near(widths)
        return torch.relu(point.over if moved is None else torch.addmv(point.over, point.slopes, moved))

    def usage_and_slopes(self, widths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Used / limit of every constraint and its slopes by each width (constraints, groups), without autograd."""
        point, _ = self._near(widths.detach())
        if self._sources is None:
            return point.usage, point.slopes
        slopes = torch.zeros(len(point.slopes), len(widths), dtype=torch.float64)
        return point.usage, slopes.index_add_(1, self._sources, point.slopes)

    def _near(self, widths: torch.Tensor) -> tuple[_Point, torch.Tensor | None]:
        """What is known at these widths, and a zero through which their gradient flows, where they have one."""
        place = widths.to("cpu", torch.float64)
        place = place if self._sources is None else place[self._sources]
        at = place.detach()
        return self._at(at.numpy()), place - at if place.requires_grad else None

    def _at(self, widths: Array) -> _Point:
        key = widths.tobytes()
        if self._known is None or self._known[0] != key:
            self._known = (key, self._worked_out(widths))
        return self._known[1]

    def _worked_out(self, widths: Array) -> _Point:
        everything = self._compiled.base.astype(np.float64)
        everything[self._columns] = widths
        cost = self._compiled(Sloped.of(everything, self._unknowns))
        taken: Any = np.concatenate(cost.constraints(self._limited), axis=-1)
        usage, over = taken.value / self._limit, (taken.value - self._limit) / self._limit
        return _Point(*map(torch.from_numpy, (usage, over, np.ascontiguousarray((taken.slopes / self._limit).T))))
