"""Layers that several reference networks share: convolutions padded as TensorFlow pads them, with batch norm."""

from __future__ import annotations

from torch import nn


def half(size: int) -> int:
    """Positions a stride-2 layer with "same" padding makes of `size`."""
    return -(-size // 2)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Elements before and after an axis so that `ceil(size / stride)` positions come out; the odd one stands after."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def conv_same(
    in_channels: int,
    out_channels: int,
    kernel: int | tuple[int, int],
    *,
    size: int | tuple[int, int],
    stride: int = 1,
    groups: int = 1,
    bias: bool = True,
) -> list[nn.Module]:
    """A convolution padded "same" on an input of `size` (height, width); uneven padding is a layer of its own, which torch needs."""
    kernels = (kernel, kernel) if isinstance(kernel, int) else kernel
    sizes = (size, size) if isinstance(size, int) else size
    (top, bottom), (left, right) = (same_padding(n, k, stride) for n, k in zip(sizes, kernels, strict=True))
    even = top == bottom and left == right
    conv = nn.Conv2d(in_channels, out_channels, kernels, stride, (top, left) if even else 0, groups=groups, bias=bias)
    return [conv] if even else [nn.ZeroPad2d((left, right, top, bottom)), conv]


def conv_bn(
    in_channels: int, out_channels: int, kernel: int | tuple[int, int], *, size: int | tuple[int, int], stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution padded "same", and batch norm."""
    return nn.Sequential(
        *conv_same(in_channels, out_channels, kernel, size=size, stride=stride, groups=groups, bias=False), nn.BatchNorm2d(out_channels)
    )


def conv_bn_relu(
    in_channels: int, out_channels: int, kernel: int | tuple[int, int], *, size: int | tuple[int, int], stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution padded "same", batch norm and ReLU."""
    return nn.Sequential(*conv_bn(in_channels, out_channels, kernel, size=size, stride=stride, groups=groups), nn.ReLU())


def depthwise_separable(in_channels: int, out_channels: int, *, size: int | tuple[int, int], stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution of each channel on its own, then a 1x1 convolution across them, each with batch norm and ReLU."""
    return nn.Sequential(
        conv_bn_relu(in_channels, in_channels, 3, size=size, stride=stride, groups=in_channels),
        conv_bn_relu(in_channels, out_channels, 1, size=size),
    )
