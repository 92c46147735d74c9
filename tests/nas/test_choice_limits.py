"""Choices under limits: what a selection costs, which one is decided on, and a search of widths and choices together."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hwcost import Budget, Target, check, nas
from hwcost.budget import METRICS
from hwcost.cost import Cost
from hwcost.errors import InputError
from hwcost.nas.costs import Costs
from hwcost.nas.decision import Decision
from hwcost.nas.pressure import Pressure
from hwcost.nas.reach import require_reachable
from hwcost.nas.strategies import STRATEGIES
from tests.nas.choosing import INPUT, SELECTIONS, Chosen
from tests.nas.networks import trained
from tests.nas.test_space import require_equal

TARGET = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")


@pytest.fixture(scope="module")
def frozen() -> nas.Space:
    return nas.prunable(trained(Chosen()), torch.zeros(INPUT), freeze=["*"])


@pytest.fixture(scope="module")
def space() -> nas.Space:
    return nas.prunable(trained(Chosen()), torch.zeros(INPUT))


def figures(cost: Cost) -> list[float]:
    return [getattr(cost, metric) for metric in METRICS]


def share(space: nas.Space, **shares: float) -> Budget:
    """A budget in shares of what the first alternatives take; of flash, of the network's own bytes."""
    seed = Costs(space, TARGET, Budget()).seed.cost
    limits: dict[str, Any] = {metric: part * getattr(seed, metric) for metric, part in shares.items() if metric == "latency_s"}
    if "flash_bytes" in shares:
        limits["flash_bytes"] = seed.flash_bytes - round((1 - shares["flash_bytes"]) * seed.flash.network_bytes)
    return Budget(**limits)


@pytest.mark.parametrize("selection", SELECTIONS[::4])
def test_a_selection_costs_what_check_says_of_its_module(selection: tuple[int, ...], space: nas.Space) -> None:
    costs = Costs(space, TARGET, Budget()).on(selection)
    widths = {"stem.0": 5, "two.alternatives.0.0": 7}
    space.choose(selection)
    space.keep({name: np.arange(len(space.masks[name].leaf)) < width for name, width in widths.items()})
    report = check(space.export(), TARGET, example_input=torch.zeros(INPUT))
    assert figures(report.cost) == figures(costs.exact(widths).cost)
    quick = costs.quick(np.array([[widths[group.name] for group in space.free]]))
    assert float(quick.latency_s[0]) == pytest.approx(report.cost.latency_s)
    assert int(quick.flash_bytes[0]) == report.cost.flash_bytes


@pytest.fixture(scope="module")
def priced(frozen: nas.Space) -> dict[tuple[int, ...], Cost]:
    costs = Costs(frozen, TARGET, Budget())
    return {selection: costs.on(selection).seed.cost for selection in SELECTIONS}


def brute_force(priced: dict[tuple[int, ...], Cost], limits: dict[str, float], thetas: list[list[float]]) -> tuple[int, ...] | None:
    fitting = [s for s, cost in priced.items() if all(getattr(cost, metric) <= limit for metric, limit in limits.items())]
    odds = {s: np.prod([theta[index] for theta, index in zip(thetas, s, strict=True)]) for s in fitting}
    return max(fitting, key=lambda s: odds[s]) if fitting else None


@settings(max_examples=8)
@given(st.lists(st.floats(0.01, 1), min_size=9, max_size=9), st.floats(0.45, 1.3), st.floats(0.4, 1.3))
def test_the_decision_is_that_of_brute_force(
    frozen: nas.Space, priced: dict[tuple[int, ...], Cost], odds: list[float], latency: float, flash: float
) -> None:
    thetas = [[p / sum(row) for p in row] for row in (odds[:4], odds[4:6], odds[6:])]
    costs = Costs(frozen, TARGET, share(frozen, latency_s=latency, flash_bytes=flash))
    expected = brute_force(priced, costs.limits, thetas)
    if expected is None:
        with pytest.raises(InputError, match="no widths of this network meet the budget, even with"):
            require_reachable(costs)
        return
    found = Decision(costs, require_reachable(costs)).best(thetas)
    assert np.prod([t[i] for t, i in zip(thetas, found.selection, strict=True)]) == pytest.approx(
        np.prod([t[i] for t, i in zip(thetas, expected, strict=True)])
    )


