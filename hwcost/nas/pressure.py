"""What open choices are charged for the whole network they make, so that alternatives and widths share the way to the limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from hwcost.nas.costs import Costs
from hwcost.nas.expectation import FLASH
from hwcost.nas.mixture import Mixture
from hwcost.nas.strategies.ramp import LEAST_EXCESS


class Pressure:
    """The hinge on what all channels take on average over the alternatives: 1 for each metric as long as the first ones are sure.

    The mean is exact for as many selections as `Mixture` enumerates; of more it changes one choice of the first alternatives at a time. The
    target of each metric is `share` of the way, in logarithms, from what the first alternatives take to the limit. A search by projection
    cuts channels until the limits hold whatever the alternatives are, so its own constraints never charge any.
    """

    def __init__(self, costs: Costs, share: float) -> None:
        space, limits = costs.space, costs.limits
        whole = np.array([[group.size for group in space.free]], dtype=np.int64)

        def taken(view: Costs) -> torch.Tensor:
            cost = view.quick(whole)
            return torch.tensor([float(np.ravel(getattr(cost, metric))[0]) for metric in limits], dtype=torch.float64)

        support = tuple(tuple(range(len(block.names))) for block in space.blocks)
        self._mixture = Mixture.of(support, space.first)
        self._start = taken(costs.on(space.first))
        self._taken = torch.stack([taken(costs.on(selection)) for selection in self._mixture.selections])
        self._code = costs.unseen_code(self._mixture)
        self._is_flash = torch.tensor([metric == FLASH for metric in limits])
        limit = torch.tensor(list(limits.values()), dtype=torch.float64)
        self._target = torch.where(limit < self._start, self._start * (limit / self._start) ** share, limit)
        self._excess = (self._start / self._target - 1).clamp(min=LEAST_EXCESS)

    def __call__(self, thetas: Sequence[torch.Tensor]) -> torch.Tensor:
        """The charge at these probabilities, by choice."""
        odds = [theta.cpu().double() for theta in thetas]
        expected = self._mixture.weights(odds) @ self._taken
        if self._code is not None:
            expected = expected + self._is_flash * self._code.unseen(odds)
        return (torch.relu(expected / self._target - 1) / self._excess).sum()
