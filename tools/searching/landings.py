"""Short searches on noise, and how much of each limit the exported file uses: no accuracy is at stake, only where a search lands."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hwcost import Target, check, nas
from hwcost.checking import Report
from hwcost.cost import Cost
from hwcost.errors import HwcostError
from hwcost.nas.delivery import ONNX, delivered
from hwcost.nas.shares import SharedBudget
from searching.networks import NETWORKS, Limits
from searching.usage import own_usage

STEPS = 60
BATCH = 8
CLASSES = 2
DEVICE, RUNTIME = "stm32l4r5", "tflm-cmsis-nn"


@dataclass(frozen=True)
class Run:
    """One search: a network by its index, the limits, the seed of weights and noise."""

    network: int
    limits: Limits
    seed: int

    def __str__(self) -> str:
        limits = ", ".join(f"{key.removeprefix('max_')} {share}" for key, share in self.limits.items())
        return f"{NETWORKS[self.network].name}, seed {self.seed}: {limits}"


@dataclass(frozen=True)
class Landing:
    """Where a search landed: whether check says of the file that it meets every limit, and the share used of the fullest one."""

    run: Run
    meets: bool
    used: float
    said: str = ""


def runs(seeds: int) -> list[Run]:
    """Every network under every budget: with each of five seeds, or each pair with one of them in turn."""
    pairs = [(index, limits) for index, network in enumerate(NETWORKS) for limits in network.budgets()]
    if seeds == 1:
        return [Run(index, limits, number % 5) for number, (index, limits) in enumerate(pairs)]
    return [Run(index, limits, seed) for index, limits in pairs for seed in range(seeds)]


def landed(run: Run) -> Landing:
    """The outcome of a run; a search that fails has met nothing."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            report, seed = _searched(run, Path(folder))
    except HwcostError as error:
        return Landing(run, meets=False, used=0.0, said=str(error))
    used = own_usage(report.cost, seed, report.budget, run.limits)
    return Landing(run, report.verdict == "fits", max(used.values()))


def _searched(run: Run, folder: Path) -> tuple[Report, Cost]:
    """The verdict of check on the file, against a budget that is made without the search, and what the seed takes."""
    network = NETWORKS[run.network]
    torch.manual_seed(run.seed)
    model, example = network.make(), network.example_input()
    target = Target.load(DEVICE, runtime=RUNTIME)
    seed = check(model, target, example_input=example).cost
    budget = SharedBudget.from_table(run.limits, "limits").of(seed)
    space = nas.prunable(model, example)
    limits = nas.Limits(space, target, budget, steps=STEPS)
    _train(model, limits, network.shape, run.seed)
    delivered(limits.export(), example, limits, folder)
    return check(folder / ONNX, target, budget), seed


def _train(model: nn.Module, limits: nas.Limits, shape: tuple[int, ...], seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    model.train()
    for _ in range(STEPS):
        x, y = torch.randn(BATCH, *shape, generator=random), torch.randint(0, CLASSES, (BATCH,), generator=random)
        loss = nn.functional.cross_entropy(model(x), y) + limits.loss()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        limits.step()
