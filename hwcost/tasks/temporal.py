"""Activity recognition from wearable sensors: 128 samples of nine channels, six classes (UCI HAR)."""

from __future__ import annotations

import torch
from torch import nn

from hwcost.tasks.registry import ReferenceNetwork, register

KERNEL = 3
DILATIONS = (1, 2, 4, 8)
"""Distance of a kernel's taps, block by block: the network sees 60 samples back."""


def causal_conv(in_channels: int, out_channels: int, dilation: int) -> nn.Sequential:
    """A dilated convolution that sees only samples before the one it is at, batch norm and ReLU."""
    return nn.Sequential(
        nn.ConstantPad1d(((KERNEL - 1) * dilation, 0), 0.0),
        nn.Conv1d(in_channels, out_channels, KERNEL, dilation=dilation, bias=False),
        nn.BatchNorm1d(out_channels),
        nn.ReLU(),
    )


class TemporalBlock(nn.Module):
    """Two causal convolutions beside the input, which a convolution of one tap adapts where the channels change."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = causal_conv(in_channels, out_channels, dilation)
        self.conv2 = causal_conv(out_channels, out_channels, dilation)
        self.skip = nn.Identity() if in_channels == out_channels else nn.Conv1d(in_channels, out_channels, 1)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of both ways, rectified."""
        out: torch.Tensor = self.relu(self.conv2(self.conv1(x)) + self.skip(x))
        return out


@register("tcn")
class TemporalConvNet(ReferenceNetwork):
    """A temporal convolutional network.

    ======== ================================================= ========
    layer    what                                              output
    ======== ================================================= ========
    block 0  two causal conv 3, dilation 1, plus conv 1        32 x 128
    block 1  two causal conv 3, dilation 2, plus its input     32 x 128
    block 2  the same, dilation 4                              32 x 128
    block 3  the same, dilation 8                              32 x 128
    mean     over time                                         32
    fc       dense                                             6
    ======== ================================================= ========

    Every causal convolution has batch norm and ReLU, and 2 x dilation zeros before its input.
    Source of the form: Bai et al., An Empirical Evaluation of Generic Convolutional and Recurrent Networks, 2018.
    """

    def __init__(self, classes: int = 6, in_channels: int = 9, channels: int = 32) -> None:
        super().__init__()
        widths = (in_channels, *(channels for _ in DILATIONS))
        self.blocks = nn.Sequential(*(TemporalBlock(n, channels, dilation) for n, dilation in zip(widths, DILATIONS, strict=False)))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class scores `(batch, classes)` of samples `(batch, channels, 128)`."""
        out: torch.Tensor = self.fc(self.blocks(x).mean(-1))
        return out

    @staticmethod
    def example_input() -> torch.Tensor:
        """128 samples of nine channels."""
        return torch.zeros(1, 9, 128)
