"""The ramped hinge: channels have strengths of their own that an optimiser learns, pulled down by what passes the limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from hwcost.nas.costs import Costs
from hwcost.nas.landing import Saliency
from hwcost.nas.masks import Kept
from hwcost.nas.reach import Reach
from hwcost.nas.relaxation import widths_of
from hwcost.nas.space import Space
from hwcost.nas.strategies.base import Strategy

THRESHOLD = 0.5
"""Strength from which a channel lives."""
START = 0.01
"""Share of its full strength with which the penalty begins."""
RAMPED = 0.5
"""Share of the search after which the penalty has its full strength."""
LEAST_EXCESS = 0.05
"""Least overshoot of the seed that the strength is made for, as a share of what the search can take off it: at a limit equal to the seed's
cost the strength would be infinite, at one above it 0, and nothing would hold a cost that rises."""
WARMUP_LOSSES = 20
"""First losses of the task whose mean stands for that at the end of the warm-up."""


class Ramp(Strategy):
    """The published strategy: theta = |alpha| per channel from 1, alive above 0.5, gradients straight through; a hinge on each limit.

    The untouched seed is charged the loss of the task at the end of the warm-up once for each limit it passes; the charge starts at a
    hundredth of that and grows linearly until half of the search. The last channels of a group, as many as its least width, always
    live. Where the loss is not told (`limits.loss(task_loss)`, or `warmup_loss`), 1 stands for it, about that of a classifier.

    Burrello et al., IEEE TETC 2023, equations 13 and 14, and 1.2 of their released scripts; strengths at, above and just below the
    seed's cost, and the final projection, are ours.
    """

    soft = False
    """Whether theta itself is priced, or what lives."""

    def __init__(self, costs: Costs, found: Reach, steps: int) -> None:
        super().__init__(costs, found, steps)
        self._name(costs.space)
        self._alpha = torch.ones(len(self._forced), requires_grad=True)
        # In a published search of 500 epochs 1e-3 is enough for strengths to cross the threshold; in a short one they have to move faster.
        self._optimizer = torch.optim.Adam([self._alpha], lr=max(1e-3, 5 / steps))
        self._share = self._shares()
        self._losses = torch.zeros(2, dtype=torch.float64)
        self._told: float | None = None

    def _name(self, space: Space) -> None:
        self._names = [group.name for group in space.free]
        self._sizes = [group.size for group in space.free]
        self._forced = torch.cat([torch.arange(g.size) >= g.size - g.widths[0] for g in space.free] or [torch.zeros(0, dtype=torch.bool)])

    def regroup(self, costs: Costs, found: Reach, index: torch.Tensor) -> None:
        """The same strengths and moments for every channel; what a limit counts stays what it was for the seed."""
        super().regroup(costs, found, index)
        self._name(costs.space)
        moments = self._optimizer.state_dict()
        self._alpha = self._alpha.detach()[index].clone().requires_grad_()
        self._optimizer = torch.optim.Adam([self._alpha], lr=moments["param_groups"][0]["lr"])
        moments["state"] = {
            number: {name: values[index] if values.dim() else values for name, values in state.items()}
            for number, state in moments["state"].items()
        }
        self._optimizer.load_state_dict(moments)

    def warmed_up(self, loss: float) -> None:
        """The loss of the task at the end of the warm-up."""
        self._told = loss

    def penalty(self, step: int) -> torch.Tensor | None:
        """The hinge on every limit, with the strength of this step."""
        if not self._names and not self.costs.space.blocks:
            return None
        relaxed = self.costs.relaxed
        shares = torch.tensor([self._share[metric] for metric in relaxed.metrics], dtype=torch.float64)
        return self._warmup_loss() * ramp(step / self.steps) * (relaxed.overshoot(self._widths()) * shares).sum()

    def learned(self, gradients: torch.Tensor, task_loss: torch.Tensor | None) -> None:
        """One step of Adam for the strengths; the sign of alpha is that of its share in theta."""
        if task_loss is not None and self._losses[1] < WARMUP_LOSSES:
            self._losses += torch.tensor([float(task_loss), 1.0], dtype=torch.float64)
        down = torch.where(self._alpha.detach() < 0, -1.0, 1.0)
        self._alpha.grad = gradients.to(self._alpha) * down
        self._optimizer.step()

    def chosen(self, step: int, saliency: Saliency) -> Kept | None:
        """What lives by its strength."""
        alive = (self._theta() > THRESHOLD) | self._forced
        return self._by_group(alive)

    def worth(self, saliency: Saliency) -> Saliency:
        """The strengths; those that always live are as strong as at the start."""
        theta = self._theta().double()
        return self._by_group(torch.where(self._forced, theta.clamp(min=1.0), theta))

    def state(self) -> Mapping[str, Any]:
        """Strengths, their optimiser, the losses seen."""
        return {
            "alpha": self._alpha.detach().clone(),
            "optimizer": self._optimizer.state_dict(),
            "losses": self._losses.clone(),
            "told": self._told,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        with torch.no_grad():
            self._alpha.copy_(state["alpha"])
        self._optimizer.load_state_dict(dict(state["optimizer"]))
        self._losses, self._told = state["losses"].clone(), state["told"]

    def _theta(self) -> torch.Tensor:
        return self._alpha.detach().abs()

    def _widths(self) -> torch.Tensor:
        """The width of every group, as a function of the masks: their gradients are those of the strengths."""
        masks = self.costs.space.masks
        if not self._names:
            return torch.zeros(0, dtype=torch.float64)
        alive = widths_of([masks[name].leaf for name in self._names])
        if not self.soft:
            return alive
        soft = torch.stack([part.sum() for part in torch.split(self._theta().double(), self._sizes)])
        return soft + (alive - alive.detach())

    def _shares(self) -> dict[str, float]:
        """What one unit of overshoot of each limit counts, so that a limit that the seed passes counts 1 there."""
        relaxed = self.costs.relaxed
        over = relaxed.overshoot(torch.tensor(self._sizes, dtype=torch.float64)).tolist()
        excess = dict.fromkeys(relaxed.metrics, 0.0)
        for metric, passed in zip(relaxed.metrics, over, strict=True):
            excess[metric] += passed
        return {metric: 1 / max(passed, LEAST_EXCESS * self._span(metric)) for metric, passed in excess.items()}

    def _span(self, metric: str) -> float:
        """What widths can take off the seed's cost, in units of the limit; 1 where that is nothing."""
        taken = self.costs.figure(self.costs.seed, metric) - self.found.lowest[metric]
        return taken / self.costs.limits[metric] if taken > 0 else 1.0

    def _warmup_loss(self) -> float:
        if self._told is not None:
            return self._told
        total, count = self._losses.tolist()
        return float(total / count) if count else 1.0

    def _by_group(self, values: torch.Tensor) -> dict[str, np.ndarray[Any, Any]]:
        parts = torch.split(values, self._sizes) if self._sizes else ()
        return {name: part.numpy() for name, part in zip(self._names, parts, strict=True)}


class SoftRamp(Ramp):
    """The same with theta itself priced instead of what lives, as the released library does unless told otherwise."""

    soft = True


def ramp(progress: float) -> float:
    """Share of the full strength at a share of the search: linear from a hundredth to 1."""
    return min(1.0, START + (1 - START) * progress / RAMPED)
