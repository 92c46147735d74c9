"""The four lines in anybody's training loop: limits on a module that trains, and the module that meets them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from hwcost.budget import Budget
from hwcost.checking import Report
from hwcost.errors import InputError, shown
from hwcost.latency import LatencyModel
from hwcost.nas.costs import Costs
from hwcost.nas.landing import landed
from hwcost.nas.reach import require_reachable
from hwcost.nas.saliency import RunningSaliency
from hwcost.nas.space import Space
from hwcost.nas.strategies import strategy_named
from hwcost.target import Target


class Limits:
    """A budget that the network under search meets when its `steps` are done.

    ::

        loss = criterion(model(x), y) + limits.loss()
        loss.backward(); optimizer.step(); limits.step()
        small = limits.export()

    Raises InputError at once for a budget that no widths meet, with what stands in the way; limits on RAM and flash that `budget`
    leaves open are the device's. With a `confidence`, the upper end of an interval counts where the latency model knows its error.
    """

    def __init__(
        self,
        space: Space,
        target: Target,
        budget: Budget,
        *,
        steps: int,
        strategy: str = "projection",
        latency_model: LatencyModel | None = None,
        confidence: float | None = None,
    ) -> None:
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise InputError(f"expected the number of steps of the search, at least 1, got {shown(steps)}")
        kind = strategy_named(strategy)
        self.space = space
        self.costs = Costs(space, target, budget, latency_model=latency_model, confidence=confidence)
        self.reach = require_reachable(self.costs)
        self.strategy = kind(self.costs, self.reach, steps)
        self.saliency = RunningSaliency(space.masks)
        self.steps_done = 0
        self.settled = False

    def loss(self) -> torch.Tensor:
        """What to add to the loss of the task: zero for projection, a penalty for other strategies."""
        return self.strategy.loss()

    def step(self) -> None:
        """After each step of the optimiser: learn what channels are worth, and choose which live."""
        self.saliency.update()
        self.steps_done += 1
        if self.settled:
            return
        if self.strategy.settles(self.steps_done):
            self.settle()
            return
        kept = self.strategy.chosen(self.steps_done, self.saliency.arrays())
        if kept is not None:
            self.space.keep(kept)

    def settle(self) -> None:
        """Choose the channels for good, by the figures `check` will find."""
        if self.space.free:
            self.space.keep(landed(self.costs, self.saliency.arrays(), self.reach))
        self.settled = True

    def report(self) -> Report:
        """The verdict on the network as it is now."""
        return self.costs.exact(self.space.widths)

    def export(self) -> nn.Module:
        """A plain module within every limit, which computes what the searched one does; read anew and judged before it is given."""
        if not self.settled or self.report().verdict != "fits":
            self.settle()
        small = self.space.export()
        self.costs.budget.require(self.report().cost)
        return small

    def state_dict(self) -> dict[str, Any]:
        """All that a search remembers, for checkpoints: masks, saliency, the step."""
        return {
            "steps_done": self.steps_done,
            "settled": self.settled,
            "kept": {name: torch.from_numpy(np.array(kept)) for name, kept in self.space.kept.items()},
            "saliency": self.saliency.state_dict(),
            "strategy": dict(self.strategy.state()),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where a `state_dict` was taken."""
        self.steps_done, self.settled = state["steps_done"], state["settled"]
        self.space.keep({name: kept.numpy() for name, kept in state["kept"].items()})
        self.saliency.load_state_dict(state["saliency"])
        self.strategy.restore(state["strategy"])
