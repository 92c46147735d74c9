"""The contract of a strategy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch

from hwcost.nas.costs import Costs
from hwcost.nas.landing import Saliency
from hwcost.nas.masks import Kept
from hwcost.nas.reach import Reach


class Strategy(ABC):
    """Chooses, while a network trains, which channels live; `costs` prices them, `steps` is the length of the search."""

    def __init__(self, costs: Costs, found: Reach, steps: int) -> None:
        self.costs, self.found, self.steps = costs, found, steps

    @abstractmethod
    def loss(self) -> torch.Tensor:
        """What is added to the loss of the task at this step."""

    @abstractmethod
    def chosen(self, step: int, saliency: Saliency) -> Kept | None:
        """The channels to keep after `step` steps, or None where they stay as they are; `saliency` is what each channel is worth."""

    @abstractmethod
    def settles(self, step: int) -> bool:
        """Whether the exact projection is due after this step; from then on the channels stay."""

    def state(self) -> Mapping[str, Any]:
        """What the strategy remembers from step to step, for checkpoints."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        if state:
            raise ValueError(f"{type(self).__name__} remembers nothing, got {', '.join(state)}")