def test_after_many_vain_trials_the_decision_climbs_from_what_fits(frozen: nas.Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwcost.nas.decision.MOST_TRIED", 2)
    costs = Costs(frozen, TARGET, share(frozen, latency_s=0.7))
    thetas = [[0.3, 0.5, 0.1, 0.1], [0.9, 0.1], [0.8, 0.1, 0.1]]
    found = Decision(costs, require_reachable(costs)).best(thetas)
    assert costs.on(found.selection).exact({}).verdict == "fits"
    better = [s for s in SELECTIONS if sum(a != b for a, b in zip(s, found.selection, strict=True)) == 1]
    for selection in better:
        likelier = all(t[a] >= t[b] for t, a, b in zip(thetas, selection, found.selection, strict=True))
        assert not likelier or costs.on(selection).exact({}).verdict != "fits"


def test_a_budget_out_of_reach_names_the_cheapest_alternatives(space: nas.Space) -> None:
    with pytest.raises(InputError, match=r"even with 'skip' for 'one', .* at best latency"):
        require_reachable(Costs(space, TARGET, Budget(latency_s=1e-6)))


def test_the_charge_of_the_first_alternatives_is_one_for_a_limit_they_pass(space: nas.Space) -> None:
    costs = Costs(space, TARGET, share(space, latency_s=0.25))
    sure = [torch.eye(len(block.names), dtype=torch.float64)[0] for block in space.blocks]
    assert float(Pressure(costs, 0.5)(sure)) == pytest.approx(1)
    assert float(Pressure(costs, 1.0)(sure)) == pytest.approx(1)


def test_the_charge_ends_where_the_share_of_the_way_is_gone(space: nas.Space) -> None:
    costs = Costs(space, TARGET, share(space, latency_s=0.25))
    first, cheap = (costs.on(selection).seed.cost.latency_s for selection in ((0, 0, 0), (3, 0, 0)))
    sure = [torch.eye(len(block.names), dtype=torch.float64)[0] for block in space.blocks]
    sure[0] = torch.tensor([0.5, 0.0, 0.0, 0.5], dtype=torch.float64)
    expected = (first + cheap) / 2
    assert float(Pressure(costs, 0.5)(sure)) == pytest.approx(max(0.0, expected / (first * 0.5) - 1))
    gone = np.log(expected / first) / np.log(0.25)
    assert float(Pressure(costs, float(gone) - 1e-6)(sure)) == pytest.approx(0, abs=1e-4)


def data(count: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 4, (count,), generator=random)
    return torch.randn(count, *INPUT[1:], generator=random) + labels[:, None, None, None], labels


def searched(model: nn.Module, limits: nas.Limits, optimizer: torch.optim.Optimizer, steps: int) -> None:
    inputs, labels = data()
    model.train()
    for _ in range(steps):
        loss = nn.functional.cross_entropy(model(inputs), labels) + limits.loss()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        limits.step()


def begun(mode: str, *, freeze: tuple[str, ...] = (), steps: int = 30, **choosing: Any) -> tuple[nn.Module, nas.Limits, torch.optim.Adam]:
    torch.manual_seed(2)
    model = Chosen(mode)
    space = nas.prunable(model, torch.zeros(INPUT), freeze=freeze)
    budget = share(space, latency_s=0.5, flash_bytes=0.4) if not freeze else share(space, latency_s=0.8)
    limits = nas.Limits(space, TARGET, budget, steps=steps, choosing=nas.Choosing(**choosing))
    return model, limits, torch.optim.Adam(model.parameters(), 1e-2)


@pytest.mark.parametrize(("mode", "icv"), [("softmax", 0.5), ("gumbel", 0.0), ("sampled", 0.0)])
def test_widths_and_choices_searched_together_meet_every_limit(mode: str, icv: float) -> None:
    model, limits, optimizer = begun(mode, icv=icv, learning_rate=0.1)
    searched(model, limits, optimizer, 30)
    assert limits.settled
    assert limits.space.is_chosen
    assert any(choice.alpha.std() > 0.01 for choice in limits.space.choices.values())
    small = limits.export()
    report = check(small, TARGET, limits.costs.budget, example_input=torch.zeros(INPUT))
    assert report.verdict == "fits"
    assert figures(report.cost) == figures(limits.report().cost)
    require_equal(model, small, (data()[0],))


def test_choices_are_searched_without_widths() -> None:
    model, limits, optimizer = begun("sampled", freeze=("*",))
    searched(model, limits, optimizer, 30)
    small = limits.export()
    assert limits.report().verdict == "fits"
    require_equal(model, small, (data()[0],))


def test_choices_are_decided_before_the_channels() -> None:
    model, limits, optimizer = begun("sampled", decided=0.5)
    searched(model, limits, optimizer, 14)
    assert not limits.space.is_chosen
    searched(model, limits, optimizer, 1)
    assert limits.space.is_chosen
    chosen = limits.space.chosen
    assert not limits.settled
    searched(model, limits, optimizer, 15)
    assert limits.settled
    assert limits.space.chosen == chosen


def test_the_first_alternatives_begin_as_probable_as_the_prior_says() -> None:
    _, limits, _ = begun("sampled", temperature=2.0, prior=0.7)
    for choice in limits.space.choices.values():
        others = [0.3 / (len(choice.names) - 1)] * (len(choice.names) - 1)
        assert choice.theta.tolist() == pytest.approx([0.7, *others])
        learned = choice.alpha.clone()
        choice.prefer_first(0.9)
        assert torch.equal(choice.alpha, learned)


def test_a_settled_step_runs_one_path() -> None:
    model, limits, optimizer = begun("sampled")
    limits.settle()
    ran: list[int] = []
    for index, way in enumerate(model.one.alternatives):
        way.register_forward_hook(lambda *_, index=index: ran.append(index))
    searched(model, limits, optimizer, 3)
    assert len(ran) == 3
    assert len(set(ran)) == 1


def test_a_search_goes_on_from_its_state_to_the_same_result() -> None:
    model, limits, optimizer = begun("sampled", temperature=2.0, final_temperature=0.5)
    searched(model, limits, optimizer, 12)
    states = [copy.deepcopy(each.state_dict()) for each in (model, limits, optimizer)]
    searched(model, limits, optimizer, 18)
    other, others, again = begun("sampled", temperature=2.0, final_temperature=0.5)
    for each, state in zip((other, others, again), states, strict=True):
        each.load_state_dict(state)
    searched(other, others, again, 18)
    assert limits.space.chosen == others.space.chosen
    assert limits.space.widths == others.space.widths
    for name, values in model.state_dict().items():
        assert torch.equal(values, other.state_dict()[name]), name


def test_alpha_may_be_taught_on_other_data_than_the_weights() -> None:
    model, limits, _ = begun("softmax", prior=None)
    inputs, labels = data()
    model(inputs).sum().backward()
    limits.step(learn_choices=False)
    assert model.one.alpha.tolist() == [0.25] * 4
    nn.functional.cross_entropy(model(inputs), labels).backward()
    limits.step()
    assert model.one.alpha.tolist() != [0.25] * 4


def test_settings_that_nothing_understands_are_refused() -> None:
    for wrong in ({"mode": "hard"}, {"updates": "never"}, {"final_temperature": 0.1}):
        with pytest.raises(InputError, match=r"expected|needs"):
            nas.Choosing(**wrong)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("freeze", [("*",)])
def test_every_strategy_searches_choices(strategy: str, freeze: tuple[str, ...]) -> None:
    torch.manual_seed(2)
    model = Chosen("sampled")
    space = nas.prunable(model, torch.zeros(INPUT), freeze=freeze)
    limits = nas.Limits(space, TARGET, share(space, latency_s=0.8), steps=20, strategy=strategy)
    searched(model, limits, torch.optim.Adam(model.parameters(), 1e-2), 20)
    limits.export()
    assert limits.report().verdict == "fits"


def test_the_penalty_makes_dear_alternatives_less_probable() -> None:
    torch.manual_seed(2)
    model = Chosen("softmax")
    space = nas.prunable(model, torch.zeros(INPUT), freeze=["*"])
    limits = nas.Limits(space, TARGET, share(space, latency_s=0.7), steps=100, strategy="ramp", warmup_loss=100.0)
    searched(model, limits, torch.optim.Adam(model.parameters(), 1e-4), 40)
    theta = dict(zip(model.one.names, model.one.theta.tolist(), strict=True))
    assert theta["skip"] > theta["sep"] > theta["5x5"]
