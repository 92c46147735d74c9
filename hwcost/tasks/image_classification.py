"""Image classification on 32x32 colour images, ten classes (CIFAR-10)."""

from __future__ import annotations

import torch
from torch import nn

from hwcost.tasks.layers import conv_bn, conv_bn_relu, half
from hwcost.tasks.registry import ReferenceNetwork, register


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
