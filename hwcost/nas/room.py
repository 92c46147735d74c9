"""How much of the channels each alternative of an open choice leaves room for: what alternatives are charged where channels pay."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from hwcost.nas.costs import Costs
from hwcost.nas.landing import Saliency, ladders
from hwcost.nas.projection import Projection
from hwcost.nas.selection import Selection

LEAST = 1e-2
"""Share of all saliency that an alternative counts with that leaves less, or whose narrowest network passes the limits."""


def share_kept(costs: Costs, saliency: Saliency) -> float:
    """The share of all saliency that the channels keep which fit the budget with the alternatives that `costs` prices; 0 where none fit."""
    projection = Projection(ladders(costs, saliency), costs.usage(costs.limits))
    rungs = projection.best()
    return float(projection.value(rungs) / projection.value(projection.tops)) if projection.fits(rungs) else 0.0


class Room:
    """For every choice, what each alternative costs in channels: -log of the share of saliency that fits the budget with it.

    The other choices are as they would be taken now. One choice is looked at a time, in turns, since every alternative needs a
    projection; what is not known yet costs nothing.
    """

    def __init__(self, costs: Costs, counts: Sequence[int]) -> None:
        self._costs = costs
        self.prices = [torch.zeros(count, dtype=torch.float64) for count in counts]
        self._turn = 0

    def look(self, selection: Selection, saliency: Saliency) -> None:
        """Price the alternatives of the next choice beside the others of a selection."""
        at = self._turn % len(self.prices)
        self._turn += 1
        views = [self._costs.on((*selection[:at], index, *selection[at + 1 :])) for index in range(len(self.prices[at]))]
        shares = [share_kept(view, saliency) if view.seed.verdict != "unsupported" else 0.0 for view in views]
        self.prices[at] = torch.tensor([-math.log(max(share, LEAST)) for share in shares], dtype=torch.float64)

    def __call__(self, thetas: Sequence[torch.Tensor]) -> torch.Tensor:
        """What alternatives of these probabilities cost on average, summed over the choices."""
        priced = [theta.cpu().double() @ price for theta, price in zip(thetas, self.prices, strict=True)]
        return torch.stack(priced).sum()

    def state(self) -> dict[str, object]:
        """The prices and whose turn it is."""
        return {"prices": [price.clone() for price in self.prices], "turn": self._turn}

    def restore(self, state: dict[str, object]) -> None:
        """Go on from a `state`."""
        self.prices, self._turn = list(state["prices"]), int(state["turn"])  # type: ignore[call-overload]
