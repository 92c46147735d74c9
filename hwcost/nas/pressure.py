"""What open choices are charged for the whole network they make, so that alternatives and widths share the way to the limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from hwcost.nas.costs import Costs
from hwcost.nas.strategies.ramp import LEAST_EXCESS


class Pressure:
    """The hinge on what all channels take on average over the alternatives: 1 for each metric as long as the first ones are sure.

    A metric is that of the first alternatives plus, for each other one, its probability times the difference that it alone makes. The
    target of each is `share` of the way, in logarithms, from what the first alternatives take to the limit. A search by projection
    cuts channels until the limits hold whatever the alternatives are, so its own constraints never charge any.
    """

    def __init__(self, costs: Costs, share: float) -> None:
        space, limits = costs.space, costs.limits
        whole = np.array([[group.size for group in space.free]], dtype=np.int64)

        def taken(view: Costs) -> torch.Tensor:
            cost = view.quick(whole)
            return torch.tensor([float(np.ravel(getattr(cost, metric))[0]) for metric in limits], dtype=torch.float64)

        def switched(at: int, index: int) -> torch.Tensor:
            return taken(costs.on((*space.first[:at], index, *space.first[at + 1 :])))

        self._start = taken(costs.on(space.first))
        self._differences = [
            torch.stack([switched(at, index) - self._start for index in range(len(block.names))]) for at, block in enumerate(space.blocks)
        ]
        limit = torch.tensor(list(limits.values()), dtype=torch.float64)
        self._target = torch.where(limit < self._start, self._start * (limit / self._start) ** share, limit)
        self._excess = (self._start / self._target - 1).clamp(min=LEAST_EXCESS)

    def __call__(self, thetas: Sequence[torch.Tensor]) -> torch.Tensor:
        """The charge at these probabilities, by choice."""
        pairs = zip(thetas, self._differences, strict=True)
        expected = self._start + torch.stack([theta.cpu().double() @ difference for theta, difference in pairs]).sum(dim=0)
        return (torch.relu(expected / self._target - 1) / self._excess).sum()
