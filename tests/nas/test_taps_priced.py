"""What fewer taps cost, and searches that land with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import nn

from hwcost import Budget, Target, nas
from hwcost.budget import METRICS
from hwcost.checking import check
from hwcost.cost import estimate
from hwcost.frontends.from_torch import from_torch
from hwcost.nas.costs import Costs
from hwcost.nas.landing import ladders
from hwcost.nas.shares import SharedBudget
from hwcost.tasks import reference_network
from tests.nas.networks import trained
from tests.nas.temporal import Head, Temporal, causal, keep_some, require_equal

TARGET = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")


def test_kernels_inside_a_choice_are_searched_with_it() -> None:
    block = nas.Choice(causal(4, 4, 9), nn.Conv1d(4, 4, 5, padding=2), nn.Identity())
    model, x = trained(Head(nn.Conv1d(3, 4, 1), block, width=4)), torch.randn(2, 3, 24)
    space = nas.prunable(model, x[:1])
    costs, rng = priced(space, TARGET), np.random.default_rng(3)
    for selection in ((0,), (1,), (2,)):
        space.choose(selection)
        keep_some(space, rng)
        small = space.export()
        require_equal(model, small, x)
        there = costs.on(selection)
        cost, again = there.exact(space.widths, space.kept).cost, estimate(from_torch(small, x[:1]).as_int8(), TARGET)
        assert all(getattr(cost, metric) == getattr(again, metric) for metric in METRICS)
        row = np.array([space.widths[group.name] for group in space.free])
        assert there.quick(row).flash_bytes == cost.flash_bytes
        assert len(there.runnable) == (selection != (2,))


def priced(space: nas.Space, target: Target) -> Costs:
    return Costs(space, target, Budget())


@pytest.mark.parametrize("device", ["stm32l4r5", "rp2040", "esp32s3-n16r8", "esp32c3"])
@pytest.mark.parametrize("make", [lambda: reference_network("tcn"), Temporal], ids=["tcn", "Temporal"])
def test_compiled_and_walked_cost_of_taps_agree(device: str, make: Any) -> None:
    target, model = Target.load(device), make()
    x = torch.zeros(1, 3, 40) if isinstance(model, Temporal) else model.example_input()
    costs = priced(nas.prunable(model, x), target)
    rng = np.random.default_rng(5)
    rows = np.array([[rng.choice(group.widths) for group in costs.space.free] for _ in range(3)])
    quick = costs.quick(rows)
    for index, row in enumerate(rows):
        cost = costs.exact(costs.named(row)).cost
        assert quick.flash_bytes[index] == cost.flash_bytes
        assert quick.ram_bytes[index] <= cost.ram_bytes
        one = costs.quick(row)
        assert one.step_bytes.tolist() == quick.step_bytes[index].tolist()
        if cost.latency_s is not None:
            assert quick.latency_s[index] == pytest.approx(cost.latency_s, rel=1e-12)


def test_figures_between_two_numbers_of_taps_are_between_theirs() -> None:
    space = nas.prunable(Head(nn.Conv1d(3, 8, 9, padding=4), nn.ReLU(), width=8), torch.zeros(1, 3, 32))
    costs = priced(space, TARGET)
    at = {name: index for index, name in enumerate(group.name for group in space.free)}["layers.0.kernel"]
    relaxed = Costs(space, TARGET, Budget(latency_s=1.0, flash_bytes=10**6)).relaxed

    def usage(taps: float) -> torch.Tensor:
        widths = torch.tensor([group.size for group in space.free], dtype=torch.float64)
        widths[at] = taps
        return relaxed.usage(widths)

    low, middle, high = (usage(taps) for taps in (5.0, 6.0, 7.0))
    assert torch.allclose((low + high) / 2, middle, rtol=1e-9)
    assert bool((low <= high).all())
    row = np.array([[group.size for group in space.free]])
    row[0, at] = 7
    flash = costs.quick(row).flash_bytes[0] / 10**6
    assert any(float(part) == pytest.approx(flash, rel=1e-12) for part in high)


def test_patterns_that_a_runtime_lacks_are_not_taken() -> None:
    model = Head(nn.Conv1d(4, 8, 9, padding=4), nn.ReLU(), width=8)
    space = nas.prunable(model, torch.zeros(1, 4, 32), granularity=64)
    costs = Costs(space, Target.load("gap8", runtime="pulp-nn"), Budget())
    (runs,) = costs.runnable.values()
    assert [taps.count for taps in runs.patterns] == [1, 3, 5, 7, 9]  # this runtime has no dilated kernel
    assert {count: taps.count for count, taps in runs.priced.patterns.items()} == {1: 1, 2: 3, 3: 3, 4: 5, 5: 5, 7: 7, 9: 9}
    for seed in range(3):
        worth = {"layers.0.kernel": np.random.default_rng(seed).random(9)}
        (ladder,) = ladders(costs, worth)
        assert set(ladder.widths.tolist()) <= {1, 3, 5, 7, 9}


def searched(model: nn.Module, shape: tuple[int, ...], shares: Mapping[str, str], strategy: str, **options: Any) -> tuple[Any, nas.Limits]:
    """Thirty steps on noise under shares of the seed's cost; the exported module and the limits."""
    example = torch.zeros(1, *shape)
    space = nas.prunable(model, example, **options)
    budget = SharedBudget.from_table(dict(shares), "test").of(priced(space, TARGET).seed.cost)
    steps = 30
    limits = nas.Limits(space, TARGET, budget, steps=steps, strategy=strategy)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(steps):
        x = torch.randn(8, *shape)
        loss = F.cross_entropy(model(x), (x[:, 0, -1] > 0).long()) + limits.loss()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        limits.step()
    return limits.export(), limits


@pytest.mark.parametrize("strategy", ["projection", "ramp", "dual"])
def test_channels_and_taps_land_together_within_every_limit(strategy: str) -> None:
    model, shares = reference_network("tcn"), {"max_flash": "25%", "max_latency": "25%", "max_ram": "60%"}
    small, limits = searched(model, (9, 128), shares, strategy)
    report = check(small, TARGET, example_input=model.example_input(), budget=limits.costs.budget)
    assert report.verdict == "fits"
    assert report.cost == limits.report().cost
    assert max(report.usage.values()) > 0.97
    require_equal(model, small, torch.randn(2, 9, 128))


def test_taps_alone_can_bring_a_network_within_its_limits() -> None:
    torch.manual_seed(0)
    model = Head(causal(4, 8, 9), causal(8, 8, 9), width=8)
    small, limits = searched(model, (4, 64), {"max_latency": "50%", "max_flash": "50%"}, "projection", granularity=64)
    assert {group.name for group in limits.space.free} == {"layers.0.1.kernel", "layers.1.1.kernel"}
    kernels = [layer[1].kernel_size[0] for layer in small.layers]
    assert sum(kernels) < 18
    assert kernels == list(limits.space.widths.values())
    assert [layer[1].weight.shape[2] for layer in small.layers] == kernels
    assert check(small, TARGET, example_input=torch.zeros(1, 4, 64), budget=limits.costs.budget).verdict == "fits"


def test_a_priced_network_is_the_exported_one() -> None:
    model = reference_network("tcn")
    space = nas.prunable(model, model.example_input())
    keep_some(space, np.random.default_rng(2))
    report = priced(space, TARGET).exact(space.widths, space.kept)
    again = estimate(from_torch(space.export(), model.example_input()).as_int8(), TARGET)
    assert again == report.cost
