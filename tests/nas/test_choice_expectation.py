"""What open choices take on average: the mean of all their networks, or within a bound of it where those are many."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost import Budget, Target, nas
from hwcost.nas.costs import Costs
from hwcost.nas.expectation import Expectation
from hwcost.nas.mixture import Mixture, likeliest, support_of
from tests.nas.choosing import INPUT, SELECTIONS, Chosen
from tests.nas.networks import trained

TARGET = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")
BUDGET = Budget(latency_s=1e-3, ram_bytes=4096, flash_bytes=60_000)
WIDTHS = torch.tensor([6.0, 9.0], dtype=torch.float64)
WHOLE = torch.tensor([8.0, 12.0], dtype=torch.float64)


@pytest.fixture(scope="module")
def space() -> nas.Space:
    return nas.prunable(trained(Chosen()), torch.zeros(INPUT))


@pytest.fixture(scope="module")
def costs(space: nas.Space) -> Costs:
    return Costs(space, TARGET, BUDGET)


def expected(costs: Costs, thetas: list[torch.Tensor], base: tuple[int, ...] | None = None) -> Expectation:
    """The expectation at these probabilities; beside `base` alone, where one is given."""
    mixture = Mixture.of(support_of(thetas), likeliest(thetas) if base is None else base)
    code = costs.unseen_code(mixture)
    unseen = None if code is None else lambda odds: code.unseen(odds) / costs.limits["flash_bytes"]
    return Expectation(mixture, lambda selection: costs.on(selection)._priced, lambda: thetas, unseen)


def sure(selection: tuple[int, ...]) -> list[torch.Tensor]:
    return [torch.eye(count, dtype=torch.float64)[index] for count, index in zip((4, 2, 3), selection, strict=True)]


def mixed(odds: list[float]) -> list[torch.Tensor]:
    rows = torch.tensor(odds, dtype=torch.float64).split([4, 2, 3])
    return [row / row.sum() for row in rows]


def odds_of(selection: tuple[int, ...], thetas: list[torch.Tensor]) -> float:
    return float(np.prod([theta[index] for theta, index in zip(thetas, selection, strict=True)]))


def brute_force(costs: Costs, thetas: list[torch.Tensor], widths: torch.Tensor) -> dict[str, float]:
    """The mean of latency and flash over all networks, each counted alone."""
    rows = dict.fromkeys(("latency_s", "flash_bytes"), 0.0)
    for selection in SELECTIONS:
        cost = costs.on(selection).quick(widths.long().numpy()[None])
        for metric in rows:
            rows[metric] += odds_of(selection, thetas) * float(np.ravel(getattr(cost, metric))[0]) / costs.limits[metric]
    return rows


@pytest.mark.parametrize("selection", SELECTIONS[::3])
def test_a_sure_choice_takes_what_its_network_takes(costs: Costs, selection: tuple[int, ...]) -> None:
    found = expected(costs, sure(selection))
    usage = dict.fromkeys(found.metrics, 0.0)
    for metric, used in zip(found.metrics, found.usage(WIDTHS).tolist(), strict=True):
        usage[metric] = max(usage[metric], used)
    quick = costs.on(selection).quick(WIDTHS.long().numpy()[None])
    for metric, limit in costs.limits.items():
        assert usage[metric] == pytest.approx(float(np.ravel(getattr(quick, metric))[0]) / limit, rel=1e-12)


odds = st.lists(st.floats(0.01, 1), min_size=9, max_size=9)


@settings(max_examples=15)
@given(odds)
def test_open_choices_take_the_mean_of_all_their_networks(costs: Costs, some: list[float]) -> None:
    thetas = mixed(some)
    found = expected(costs, thetas)
    usage = found.usage(WIDTHS)
    for metric, mean in brute_force(costs, thetas, WIDTHS).items():
        assert float(usage[found.metrics.index(metric)]) == pytest.approx(mean, rel=1e-12)


def test_ram_is_the_mean_of_what_each_step_takes_and_of_the_peak_inside_each_choice(costs: Costs) -> None:
    thetas = mixed([0.3, 0.2, 0.4, 0.1, 0.6, 0.4, 0.5, 0.3, 0.2])
    means: dict[str, float] = {}
    for selection in SELECTIONS:
        view = costs.on(selection)
        rows = np.ravel(view.quick(WIDTHS.long().numpy()[None]).step_bytes)
        peaks: dict[str, float] = {}
        for node, used in zip(view.compiled.graph.nodes, rows, strict=True):
            home = next((block.path for block in costs.space.blocks if block.holds(node.name)), node.name)
            peaks[home] = max(peaks.get(home, 0.0), float(used))
        for home, used in peaks.items():
            means[home] = means.get(home, 0.0) + odds_of(selection, thetas) * used / 4096
    found = expected(costs, thetas)
    ram = [used for metric, used in zip(found.metrics, found.usage(WIDTHS).tolist(), strict=True) if metric == "ram_bytes"]
    assert sorted(ram) == pytest.approx(sorted(means.values()), rel=1e-12)


@pytest.fixture(scope="module", params=["tflm-cmsis-nn", "hwcost-c"])
def under_each_runtime(space: nas.Space, request: pytest.FixtureRequest) -> Costs:
    return Costs(space, Target.load("stm32l4r5", runtime=request.param), BUDGET)


@settings(max_examples=10)
@given(odds)
def test_of_many_selections_shared_code_is_counted_as_it_is_held(under_each_runtime: Costs, some: list[float]) -> None:
    costs, thetas = under_each_runtime, mixed(some)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hwcost.nas.mixture.ENUMERATED", 1)
        few = expected(costs, thetas, base=(0, 0, 0))
    flash = float(few.usage(WHOLE)[few.metrics.index("flash_bytes")])
    assert flash == pytest.approx(brute_force(costs, thetas, WHOLE)["flash_bytes"], rel=1e-9)


@settings(max_examples=10)
@given(odds)
def test_of_many_selections_the_mean_is_off_by_no_more_than_the_bound(costs: Costs, some: list[float]) -> None:
    thetas, base = mixed(some), (0, 0, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hwcost.nas.mixture.ENUMERATED", 1)
        few = expected(costs, thetas, base)
    assert len(few._priced) == 7
    row = few.metrics.index("latency_s")
    values = {s: float(costs.on(s)._relaxation.usage(WIDTHS)[costs.relaxed.metrics.index("latency_s")]) for s in SELECTIONS}

    def added(selection: tuple[int, ...]) -> float:
        alone = [(*base[:at], index, *base[at + 1 :]) for at, index in enumerate(selection)]
        return values[base] + sum(values[each] - values[base] for each in alone)

    away = sum(odds_of(s, thetas) for s in SELECTIONS if sum(a != b for a, b in zip(s, base, strict=True)) >= 2)
    bound = away * max(abs(values[s] - added(s)) for s in SELECTIONS)
    mean = sum(odds_of(s, thetas) * value for s, value in values.items())
    assert abs(float(few.usage(WIDTHS)[row]) - mean) <= bound + 1e-12


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
    assert torch.allclose(usage, expected(costs, sure((3, 1, 1))).usage(WIDTHS))
    assert len(costs.relaxed.metrics) == len(usage)
    for choice, alpha in zip(choices, before, strict=True):
        choice.alpha.copy_(alpha)


def test_slopes_are_those_of_the_usage(costs: Costs) -> None:
    usage, slopes = costs.relaxed.usage_and_slopes(WIDTHS)
    assert torch.allclose(usage, costs.relaxed.usage(WIDTHS).detach())
    assert slopes.shape == (len(usage), 2)
    assert bool((slopes[: costs.relaxed.metrics.index("ram_bytes")] > 0).all())
