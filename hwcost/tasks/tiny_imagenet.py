"""Tiny ImageNet: 64x64 colour images, 200 classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from hwcost.errors import InputError, shown
from hwcost.tasks.folders import Archive, FolderTask, files_in, lines_of, member, shuffled
from hwcost.tasks.images import moved_and_mirrored, normalised, read_jpegs
from hwcost.tasks.published import PublishedSchedule
from hwcost.tasks.registry import ReferenceNetwork, register
from hwcost.tasks.task import Examples, Splits, task

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, red, green and blue."""
CLASSES = 200


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside the input, which a 1x1 convolution adapts where the shape changes."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of both ways, rectified."""
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        identity = x if self.downsample is None else self.downsample(x)
        rectified: torch.Tensor = self.relu(out + identity)
        return rectified


def stage(in_channels: int, channels: int, stride: int) -> nn.Sequential:
    """Two blocks, of which the first may halve the resolution."""
    return nn.Sequential(BasicBlock(in_channels, channels, stride), BasicBlock(channels, channels, 1))


@register("resnet18")
class ResNet18(ReferenceNetwork):
    """ResNet-18 in torchvision's form and with its parameter names, for 200 classes: 11,279,112 parameters, batch norm's included.

    ======== ================================================ ==========
    layer    what                                             output
    ======== ================================================ ==========
    conv1    conv 7x7 / 2, batch norm, ReLU                   64 x 32x32
    maxpool  3x3 / 2                                          64 x 16x16
    layer1   two blocks of two conv 3x3, each plus its input  64 x 16x16
    layer2   the same, the first with stride 2                128 x 8x8
    layer3   the same                                         256 x 4x4
    layer4   the same                                         512 x 2x2
    avgpool  average over everything                          512
    fc       dense                                            200
    ======== ================================================ ==========

    Source: He et al., Deep Residual Learning for Image Recognition, 2016; torchvision.models.resnet18.
    """

    def __init__(self, classes: int = 200) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = stage(64, 64, 1)
        self.layer2 = stage(64, 128, 2)
        self.layer3 = stage(128, 256, 2)
        self.layer4 = stage(256, 512, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class scores `(batch, classes)` of images `(batch, 3, 64, 64)`."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        out: torch.Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return out

    @staticmethod
    def example_input() -> torch.Tensor:
        """One colour image of 64x64."""
        return torch.zeros(1, 3, 64, 64)


@task("tiny-imagenet")
class TinyImageNet(FolderTask):
    """Tiny ImageNet: 110,000 colour photographs of 64x64 pixels in 200 classes; 90,000 to train on, 10,000 to choose by, 10,000 to report.

    The network is ResNet-18. A tenth of the training images, shuffled always in the same way, decides between networks, as published;
    what the archive calls val is the test, because the labels of its own test were never given out. In training, images are moved by up
    to four pixels and mirrored. Images are held as bytes: 1.4 GB. Source: Stanford CS231n; Le and Yang, Tiny ImageNet, 2015.
    """

    published = PublishedSchedule(50, 50, 50, 100, "SGD with momentum 0.9", 1e-3, "x 0.1 every 7 epochs", patience=10)
    archive = Archive(
        title="Tiny ImageNet",
        file="tiny-imagenet-200.zip",
        size="237 MB",
        page="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        folder="tiny-imagenet-200",
        contents=("wnids.txt", "words.txt", "train", "val/images", "val/val_annotations.txt"),
    )

    def network(self) -> nn.Module:
        """ResNet-18."""
        return ResNet18(CLASSES)

    def example_input(self) -> torch.Tensor:
        """One image."""
        return ResNet18.example_input()

    def splits(self) -> Splits:
        """The three parts; raises InputError for files that are missing, no images of that size or not listed."""
        folder = self.folder()
        classes = _classes(folder / "wnids.txt")
        labelled = [(path, label) for name, label in classes.items() for path in files_in(member_folder(folder, name), folder, ".jpeg")]
        mixed = [labelled[number] for number in shuffled(len(labelled))]
        test = _annotated(folder, classes)
        return Splits(_read(mixed[len(mixed) // 10 :]), _read(mixed[: len(mixed) // 10]), _read(test))

    def augmented(self, inputs: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """Moved and mirrored."""
        return moved_and_mirrored(inputs, random, most=4)

    def prepared(self, inputs: torch.Tensor) -> torch.Tensor:
        """Normalised."""
        return normalised(inputs, MEAN, DEVIATION)


def member_folder(folder: Path, name: str) -> Path:
    """Where the training images of a class are."""
    return folder / "train" / name / "images"


def _classes(path: Path) -> dict[str, int]:
    """The labels of the classes, in the order of the list."""
    names = list(lines_of(path))
    faults = [name for name in names if not (name.startswith("n") and name[1:].isdigit())]
    if faults or not 0 < len(set(names)) == len(names) <= CLASSES:
        got = f"{shown(faults[0])}" if faults else f"{len(names)} names, {len(set(names))} of them different"
        raise InputError(f"{path}: expected at most {CLASSES} different names such as n01443537, one a line, got {got}")
    return {name: label for label, name in enumerate(names)}


def _annotated(folder: Path, classes: dict[str, int]) -> list[tuple[Path, int]]:
    """The images of val and their labels, in the order of its list: file, class and a box that nothing here needs."""
    path = folder / "val" / "val_annotations.txt"
    found = {}
    for number, line in enumerate(lines_of(path), start=1):
        name, *rest = line.split("\t")
        if not rest or rest[0] not in classes or name in found:
            raise InputError(f"{path}: line {number}: expected a new file and a class of wnids.txt, got {shown(line)}")
        found[name] = (member(folder / "val" / "images", name, path), classes[rest[0]])
    return list(found.values())


def _read(labelled: Sequence[tuple[Path, int]]) -> Examples:
    return Examples(read_jpegs([path for path, _ in labelled], 64), torch.tensor([label for _, label in labelled]))
