"""Anomaly detection in the sound of machines: how badly is a spectrogram window reproduced (ToyADMOS)."""

from __future__ import annotations

import torch
from torch import nn

from hwcost.tasks.registry import ReferenceNetwork, register

HIDDEN = (128, 128, 128, 128, 8, 128, 128, 128, 128)
"""Widths of the layers between input and output."""


def dense_bn_relu(in_features: int, out_features: int) -> nn.Sequential:
    """A dense layer, batch norm and ReLU."""
    return nn.Sequential(nn.Linear(in_features, out_features), nn.BatchNorm1d(out_features), nn.ReLU())


@register("autoencoder")
class DenseAutoencoder(ReferenceNetwork):
    """The dense autoencoder of MLPerf Tiny: 264,192 MACs, 265,864 parameters once batch norm is folded.

    ========= ============================================ =======
    layer     what                                         output
    ========= ============================================ =======
    hidden    4 times dense, batch norm, ReLU              128
              the same, the bottleneck                     8
              4 times the same                             128
    out       dense                                        640
    ========= ============================================ =======

    Source: mlcommons/tiny, benchmark/training/anomaly_detection.
    """

    def __init__(self, features: int = 640) -> None:
        super().__init__()
        widths = (features, *HIDDEN)
        self.hidden = nn.Sequential(*(dense_bn_relu(n, m) for n, m in zip(widths, HIDDEN, strict=False)))
        self.out = nn.Linear(HIDDEN[-1], features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Windows `(batch, features)` reproduced."""
        out: torch.Tensor = self.out(self.hidden(x))
        return out

    @staticmethod
    def example_input() -> torch.Tensor:
        """Five frames of 128 mel bands, one behind the other."""
        return torch.zeros(1, 640)
