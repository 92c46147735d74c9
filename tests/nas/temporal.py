"""Temporal networks as users write them, and what is asked of them after some channels and taps are gone."""

from __future__ import annotations

import copy

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import nn

from hwcost import nas
from hwcost.nas.taps import living
from hwcost.nas.trial import difference


class Chomp(nn.Module):
    """What the convolution before it has made too much at the end is cut off."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.extra = extra

    def forward(self, x):
        return x[:, :, : -self.extra].contiguous()


class Temporal(nn.Module):
    """Every way to pad: its own, `same` with an even kernel, a layer before it, none, chomped, with a stride; depthwise and in groups."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv1d(3, 8, 9, padding=4, bias=False), nn.BatchNorm1d(8)
        self.deep = nn.Conv1d(8, 8, 5, padding=4, dilation=2, groups=8)
        self.point = nn.Conv1d(8, 6, 1)
        self.even = nn.Conv1d(6, 6, 4, padding="same")
        self.pad, self.uneven = nn.ZeroPad1d((3, 2)), nn.Conv1d(6, 6, 6)
        self.grouped = nn.Conv1d(6, 6, 3, padding=1, groups=2)
        self.valid = nn.Conv1d(6, 6, 5)
        self.late, self.chomp = nn.Conv1d(6, 5, 3, padding=4, dilation=2), Chomp(4)
        self.down = nn.Conv1d(5, 5, 8, stride=4, padding=2)
        self.fc = nn.Linear(5, 3)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        x = F.relu(self.point(F.relu(x + self.deep(x))))
        x = F.relu(self.uneven(self.pad(F.relu(x + self.even(x)))))
        x = F.relu(self.valid(F.relu(self.grouped(x))))
        return self.fc(F.relu(self.down(F.relu(self.chomp(self.late(x))))).mean(-1))


def causal(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.ConstantPad1d(((kernel - 1) * dilation, 0), 0.0),
        nn.Conv1d(inputs, outputs, kernel, dilation=dilation, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
    )


class Head(nn.Module):
    """A mean over time and a classifier behind some layers."""

    def __init__(self, *layers: nn.Module, width: int, classes: int = 3) -> None:
        super().__init__()
        self.layers, self.fc = nn.Sequential(*layers), nn.Linear(width, classes)

    def forward(self, x):
        return self.fc(self.layers(x).mean(-1))


def keep_some(space: nas.Space, rng: np.random.Generator) -> None:
    """Random channels of every group, and a random pattern of every kernel."""
    for group in space.free:
        if group.kernel is None:
            kept = np.isin(np.arange(group.size), rng.permutation(group.size)[: rng.choice(group.widths)])
        else:
            kept = living(group.kernel.patterns[rng.integers(len(group.kernel.patterns))], group.size)
        space.keep({group.name: kept})


def require_equal(searched: nn.Module, small: nn.Module, x: torch.Tensor) -> None:
    with torch.no_grad():
        made = [copy.deepcopy(part).double().eval()(x.double()) for part in (small, searched)]
    assert difference(made[:1], made[1:]) < 1e-12
