"""What each channel is worth: the running mean of the squared gradient of the loss with respect to its mask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from hwcost.nas.masks import Mask

MEMORY = 0.95
"""Share of the old mean that each step keeps."""
AVERAGED = 20
"""First steps, over which the mean is a plain average."""


class RunningSaliency:
    """The squared gradient estimates how much the loss changes without the channel, in units that compare across groups.

    A step whose gradients are not finite (a scaler of mixed precision found too large a
    scale) is left out.
    """

    def __init__(self, masks: Mapping[str, Mask]) -> None:
        self._masks = masks
        self._means = {name: torch.zeros_like(mask.leaf, requires_grad=False) for name, mask in masks.items()}
        self._updates = 0

    def update(self) -> None:
        """Take in the gradients that the masks have gathered since the last time, and clear them."""
        self._updates += 1
        weight = 1 - MEMORY if self._updates > AVERAGED else 1 / self._updates
        for name, mask in self._masks.items():
            gradient, mask.leaf.grad = mask.leaf.grad, None
            if gradient is not None:
                self._means[name] = _moved(self._means[name], gradient, weight)

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """The saliency of every channel, by group."""
        return {name: mean.cpu().double().numpy() for name, mean in self._means.items()}

    def state_dict(self) -> dict[str, Any]:
        """The means and how many updates they have seen."""
        return {"updates": self._updates, "means": {name: mean.cpu().clone() for name, mean in self._means.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self._updates = state["updates"]
        self._means = {name: mean.clone() for name, mean in state["means"].items()}


def _moved(mean: torch.Tensor, gradient: torch.Tensor, weight: float) -> torch.Tensor:
    """The mean with one more square in it; on the device of the gradient, so that nothing waits for it."""
    squared = gradient.detach().square()
    return torch.where(torch.isfinite(squared).all(), torch.lerp(mean.to(squared.device), squared, weight), mean.to(squared.device))
