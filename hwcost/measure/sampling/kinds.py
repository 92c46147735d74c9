"""How a layer of each kind is drawn: a shape of a real network, scaled down to a microcontroller and moved a little."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from hwcost.measure.sampling.shapes import Shape, known_shapes
from hwcost.ops import (
    Add,
    AveragePool1d,
    AveragePool2d,
    Concat,
    Conv1d,
    Conv2d,
    Dense,
    DepthwiseConv1d,
    DepthwiseConv2d,
    GlobalAveragePool,
    GlobalMaxPool,
    HardSwish,
    MaxPool1d,
    MaxPool2d,
    Mul,
    Op,
    Pad,
    ReduceMean,
    Relu,
    Resize,
    Sigmoid,
    Softmax,
    Sub,
    relu6,
)
from hwcost.records import Layer
from hwcost.tensor import Quantisation, TensorSpec

__all__ = ["KINDS", "MAIN_KINDS", "Dice"]

MAIN_KINDS = ("conv2d", "pointwise", "depthwise", "dense")
"""Kinds that most of a network's time is spent in."""

_WIDEST = 512
_LONGEST_ROW = 4096


class Dice:
    """Seeded draws of the kinds that shapes are made of."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def shape(self, kind: str) -> Shape:
        """A shape of a real network, common ones more often, with widths divided and the image shrunk, each by its own factor."""
        shapes = known_shapes()[kind]
        weights = np.array([shape.networks for shape in shapes], dtype=float)
        shape = shapes[int(self.rng.choice(len(shapes), p=weights / weights.sum()))]
        narrower, smaller = (float(np.exp2(self.rng.uniform(0, most))) for most in (4.5, 3.5))
        return replace(
            shape,
            in_channels=shape.in_channels if shape.in_channels <= 3 else self.width(shape.in_channels / narrower),
            out_channels=self.width(shape.out_channels / narrower * np.exp2(self.rng.uniform(-1, 1))),
            size=max(1, round(shape.size / smaller)),
        )

    def width(self, about: float) -> int:
        """A number of channels near another: half of the time a multiple of 8, else of 4, 2 or 1."""
        step = int(self.rng.choice([8, 4, 2, 1], p=[0.5, 0.2, 0.1, 0.2]))
        return int(np.clip(round(about / step) * step, 1, _WIDEST)) or step

    def whole(self, low: int, high: int) -> int:
        """Both ends included."""
        return int(self.rng.integers(low, high + 1))

    def flip(self, chance: float) -> bool:
        """True that often."""
        return bool(self.rng.random() < chance)

    def kernel(self, shape: Shape) -> tuple[int, int]:
        """A window, mostly square and of odd side, sometimes long as those over spectrograms."""
        side = shape.kernel if shape.kernel > 1 and self.flip(0.7) else int(self.rng.choice([2, 3, 3, 4, 5, 7]))
        return (side, side) if self.flip(0.85) else (int(self.rng.choice([1, 3, 5, 10])), side)

    def image(self, shape: Shape, kernel: tuple[int, int], stride: tuple[int, int]) -> tuple[int, int]:
        """Height and width that the window fits into, mostly square."""
        height, width = max(shape.size, kernel[0], stride[0]), max(shape.size, kernel[1], stride[1])
        return (height, width) if self.flip(0.7) else (height, max(kernel[1], round(width * float(np.exp2(self.rng.uniform(-1, 1))))))

    def padding(self, size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """Such that every place has an output ("same", as either framework has it), or none."""
        if self.flip(0.2):
            return ((0, 0), (0, 0))
        if self.flip(0.5):
            return tuple(((k - 1) // 2, (k - 1) // 2) for k in kernel)
        total = [max(0, (-(-n // s) - 1) * s + k - n) for n, k, s in zip(size, kernel, stride, strict=True)]
        return tuple((n // 2, n - n // 2) for n in total)

    def activation(self) -> Op | None:
        """None, or one that is fused."""
        return (None, Relu(), relu6())[self.whole(0, 2)]

    def values(self) -> tuple[int, int, int]:
        """Channels, height and width of an activation."""
        shape = self.shape("pointwise")
        return shape.out_channels, shape.size, shape.size


def _int8(*shape: int) -> TensorSpec:
    return TensorSpec(shape, 8, Quantisation(), "int")


def _stride(dice: Dice, shape: Shape) -> tuple[int, int]:
    return (shape.stride, shape.stride) if dice.flip(0.9) else (dice.whole(1, 2), dice.whole(1, 2))


def _conv2d(dice: Dice) -> Layer:
    shape = dice.shape("conv2d")
    kernel, stride = dice.kernel(shape), _stride(dice, shape)
    size = dice.image(shape, kernel, stride)
    op = Conv2d(shape.out_channels, kernel, stride, dice.padding(size, kernel, stride), activation=dice.activation())
    return Layer(op, (_int8(shape.in_channels, *size),))


def _pointwise(dice: Dice) -> Layer:
    shape = dice.shape("pointwise")
    size = dice.image(shape, (1, 1), (1, 1))
    stride = (2, 2) if dice.flip(0.05) else (1, 1)
    return Layer(Conv2d(shape.out_channels, stride=stride, activation=dice.activation()), (_int8(shape.in_channels, *size),))


def _depthwise(dice: Dice) -> Layer:
    shape = dice.shape("depthwise")
    kernel = (3, 3) if dice.flip(0.6) else dice.kernel(shape)
    stride = _stride(dice, shape)
    size = dice.image(shape, kernel, stride)
    op = DepthwiseConv2d(kernel, stride, dice.padding(size, kernel, stride), activation=dice.activation())
    return Layer(op, (_int8(shape.in_channels, *size),))


def _dense(dice: Dice) -> Layer:
    """Widths from 4 to 4096 by their logarithm: dense layers of small networks are no scaled ones of large networks."""
    inputs = min(_LONGEST_ROW, dice.width(float(np.exp2(dice.rng.uniform(3, 9)))) * dice.whole(1, 8 if dice.flip(0.3) else 1))
    outputs = dice.width(float(np.exp2(dice.rng.uniform(1, 9))))
    return Layer(Dense(outputs, activation=dice.activation()), (_int8(inputs),))


def _pool2d(pool: type[MaxPool2d | AveragePool2d]) -> Callable[[Dice], Layer]:
    def draw(dice: Dice) -> Layer:
        shape = dice.shape("pool")
        kernel, stride = (shape.kernel,) * 2, (shape.stride,) * 2
        size = dice.image(shape, kernel, stride)
        return Layer(
            pool(kernel, stride, dice.padding(size, kernel, stride) if dice.flip(0.3) else ((0, 0), (0, 0))),
            (_int8(shape.out_channels, *size),),
        )

    return draw


def _steps(dice: Dice, shape: Shape) -> tuple[int, tuple[int], tuple[int]]:
    """Length of a sequence, window and stride over time."""
    kernel = int(dice.rng.choice([3, 3, 5, 7, 9]))
    return max(kernel, shape.size * dice.whole(1, 4)), (kernel,), (dice.whole(1, 2),)


def _conv1d(dice: Dice) -> Layer:
    shape = dice.shape("conv2d")
    length, kernel, stride = _steps(dice, shape)
    side = kernel[0] // 2 if dice.flip(0.8) else 0
    op = Conv1d(shape.out_channels, kernel, stride, ((side, side),), activation=dice.activation())
    return Layer(op, (_int8(shape.in_channels, length),))


def _depthwise1d(dice: Dice) -> Layer:
    shape = dice.shape("depthwise")
    length, kernel, stride = _steps(dice, shape)
    side = kernel[0] // 2
    return Layer(DepthwiseConv1d(kernel, stride, ((side, side),), activation=dice.activation()), (_int8(shape.in_channels, length),))


def _pool1d(pool: type[MaxPool1d | AveragePool1d]) -> Callable[[Dice], Layer]:
    def draw(dice: Dice) -> Layer:
        shape, side = dice.shape("pool"), dice.whole(2, 4)
        return Layer(pool((side,), (side,)), (_int8(shape.out_channels, shape.size * side),))

    return draw


def _grouped(dice: Dice) -> Layer:
    """Convolutions in 2 to 8 groups, and dilated ones."""
    shape = dice.shape("conv2d")
    groups = 1 if dice.flip(0.4) else int(dice.rng.choice([2, 4, 8]))
    dilation = (2, 2) if groups == 1 else (1, 1)
    widths = [groups * max(1, round(width / groups)) for width in (shape.in_channels, shape.out_channels)]
    size = max(shape.size, 5)
    return Layer(Conv2d(widths[1], (3, 3), padding=((1, 1), (1, 1)), dilation=dilation, groups=groups), (_int8(widths[0], size, size),))


def _of_one(op: Op) -> Callable[[Dice], Layer]:
    return lambda dice: Layer(op, (_int8(*dice.values()),))


def _of_two(op: Op) -> Callable[[Dice], Layer]:
    def draw(dice: Dice) -> Layer:
        shape = _int8(*dice.values())
        return Layer(op, (shape, shape))

    return draw


def _concat(dice: Dice) -> Layer:
    channels, height, width = dice.values()
    return Layer(Concat(0), tuple(_int8(dice.width(channels), height, width) for _ in range(dice.whole(2, 4))))


def _softmax(dice: Dice) -> Layer:
    return Layer(Softmax(), (_int8(dice.whole(2, 1000) if dice.flip(0.5) else dice.whole(2, 20)),))


def _pad(dice: Dice) -> Layer:
    before, after = dice.whole(0, 3), dice.whole(1, 3)
    return Layer(Pad(((0, 0), (before, after), (before, after))), (_int8(*dice.values()),))


def _resize(dice: Dice) -> Layer:
    return Layer(Resize(((2, 1), (2, 1))), (_int8(*dice.values()),))


KINDS: Mapping[str, Callable[[Dice], Layer]] = {
    "conv2d": _conv2d,
    "pointwise": _pointwise,
    "depthwise": _depthwise,
    "dense": _dense,
    "grouped": _grouped,
    "conv1d": _conv1d,
    "depthwise1d": _depthwise1d,
    "max_pool2d": _pool2d(MaxPool2d),
    "average_pool2d": _pool2d(AveragePool2d),
    "max_pool1d": _pool1d(MaxPool1d),
    "average_pool1d": _pool1d(AveragePool1d),
    "global_average_pool": _of_one(GlobalAveragePool()),
    "global_max_pool": _of_one(GlobalMaxPool()),
    "reduce_mean": _of_one(ReduceMean((1, 2))),
    "add": _of_two(Add()),
    "sub": _of_two(Sub()),
    "mul": _of_two(Mul()),
    "concat": _concat,
    "softmax": _softmax,
    "relu": _of_one(Relu()),
    "sigmoid": _of_one(Sigmoid()),
    "hard_swish": _of_one(HardSwish()),
    "pad": _pad,
    "resize": _resize,
}
"""A draw of each kind, by the name under which it is sampled."""
