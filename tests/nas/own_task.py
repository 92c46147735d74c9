"""A task of a user's own, and a network: what `task = "FILE.py:NAME"` and `explain FILE.py:NAME` read."""

from __future__ import annotations

import torch
from torch import nn

from hwcost.tasks import Examples, Splits, Task
from tests.nas.networks import Residual


def make_model() -> nn.Module:
    return Residual()


class Corners(Task):
    """Which corner of a small image is bright."""

    def network(self) -> nn.Module:
        return Residual()

    def example_input(self) -> torch.Tensor:
        return torch.zeros(1, 1, 8, 8)

    def splits(self) -> Splits:
        random = torch.Generator().manual_seed(2)
        labels = torch.arange(120) % 4
        images = 0.8 * torch.randn(120, 1, 8, 8, generator=random)
        for image, label in zip(images, labels.tolist(), strict=True):
            down, right = 4 * (label // 2), 4 * (label % 2)
            image[0, down : down + 4, right : right + 4] += 1
        return Splits(*(Examples(images[a:b], labels[a:b]) for a, b in ((0, 64), (64, 92), (92, 120))))


class Diverging(Corners):
    """A loss that is no number."""

    def loss(self, outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return outputs.sum() * float("nan")


NOT_A_TASK = 3
