"""A short search over one network of the zoo, and everything that must hold of what it exports."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hwcost import Budget, Target, nas
from hwcost.checking import Report
from hwcost.cost import Cost
from hwcost.nas.costs import Costs
from hwcost.nas.delivery import delivered
from hwcost.nas.trial import difference
from tests.nas.zoo import NETWORKS

STEPS = 30
BATCH = 4
DEVICE, RUNTIME = "stm32l4r5", "tflm-cmsis-nn"
RUNTIMES = {"Mixer": "hwcost-c"}
"""Where another one is needed: of the runtimes described, one has an int8 kernel for a GELU."""
SHARE = 0.5
SHARES = {"ShuffleNetV2": 0.6, "ResNeXt": 0.6, "Mixer": 0.6, "Autoencoder": 0.6}
"""The share that is left, where parts that stay as they are put half out of reach."""
EXACT = 1e-12


@dataclass(frozen=True)
class Searched:
    """A network that was searched: its space, what was exported, how far their answers differ, and the verdict on the file."""

    space: nas.Space
    small: nn.Module
    difference: float
    report: Report

    @property
    def is_exact(self) -> bool:
        """Whether it computes the same and meets every limit of at least two, with fewer parameters than it started with."""
        before, after = (sum(p.numel() for p in part.parameters()) for part in (self.space.module, self.small))
        return self.difference <= EXACT and self.report.verdict == "fits" and len(self.report.usage) > 1 and after < before


def searched(name: str, folder: Path) -> Searched:
    """Search a network for some steps on noise, export it and check the file, whose count must agree with the module's.

    Raises what the search raises for a network that it refuses.
    """
    kind, shape = NETWORKS[name]
    torch.manual_seed(0)
    model, example = kind(), torch.zeros(1, *shape)
    space = nas.prunable(model, example)
    target = Target.load(DEVICE, runtime=RUNTIMES.get(name, RUNTIME))
    budget = _share_of(Costs(space, target, Budget()).seed.cost, SHARES.get(name, SHARE))
    limits = nas.Limits(space, target, budget, steps=STEPS)
    _train(model, limits, shape)
    small = limits.export().eval()
    answers = [_answer(part, shape) for part in (model, small)]
    return Searched(space, small, difference(answers[1:], answers[:1]), delivered(small, example, limits, folder))


def _share_of(seed: Cost, share: float) -> Budget:
    """A share of its own bytes and of its latency; of its bytes alone where the runtime has no latency figure for one of its layers."""
    own = seed.flash.network_bytes
    latency_s = None if seed.latency_s is None else share * seed.latency_s
    return Budget(flash_bytes=seed.flash_bytes - own + int(share * own), latency_s=latency_s)


def _train(model: nn.Module, limits: nas.Limits, shape: tuple[int, ...]) -> None:
    random = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    model.train()
    for _ in range(STEPS):
        out = model(torch.randn(BATCH, *shape, generator=random))
        loss = nn.functional.mse_loss(out, torch.randn(out.shape, generator=random)) + limits.loss()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        limits.step()


def _answer(module: nn.Module, shape: tuple[int, ...]) -> torch.Tensor:
    inputs = torch.randn(3, *shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with torch.no_grad():
        out: torch.Tensor = copy.deepcopy(module).double().eval()(inputs)
    return out
