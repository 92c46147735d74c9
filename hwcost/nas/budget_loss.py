"""The penalty underneath the strategies, for those who bring their own optimiser of masks."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from hwcost.budget import Budget
from hwcost.errors import InputError, listed, shown
from hwcost.latency import LatencyModel
from hwcost.nas.costs import Costs
from hwcost.nas.relaxation import widths_of
from hwcost.nas.space import Space
from hwcost.target import Target


class BudgetLoss(nn.Module):
    """How far a network under search passes its limits: the overshoot of every constraint as a share of its limit, summed.

    ::

        over = nas.BudgetLoss(space, target, budget)
        loss = criterion(model(x), y) + strength * over()

    A scalar without unit, on the device of the masks; 0 exactly where every limit holds by the relaxed figures, as `Budget.penalty`
    judges them: peak RAM is one constraint for each step of the schedule. Its gradient reaches the masks: those in the module (`leaf`,
    ones and zeros), or values of your own by group, soft or not, that sum up to widths: `over({"stem": alpha.sigmoid()})`; groups left
    out are as they are in the module. Give them to the module as well (`space.masks["stem"].soft = alpha.sigmoid()`).

    Alone it guarantees nothing. A soft width is no network; the arena that is placed, whole lanes and the strength you choose decide
    where training ends, within the limits or not, and far inside of them as likely as at them. `nas.Limits` lands on them.

    Raises InputError for a limit that nobody can judge, NotDifferentiableError for a latency model without gradients.
    """

    def __init__(self, space: Space, target: Target, budget: Budget, *, latency_model: LatencyModel | None = None) -> None:
        super().__init__()
        self.space = space
        self._relaxed = Costs(space, target, budget, latency_model=latency_model).relaxed

    def forward(self, masks: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
        """The penalty at these masks, by group, or at those in the module."""
        widths, like = self._widths(masks or {})
        over = self._relaxed.overshoot(widths).sum()
        return over if like is None else over.to(like)

    def usage(self, masks: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
        """Used / limit of every constraint (constraints,) in double precision; `metrics` tells which is which."""
        return self._relaxed.usage(self._widths(masks or {})[0])

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metric of each constraint: RAM once for every step of the schedule, others once."""
        return self._relaxed.metrics

    def _fault(self, name: str, values: torch.Tensor) -> str | None:
        """What is wrong with the mask given for a group."""
        if name not in self.space.masks:
            return f"there is no group {shown(name)}; expected {', '.join(self.space.masks)}"
        size = len(self.space.masks[name].leaf)
        if tuple(values.shape) != (size,):
            return f"'{name}' has {size} channels, got values of shape {tuple(values.shape)}"
        return f"'{name}': expected shares from 0 to 1, got a negative one" if bool((values.detach() < 0).any()) else None

    def _widths(self, masks: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The width of every free group in double precision on the CPU, where costs are worked out, and one of the masks."""
        faults = [f"masks: {fault}" for name, values in masks.items() if (fault := self._fault(name, values))]
        if faults:
            raise InputError(listed(faults))
        values = [masks.get(name, mask.values) for name, mask in self.space.masks.items()]
        return widths_of(values), values[0] if values else None
