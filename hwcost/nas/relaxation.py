"""Used / limit of every constraint at fractional widths, with gradients: what a loss pulls on."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class _Point:
    """Used of every constraint at some widths, and its slopes by each of them."""

    used: torch.Tensor
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
        self._unknowns = np.zeros((len(compiled.base), len(self._columns)))
        self._unknowns[self._columns, range(len(self._columns))] = 1.0
        rows = compiled(compiled.base).constraints(self._limited)
        self.metrics = tuple(metric for metric, column in zip(limits, rows, strict=True) for _ in column)
        self._limit = torch.tensor([limits[metric] for metric in self.metrics], dtype=torch.float64)
        self._known: tuple[bytes, _Point] | None = None

    def usage(self, widths: torch.Tensor) -> torch.Tensor:
        """Used / limit of every constraint (constraints,), differentiable by the widths."""
        return self._used(widths) / self._limit

    def overshoot(self, widths: torch.Tensor) -> torch.Tensor:
        """(used - limit) / limit where that is above 0, as `Budget.penalty` writes it: used / limit - 1 would round the last byte away."""
        return torch.relu((self._used(widths) - self._limit) / self._limit)

    def usage_and_slopes(self, widths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Used / limit of every constraint and its slopes by each width (constraints, groups), without autograd."""
        point = self._at((widths if self._sources is None else widths[self._sources]).detach().numpy())
        by_column = point.slopes / self._limit[:, None]
        if self._sources is None:
            return point.used / self._limit, by_column
        return point.used / self._limit, torch.zeros(len(by_column), len(widths), dtype=torch.float64).index_add_(
            1, self._sources, by_column
        )

    def _used(self, widths: torch.Tensor) -> torch.Tensor:
        place = widths.to("cpu", torch.float64)
        place = place if self._sources is None else place[self._sources]
        at = place.detach()
        point = self._at(at.numpy())
        return torch.addmv(point.used, point.slopes, place - at) if place.requires_grad else point.used

    def _at(self, widths: Array) -> _Point:
        key = widths.tobytes()
        if self._known is None or self._known[0] != key:
            self._known = (key, self._worked_out(widths))
        return self._known[1]

    def _worked_out(self, widths: Array) -> _Point:
        everything = self._compiled.base.astype(np.float64)
        everything[self._columns] = widths
        cost = self._compiled(Sloped(everything, self._unknowns))
        parts: Any = np.concatenate(cost.constraints(self._limited), axis=-1)
        return _Point(torch.from_numpy(parts.value), torch.from_numpy(parts.slopes))
