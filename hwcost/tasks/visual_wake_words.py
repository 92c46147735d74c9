"""Visual wake words: is a person in a 96x96 colour image (COCO)."""

from __future__ import annotations

import torch
from torch import nn

from hwcost.tasks.layers import conv_bn_relu, depthwise_separable, half
from hwcost.tasks.registry import ReferenceNetwork, register

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
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class probabilities `(batch, classes)` of images `(batch, 3, 96, 96)`."""
        out: torch.Tensor = self.softmax(self.fc(self.flatten(self.pool(self.blocks(self.stem(x))))))
        return out

    @staticmethod
    def example_input() -> torch.Tensor:
        """One colour image of 96x96."""
        return torch.zeros(1, 3, 96, 96)
