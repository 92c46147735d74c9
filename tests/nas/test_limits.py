"""Limits in a training loop of anybody's own: the network that comes out meets them, by the figures of check."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

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
    with pytest.raises(InputError, match=r"diverged after 0 steps: stem\.weight hold values that are not finite, so nothing is exported"):
        limits.export()


def test_an_early_export_says_what_was_kept_and_by_what(target: Target) -> None:
    torch.manual_seed(0)
    model = Residual().train()
    space = nas.prunable(model, example(Residual))
    limits = nas.Limits(space, target, share_of(space, target, 0.5, 2.0, 2.0), steps=100)
    limits.export()
    total, left = sum(group.size for group in space.free), sum(space.widths.values())
    (note,) = limits.notes
    assert note.startswith(
        f"exported early: {left} of {total} channels and taps stay, chosen after 0 of 100 steps by nothing but their order"
    )
    limits = nas.Limits(space, target, share_of(space, target, 0.5, 2.0, 2.0), steps=100)
    for _ in range(5):
        (model(torch.randn(4, 1, 8, 8)).square().mean() + limits.loss()).backward()
        limits.step()
    limits.export()
    assert "chosen after 5 of 100 steps by the worth that 5 steps taught; fine-tune it longer" in limits.notes[0]


def test_a_whole_search_has_no_notes_unless_steps_taught_nothing(target: Target) -> None:
    space = nas.prunable(Residual(), example(Residual))
    limits = nas.Limits(space, target, Budget(latency_s=1.0), steps=4)
    for step in range(4):
        for mask in space.masks.values():
            mask.leaf.grad = torch.full_like(mask.leaf, torch.inf if step == 1 else 1.0)
        limits.step()
    assert limits.settled
    assert limits.notes == ("1 of 4 steps had gradients that were not finite, and taught nothing of what channels are worth",)


def averaged_over_a_search(target: Target) -> tuple[nas.Limits, AveragedModel]:
    torch.manual_seed(1)
    model = Residual().train()
    space = nas.prunable(model, example(Residual))
    limits = nas.Limits(space, target, share_of(space, target, 0.5, 2.0, 2.0), steps=30)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    for _ in range(30):
        optimizer.zero_grad()
        (model(torch.randn(4, 1, 8, 8)).square().mean() + limits.loss()).backward()
        optimizer.step()
        limits.step()
        averaged.update_parameters(model)
    return limits, averaged


def test_an_average_of_the_weights_follows_the_masks_and_is_exported(target: Target) -> None:
    limits, averaged = averaged_over_a_search(target)
    x = torch.randn(3, 1, 8, 8)
    small, own = limits.export(averaged), limits.export()
    for part, searched in ((small, averaged.module), (own, limits.space.module)):
        doubles = [copy.deepcopy(each).double().eval()(x.double()) for each in (part, searched)]
        assert difference(doubles[:1], doubles[1:]) < 1e-12
    assert difference([small(x)], [own(x)]) > 1e-3
    again = limits.export(averaged.module.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(small.parameters(), again.parameters(), strict=True))
    check(small, target, example_input=example(Residual))


def test_weights_of_another_module_are_refused(target: Target) -> None:
    space = nas.prunable(Residual(), example(Residual))
    limits = nas.Limits(space, target, Budget(latency_s=1.0), steps=4)
    with pytest.raises(InputError, match=r"copy of the module under search: (?s:.*)'stem\.weight' has shape \(4, 1, 3, 3\)"):
        limits.export(Residual((4, 6, 12, 10)))
    with pytest.raises(InputError, match=r"there is no 'fc\.weight'"):
        limits.export({})


def test_a_copy_of_a_space_has_masks_of_its_own() -> None:
    space = nas.prunable(Residual(), example(Residual))
    other = copy.deepcopy(space)
    follower = copy.deepcopy(space.module)
    space.keep({"stem": np.arange(8) < 3})
    assert (space.widths["stem"], other.widths["stem"]) == (3, 8)
    x = torch.randn(2, 1, 8, 8)
    mine, copied, followed = (part.eval()(x) for part in (space.module, other.module, follower))
    assert torch.equal(mine, followed)
    assert not torch.equal(mine, copied)
    other.keep({"stem": np.arange(8) < 3})
    assert torch.equal(other.module(x), mine)
