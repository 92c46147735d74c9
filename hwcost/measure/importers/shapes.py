"""Layers from the sizes that logs print: windows with TensorFlow's names of padding, images as height x width x channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from hwcost.errors import ShapeError
from hwcost.ops import Add, AveragePool2d, Conv2d, Dense, DepthwiseConv2d, MaxPool2d, Op, Softmax
from hwcost.records import Layer
from hwcost.tensor import int8

__all__ = ["Pads", "Window", "make_layer", "same_padding"]

Pair = tuple[int, int]
Pads = Literal["same", "valid"] | tuple[Pair, Pair]
Window = tuple[Pair, Pair, Pads]
"""Kernel, stride and padding; padding as before and after along height and width."""


def same_padding(size: int, kernel: int, stride: int) -> Pair:
    """TensorFlow's "same" padding of one axis: as many places as strides, the odd pixel at the end."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def make_layer(kind: str, channels: int, size: Pair, out_channels: int, window: Window) -> Layer:
    """An int8 layer of one of our kinds; ShapeError where the sizes do not make one."""
    op = _op(kind, channels, size, out_channels, window)
    inputs = (int8(channels),) if kind in ("dense", "softmax") else (int8(channels, *size),)
    layer = Layer(op, inputs * 2 if kind == "add" else inputs)
    layer.graph().steps  # noqa: B018 - sizes that fit nothing are refused here
    return layer


def _op(kind: str, channels: int, size: Pair, out_channels: int, window: Window) -> Op:
    kernel, stride, _ = window
    pads = _pads(size, window)
    if kind == "conv2d":
        return Conv2d(out_channels, kernel, stride, pads)
    if kind == "depthwise_conv2d":
        if channels < 1 or out_channels % channels:
            raise ShapeError(f"a depthwise convolution of {channels} channels cannot make {out_channels}")
        return DepthwiseConv2d(kernel, stride, pads, multiplier=out_channels // channels)
    if kind in ("average_pool2d", "max_pool2d"):
        return (AveragePool2d if kind == "average_pool2d" else MaxPool2d)(kernel, stride, pads)
    simple: dict[str, Op] = {"softmax": Softmax(), "add": Add()}
    if kind == "dense":
        return Dense(out_channels)
    if kind not in simple:
        raise ShapeError(f"no layer of kind {kind} follows from a window and channels")
    return simple[kind]


def _pads(size: Pair, window: Window) -> tuple[Pair, Pair]:
    kernel, stride, pads = window
    if pads == "valid":
        return (0, 0), (0, 0)
    if pads == "same":
        first, second = (same_padding(n, k, s) for n, k, s in zip(size, kernel, stride, strict=True))
        return first, second
    return pads


def agrees(layer: Layer, printed: Sequence[int]) -> bool:
    """Whether a layer makes what a log printed, channels last and without the batch."""
    made = layer.step.output.shape
    return tuple(printed) == ((*made[1:], made[0]) if len(made) == 3 else tuple(made))
