"""What teaches the choices of a module: an optimiser for alpha alone, the temperature, and at the end the decision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from hwcost.errors import InputError, shown
from hwcost.nas.choice import MODES
from hwcost.nas.costs import Costs
from hwcost.nas.decision import Decision
from hwcost.nas.landing import Saliency
from hwcost.nas.pressure import Pressure
from hwcost.nas.reach import Reach, reach_of
from hwcost.nas.room import Room
from hwcost.nas.space import Space
from hwcost.nas.strategies.ramp import ramp

UPDATES = ("joint", "alternating")


@dataclass(frozen=True, slots=True)
class Choosing:
    """How choices are learned; a mode or temperatures given here are put over those of every choice.

    `share` is how far the alternatives are to bring the whole network towards its limits, in logarithms: with 0.5 a network of twice the
    limit is to take 1.41 times of it before its channels are cut. It counts where channels are searched by a strategy without a penalty;
    without channels to search it is 1.

    `prior` is the probability of the first alternatives as a search begins, None to start all alike: where they have been trained and the
    others have not, a step that mostly runs them has something to build on, and another one is taken where it proves better.

    `decided` is the share of the search after which alternatives are chosen for good; the rest trains what is chosen, while its channels
    are cut.

    `icv` is the weight of the published regulariser (there 0.5), summed over the choices. `updates` is for whole runs: "joint" teaches
    weights and alpha on every training batch, "alternating" weights for an epoch on training data, then alpha for one on validation data.
    """

    mode: str | None = None
    temperature: float | None = None
    final_temperature: float | None = None
    icv: float = 0.0
    share: float = 0.0
    room: float = 0.0
    prior: float | None = 0.5
    decided: float = 0.4
    updates: str = "joint"
    learning_rate: float = 3e-2

    def __post_init__(self) -> None:
        if self.mode is not None and self.mode not in MODES:
            raise InputError(f"expected a mode of choice out of {', '.join(MODES)}, got {shown(self.mode)}")
        if self.updates not in UPDATES:
            raise InputError(f"expected updates to be {' or '.join(UPDATES)}, got {shown(self.updates)}")
        if not 0 <= self.room < math.inf:
            raise InputError(f"expected a strength of room from 0, got {self.room}")
        if not 0 <= self.share <= 1:
            raise InputError(f"expected a share from 0 to 1, got {self.share}")
        if self.prior is not None and not 0 < self.prior < 1:
            raise InputError(f"expected a prior between 0 and 1, got {self.prior}")
        if not 0 < self.decided <= 1:
            raise InputError(f"expected the choices to be decided after a share of the search above 0 and up to 1, got {self.decided}")
        if self.final_temperature is not None and self.temperature is None:
            raise InputError("a final_temperature needs a temperature to start from")


class ChoiceLearner:
    """Teaches alpha of every choice of a space by the gradients it gathers: Adam, without decay, whatever trains the weights.

    A step whose gradients are not finite (a scaler of mixed precision found too large a scale) is left out.
    """

    def __init__(self, space: Space, costs: Costs, found: Reach, steps: int, settings: Choosing, *, priced: bool = False) -> None:
        self.choices, self.settings, self.steps = tuple(space.choices.values()), settings, steps
        self.space, self.decision = space, Decision(costs, found)
        for choice in self.choices:
            first, last = choice.temperatures
            choice.set_mode(settings.mode or choice.mode, settings.temperature or first, settings.final_temperature or last)
            choice.anneal(0)
            if settings.prior is not None:
                choice.prefer_first(settings.prior)
        self._alphas = [torch.nn.Parameter(choice.alpha.detach().cpu().clone()) for choice in self.choices]
        self._optimizer = torch.optim.Adam(self._alphas, settings.learning_rate) if self._alphas else None
        self.found = self._best()
        share = settings.share if space.free else 1.0
        self._pressure = Pressure(costs, share) if share and self.choices and not priced else None
        asks = settings.room and space.free and self.choices and not priced
        self._room = Room(costs, [len(choice.names) for choice in self.choices]) if asks else None

    def loss(self, progress: float) -> torch.Tensor:
        """What alpha is taught besides the task at a share of the search: the regulariser, and the cost of the whole network."""
        if not self.choices or self.space.is_chosen:
            return torch.zeros(())
        parts = [self.settings.icv * choice.icv() for choice in self.choices if self.settings.icv]
        if self._pressure is not None:
            parts.append(self._pressure([choice.theta for choice in self.choices]) * ramp(progress))
        if self._room is not None:
            parts.append(self.settings.room * self._room([choice.theta for choice in self.choices]))
        return torch.stack([part.to(parts[0]) for part in parts]).sum() if parts else torch.zeros(())

    def step(self, steps_done: int, *, learns: bool = True) -> None:
        """Take in the gradients of alpha and clear them; the temperature follows the share of the search that is done."""
        if self._optimizer is None:
            return
        if self._gathered() and learns:
            self._optimizer.step()
            for choice, alpha in zip(self.choices, self._alphas, strict=True):
                choice.alpha.copy_(alpha.detach())
        for choice in self.choices:
            choice.anneal(steps_done / self.steps)

    def _gathered(self) -> bool:
        """Hand the gradients to the optimiser; whether all of them are finite."""
        for choice, alpha in zip(self.choices, self._alphas, strict=True):
            leaf = choice.leaf
            alpha.grad = None
            if leaf is not None and leaf.grad is not None:
                alpha.grad, leaf.grad = leaf.grad.to(alpha), None
            alpha.data.copy_(choice.alpha)
        return all(alpha.grad is None or bool(alpha.grad.isfinite().all()) for alpha in self._alphas)

    def look(self, saliency: Saliency) -> None:
        """See how much of the channels the alternatives of one more open choice leave room for."""
        if self._room is not None and not self.space.is_chosen:
            self._room.look(self.found.selection, saliency)

    def update(self) -> Reach:
        """The most probable alternatives that can meet the limits, as alpha is now."""
        if self.choices and not self.space.is_chosen:
            self.found = self._best()
        return self.found

    def _best(self) -> Reach:
        return self.decision.best([choice.theta.detach().double().tolist() for choice in self.choices])

    def regroup(self, costs: Costs) -> None:
        """Go on with other groups of the space, at other prices: the reach of what is chosen can only be larger."""
        self.found = reach_of(costs.on(self.found.selection))
        self.decision = Decision(costs, self.found)

    def decide(self, progress: float) -> None:
        """Choose for good once the share of the search is done after which choices are decided."""
        if self.choices and not self.space.is_chosen and progress >= self.settings.decided:
            self.settle()

    def settle(self) -> Reach:
        """Choose for good."""
        found = self.update()
        self.space.choose(found.selection)
        return found

    def state_dict(self) -> dict[str, Any]:
        """The optimiser and the temperatures, and again what is in the module's state: alpha, and what is chosen."""
        return {
            "optimizer": None if self._optimizer is None else self._optimizer.state_dict(),
            "alphas": [choice.alpha.detach().cpu().clone() for choice in self.choices],
            "chosen": [choice.settled for choice in self.choices],
            "temperatures": [choice.temperature for choice in self.choices],
            "room": None if self._room is None else self._room.state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`."""
        if self._optimizer is not None:
            self._optimizer.load_state_dict(state["optimizer"])
        if self._room is not None:
            self._room.restore(state["room"])
        rows = zip(self.choices, state["alphas"], state["chosen"], state["temperatures"], strict=True)
        for choice, alpha, chosen, temperature in rows:
            choice.alpha.copy_(alpha)
            choice.settle(chosen)
            choice.temperature = temperature
        self.found = self._standing()

    def _standing(self) -> Reach:
        """The reach of what is chosen, or of what would be."""
        return self.decision.reach_of(self.space.selection) if self.space.is_chosen else self._best()
