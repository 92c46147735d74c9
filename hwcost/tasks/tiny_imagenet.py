"""Tiny ImageNet: 64x64 colour images, 200 classes."""

from __future__ import annotations

import torch
from torch import nn

from hwcost.tasks.registry import ReferenceNetwork, register


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
