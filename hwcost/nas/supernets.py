"""The reference networks with a choice for every block, as published: 3x3, 5x5, depthwise-separable 3x3, and nothing where shapes match.

The first alternative is what the reference network has there, so shares of a budget are shares of that. Each is made for the images,
or frames, of a task and gives logits.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TypeAlias

import torch
from torch import nn

from hwcost.errors import InputError, shown
from hwcost.nas.choice import Choice
from hwcost.tasks.layers import conv_bn, conv_bn_relu, depthwise_separable, half
from hwcost.tasks.visual_wake_words import BLOCKS

Shape: TypeAlias = tuple[int, int, int]
"""Channels, height and width."""

SUPERNETS: dict[str, Callable[[Shape, int], nn.Module]] = {}
"""What makes each network for an input shape and a number of classes."""


def supernet(name: str, shape: tuple[int, ...], classes: int) -> nn.Module:
    """A new, untrained network of that name; InputError with the nearest names if there is none, or for inputs it cannot take."""
    if name not in SUPERNETS:
        near = get_close_matches(name, SUPERNETS, n=3, cutoff=0.4) or sorted(SUPERNETS)
        raise InputError(
            f"there is no network {shown(name)} with choices; expected {' or '.join(near)}, or FILE.py:NAME for one of your own"
        )
    if len(shape) != 3:
        raise InputError(f"network '{name}': expected inputs of channels, height and width, got {len(shape)} axes")
    channels, height, width = shape
    return SUPERNETS[name]((channels, height, width), classes)


def convolutions(
    in_channels: int, out_channels: int, *, size: tuple[int, int], stride: int = 1, rectified: bool = True, separable_first: bool = False
) -> Choice:
    """The published alternatives for one convolution with batch norm; `size` is height and width of its input."""
    dense = conv_bn_relu if rectified else conv_bn
    separable = depthwise_separable(in_channels, out_channels, size=size, stride=stride)
    if not rectified:
        del separable[-1][-1]  # type: ignore[operator]  # the last ReLU
    ways: dict[str, nn.Module] = {
        "3x3": dense(in_channels, out_channels, 3, size=size, stride=stride),
        "5x5": dense(in_channels, out_channels, 5, size=size, stride=stride),
        "separable": separable,
    }
    if separable_first:
        ways = {"separable": ways.pop("separable"), **ways}
    if in_channels == out_channels and stride == 1:
        ways["identity"] = nn.Identity()
    return Choice(*ways.values(), names=tuple(ways), mode="sampled")


class ResidualChoice(nn.Module):
    """Two choices of convolution beside the input, or beside a 1x1 convolution where the block halves it."""

    def __init__(self, in_channels: int, out_channels: int, *, size: tuple[int, int], stride: int = 1) -> None:
        super().__init__()
        self.conv1 = convolutions(in_channels, out_channels, size=size, stride=stride)
        self.conv2 = convolutions(out_channels, out_channels, size=_after(size, stride), rectified=False)
        self.skip = nn.Identity() if stride == 1 else nn.Conv2d(in_channels, out_channels, 1, stride=stride)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of both ways, rectified."""
        out: torch.Tensor = self.relu(self.skip(x) + self.conv2(self.conv1(x)))
        return out


def _after(size: tuple[int, int], stride: int) -> tuple[int, int]:
    return size if stride == 1 else (half(size[0]), half(size[1]))


def _classifier(channels: int, size: tuple[int, int], classes: int) -> list[nn.Module]:
    return [nn.AvgPool2d(size), nn.Flatten(), nn.Linear(channels, classes)]


def resnet8_choice(shape: Shape, classes: int) -> nn.Module:
    """ResNet-8 with a choice for each of the six convolutions of its blocks."""
    channels, *rest = shape
    size = (rest[0], rest[1])
    layers: list[nn.Module] = [conv_bn_relu(channels, 16, 3, size=size)]
    before = 16
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        layers.append(ResidualChoice(before, width, size=size, stride=stride))
        before, size = width, _after(size, stride)
    return nn.Sequential(*layers, *_classifier(64, size, classes))


def dscnn_choice(shape: Shape, classes: int) -> nn.Module:
    """DS-CNN with a choice for each of its four blocks."""
    channels, *rest = shape
    size = (rest[0], rest[1])
    stem = conv_bn_relu(channels, 64, (10, 4), size=size, stride=2)
    size = _after(size, 2)
    blocks = [convolutions(64, 64, size=size, separable_first=True) for _ in range(4)]
    return nn.Sequential(stem, nn.Dropout(0.2), *blocks, nn.Dropout(0.4), *_classifier(64, size, classes))


def mobilenetv1_choice(shape: Shape, classes: int) -> nn.Module:
    """MobileNetV1 at width 0.25 with a choice for each of its thirteen blocks."""
    inputs, *rest = shape
    size = (rest[0], rest[1])
    layers: list[nn.Module] = [conv_bn_relu(inputs, 8, 3, size=size, stride=2)]
    channels, size = 8, _after(size, 2)
    for width, stride in BLOCKS:
        layers.append(convolutions(channels, width, size=size, stride=stride, separable_first=True))
        channels, size = width, _after(size, stride)
    return nn.Sequential(*layers, *_classifier(channels, size, classes))


SUPERNETS.update({"resnet8-choice": resnet8_choice, "dscnn-choice": dscnn_choice, "mobilenetv1-choice": mobilenetv1_choice})
