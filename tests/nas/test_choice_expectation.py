"""What open choices take on average: linear in their probabilities, and exact where they are sure."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost import Budget, Target, nas
from hwcost.nas.costs import Costs
from hwcost.nas.expectation import Expectation
from tests.nas.choosing import INPUT, SELECTIONS, Chosen
from tests.nas.networks import trained

TARGET = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")
BUDGET = Budget(latency_s=1e-3, ram_bytes=4096, flash_bytes=60_000)
WIDTHS = torch.tensor([6.0, 9.0], dtype=torch.float64)


@pytest.fixture(scope="module")
def costs() -> Costs:
    return Costs(nas.prunable(trained(Chosen()), torch.zeros(INPUT)), TARGET, BUDGET)


def expected(costs: Costs, thetas: list[torch.Tensor], base: tuple[int, ...]) -> Expectation:
    return Expectation(costs.space.blocks, base, lambda selection: costs.on(selection)._priced, lambda: thetas)


def sure(selection: tuple[int, ...]) -> list[torch.Tensor]:
    return [torch.eye(count, dtype=torch.float64)[index] for count, index in zip((4, 2, 3), selection, strict=True)]


def mixed(odds: list[float]) -> list[torch.Tensor]:
    rows = torch.tensor(odds, dtype=torch.float64).split([4, 2, 3])
    return [row / row.sum() for row in rows]


@pytest.mark.parametrize("selection", SELECTIONS[::3])
def test_a_sure_choice_takes_what_its_network_takes(costs: Costs, selection: tuple[int, ...]) -> None:
    found = expected(costs, sure(selection), selection)
    usage = dict.fromkeys(found.metrics, 0.0)
    for metric, used in zip(found.metrics, found.usage(WIDTHS).tolist(), strict=True):
        usage[metric] = max(usage[metric], used)
    quick = costs.on(selection).quick(WIDTHS.long().numpy()[None])
    for metric, limit in costs.limits.items():
        assert usage[metric] == pytest.approx(float(np.ravel(getattr(quick, metric))[0]) / limit, rel=1e-12)


odds = st.lists(st.floats(0.01, 1), min_size=9, max_size=9)


@settings(max_examples=20)
@given(odds, odds, st.floats(0, 1))
def test_the_expectation_is_linear_in_the_probabilities(costs: Costs, some: list[float], others: list[float], share: float) -> None:
    p, q = mixed(some), mixed(others)
    between = [share * a + (1 - share) * b for a, b in zip(p, q, strict=True)]
    at = [expected(costs, thetas, (0, 0, 0)).usage(WIDTHS) for thetas in (p, q, between)]
    assert torch.allclose(at[2], share * at[0] + (1 - share) * at[1], rtol=1e-10)


def test_one_open_choice_takes_the_mean_of_its_networks(costs: Costs) -> None:
    thetas = sure((0, 1, 2))
    thetas[0] = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    found = expected(costs, thetas, (0, 1, 2)).usage(WIDTHS)
    row = costs.relaxed.metrics.index("latency_s")
    widths = WIDTHS.long().numpy()[None]
    mean = sum(p * float(costs.on((index, 1, 2)).quick(widths).latency_s[0]) for index, p in enumerate(thetas[0].tolist()))
    assert float(found[row]) == pytest.approx(mean / costs.limits["latency_s"])


def test_the_gradient_reaches_widths_and_probabilities(costs: Costs) -> None:
    widths = WIDTHS.clone().requires_grad_()
    for choice in costs.space.choices.values():
        choice.learn(True)
    costs.relaxed.overshoot(widths).sum().backward()
    assert bool((widths.grad > 0).all())
    first = next(iter(costs.space.choices.values()))
    # A step of descent makes the 5x5 less probable, and the identity more.
    assert first.names == ("3x3", "5x5", "sep", "skip")
    assert first.leaf.grad[1] == first.leaf.grad.max() > 0
    assert first.leaf.grad[3] == first.leaf.grad.min() < 0


def test_the_most_probable_alternatives_are_those_of_the_moment(costs: Costs) -> None:
    choices = list(costs.space.choices.values())
    before = [choice.alpha.clone() for choice in choices]
    for choice, index in zip(choices, (3, 1, 1), strict=True):
        choice.alpha.copy_(1000.0 * torch.eye(len(choice.alpha))[index])
    usage = costs.relaxed.usage(WIDTHS).detach()
    assert torch.allclose(usage, expected(costs, sure((3, 1, 1)), (3, 1, 1)).usage(WIDTHS))
    assert len(costs.relaxed.metrics) == len(usage)
    for choice, alpha in zip(choices, before, strict=True):
        choice.alpha.copy_(alpha)


def test_slopes_are_those_of_the_usage(costs: Costs) -> None:
    usage, slopes = costs.relaxed.usage_and_slopes(WIDTHS)
    assert torch.allclose(usage, costs.relaxed.usage(WIDTHS).detach())
    assert slopes.shape == (len(usage), 2)
    assert bool((slopes[: costs.relaxed.metrics.index("ram_bytes")] > 0).all())
