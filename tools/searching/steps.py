"""What a search adds to a training step, and how long the parts take that it adds."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from hwcost import Budget, Target, nas
from hwcost.nas.costs import Costs
from hwcost.nas.landing import projected
from hwcost.nas.shares import SharedBudget
from hwcost.nas.supernets import supernet
from searching.landings import DEVICE, RUNTIME
from searching.networks import HALF, Network

BATCH = 32
BLOCK = 10
"""Steps that are timed together: a search projects once in ten."""

Step = Callable[[], None]


@dataclass(frozen=True)
class Ratio:
    """Time of one kind of step over that of another, by blocks: the median of the ratios, and the ratio of the fastest blocks."""

    median: float
    of_minima: float
    plain_ms: float


def width_overhead(network: Network, rounds: int) -> Ratio:
    """A training step under four limits over the plain step of the same network, projections included."""
    model = network.make()
    plain = copy.deepcopy(model)
    space = nas.prunable(model, network.example_input())
    limits = nas.Limits(space, target(), four_limits(space), steps=(rounds + 1) * BLOCK)
    batch = noise(network, BATCH)
    return compared(_step(plain, batch, None), _step(model, batch, limits), rounds)


def choice_overhead(network: Network, rounds: int) -> Ratio:
    """A training step of the published alternatives for every block, two of them drawn by a step, over the plain step of `network`.

    Widths are searched with them, under the same four limits.
    """
    choices = supernet("resnet8-choice", network.shape, classes=10)
    space = nas.prunable(choices, network.example_input())
    limits = nas.Limits(space, target(), four_limits(space), steps=(rounds + 1) * BLOCK)
    batch = noise(network, BATCH)
    return compared(_step(network.make(), batch, None), _step(choices, batch, limits), rounds)


def compared(plain: Step, other: Step, rounds: int) -> Ratio:
    """Blocks of steps of both kinds, one of each in turn, so that both see the same moments; a first block does not count."""
    blocks = [_block_s(plain, other) for _ in range(rounds + 1)][1:]
    ratios = [slow / quick for quick, slow in blocks]
    fastest = min(slow for _, slow in blocks) / min(quick for quick, _ in blocks)
    return Ratio(statistics.median(ratios), fastest, statistics.median(quick for quick, _ in blocks) / BLOCK * 1e3)


def _block_s(plain: Step, other: Step) -> tuple[float, float]:
    """Seconds of a block of each."""
    spent = [0.0, 0.0]
    for _ in range(BLOCK):
        for kind, step in enumerate((plain, other)):
            start = time.process_time()
            step()
            spent[kind] += time.process_time() - start
    return spent[0], spent[1]


def _step(model: nn.Module, batch: tuple[torch.Tensor, torch.Tensor], limits: nas.Limits | None) -> Step:
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    model.train()

    def step() -> None:
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        if limits is not None:
            loss = loss + limits.loss()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if limits is not None:
            limits.step()

    return step


def projection_ms(network: Network, repeats: int) -> float:
    """Median milliseconds of choosing channels anew under four limits, saliencies as far apart as those of a network in training."""
    space = nas.prunable(network.make(), network.example_input())
    costs = Costs(space, target(), four_limits(space))
    random = np.random.default_rng(0)
    seconds = []
    for _ in range(repeats):
        saliency = {group.name: random.lognormal(sigma=2, size=group.size) for group in space.free}
        start = time.process_time()
        projected(costs, saliency, costs.limits)
        seconds.append(time.process_time() - start)
    return statistics.median(seconds) * 1e3


def loss_ms(network: Network, repeats: int) -> tuple[float, float]:
    """Median milliseconds of the loss of four limits, and with its gradient, at other soft masks every time, so that nothing is kept."""
    space = nas.prunable(network.make(), network.example_input())
    loss = nas.BudgetLoss(space, target(), four_limits(space))
    alone, both = [], []
    for turn in range(repeats):
        masks = {group.name: torch.full((group.size,), 0.99 - 0.3 * turn / repeats, requires_grad=True) for group in space.free}
        start = time.process_time()
        penalty = loss(masks)
        alone.append(time.process_time() - start)
        penalty.backward()
        both.append(time.process_time() - start)
    return statistics.median(alone) * 1e3, statistics.median(both) * 1e3


def four_limits(space: nas.Space) -> Budget:
    """About half of all four metrics."""
    return SharedBudget.from_table(HALF, "limits").of(Costs(space, target(), Budget()).seed.cost)


def target() -> Target:
    """The device and the runtime that everything here is priced for."""
    return Target.load(DEVICE, runtime=RUNTIME)


def noise(network: Network, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of noise and its labels, the same every time."""
    random = torch.Generator().manual_seed(0)
    return torch.randn(batch, *network.shape, generator=random), torch.randint(0, 2, (batch,), generator=random)
