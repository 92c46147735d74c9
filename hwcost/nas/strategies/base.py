"""The contract of a strategy, and the schedule that those with tightening limits share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch

from hwcost.nas.costs import Costs
from hwcost.nas.landing import Saliency
from hwcost.nas.masks import Kept
from hwcost.nas.reach import Reach

EVERY = 10
"""Steps between choices of channels, and between decisions about which alternatives would be taken."""
FIRST = 20
"""Steps of saliency before the first choice."""
ANNEALED = 0.8
"""Share of the search after which the limits are those of the budget; annealing over half of that costs four points of accuracy."""
SETTLED = 0.9
"""Share of the search after which the channels stay, so that the weights settle around them."""


class Strategy(ABC):
    """Chooses, while a network trains, which channels live; `costs` prices them, `steps` is the length of the search.

    At each step `Limits` asks for the `penalty` before the backward pass, then tells what was `learned`, then asks which channels
    are `chosen`. The exact projection comes last, when nine tenths of the search are done, and keeps what is worth most.
    """

    def __init__(self, costs: Costs, found: Reach, steps: int) -> None:
        self.costs, self.found, self.steps = costs, found, steps
        self._first = min(FIRST, max(1, steps // 4))
        self.last = min(steps, max(self._first, round(SETTLED * steps)))

    def penalty(self, step: int) -> torch.Tensor | None:
        """What is added to the loss of the task after `step` steps, a scalar that depends on the masks; None for nothing."""
        return None

    def warmed_up(self, loss: float) -> None:
        """The loss of the task when the search begins, where it is known."""
        return

    def learned(self, gradients: torch.Tensor, task_loss: torch.Tensor | None) -> None:
        """What a step taught: the gradients of all masks (channels of all free groups,), and the loss of the task where it is told.

        Gradients are finite, zero where some were not. Both are the same on all ranks.
        """
        return

    @abstractmethod
    def chosen(self, step: int, saliency: Saliency) -> Kept | None:
        """The channels to keep after `step` steps, or None where they stay as they are; `saliency` is what each channel is worth."""

    def worth(self, saliency: Saliency) -> Saliency:
        """What the exact projection keeps most of."""
        return saliency

    def regroup(self, costs: Costs, found: Reach, index: torch.Tensor) -> None:
        """Go on with other groups of the space, whose channels stood at `index` before; prices and reach are those of the new ones."""
        self.costs, self.found = costs, found

    def settles(self, step: int) -> bool:
        """Whether the exact projection is due after this step; from then on the channels stay."""
        return step == self.last

    def state(self) -> Mapping[str, Any]:
        """What the strategy remembers from step to step, for checkpoints: numbers and tensors."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        if state:
            raise ValueError(f"{type(self).__name__} remembers nothing, got {', '.join(state)}")


class Tightening(Strategy):
    """A strategy that chooses every few steps, under limits that tighten from the seed's cost to the budget."""

    def __init__(self, costs: Costs, found: Reach, steps: int) -> None:
        super().__init__(costs, found, steps)
        self._start = costs.figures(costs.seed)

    def is_due(self, step: int) -> bool:
        """Whether channels are chosen after this step."""
        return self._first <= step < self.last and step % EVERY == 0

    def limits(self, step: int) -> dict[str, float]:
        """Every limit at a step: geometric from the seed's cost down to the budget; a limit above that cost stays where it is."""
        progress = min(1.0, step / (ANNEALED * self.steps))
        return {metric: _between(self._start[metric], limit, progress) for metric, limit in self.costs.limits.items()}


def _between(start: float, limit: float, progress: float) -> float:
    return limit if limit >= start else start * (limit / start) ** progress
