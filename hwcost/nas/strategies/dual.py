"""Dual prices: each limit has a price that rises while it is passed; a channel lives if it is worth what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from hwcost.nas.costs import Costs
from hwcost.nas.landing import Saliency
from hwcost.nas.masks import Kept
from hwcost.nas.reach import Reach
from hwcost.nas.strategies.base import Tightening

START = 0.1
"""Price of a full limit at the start, in units of the mean saliency of a channel."""
PACE = 2.0
"""How fast prices follow: at twice the limit a price grows by exp(2)."""
LEAST, MOST = 1e-6, 1e6
"""Where prices end: one that was 0 or infinite would stay so."""


class DualPrices(Tightening):
    """Multipliers instead of a projection: price <- price * exp(2 (used / limit - 1)) every few steps, on the cost of what lives.

    A channel lives if its saliency, in units of the mean, is above the sum of price * slope of used / limit by its width. RAM is priced
    at its peak, of steps that tie at their mean. Limits tighten as in the projection, which lands the search at its end as well.
    """

    def __init__(self, costs: Costs, found: Reach, steps: int) -> None:
        super().__init__(costs, found, steps)
        self._prices = dict.fromkeys(costs.limits, START)
        costs.relaxed  # noqa: B018 -- a model without gradients is refused at once

    def chosen(self, step: int, saliency: Saliency) -> Kept | None:
        """The channels that are worth their price, at least the least width of each group."""
        groups = self.costs.space.free
        if not self.is_due(step) or not groups:
            return None
        asked = self._asked(step)
        mean = float(np.concatenate([saliency[group.name] for group in groups]).mean()) or 1.0
        return {group.name: _worth(saliency[group.name] / mean, least, group.widths[0]) for group, least in zip(groups, asked, strict=True)}

    def state(self) -> Mapping[str, Any]:
        """The prices."""
        return {"prices": dict(self._prices)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self._prices = dict(state["prices"])

    def _asked(self, step: int) -> list[float]:
        """What a channel of each group has to be worth; prices have followed the limits of the step."""
        relaxed, limits = self.costs.relaxed, self.limits(step)
        widths = torch.tensor([self.costs.space.widths[group.name] for group in self.costs.space.free], dtype=torch.float64)
        usage, slopes = relaxed.usage_and_slopes(widths)
        asked = torch.zeros_like(widths)
        for metric, price in self._prices.items():
            eased = self.costs.limits[metric] / limits[metric]
            rows = torch.tensor([each == metric for each in relaxed.metrics])
            peak = usage[rows].max()
            self._prices[metric] = min(MOST, max(LEAST, price * math.exp(PACE * (float(peak) * eased - 1))))
            asked += self._prices[metric] * eased * slopes[rows][usage[rows] == peak].mean(dim=0)
        return [float(price) for price in asked]


def _worth(saliency: np.ndarray[Any, Any], price: float, least: int) -> np.ndarray[Any, Any]:
    """The channels above a price, and the best `least` ones whatever they are worth."""
    kept = saliency > price
    kept[np.argsort(-saliency, kind="stable")[:least]] = True
    return np.asarray(kept)
