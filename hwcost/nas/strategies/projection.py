"""Annealed projection: every few steps the channels that are worth most under limits that tighten from the seed's cost to the budget."""

from __future__ import annotations

import torch

from hwcost.nas.costs import Costs
from hwcost.nas.landing import Saliency, projected
from hwcost.nas.masks import Kept
from hwcost.nas.reach import Reach
from hwcost.nas.strategies.base import Strategy

EVERY = 10
"""Steps between projections."""
FIRST = 20
"""Steps of saliency before the first projection."""
ANNEALED = 0.8
"""Share of the search after which the limits are those of the budget; annealing over half of that costs four points of accuracy."""
SETTLED = 0.9
"""Share of the search after which the channels stay, so that the weights settle around them."""


class AnnealedProjection(Strategy):
    """The default: no strength, no multiplier, no learning rate of masks.

    Each projection starts from all channels, so channels that went can come back. Limits above the seed's cost are never skipped.
    """

    def __init__(self, costs: Costs, found: Reach, steps: int) -> None:
        super().__init__(costs, found, steps)
        self._start = costs.figures(costs.seed)
        self._first = min(FIRST, max(1, steps // 4))
        self._last = min(steps, max(self._first, round(SETTLED * steps)))

    def loss(self) -> torch.Tensor:
        """Nothing: the limits are met by projection."""
        return torch.zeros(())

    def chosen(self, step: int, saliency: Saliency) -> Kept | None:
        """The channels worth most under the limits of this step."""
        if not self._first <= step < self._last or step % EVERY:
            return None
        return projected(self.costs, saliency, self.limits(step))

    def settles(self, step: int) -> bool:
        """Once, when nine tenths of the search are done."""
        return step == self._last

    def limits(self, step: int) -> dict[str, float]:
        """Every limit at a step: geometric from the seed's cost down to the budget; a limit above that cost stays where it is."""
        progress = min(1.0, step / (ANNEALED * self.steps))
        return {metric: _between(self._start[metric], limit, progress) for metric, limit in self.costs.limits.items()}


def _between(start: float, limit: float, progress: float) -> float:
    return limit if limit >= start else start * (limit / start) ** progress
