"""The penalty on its own: the judgement of a budget at relaxed figures, with gradients to the masks."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost import Budget, Target, nas
from hwcost.errors import InputError, NotDifferentiableError
from hwcost.latency import AnalyticModel, Basis
from hwcost.nas.costs import Costs
from tests.nas.choosing import INPUT, Chosen
from tests.nas.networks import Residual, example
from tests.nas.test_relaxation import Trees

shares = st.floats(0.3, 1.3)


@cache
def searched() -> tuple[nas.Space, Target]:
    return nas.prunable(Residual(), example(Residual)), Target.load("stm32l4r5")


def budget_of(flash: float, latency: float, ram: float) -> Budget:
    space, target = searched()
    cost = Costs(space, target, Budget()).seed.cost
    return Budget(
        flash_bytes=cost.flash_bytes - int((1 - flash) * cost.flash.network_bytes),
        latency_s=latency * cost.latency_s,
        ram_bytes=cost.ram_bytes - int((1 - ram) * cost.ram.arena_bytes),
    )


@settings(max_examples=25, deadline=None)
@given(flash=shares, latency=shares, ram=shares, alive=st.floats(0.1, 1.0))
def test_it_is_zero_exactly_where_every_limit_holds(flash: float, latency: float, ram: float, alive: float) -> None:
    space, target = searched()
    loss = nas.BudgetLoss(space, target, budget_of(flash, latency, ram))
    masks = {group.name: torch.full((group.size,), alive) for group in space.free}
    penalty, usage = float(loss(masks)), loss.usage(masks)
    assert (penalty == 0) == bool((usage <= 1).all())
    assert penalty == pytest.approx(float(torch.relu(usage - 1).sum()), abs=1e-6)


@pytest.mark.parametrize("shares_of_seed", [(0.5, 0.6, 5.0), (1.1, 0.9, 5.0), (2.0, 2.0, 5.0)])
def test_at_whole_widths_it_judges_as_the_budget_does(shares_of_seed: tuple[float, float, float]) -> None:
    space, target = searched()
    budget = budget_of(*shares_of_seed)
    cost = Costs(space, target, budget).quick(np.array([[group.size for group in space.free]]))
    priced = SimpleNamespace(latency_s=cost.latency_s[0], ram_bytes=cost.ram_bytes[0], flash_bytes=cost.flash_bytes[0], absent={})
    assert float(nas.BudgetLoss(space, target, budget)().detach()) == pytest.approx(float(budget.penalty(priced)), rel=1e-6)


def test_the_gradient_reaches_the_masks_in_the_module_and_those_given() -> None:
    space, target = searched()
    loss = nas.BudgetLoss(space, target, budget_of(0.5, 0.5, 0.8))
    loss().backward()
    found = {name: mask.leaf.grad for name, mask in space.masks.items()}
    for mask in space.masks.values():
        mask.leaf.grad = None
    assert all((gradient > 0).all() for gradient in found.values())
    own = {name: torch.ones(len(mask.leaf), requires_grad=True) for name, mask in space.masks.items()}
    loss(own).backward()
    assert all(torch.allclose(values.grad, found[name]) for name, values in own.items())


def test_soft_masks_can_take_the_place_of_ones_and_zeros() -> None:
    model = Residual().eval()
    space = nas.prunable(model, example(Residual))
    loss = nas.BudgetLoss(space, searched()[1], budget_of(0.5, 0.5, 0.8))
    alpha = torch.full_like(space.masks["stem"].leaf, 0.5, requires_grad=True)
    whole = model(example(Residual))
    assert float(loss().detach()) > 0
    before = float(loss().detach())
    space.masks["stem"].soft = alpha.abs()
    assert float(loss().detach()) < before
    out = model(example(Residual))
    assert not torch.allclose(out, whole)
    (out.sum() + loss()).backward()
    assert alpha.grad is not None
    assert (alpha.grad != 0).all()


def test_a_model_without_gradients_is_refused() -> None:
    space, target = searched()
    basis = Basis("fitted", "measured", "trees")
    trees = Trees("trees", target.runtime.reference, target.core.name, basis)
    with pytest.raises(NotDifferentiableError, match="'trees' has no gradient"):
        nas.BudgetLoss(space, target, Budget(latency_s=1.0), latency_model=trees)
    nas.BudgetLoss(space, target, Budget(flash_bytes=100_000), latency_model=trees)
    part = AnalyticModel.of(target.runtime, target.core.name)
    whole = Trees("trees", target.runtime.reference, target.core.name, basis, part)
    loss = nas.BudgetLoss(space, target, budget_of(1, 0.5, 1), latency_model=whole)
    assert loss.usage().tolist() == nas.BudgetLoss(space, target, budget_of(1, 0.5, 1)).usage().tolist()


def test_masks_that_fit_no_group_are_refused() -> None:
    module = Residual()
    space = nas.prunable(module, example(Residual))
    over = nas.BudgetLoss(space, Target.load("stm32l4r5"), Budget(flash_bytes=10**6))
    name = space.free[0].name
    for masks, fault in (
        ({"nonsense": torch.ones(3)}, "there is no group 'nonsense'"),
        ({name: torch.ones(3)}, "channels, got values of shape"),
        ({name: -torch.ones(space.free[0].size)}, "got a negative one"),
    ):
        with pytest.raises(InputError, match=fault):
            over(masks)


def test_a_module_of_half_precision_runs_under_search() -> None:
    module = Residual()
    nas.prunable(module, example(Residual))
    module.bfloat16().train()
    assert module(example(Residual, 2).bfloat16()).dtype == torch.bfloat16


def test_masks_of_your_own_are_not_exported_as_if_they_were_not_there() -> None:
    space = nas.prunable(Residual(), example(Residual))
    mask = space.masks[space.free[0].name]
    mask.soft = torch.full((len(mask.leaf),), 0.5)
    with pytest.raises(InputError, match="masks of your own are set"):
        space.export()


def test_what_is_chosen_for_good_is_priced_alone() -> None:
    space = nas.prunable(Chosen(), torch.zeros(INPUT))
    target = Target.load("stm32l4r5")
    taken = Costs(space, target, Budget()).on((3, 1, 1)).seed.cost
    over = nas.BudgetLoss(space, target, Budget(latency_s=taken.latency_s * 1.0001))
    assert over().item() > 0
    space.choose((3, 1, 1))
    assert over().item() == 0
