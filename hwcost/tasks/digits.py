"""Handwritten digits that come with scikit-learn, made harder by noise: a task that needs no download."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from hwcost.errors import InputError
from hwcost.tasks.image_classification import ResNet8
from hwcost.tasks.task import Examples, Splits, Task, task

NOISE = 0.45
"""Standard deviation of the fixed noise, on pixels from 0 to 1: without it every sensible network is right 99 times in 100."""
TRAINING_NOISE = 0.15
MEAN, DEVIATION = 0.3, 0.5
"""What pixels are normalised by."""


@task("digits")
class Digits(Task):
    """1,797 digits of 8x8 pixels with fixed noise, doubled to 16x16: 1,077 to train on, 360 to choose by, 360 to report.

    The split is stratified and always the same. The network is ResNet-8 without its softmax, which changes no answer. In training, noise
    is added and images are moved by up to one pixel.
    """

    size, channels = 16, 1

    def network(self) -> nn.Module:
        """ResNet-8 for this size, giving logits."""
        network = ResNet8(channels=self.channels, size=self.size)
        network.softmax = nn.Identity()
        return network

    def example_input(self) -> torch.Tensor:
        """One image."""
        return torch.zeros(1, self.channels, self.size, self.size)

    def splits(self) -> Splits:
        """The three parts; raises InputError where scikit-learn is missing."""
        images, labels = _digits()
        inputs = self._prepared(torch.from_numpy(images)[:, None])
        train, rest = _divided(np.arange(len(labels)), labels, 720)
        validation, test = _divided(rest, labels, 360)
        targets = torch.from_numpy(labels)
        return Splits(*(Examples(inputs[part], targets[part]) for part in map(torch.from_numpy, (train, validation, test))))

    def _prepared(self, images: torch.Tensor) -> torch.Tensor:
        """Enlarged, with noise in grains of half the size, normalised."""
        fixed = torch.Generator().manual_seed(0)
        wide = nn.functional.interpolate(images, size=(self.size, self.size), mode="bilinear", align_corners=False)
        grain = torch.randn(len(images), 1, self.size // 2, self.size // 2, generator=fixed)
        noisy = wide + NOISE * nn.functional.interpolate(grain, size=(self.size, self.size))
        return ((noisy - MEAN) / DEVIATION).repeat(1, self.channels, 1, 1)

    def augmented(self, inputs: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """Fresh noise, and all images of the batch moved by the same pixel."""
        noise = torch.randn(inputs.shape, generator=random).to(inputs.device)
        down, right = torch.randint(-1, 2, (2,), generator=random).tolist()
        return torch.roll(inputs + TRAINING_NOISE * noise, (down, right), (2, 3))


@task("digits-32")
class ColourDigits(Digits):
    """The same digits at the size of CIFAR images, 32x32 in three equal channels: 12.5 million MACs in the reference network."""

    size, channels = 32, 3


def _digits() -> tuple[Any, Any]:
    """Images from 0 to 1 and the digits they show."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError("the task digits needs scikit-learn, which the extra brings: pip install 'hwcost[fit]'") from None
    data = load_digits()
    return (data.images / 16).astype(np.float32), data.target.astype(np.int64)


def _divided(indices: Any, labels: Any, second: int) -> tuple[Any, Any]:
    """Indices in two parts with the same mixture of labels, `second` of them in the second part."""
    from sklearn.model_selection import train_test_split

    first, rest = train_test_split(indices, test_size=second, stratify=labels[indices], random_state=0)
    return first, rest
