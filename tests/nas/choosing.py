"""Networks with choices, small enough to try every selection."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import nn

from hwcost import nas


def conv(channels_in: int, channels: int, kernel: int, *, groups: int = 1, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(channels)
    )


def separable(channels_in: int, channels: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(conv(channels_in, channels_in, 3, groups=channels_in, stride=stride), nn.ReLU(), conv(channels_in, channels, 1))


class Chosen(nn.Module):
    """A choice with an identity in it, a strided one of two, and a residual sum over a third."""

    def __init__(self, mode: str = "softmax") -> None:
        super().__init__()
        self.stem = conv(1, 8, 3)
        self.one = nas.Choice(conv(8, 8, 3), conv(8, 8, 5), separable(8, 8), nn.Identity(), mode=mode, names=("3x3", "5x5", "sep", "skip"))
        self.two = nas.Choice(conv(8, 12, 3, stride=2), separable(8, 12, stride=2), mode=mode)
        self.three = nn.Sequential(nas.Choice(conv(12, 12, 3), nn.Identity(), conv(12, 12, 1), mode=mode), nn.ReLU())
        self.fc = nn.Linear(12, 4)

    def forward(self, x):
        x = F.relu(self.one(F.relu(self.stem(x))))
        x = F.relu(self.two(x))
        return self.fc((x + self.three(x)).mean((2, 3)))


INPUT = (1, 1, 8, 8)
SELECTIONS = [(a, b, c) for a in range(4) for b in range(2) for c in range(3)]
