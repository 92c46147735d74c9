"""What each channel is worth: the running mean of the squared gradient of the loss with respect to its mask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

MEMORY = 0.95
"""Share of the old mean that each step keeps."""
AVERAGED = 20
"""First steps, over which the mean is a plain average."""


class RunningSaliency:
    """The squared gradient estimates how much the loss changes without the channel, in units that compare across groups.

    `sizes` are the channels of each group; all gradients and means stand in one tensor, group behind group, so that a step costs a few
    operations however many groups there are. A step whose gradients are not finite (a scaler of mixed precision found too large a scale)
    is left out.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = dict(sizes)
        self._means = torch.zeros(sum(self._sizes.values()))
        self._updates = torch.zeros(())
        self.seen = 0

    @property
    def left_out(self) -> int:
        """How many of the steps it has seen had gradients that were not finite."""
        return self.seen - int(self._updates)

    def update(self, gradients: torch.Tensor) -> None:
        """Take in the gradients of all masks (channels of all groups,); nothing waits for a device."""
        self.seen += 1
        means = self._means.to(gradients.device)
        squared = gradients.detach().square()
        is_good = squared.sum().isfinite()
        self._updates = self._updates.to(gradients.device) + is_good
        weight = torch.where(self._updates > AVERAGED, 1 - MEMORY, 1 / self._updates.clamp(min=1))
        self._means = torch.where(is_good, torch.lerp(means, squared, weight), means)

    def regroup(self, sizes: Mapping[str, int], index: torch.Tensor) -> None:
        """Go on with other groups, whose channels stood at `index` before."""
        self._sizes = dict(sizes)
        self._means = self._means[index.to(self._means.device)]

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """The saliency of every channel, by group."""
        parts = self._by_group(self._means.cpu().double())
        return {name: part.numpy() for name, part in zip(self._sizes, parts, strict=True)}

    def state_dict(self) -> dict[str, Any]:
        """The means and how many updates they have seen."""
        parts = self._by_group(self._means.cpu())
        return {
            "updates": int(self._updates),
            "seen": self.seen,
            "means": {name: part.clone() for name, part in zip(self._sizes, parts, strict=True)},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self._updates, self.seen = torch.tensor(float(state["updates"])), state["seen"]
        if self._sizes:
            self._means = torch.cat([state["means"][name] for name in self._sizes])

    def _by_group(self, values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(torch.split(values, list(self._sizes.values()))) if self._sizes else ()
