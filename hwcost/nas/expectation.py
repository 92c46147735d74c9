"""Used / limit of every constraint where choices are open: expected over their alternatives, with gradients to their probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from hwcost.nas.mixture import Mixture, Support, likeliest, support_of
from hwcost.nas.relaxation import Relaxation
from hwcost.nas.selection import Block, Selection

RAM = "ram_bytes"
FLASH = "flash_bytes"


@dataclass(frozen=True, slots=True)
class Priced:
    """One selection: its constraints as functions of widths, and the home of each, within which the largest counts."""

    relaxation: Relaxation
    homes: tuple[tuple[str, str | int], ...]

    @classmethod
    def of(cls, relaxation: Relaxation, steps: Sequence[str], blocks: Sequence[Block]) -> Priced:
        """A selection whose schedule has these steps: the home of one is the block it is inside of, by number, else the step itself."""
        places: list[str | int] = [next((at for at, block in enumerate(blocks) if block.holds(step)), step) for step in steps]
        rows = iter(places)
        return cls(relaxation, tuple((metric, next(rows) if metric == RAM else "") for metric in relaxation.metrics))


class Expectation:
    """What the network takes on average over the alternatives of every choice, which are drawn independently.

    Latency, flash and energy have one constraint each. RAM has one for every step outside of all choices, what it uses on average, and one
    for every choice, the peak inside it on average; a selection without that step, or with nothing inside, counts 0 there. Exact for up
    to `mixture.ENUMERATED` possible selections; beyond, up to how choices work on each other, which `Mixture` bounds.
    `unseen` are the bytes of flash to add to what the mixture makes, as a function of the probabilities.
    """

    def __init__(
        self,
        mixture: Mixture,
        priced: Callable[[Selection], Priced],
        thetas: Callable[[], Sequence[torch.Tensor]],
        unseen: Callable[[Sequence[torch.Tensor]], torch.Tensor] | None = None,
    ) -> None:
        self._mixture, self._thetas = mixture, thetas
        self._priced = [priced(selection) for selection in mixture.selections]
        homes = dict.fromkeys(home for each in self._priced for home in each.homes)
        ordered = sorted(homes, key=lambda home: (home[0] == RAM, isinstance(home[1], int)))
        places = {home: place for place, home in enumerate(ordered)}
        self._places = [torch.tensor([places[home] for home in each.homes]) for each in self._priced]
        self.metrics = tuple(metric for metric, _ in ordered)
        self._unseen = unseen if FLASH in self.metrics else None

    def usage(self, widths: torch.Tensor) -> torch.Tensor:
        """Expected used / limit of every constraint (constraints,), differentiable by the widths and the probabilities."""
        thetas = self._thetas()
        nothing = torch.zeros(len(self.metrics), dtype=torch.float64)
        used = [
            nothing.scatter_reduce(0, places, each.relaxation.usage(widths), "amax")
            for each, places in zip(self._priced, self._places, strict=True)
        ]
        expected = self._mixture.weights(thetas) @ torch.stack(used)
        if self._unseen is None:
            return expected
        is_flash = torch.tensor([metric == FLASH for metric in self.metrics])
        return expected + is_flash * self._unseen(thetas)

    def overshoot(self, widths: torch.Tensor) -> torch.Tensor:
        """How far each constraint is passed as a share of its limit (constraints,), 0 where it holds."""
        return torch.relu(self.usage(widths) - 1)

    def usage_and_slopes(self, widths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Used / limit of every constraint and its slopes by each width (constraints, groups), without autograd."""
        slopes = torch.autograd.functional.jacobian(self.usage, widths.double())  # type: ignore[no-untyped-call]
        return self.usage(widths).detach(), slopes


class OpenChoices:
    """The same at the probabilities of the moment, which also say what is possible and, of many selections, which one is changed."""

    def __init__(self, expectation: Callable[[Mixture], Expectation], thetas: Callable[[], Sequence[torch.Tensor]]) -> None:
        self._expectation, self._thetas = expectation, thetas
        self._known: dict[tuple[Selection, ...], Expectation] = {}

    @property
    def now(self) -> Expectation:
        """What is expected over the alternatives that are possible now."""
        thetas = self._thetas()
        support: Support = support_of(thetas)
        mixture = Mixture.of(support, likeliest(thetas))
        if mixture.selections not in self._known:
            self._known[mixture.selections] = self._expectation(mixture)
        return self._known[mixture.selections]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metric of each constraint; RAM has one for every step and every choice that there is with some possible alternatives."""
        return self.now.metrics

    def usage(self, widths: torch.Tensor) -> torch.Tensor:
        """Expected used / limit of every constraint (constraints,), differentiable by the widths and the probabilities."""
        return self.now.usage(widths)

    def overshoot(self, widths: torch.Tensor) -> torch.Tensor:
        """How far each constraint is passed as a share of its limit (constraints,), 0 where it holds."""
        return self.now.overshoot(widths)

    def usage_and_slopes(self, widths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Used / limit of every constraint and its slopes by each width (constraints, groups), without autograd."""
        return self.now.usage_and_slopes(widths)
