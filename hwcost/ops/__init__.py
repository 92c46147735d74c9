"""Operators: one family per file, one frozen dataclass per operator, registered by `kind`."""

from __future__ import annotations

from hwcost.ops.base import REGISTRY, Op, Work, operator
from hwcost.ops.conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, DepthwiseConv1d, DepthwiseConv2d
from hwcost.ops.dense import Dense, MatMul

__all__ = [
    "REGISTRY",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "Dense",
    "DepthwiseConv1d",
    "DepthwiseConv2d",
    "MatMul",
    "Op",
    "Work",
    "operator",
]
