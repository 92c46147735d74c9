"""The networks that searches are measured on, and the budgets they are searched under."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from hwcost.tasks import DSCNN, MobileNetV1, ResNet8

Limits = Mapping[str, str]
"""Limits as a configuration writes them: "12.5%" of own bytes, arena, latency or energy."""

LOOSE: Limits = {"max_flash": "75%", "max_latency": "75%"}
HALF: Limits = {"max_flash": "50%", "max_latency": "50%", "max_ram": "70%", "max_energy": "55%"}
TIGHT: Limits = {"max_flash": "25%", "max_latency": "30%", "max_ram": "50%"}
EIGHTH: Limits = {"max_flash": "12.5%", "max_latency": "12.5%"}
BUDGETS: tuple[Limits, ...] = (LOOSE, HALF, TIGHT, EIGHTH)

HEADLINE: Limits = {"max_flash": "12.6%", "max_latency": "45.8%"}
"""What the paper keeps at its headline cut: 87.4 % less bytes, 54.2 % less latency."""
WITH_RAM: Limits = {**HEADLINE, "max_ram": "35%"}


@dataclass(frozen=True)
class Network:
    """A network that makes logits, the shape of its input, and limits instead of those of `BUDGETS` that no widths of it meet."""

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    instead: Mapping[str, str]

    def budgets(self) -> list[Limits]:
        """The budgets it is searched under, loosest first; the last one alone has limits that some networks cannot meet."""
        return [*BUDGETS[:-1], {**EIGHTH, **self.instead}]

    def example_input(self) -> torch.Tensor:
        """One input."""
        return torch.zeros(1, *self.shape)


def logits(network: nn.Module, pool: int | None = None) -> nn.Module:
    """A reference network without its softmax, its last pooling made for another size of input."""
    network.softmax = nn.Identity()
    if pool is not None:
        network.pool = nn.AvgPool2d(pool)
    return network


NETWORKS = (
    Network("ResNet-8 32x32", lambda: logits(ResNet8()), (3, 32, 32), {}),
    Network("DS-CNN", lambda: logits(DSCNN()), (1, 49, 10), {}),
    Network("MobileNetV1-0.25 64x64", lambda: logits(MobileNetV1(), pool=2), (3, 64, 64), {"max_latency": "20%"}),
)
