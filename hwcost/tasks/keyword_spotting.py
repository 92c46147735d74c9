"""Keyword spotting on one second of speech as 49 frames of 10 coefficients, twelve classes (Speech Commands)."""

from __future__ import annotations

import torch
from torch import nn

from hwcost.tasks.layers import conv_bn_relu, depthwise_separable
from hwcost.tasks.registry import ReferenceNetwork, register


@register("dscnn")
class DSCNN(ReferenceNetwork):
    """DS-CNN of MLPerf Tiny: 2,656,768 MACs, 22,604 parameters once batch norm is folded.

    ========= =========================================== =========
    layer     what                                        output
    ========= =========================================== =========
    stem      conv 10x4 / 2, batch norm, ReLU             64 x 25x5
    blocks    4 times: depthwise 3x3, conv 1x1, each      64 x 25x5
              with batch norm and ReLU
    pool      average over 25x5                           64
    fc        dense, softmax                              12
    ========= =========================================== =========

    Padding is TensorFlow's "same". Dropout stands where the original has it.
    Source: mlcommons/tiny, benchmark/training/keyword_spotting; Zhang et al., Hello Edge, 2017.
    """

    def __init__(self, classes: int = 12, channels: int = 64) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_bn_relu(1, channels, (10, 4), size=(49, 10), stride=2), nn.Dropout(0.2))
        self.blocks = nn.Sequential(*(depthwise_separable(channels, channels, size=(25, 5)) for _ in range(4)))
        self.dropout = nn.Dropout(0.4)
        self.pool = nn.AvgPool2d((25, 5))
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels, classes)
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class probabilities `(batch, classes)` of coefficients `(batch, 1, 49, 10)`."""
        x = self.dropout(self.blocks(self.stem(x)))
        out: torch.Tensor = self.softmax(self.fc(self.flatten(self.pool(x))))
        return out

    @staticmethod
    def example_input() -> torch.Tensor:
        """49 frames of 10 coefficients."""
        return torch.zeros(1, 1, 49, 10)
