"""Limits in a training loop of anybody's own: the network that comes out meets them, by the figures of check."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch
from torch import nn

from hwcost import Budget, Target, check, nas
from hwcost.errors import InputError
from hwcost.nas.costs import Costs
from hwcost.nas.trial import difference
from tests.nas.networks import INPUTS, Residual, Separable, example, share_of

STEPS = 40


@pytest.fixture(scope="module")
def target() -> Target:
    return Target.load("stm32l4r5")


def train(model: nn.Module, limits: nas.Limits, kind: type[nn.Module], steps: int) -> None:
    random = torch.Generator().manual_seed(9)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    model.train()
    for _ in range(steps):
        x, y = torch.randn(8, *INPUTS[kind], generator=random), torch.randint(0, 4, (8,), generator=random)
        loss = nn.functional.cross_entropy(model(x), y) + limits.loss()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        limits.step()


@pytest.mark.parametrize("kind", [Residual, Separable])
@pytest.mark.parametrize("shares", [(0.3, 0.8, 0.8), (1.5, 1.5, 0.6), (0.6, 2.0, 2.0)])
def test_the_exported_network_meets_every_limit_and_leaves_nothing(kind, shares, target: Target) -> None:
    model = kind()
    space = nas.prunable(model, example(kind))
    budget = share_of(space, target, *shares)
    limits = nas.Limits(space, target, budget, steps=STEPS)
    train(model, limits, kind, STEPS)
    small = limits.export()
    report = check(small, target, budget, example_input=example(kind))
    assert report.verdict == "fits"
    assert report.cost.flash_bytes == limits.report().cost.flash_bytes
    for group in space.free:  # no single channel more would fit
        widths = space.widths | {group.name: space.widths[group.name] + 1}
        assert space.widths[group.name] == group.size or limits.costs.exact(widths).verdict != "fits"
    doubles = [copy.deepcopy(part).double().eval()(example(kind, 3).double()) for part in (model, small)]
    assert difference(doubles[:1], doubles[1:]) < 1e-12


def test_a_search_can_be_cut_off_and_go_on(target: Target) -> None:
    def started() -> tuple[nn.Module, nas.Limits]:
        torch.manual_seed(1)
        model = Residual()
        space = nas.prunable(model, example(Residual))
        return model, nas.Limits(space, target, share_of(space, target, 0.4, 0.8, 0.9), steps=30)

    first, whole = started()
    optimizer = torch.optim.SGD(first.parameters(), 0.01)

    def steps(model, limits, optimizer, batches) -> None:
        for seed in batches:
            x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
            limits.step()

    steps(first, whole, optimizer, range(17))
    stored = io.BytesIO()
    torch.save({"model": first.state_dict(), "limits": whole.state_dict()}, stored)
    steps(first, whole, optimizer, range(17, 30))

    second, resumed = started()
    stored.seek(0)
    state = torch.load(stored, weights_only=True)
    second.load_state_dict(state["model"])
    resumed.load_state_dict(state["limits"])
    steps(second, resumed, torch.optim.SGD(second.parameters(), 0.01), range(17, 30))
    assert all(np.array_equal(kept, resumed.space.kept[name]) for name, kept in whole.space.kept.items())
    assert all(torch.equal(values, second.state_dict()[name]) for name, values in first.state_dict().items())


def test_limits_tighten_from_the_seed_to_the_budget(target: Target) -> None:
    space = nas.prunable(Residual(), example(Residual))
    budget = share_of(space, target, 0.5, 1.2, 0.9)
    strategy = nas.Limits(space, target, budget, steps=100).strategy
    seed = strategy.costs.seed.cost
    assert strategy.limits(0)["flash_bytes"] == seed.flash_bytes
    assert strategy.limits(40)["flash_bytes"] == pytest.approx((seed.flash_bytes * budget.flash_bytes) ** 0.5)
    assert strategy.limits(80)["flash_bytes"] == strategy.limits(100)["flash_bytes"] == budget.flash_bytes
    assert {step: strategy.limits(step)["latency_s"] for step in (0, 50, 100)} == dict.fromkeys((0, 50, 100), budget.latency_s)


def test_a_budget_out_of_reach_is_refused_at_once(target: Target) -> None:
    space = nas.prunable(Residual(), example(Residual))
    with pytest.raises(InputError, match=r"at best RAM .*, limit 1\.00 KiB .*; at its peak .* are alive"):
        nas.Limits(space, target, Budget(ram_bytes=1024), steps=10)
    with pytest.raises(InputError, match=r"2 faults:\n  at best latency .*\n  at best flash .*code takes"):
        nas.Limits(space, target, Budget(flash_bytes=1000, latency_s=1e-7), steps=10)


def test_limits_that_hold_apart_but_not_together_are_told_apart(target: Target) -> None:
    space = nas.prunable(Residual(), example(Residual), granularity=2)
    costs = Costs(space, target, Budget(latency_s=1.0))
    report = costs.exact(costs.named(np.array([group.widths[0] for group in space.free])))
    tight = Budget(latency_s=report.cost.latency_s, flash_bytes=report.cost.flash_bytes, ram_bytes=report.cost.ram_bytes)
    limits = nas.Limits(space, target, tight, steps=4)
    limits.settle()
    assert limits.report().verdict == "fits"


def test_a_limit_nobody_can_judge_is_refused(target: Target) -> None:
    space = nas.prunable(Residual(), example(Residual))
    with pytest.raises(InputError, match="energy"):
        nas.Limits(space, Target.load("rp2040"), Budget(energy_j=1.0), steps=10)


def test_a_network_without_free_groups_is_judged_as_it_is(target: Target) -> None:
    space = nas.prunable(Residual(), example(Residual), freeze=["stem", "one", "three", "four", "fc"])
    assert not space.free
    limits = nas.Limits(space, target, Budget(latency_s=1.0), steps=2)
    limits.step()
    assert sum(p.numel() for p in limits.export().parameters()) == sum(p.numel() for p in Residual().parameters())


def test_a_step_without_finite_gradients_teaches_nothing(target: Target) -> None:
    space = nas.prunable(Residual(), example(Residual))
    limits = nas.Limits(space, target, Budget(latency_s=1.0), steps=10)
    for mask in space.masks.values():
        mask.leaf.grad = torch.full_like(mask.leaf, torch.inf)
    limits.step()
    assert all((mean == 0).all() for mean in limits.saliency.arrays().values())


@pytest.mark.parametrize(("options", "said"), [({"steps": 0}, "at least 1"), ({"steps": 4, "strategy": "hope"}, "expected a strategy")])
def test_wrong_requests_are_refused(options, said: str, target: Target) -> None:
    space = nas.prunable(Residual(), example(Residual))
    with pytest.raises(InputError, match=said):
        nas.Limits(space, target, Budget(), **options)


def test_weights_that_are_not_finite_are_not_exported() -> None:
    module = Residual()
    space = nas.prunable(module, example(Residual))
    limits = nas.Limits(space, Target.load("stm32l4r5"), Budget(flash_bytes=10**6), steps=2)
    with torch.no_grad():
        next(module.parameters())[0] = float("nan")
    with pytest.raises(InputError, match="training has diverged"):
        limits.export()
