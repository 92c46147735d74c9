"""Which selections an expectation over open choices is made of, and the weight of each as a function of the probabilities."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from hwcost.nas.selection import Selection

Support = tuple[tuple[int, ...], ...]
"""The alternatives of every choice that have a probability above 0."""

ENUMERATED = 64
"""Most selections that are priced one by one; beyond, one choice at a time is changed."""


def support_of(thetas: Sequence[torch.Tensor]) -> Support:
    """The alternatives that are possible at these probabilities."""
    return tuple(tuple(theta.detach().nonzero().flatten().tolist()) for theta in thetas)


def likeliest(thetas: Sequence[torch.Tensor]) -> Selection:
    """The most probable alternative of every choice; of equal ones the first."""
    return tuple(int(theta.detach().argmax()) for theta in thetas)


@dataclass(frozen=True, slots=True)
class Mixture:
    """Selections whose figures, each times its weight, add up to what independent choices take on average.

    Up to `ENUMERATED` possible selections, all of them with their probabilities: the mean is exact for any figure. Of more, `base` and what
    differs from it in one choice, weighted so that the sum is f(base) + sum over choices and alternatives of
    theta * (f(base with that alternative) - f(base)). That is exact for figures that are sums over choices, and wherever at most one
    choice is away from `base`; it is off by no more than the probability that two or more are, times the largest amount by which
    a selection differs from the sum of its differences.
    """

    selections: tuple[Selection, ...]
    base: Selection
    is_exact: bool

    @classmethod
    def of(cls, support: Support, base: Selection) -> Mixture:
        """The mixture of choices with these possible alternatives."""
        if math.prod(map(len, support)) <= ENUMERATED:
            return cls(tuple(itertools.product(*support)), base, True)
        single = ((*base[:at], index, *base[at + 1 :]) for at, indices in enumerate(support) for index in indices if index != base[at])
        return cls((base, *single), base, False)

    def weights(self, thetas: Sequence[torch.Tensor]) -> torch.Tensor:
        """The weight of every selection (selections,), differentiable by the probabilities; together 1."""
        if self.is_exact:
            columns = zip(*self.selections, strict=True)
            return torch.stack([theta[list(chosen)] for theta, chosen in zip(thetas, columns, strict=True)]).prod(dim=0)
        away = [
            thetas[at][index]
            for selection in self.selections[1:]
            for at, (index, usual) in enumerate(zip(selection, self.base, strict=True))
            if index != usual
        ]
        others = torch.stack(away)
        return torch.cat([1 - others.sum().reshape(1), others])
