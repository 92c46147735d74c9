"""Visual wake words: is a person in a 96x96 colour image (COCO)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from hwcost.tasks.folders import Archive, FolderTask, files_in, shuffled
from hwcost.tasks.images import moved_and_mirrored, normalised, read_jpegs
from hwcost.tasks.layers import conv_bn_relu, depthwise_separable, half
from hwcost.tasks.published import PublishedSchedule
from hwcost.tasks.registry import ReferenceNetwork, register
from hwcost.tasks.task import Examples, Splits, task

CLASSES = ("non_person", "person")
"""The folders, in the order of their labels."""

BLOCKS = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *((128, 1),) * 5, (256, 2), (256, 1))
"""Output channels and stride of the depthwise separable blocks, a quarter of MobileNetV1's width."""


@register("mobilenetv1")
class MobileNetV1(ReferenceNetwork):
    """MobileNetV1 at width 0.25 of MLPerf Tiny: 7,489,664 MACs, 210,850 parameters once batch norm is folded.

    ========= =========================================== ==========
    layer     what                                        output
    ========= =========================================== ==========
    stem      conv 3x3 / 2, batch norm, ReLU              8 x 48x48
    blocks.0  depthwise 3x3, conv 1x1, each with batch    16 x 48x48
              norm and ReLU, as all the following
    blocks.1  the depthwise with stride 2                 32 x 24x24
    blocks.2                                              32 x 24x24
    blocks.3  stride 2                                    64 x 12x12
    blocks.4                                              64 x 12x12
    blocks.5  stride 2                                    128 x 6x6
    .6 to .10 5 times                                     128 x 6x6
    blocks.11 stride 2                                    256 x 3x3
    blocks.12                                             256 x 3x3
    pool      average over 3x3                            256
    fc        dense, softmax                              2
    ========= =========================================== ==========

    Padding is TensorFlow's "same": a stride-2 layer has one element more at the end.
    Source: mlcommons/tiny, benchmark/training/visual_wake_words; Howard et al., MobileNets, 2017.
    """

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        self.stem = conv_bn_relu(3, 8, 3, size=96, stride=2)
        blocks, channels, size = [], 8, 48
        for out_channels, stride in BLOCKS:
            blocks.append(depthwise_separable(channels, out_channels, size=size, stride=stride))
            channels, size = out_channels, half(size) if stride == 2 else size
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AvgPool2d(size)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels, classes)
        self.softmax: nn.Module = nn.Softmax(dim=-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class probabilities `(batch, classes)` of images `(batch, 3, 96, 96)`."""
        out: torch.Tensor = self.softmax(self.fc(self.flatten(self.pool(self.blocks(self.stem(x))))))
        return out

    @staticmethod
    def example_input() -> torch.Tensor:
        """One colour image of 96x96."""
        return torch.zeros(1, 3, 96, 96)


@task("visual-wake-words")
class VisualWakeWords(FolderTask):
    """Visual Wake Words at 96x96, as in MLPerf Tiny: is a person in the photograph; about 110,000 of COCO.

    The network is MobileNetV1 0.25, giving logits. The archive has no test part: the first tenth of each folder by name, which MLPerf Tiny
    validates on, is the test, and a fifth of the rest, shuffled always in the same way, decides between networks, as published.
    In training, images are moved by up to five pixels and mirrored. Images are held as bytes: 3 GB.
    Source: Chowdhery et al., Visual Wake Words Dataset, 2019; mlcommons/tiny, benchmark/training/visual_wake_words.
    """

    published = PublishedSchedule(70, 70, 70, 32, "Adam", 1e-3, "halved at epochs 20 and 30")
    archive = Archive(
        title="Visual Wake Words at 96x96 pixels",
        file="vw_coco2014_96.tar.gz",
        size="some 110,000 small files, less than 1 GB",
        page="https://github.com/mlcommons/tiny/tree/master/benchmark/training/visual_wake_words",
        folder="vw_coco2014_96",
        contents=CLASSES,
    )

    def network(self) -> nn.Module:
        """MobileNetV1 without its softmax."""
        network = MobileNetV1()
        network.softmax = nn.Identity()
        return network

    def example_input(self) -> torch.Tensor:
        """One image."""
        return MobileNetV1.example_input()

    def splits(self) -> Splits:
        """The three parts; raises InputError for files that are missing or no images of that size."""
        folder = self.folder()
        test: list[tuple[Path, int]] = []
        rest: list[tuple[Path, int]] = []
        for label, name in enumerate(CLASSES):
            labelled = [(path, label) for path in files_in(folder / name, folder, ".jpg")]
            tenth = -(-len(labelled) // 10)
            test, rest = test + labelled[:tenth], rest + labelled[tenth:]
        mixed = [rest[number] for number in shuffled(len(rest))]
        return Splits(_read(mixed[len(mixed) // 5 :]), _read(mixed[: len(mixed) // 5]), _read(test))

    def augmented(self, inputs: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """Moved and mirrored."""
        return moved_and_mirrored(inputs, random, most=5)

    def prepared(self, inputs: torch.Tensor) -> torch.Tensor:
        """Values from -1 to 1."""
        return normalised(inputs, (0.5,) * 3, (0.5,) * 3)


def _read(labelled: Sequence[tuple[Path, int]]) -> Examples:
    return Examples(read_jpegs([path for path, _ in labelled], 96), torch.tensor([label for _, label in labelled]))
