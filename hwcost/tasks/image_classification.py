"""Image classification on 32x32 colour images, ten classes (CIFAR-10)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hwcost.errors import InputError
from hwcost.tasks.folders import Archive, FolderTask, bytes_of, require_inside, shuffled
from hwcost.tasks.images import moved_and_mirrored, normalised
from hwcost.tasks.layers import conv_bn, conv_bn_relu, half
from hwcost.tasks.published import PublishedSchedule
from hwcost.tasks.registry import ReferenceNetwork, register
from hwcost.tasks.task import Examples, Splits, task

RECORD_BYTES = 1 + 3 * 32 * 32
"""A label, then the red, green and blue pixels of an image, row by row."""
MOST_RECORDS = 10_000
MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
"""Of the 50,000 training images, red, green and blue."""


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the input; a stride-2 block halves it by a 1x1 convolution, which has a bias and no batch norm."""

    def __init__(self, in_channels: int, out_channels: int, *, size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv_bn_relu(in_channels, out_channels, 3, size=size, stride=stride)
        self.conv2 = conv_bn(out_channels, out_channels, 3, size=half(size) if stride == 2 else size)
        self.skip = nn.Identity() if stride == 1 else nn.Conv2d(in_channels, out_channels, 1, stride=stride)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of both ways, rectified."""
        out: torch.Tensor = self.relu(self.skip(x) + self.conv2(self.conv1(x)))
        return out


@register("resnet8")
class ResNet8(ReferenceNetwork):
    """ResNet-8 of MLPerf Tiny: 12,501,632 MACs, 77,706 parameters once batch norm is folded.

    ======= ============================================== ==========
    layer   what                                           output
    ======= ============================================== ==========
    stem    conv 3x3, batch norm, ReLU                     16 x 32x32
    block1  conv 3x3, conv 3x3, plus its input             16 x 32x32
    block2  conv 3x3 / 2, conv 3x3, plus conv 1x1 / 2      32 x 16x16
    block3  conv 3x3 / 2, conv 3x3, plus conv 1x1 / 2      64 x 8x8
    pool    average over 8x8                               64
    fc      dense, softmax                                 10
    ======= ============================================== ==========

    Padding is TensorFlow's "same": where it is odd, the extra element stands at the end.
    Source: mlcommons/tiny, benchmark/training/image_classification.
    """

    def __init__(self, classes: int = 10, *, channels: int = 3, size: int = 32) -> None:
        super().__init__()
        self.stem = conv_bn_relu(channels, 16, 3, size=size)
        self.block1 = ResidualBlock(16, 16, size=size)
        self.block2 = ResidualBlock(16, 32, size=size, stride=2)
        self.block3 = ResidualBlock(32, 64, size=size // 2, stride=2)
        self.pool = nn.AvgPool2d(size // 4)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(64, classes)
        self.softmax: nn.Module = nn.Softmax(dim=-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class probabilities `(batch, classes)` of images `(batch, channels, size, size)`."""
        x = self.block3(self.block2(self.block1(self.stem(x))))
        out: torch.Tensor = self.softmax(self.fc(self.flatten(self.pool(x))))
        return out

    @staticmethod
    def example_input() -> torch.Tensor:
        """One colour image of 32x32."""
        return torch.zeros(1, 3, 32, 32)


@task("cifar10")
class Cifar10(FolderTask):
    """CIFAR-10: 60,000 colour photographs of 32x32 pixels in ten classes; 40,000 to train on, 10,000 to choose by, 10,000 to report.

    The network is ResNet-8, giving logits. The five training files are shuffled, always in the same way, and a fifth of them kept for
    validation, as published; test_batch.bin is the test. In training, images are moved by up to four pixels and mirrored.
    Images are held as bytes: 184 MB. Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """

    published = PublishedSchedule(
        500, 500, 500, 32, "Adam; SGD at 0.1 in the warm-up", 1e-3, "x 0.99 an epoch; a cosine in the warm-up", 1e-4
    )
    archive = Archive(
        title="CIFAR-10, the binary version",
        file="cifar-10-binary.tar.gz",
        size="162 MB",
        page="https://www.cs.toronto.edu/~kriz/cifar.html",
        folder="cifar-10-batches-bin",
        contents=(*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin", "batches.meta.txt"),
    )

    def network(self) -> nn.Module:
        """ResNet-8 without its softmax."""
        network = ResNet8()
        network.softmax = nn.Identity()
        return network

    def example_input(self) -> torch.Tensor:
        """One image."""
        return ResNet8.example_input()

    def splits(self) -> Splits:
        """The three parts; raises InputError for files that are missing or cut off."""
        folder = self.folder()
        *training, test = (_records(folder / name, folder) for name in self.archive.contents[:6])
        records = np.concatenate(training)
        order = shuffled(len(records))
        kept = len(order) // 5
        return Splits(_examples(records[order[kept:]]), _examples(records[order[:kept]]), _examples(test))

    def augmented(self, inputs: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """Moved and mirrored."""
        return moved_and_mirrored(inputs, random, most=4)

    def prepared(self, inputs: torch.Tensor) -> torch.Tensor:
        """Normalised."""
        return normalised(inputs, MEAN, DEVIATION)


def _records(path: Path, folder: Path) -> Any:
    """The records of a file as rows of bytes."""
    require_inside(path, folder)
    data = bytes_of(path, RECORD_BYTES * MOST_RECORDS)
    if not data or len(data) % RECORD_BYTES:
        raise InputError(f"{path}: expected whole records of {RECORD_BYTES:,} bytes, at least one, got {len(data):,} bytes")
    records = np.frombuffer(data, dtype=np.uint8).reshape(-1, RECORD_BYTES)
    if records[:, 0].max() > 9:
        first = int(np.argmax(records[:, 0] > 9))
        raise InputError(f"{path}: expected labels from 0 to 9, got {records[first, 0]} in record {first}")
    return records


def _examples(records: Any) -> Examples:
    images = np.ascontiguousarray(records[:, 1:]).reshape(-1, 3, 32, 32)
    return Examples(torch.from_numpy(images), torch.from_numpy(records[:, 0].astype(np.int64)))
