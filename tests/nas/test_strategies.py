"""What holds of every strategy, and what is particular to each."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from torch import nn

from hwcost import Budget, Target, check, nas
from hwcost.errors import InputError
from hwcost.nas.strategies import STRATEGIES, DualPrices, Ramp
from hwcost.nas.strategies.ramp import ramp
from tests.nas.networks import INPUTS, Residual, example, share_of

STEPS = 40
every_strategy = pytest.mark.parametrize("strategy", sorted(STRATEGIES))


@pytest.fixture(scope="module")
def target() -> Target:
    return Target.load("stm32l4r5")


class Run:
    """A small search, one batch at a time."""

    def __init__(self, target: Target, strategy: str, shares: tuple[float, float, float] = (0.5, 0.8, 0.85), **options) -> None:
        torch.manual_seed(1)
        self.model = Residual()
        self.space = nas.prunable(self.model, example(Residual))
        self.budget = share_of(self.space, target, *shares)
        self.limits = nas.Limits(self.space, target, self.budget, steps=STEPS, strategy=strategy, **options)
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.01)

    def steps(self, batches: range, scale: float = 1.0) -> None:
        self.model.train()
        for seed in batches:
            random = torch.Generator().manual_seed(seed)
            x, y = torch.randn(8, *INPUTS[Residual], generator=random), torch.randint(0, 4, (8,), generator=random)
            task = nn.functional.cross_entropy(self.model(x), y)
            self.optimizer.zero_grad()
            ((task + self.limits.loss(task)) * scale).backward()
            for parameter in self.model.parameters():
                parameter.grad /= scale
            self.optimizer.step()
            self.limits.step()

    def kept(self) -> dict[str, list[bool]]:
        return {name: kept.tolist() for name, kept in self.space.kept.items()}


@every_strategy
def test_the_exported_network_meets_every_limit(strategy: str, target: Target) -> None:
    run = Run(target, strategy)
    run.steps(range(STEPS))
    assert run.limits.settled
    report = check(run.limits.export(), target, run.budget, example_input=example(Residual))
    assert report.verdict == "fits"
    for group in run.space.free:  # no single channel more would fit
        widths = run.space.widths | {group.name: run.space.widths[group.name] + 1}
        assert run.space.widths[group.name] == group.size or run.limits.costs.exact(widths).verdict != "fits"


@every_strategy
def test_a_search_can_be_cut_off_and_go_on(strategy: str, target: Target) -> None:
    whole = Run(target, strategy)
    whole.steps(range(23))
    stored = io.BytesIO()
    torch.save({"model": whole.model.state_dict(), "limits": whole.limits.state_dict()}, stored)
    whole.steps(range(23, STEPS))

    resumed = Run(target, strategy)
    stored.seek(0)
    state = torch.load(stored, weights_only=True)
    resumed.model.load_state_dict(state["model"])
    resumed.limits.load_state_dict(state["limits"])
    resumed.steps(range(23, STEPS))
    assert resumed.kept() == whole.kept()
    assert all(torch.equal(values, resumed.model.state_dict()[name]) for name, values in whole.model.state_dict().items())


@every_strategy
def test_a_budget_out_of_reach_is_refused_at_once(strategy: str, target: Target) -> None:
    space = nas.prunable(Residual(), example(Residual))
    with pytest.raises(InputError, match="at best RAM"):
        nas.Limits(space, target, Budget(ram_bytes=1024), steps=STEPS, strategy=strategy)


@every_strategy
def test_a_budget_above_the_seed_leaves_it_as_it_is(strategy: str, target: Target) -> None:
    run = Run(target, strategy, (1.5, 1.5, 1.5))
    run.steps(range(STEPS))
    assert run.space.widths == {group.name: group.size for group in run.space.free}


@every_strategy
def test_what_scales_the_loss_changes_nothing(strategy: str, target: Target) -> None:
    """As a scaler of mixed precision does, with powers of two."""
    plain, scaled = Run(target, strategy), Run(target, strategy)
    plain.steps(range(25))
    scaled.steps(range(25), scale=2.0**16)
    for name, saliency in plain.limits.saliency.arrays().items():
        assert scaled.limits.saliency.arrays()[name] == pytest.approx(saliency, rel=1e-4)
    assert scaled.kept() == plain.kept()


@every_strategy
def test_a_network_without_free_groups_is_left_alone(strategy: str, target: Target) -> None:
    space = nas.prunable(Residual(), example(Residual), freeze=["stem", "one", "three", "four", "fc"])
    limits = nas.Limits(space, target, Budget(latency_s=1.0), steps=2, strategy=strategy)
    for _ in range(2):
        (space.module(example(Residual)).sum() + limits.loss()).backward()
        limits.step()
    assert limits.settled
    limits.export()


@every_strategy
def test_only_penalties_have_a_loss(strategy: str, target: Target) -> None:
    run = Run(target, strategy)
    run.steps(range(1))
    assert (float(run.limits.loss().detach()) > 0) == issubclass(STRATEGIES[strategy], Ramp)
    run.steps(range(1, STEPS))
    assert float(run.limits.loss().detach()) == 0.0


def test_the_ramp_starts_at_a_hundredth_and_is_full_at_half() -> None:
    assert [ramp(share) for share in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0.01, 0.505, 1.0, 1.0])


@pytest.mark.parametrize("loss", [0.7, 1.4])
def test_the_seed_is_charged_the_warm_up_loss_for_each_limit_it_passes(loss: float, target: Target) -> None:
    run = Run(target, "ramp", (0.5, 0.5, 0.85), warmup_loss=loss)
    strategy = run.limits.strategy
    assert float(strategy.penalty(STEPS).detach()) == pytest.approx(3 * loss)
    assert float(strategy.penalty(0).detach()) == pytest.approx(0.03 * loss)


def test_the_ramp_learns_the_warm_up_loss_from_the_first_steps(target: Target) -> None:
    run = Run(target, "ramp", (0.5, 5.0, 5.0))
    assert float(run.limits.strategy.penalty(STEPS).detach()) == pytest.approx(1.0)
    seen = []
    for loss in (2.0, 4.0):
        (run.model(example(Residual, 2)).sum() + run.limits.loss(torch.tensor(loss))).backward()
        run.limits.step()
        seen.append(float(run.limits.strategy.penalty(STEPS).detach()))
    assert seen == pytest.approx([2.0, 3.0])


@pytest.mark.parametrize("share", [1.0, 0.999, 3.0])
def test_a_limit_at_the_seed_or_above_has_a_finite_strength_and_a_hinge(share: float, target: Target) -> None:
    """The published rule gives 0 / 0 where they are equal, and strength 0 where the limit is above."""
    run = Run(target, "ramp", (5.0, share, 5.0))
    assert all(0 < strength < float("inf") for strength in run.limits.strategy._share.values())
    penalty = run.limits.loss()
    assert torch.isfinite(penalty)
    assert float(penalty.detach()) == pytest.approx(0.0, abs=1e-3)


def test_the_last_channels_always_live(target: Target) -> None:
    run = Run(target, "ramp")
    strategy = run.limits.strategy
    assert isinstance(strategy, Ramp)
    with torch.no_grad():
        strategy._alpha.fill_(0.1)
    kept = strategy.chosen(5, {})
    assert all(alive.tolist() == [False] * (len(alive) - 1) + [True] for alive in kept.values())


def test_soft_widths_are_priced_where_asked(target: Target) -> None:
    soft, discrete = Run(target, "ramp-soft").limits.strategy, Run(target, "ramp").limits.strategy
    for strategy in (soft, discrete):
        with torch.no_grad():
            strategy._alpha.fill_(0.75)
    assert soft._widths().tolist() == [0.75 * group.size for group in soft.costs.space.free]
    assert discrete._widths().tolist() == [group.size for group in soft.costs.space.free]


def test_the_penalty_pulls_the_strengths_down(target: Target) -> None:
    run = Run(target, "ramp")
    strategy = run.limits.strategy
    for _ in range(5):
        (0.0 * run.model(example(Residual, 2)).sum() + run.limits.loss()).backward()
        run.limits.step()
    assert (strategy._alpha < 1).all()


def test_prices_rise_while_a_limit_is_passed_and_fall_while_it_is_not(target: Target) -> None:
    run = Run(target, "dual", (0.3, 5.0, 5.0))
    strategy = run.limits.strategy
    assert isinstance(strategy, DualPrices)
    saliency = {group.name: np.ones(group.size) for group in run.space.free}
    strategy.chosen(20, saliency)
    flash = run.limits.costs.seed.cost.flash_bytes
    used = flash / strategy.limits(20)["flash_bytes"]
    assert strategy.state()["prices"]["flash_bytes"] == pytest.approx(0.1 * np.exp(2 * (used - 1)))
    assert strategy.state()["prices"]["latency_s"] == pytest.approx(0.1 * np.exp(2 * (0.2 - 1)))


def test_a_channel_lives_if_it_is_worth_its_price(target: Target) -> None:
    run = Run(target, "dual", (0.3, 5.0, 5.0))
    strategy = run.limits.strategy
    saliency = {group.name: np.linspace(0, 1, group.size) for group in run.space.free}
    strategy._prices = {"flash_bytes": 1e6, "latency_s": 1e-6, "ram_bytes": 1e-6}
    kept = strategy.chosen(20, saliency)
    assert all(alive.sum() == 1 and alive[-1] for alive in kept.values())
    strategy._prices = dict.fromkeys(strategy._prices, 1e-6)
    kept = strategy.chosen(20, saliency)
    assert all(alive.tolist() == [False] + [True] * (len(alive) - 1) for alive in kept.values())
