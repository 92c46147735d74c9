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
from hwcost.nas import ranks
from hwcost.nas.choosing import ChoiceLearner, Choosing
from hwcost.nas.costs import Costs
from hwcost.nas.landing import landed
from hwcost.nas.notes import diverged, notes_on
from hwcost.nas.reach import require_reachable
from hwcost.nas.saliency import RunningSaliency
from hwcost.nas.space import Space
from hwcost.nas.strategies import Strategy, strategy_named
from hwcost.nas.strategies.base import EVERY
from hwcost.nas.weights import Weights
from hwcost.target import Target


class Limits(ranks.Joinable):
    """A budget that the network under search meets when its `steps` are done.

    ::

        loss = criterion(model(x), y) + limits.loss()
        loss.backward(); optimizer.step(); limits.step()
        small = limits.export()

    Raises InputError at once for a budget that no widths meet, with what stands in the way; limits on RAM and flash that `budget`
    leaves open are the device's. `choosing` says how the choices of the module are learned, `warmup_loss` is the loss of the task as the
    search begins, where it is known. With a `confidence`, the upper end of an interval counts where the latency model knows its error.
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
        warmup_loss: float | None = None,
        choosing: Choosing | None = None,
    ) -> None:
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise InputError(f"expected the number of steps of the search, at least 1, got {shown(steps)}")
        super().__init__()
        kind = strategy_named(strategy)
        self.space = space
        ranks.require_alike(steps, self.join_device)
        self.costs = Costs(space, target, budget, latency_model=latency_model, confidence=confidence)
        self.reach = require_reachable(self.costs)
        priced = kind.penalty is not Strategy.penalty
        self.choices = ChoiceLearner(space, self.costs, self.reach, steps, choosing or Choosing(), priced=priced)
        self.strategy = kind(self.costs, self.reach, steps)
        if warmup_loss is not None:
            self.strategy.warmed_up(warmup_loss)
        self.saliency = RunningSaliency({group.name: group.size for group in space.free})
        self._gauge = torch.zeros((), requires_grad=True)
        self._task_losses: list[torch.Tensor] = []
        self._is_told = False
        self.steps, self.steps_done = steps, 0
        self.settled, self._settled_at = False, 0
        self._is_untied = not space.blocks

    def loss(self, task_loss: torch.Tensor | None = None) -> torch.Tensor:
        """What to add to the loss of the task: zero for projection and dual prices, a penalty for other strategies.

        Add it even where it is zero: by its gradient `step` learns how the loss was scaled (a scaler of mixed precision, a mean over
        accumulated batches). Strategies whose penalty is in proportion to the loss of the task learn that from `task_loss`, or from
        `warmup_loss` at the start.
        """
        if task_loss is not None and not self.settled:
            self._task_losses.append(task_loss.detach())
        total = self._on_device() + self.choices.loss(self.steps_done / self.steps)
        penalty = None if self.settled else self.strategy.penalty(self.steps_done)
        return total if penalty is None else total + penalty.to(total)

    def _on_device(self) -> torch.Tensor:
        """A zero beside the masks, whose gradient is the scale of the loss."""
        device = next((mask.leaf.device for mask in self.space.masks.values()), self._gauge.device)
        if self._gauge.device != device:
            self._gauge = torch.zeros((), device=device, requires_grad=True)
        return self._gauge

    def step(self, *, learn_choices: bool = True) -> None:
        """After each step of the optimiser: learn what channels and alternatives are worth, and choose which live.

        Without `learn_choices` alpha stays as it is: where it is taught on other data than the weights.
        """
        self.steps_done += 1
        gradients, task_loss = self._gathered()
        if self.settled:
            return
        if gradients is not None:
            self.saliency.update(gradients)
            self.strategy.learned(torch.where(gradients.isfinite().all(), gradients, 0.0), task_loss)
        self.choices.step(self.steps_done, learns=learn_choices)
        self.choices.decide(self.steps_done / self.steps)
        self._let_go()
        if self.steps_done % EVERY == 0:
            self.choices.look(self.saliency.arrays())
            self.strategy.costs = self.costs.on(self.choices.update().selection)
        if self.strategy.settles(self.steps_done):
            self.settle()
            return
        kept = self.strategy.chosen(self.steps_done, self.saliency.arrays())
        if kept is not None:
            self.space.keep(kept)

    def _gathered(self) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """The gradients of all masks since the last step, group behind group, and the loss of the task: the same on all ranks.

        They are None where nothing was computed backwards on the only rank there is. Whatever scaled the loss is taken out of them, and out
        of those of choices, which stay where they are for their own optimiser. A rank without gradients takes part and counts nothing.
        """
        masks = [self.space.masks[group.name].leaf for group in self.space.free]
        alphas = [choice.leaf for choice in self.space.choices.values() if choice.leaf is not None]
        found = [_taken(leaf) for leaf in [*masks, *alphas]]
        scale, losses = self._gauge.grad, self._task_losses
        self._gauge.grad, self._task_losses = None, []
        is_known = any(gradient is not None for gradient in found)
        is_alone = ranks.count() == 1
        if self.settled or not (is_known or not is_alone):
            return None, None
        self._is_told |= bool(losses)
        flat = torch.cat([torch.zeros_like(leaf) if g is None else g for leaf, g in zip([*masks, *alphas], found, strict=True)])
        loss = torch.stack(losses).mean().to(flat).reshape(1) if losses else flat.new_zeros(1)
        shared = ranks.averaged(torch.cat([flat if scale is None else flat / scale, loss]), float(is_known), self)
        gradients, *steep, mean = torch.split(shared, [sum(leaf.numel() for leaf in masks), *(alpha.numel() for alpha in alphas), 1])
        for alpha, gradient, own in zip(alphas, steep, found[len(masks) :], strict=True):
            alpha.grad = None if is_alone and own is None else gradient
        return gradients, mean[0] if self._is_told else None

    def join_hook(self, **kwargs: Any) -> ranks.JoinHook:
        """What a rank whose data has ended does while others go on, in torch's `with Join([model, limits]):`; name the model first."""
        return _Following(self)

    @property
    def join_device(self) -> torch.device:
        """Where ranks exchange what they learned: with the masks."""
        return next((mask.leaf.device for mask in self.space.masks.values()), torch.device("cpu"))

    @property
    def join_process_group(self) -> Any:
        """All ranks."""
        return torch.distributed.group.WORLD

    def settle(self) -> None:
        """Choose alternatives and channels for good, by the figures `check` will find."""
        self.choices.settle()
        self._let_go()
        found = self.choices.found
        if self.space.free:
            self.space.keep(landed(self.costs.on(found.selection), self.strategy.worth(self.saliency.arrays()), found))
        self.settled, self._settled_at = True, self.steps_done

    def _let_go(self) -> None:
        """Once the choices are made, search widths apart that only dropped alternatives tied."""
        if self._is_untied or not self.space.is_chosen:
            return
        self._is_untied = True
        before = self.space.free
        found = self.space.untie()
        if found is None:
            return
        old, index = self.costs, found.index(before)
        self.costs = Costs(self.space, old.target, old.budget, latency_model=old.latency_model, confidence=old.confidence)
        self.choices.regroup(self.costs)
        self.saliency.regroup({group.name: group.size for group in self.space.free}, index)
        self.strategy.regroup(self.costs.on(self.choices.found.selection), self.choices.found, index)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of a network that is exported now: what it was cut by if the search was cut short, steps that taught nothing."""
        return notes_on(self.space, self.saliency, self._settled_at if self.settled else self.steps_done, self.strategy.last, self.steps)

    def report(self) -> Report:
        """The verdict on the network as it is now, with the alternatives that are chosen, or would be."""
        return self.costs.on(self.choices.update().selection).exact(self.space.widths, self.space.kept)

    def export(self, weights: Weights | None = None) -> nn.Module:
        """A plain module within every limit, which computes what the searched one does; read anew and judged before it is given.

        `weights` are those of a copy of the module in place of its own: `limits.export(averaged)` for an
        `AveragedModel`. Before the end of the search the channels are chosen at once; `notes` tells by what.
        """
        if not self.settled or self.report().verdict != "fits":
            self.settle()
        small = self.space.export(weights)
        sick = [name for name, values in small.state_dict().items() if not bool(values.isfinite().all())]
        if sick:
            raise InputError(diverged(sick, self.saliency, self.steps_done))
        self.costs.budget.require(self.report().cost)
        return small

    def state_dict(self) -> dict[str, Any]:
        """All that a search remembers, for checkpoints: masks, saliency, the step."""
        return {
            "steps_done": self.steps_done,
            "settled": self.settled,
            "settled_at": self._settled_at,
            "kept": {name: torch.from_numpy(np.array(kept)) for name, kept in self.space.kept.items()},
            "saliency": self.saliency.state_dict(),
            "strategy": dict(self.strategy.state()),
            "choices": self.choices.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where a `state_dict` was taken."""
        self.choices.load_state_dict(state["choices"])
        self._let_go()
        self.steps_done, self.settled, self._settled_at = state["steps_done"], state["settled"], state["settled_at"]
        self.space.keep({name: kept.numpy() for name, kept in state["kept"].items()})
        self.saliency.load_state_dict(state["saliency"])
        self.strategy.restore(state["strategy"])


class _Following(ranks.JoinHook):
    """The steps of a rank without data: it learns what the others do, so that its masks stay theirs."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def main_hook(self) -> None:
        """One step of the others."""
        self._limits.step()


def _taken(leaf: torch.Tensor) -> torch.Tensor | None:
    """The gradient of a leaf, which has none afterwards."""
    gradient, leaf.grad = leaf.grad, None
    return gradient
