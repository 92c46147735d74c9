"""Used / limit of every constraint where each choice is open: expected over its alternatives, with gradients to their probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from hwcost.nas.relaxation import Relaxation
from hwcost.nas.selection import Block, Selection

RAM = "ram_bytes"


@dataclass(frozen=True, slots=True)
class Priced:
    """One selection: its constraints as functions of widths, and which block the step of each RAM constraint is inside, if any."""

    relaxation: Relaxation
    inside: tuple[int | None, ...]

    @classmethod
    def of(cls, relaxation: Relaxation, steps: Sequence[str], blocks: Sequence[Block]) -> Priced:
        """A selection whose schedule has these steps."""
        homes = (next((at for at, block in enumerate(blocks) if block.holds(step)), None) for step in steps)
        rows = iter(homes)
        return cls(relaxation, tuple(next(rows) if metric == RAM else None for metric in relaxation.metrics))


class Expectation:
    """What the network takes on average over the alternatives of every block, the others being as in `base`, the most probable ones.

    A metric is that of `base` plus, for each alternative, its probability times the difference it makes: exact where one block is open
    or all are sure, linear in the probabilities as long as the most probable ones stay. RAM has one constraint for every step outside
    all blocks and one for every block, the peak inside it: of each alternative weighted by its probability.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        base: Selection,
        priced: Callable[[Selection], Priced],
        thetas: Callable[[], Sequence[torch.Tensor]],
    ) -> None:
        self._blocks, self._base, self._thetas = tuple(blocks), base, thetas
        self._at_base = priced(base)
        self._others = {
            (at, index): priced((*base[:at], index, *base[at + 1 :]))
            for at, block in enumerate(blocks)
            for index in range(len(block.names))
            if index != base[at]
        }
        self._plain, self._outside = _rows(self._at_base)
        names = self._at_base.relaxation.metrics
        has_ram = RAM in names
        self.metrics = (
            *(names[row] for row in self._plain),
            *(RAM for _ in self._outside),
            *(RAM for _ in blocks if has_ram),
        )
        self._has_ram = has_ram

    def usage(self, widths: torch.Tensor) -> torch.Tensor:
        """Expected used / limit of every constraint (constraints,), differentiable by the widths and the probabilities."""
        thetas = self._thetas()
        base = self._at_base.relaxation.usage(widths)
        plain = base[self._plain]
        peaks = [thetas[at][chosen] * _peak(self._at_base, base, at) for at, chosen in enumerate(self._base)] if self._has_ram else []
        for (at, index), other in self._others.items():
            used = other.relaxation.usage(widths)
            plain = plain + thetas[at][index] * (used[_rows(other)[0]] - base[self._plain])
            if self._has_ram:
                peaks[at] = peaks[at] + thetas[at][index] * _peak(other, used, at)
        return torch.cat([plain, base[self._outside], *(peak.reshape(1) for peak in peaks)])

    def overshoot(self, widths: torch.Tensor) -> torch.Tensor:
        """How far each constraint is passed as a share of its limit (constraints,), 0 where it holds."""
        return torch.relu(self.usage(widths) - 1)

    def usage_and_slopes(self, widths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Used / limit of every constraint and its slopes by each width (constraints, groups), without autograd."""
        slopes = torch.autograd.functional.jacobian(self.usage, widths.double())  # type: ignore[no-untyped-call]
        return self.usage(widths).detach(), slopes


class OpenChoices:
    """The same where the most probable alternatives are those that probabilities say at the time of asking."""

    def __init__(
        self, blocks: Sequence[Block], priced: Callable[[Selection], Priced], thetas: Callable[[], Sequence[torch.Tensor]]
    ) -> None:
        self._blocks, self._priced, self._thetas = tuple(blocks), priced, thetas
        self._known: dict[Selection, Expectation] = {}

    @property
    def now(self) -> Expectation:
        """What is expected beside the alternatives that are most probable now; of equal ones the first."""
        base = tuple(int(theta.detach().argmax()) for theta in self._thetas())
        if base not in self._known:
            self._known[base] = Expectation(self._blocks, base, self._priced, self._thetas)
        return self._known[base]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metric of each constraint; there are as many for RAM as the network has steps with the most probable alternatives."""
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


def _rows(priced: Priced) -> tuple[list[int], list[int]]:
    """Rows of the metrics that have one constraint each, and of the steps outside all blocks."""
    metrics = priced.relaxation.metrics
    plain = [row for row, metric in enumerate(metrics) if metric != RAM]
    return plain, [row for row, metric in enumerate(metrics) if metric == RAM and priced.inside[row] is None]


def _peak(priced: Priced, used: torch.Tensor, at: int) -> torch.Tensor:
    """The most that a step inside a block uses; nothing where the block adds no step, as an identity."""
    rows = [row for row, inside in enumerate(priced.inside) if inside == at]
    return used[rows].max() if rows else used.new_zeros(())
