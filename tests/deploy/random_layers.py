"""Random layers of every kind, with the inputs they are run on: seeded, and biased towards the ends of every range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwcost.deploy import program as p
from hwcost.deploy.emission import Placed

INT32_LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A layer, and one value for each of its inputs."""

    placed: Placed
    values: tuple[np.ndarray, ...]


class Dice:
    """Random numbers of the kinds that layers are made of."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def whole(self, low: int, high: int) -> int:
        """Both ends included."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, *choices: Any) -> Any:
        return choices[self.whole(0, len(choices) - 1)]

    def zero(self) -> int:
        return self.pick(-128, 127, 0, self.whole(-128, 127))

    def int8(self, *shape: int) -> np.ndarray:
        """Uniform, or at the ends alone, or all the same."""
        uniform = self.rng.integers(-128, 128, shape)
        ends = self.rng.choice([-128, 127], shape)
        return self.pick(uniform, uniform, ends, np.full(shape, self.zero())).astype(np.int8)

    def range(self) -> p.Range:
        low, high = sorted((self.whole(-128, 127), self.whole(-128, 127)))
        return self.pick(p.Range(), p.Range(low, high))

    def factors(self, count: int) -> tuple[np.ndarray, int]:
        """Multipliers and a shift; half of the time the high word."""
        if self.pick(True, False):
            top = self.pick(2**22, 2**28, 2**31)
            return self.rng.integers(0, top, count).astype(np.int32), p.SHIFT
        return self.rng.integers(2**20, 2**31, count).astype(np.int32), self.whole(1, 31)

    def window(self, height: int, width: int) -> dict[str, Any]:
        """Stride, dilation and padding of a window that fits somewhere into an image."""
        kernel = (self.whole(1, 4), self.whole(1, 4))
        dilation = (self.pick(1, 1, 2, 3), self.pick(1, 1, 2))
        reach = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
        padding = tuple(self.whole(0, r) for r in (*reach, *reach))
        need = [max(0, r + 1 - size - padding[i] - padding[i + 2]) for i, (r, size) in enumerate(zip(reach, (height, width), strict=True))]
        padding = (padding[0], padding[1], padding[2] + need[0], padding[3] + need[1])
        return {"kernel": kernel, "dilation": dilation, "padding": padding, "stride": (self.whole(1, 3), self.whole(1, 3))}


def made_places(size: tuple[int, int], w: dict[str, Any]) -> tuple[int, int]:
    """Places of the output of a window."""
    rows, columns = (
        (size[i] + w["padding"][i] + w["padding"][i + 2] - (w["kernel"][i] - 1) * w["dilation"][i] - 1) // w["stride"][i] + 1
        for i in (0, 1)
    )
    return rows, columns


def tensor(name: str, shape: Sequence[int], bits: int = 8, kind: str = "int") -> p.Tensor:
    return p.Tensor(name, tuple(shape), tuple(range(len(shape))), bits, kind)


def case(number: int, layer: Any, values: Sequence[np.ndarray], output: p.Tensor) -> Case:
    inputs = [tensor(f"in{i}", v.shape, 8 * v.itemsize, "float" if v.dtype == np.float32 else "int") for i, v in enumerate(values)]
    return Case(Placed(number, f"{type(layer).__name__} {number}", layer, tuple(inputs), output), tuple(values))


def _weighted(dice: Dice, out: int, window: tuple[int, int], channels: int) -> dict[str, Any]:
    weights = dice.int8(out, *window, channels)
    room = INT32_LARGEST - 256 * 128 * max(1, int(np.prod(weights.shape[1:])))
    calm = dice.pick(True, False)  # as trained layers are; the others saturate nearly everywhere
    multiplier, shift = (dice.rng.integers(0, 2**22, out).astype(np.int32), p.SHIFT) if calm else dice.factors(out)
    limit = 2000 if calm else dice.pick(2000, 2**20, room)
    return {
        "weights": weights,
        "bias": dice.rng.integers(-limit, limit, out).astype(np.int32),
        "multiplier": multiplier,
        "shift": shift,
        "input_zero_point": dice.zero(),
        "output_zero_point": dice.zero(),
        "range": dice.range(),
    }


def convolution(dice: Dice, number: int) -> Case:
    height, width = dice.pick((dice.whole(1, 9), dice.whole(1, 9)), (1, dice.whole(1, 20)))
    groups = dice.pick(1, 1, 2, 3)
    each, out = dice.whole(1, 6), dice.whole(1, 5) * groups
    if dice.pick(True, False):
        groups, each, out = groups * each, 1, groups * each * dice.pick(1, 1, 2)
    w = dice.window(height, width)
    if groups == 1 and dice.pick(True, False):
        w = {"kernel": (1, 1), "stride": (1, 1), "padding": (0, 0, 0, 0), "dilation": (1, 1)}
    kernel = w["kernel"]
    layer = p.Convolution(
        **_weighted(dice, out, kernel, each), stride=w["stride"], dilation=w["dilation"], padding=w["padding"], groups=groups
    )
    return case(number, layer, [dice.int8(height, width, each * groups)], tensor("out", (*made_places((height, width), w), out)))


def transposed(dice: Dice, number: int) -> Case:
    height, width, groups = dice.whole(1, 5), dice.whole(1, 5), dice.pick(1, 2)
    each, out = dice.whole(1, 4), dice.whole(1, 4) * groups
    kernel, stride, dilation = [(dice.whole(1, 3), dice.whole(1, 3)) for _ in range(3)]
    reach = [(size - 1) * s + (k - 1) * d + 1 for size, s, k, d in zip((height, width), stride, kernel, dilation, strict=True)]
    top, left = (dice.whole(0, min(2, r - 1)) for r in reach)
    bottom, right = dice.whole(0, max(0, min(1, reach[0] - top - 1))), dice.whole(0, max(0, min(1, reach[1] - left - 1)))
    values = _weighted(dice, out, kernel, each)
    layer = p.TransposedConvolution(**values, stride=stride, dilation=dilation, padding=(top, left, bottom, right), groups=groups)
    shape = (reach[0] - top - bottom, reach[1] - left - right, out)
    return case(number, layer, [dice.int8(height, width, each * groups)], tensor("out", shape))


def matrix_product(dice: Dice, number: int) -> Case:
    rows, depth, columns = (dice.whole(1, 6) for _ in range(3))
    batch = dice.pick((), (2,), (3,))
    multiplier, shift = dice.factors(1)
    layer = p.MatrixProduct(int(multiplier[0]), shift, (dice.zero(), dice.zero()), dice.zero(), dice.range())
    right = dice.pick(batch, ())
    return case(number, layer, [dice.int8(*batch, rows, depth), dice.int8(*right, depth, columns)], tensor("out", (*batch, rows, columns)))


def _pair(dice: Dice) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The output's shape and those of two operands that are repeated to it."""
    shape = tuple(dice.whole(1, 5) for _ in range(dice.whole(1, 3)))
    left = tuple(dice.pick(size, size, size, 1) for size in shape)
    right = tuple(size if left[axis] == 1 else dice.pick(size, size, 1) for axis, size in enumerate(shape))
    right = (
        right[dice.whole(0, len(right) - 1) :]
        if dice.pick(True, False) and all(a == b for a, b in zip(left, shape, strict=True))
        else right
    )
    return shape, left, right


def addition(dice: Dice, number: int) -> Case:
    shape, left, right = _pair(dice)
    most = dice.pick(5, 2**12, 2**22 - 1)
    multipliers = (dice.whole(-most, most), dice.whole(-most, most))
    operand = dice.pick(None, dice.int8(*right))
    layer = p.Sum(multipliers, dice.whole(1, 24), (dice.zero(), dice.zero()), dice.zero(), operand, dice.range())
    values = [dice.int8(*left)] if operand is not None else [dice.int8(*left), dice.int8(*right)]
    return case(number, layer, values, tensor("out", shape))


def product(dice: Dice, number: int) -> Case:
    shape, left, right = _pair(dice)
    multiplier, shift = dice.factors(1)
    operand = dice.pick(None, dice.int8(*right))
    layer = p.Product(int(multiplier[0]), shift, (dice.zero(), dice.zero()), dice.zero(), operand, dice.range())
    values = [dice.int8(*left)] if operand is not None else [dice.int8(*left), dice.int8(*right)]
    return case(number, layer, values, tensor("out", shape))


def extreme(dice: Dice, number: int) -> Case:
    shape, left, right = _pair(dice)
    return case(number, p.Extreme(dice.pick(True, False)), [dice.int8(*left), dice.int8(*right)], tensor("out", shape))


def lookup(dice: Dice, number: int) -> Case:
    shape = tuple(dice.whole(1, 5) for _ in range(dice.whole(1, 3)))
    return case(number, p.Lookup(dice.int8(dice.pick(1, shape[-1]), 256)), [dice.int8(*shape)], tensor("out", shape))


def max_pool(dice: Dice, number: int) -> Case:
    height, width, channels = dice.whole(1, 8), dice.whole(1, 8), dice.whole(1, 4)
    w = dice.window(height, width)
    layer = p.MaxPool(**w, range=dice.range())
    return case(number, layer, [dice.int8(height, width, channels)], tensor("out", (*made_places((height, width), w), channels)))


def average_pool(dice: Dice, number: int) -> Case:
    height, width, channels = dice.whole(1, 8), dice.whole(1, 8), dice.whole(1, 4)
    w = dice.window(height, width)
    multipliers, shift = dice.factors(w["kernel"][0] * w["kernel"][1])
    counts = dice.pick(True, False)
    layer = p.AveragePool(
        **w,
        multipliers=multipliers,
        shift=shift,
        input_zero_point=dice.zero(),
        output_zero_point=dice.zero(),
        count_padding=counts,
        range=dice.range(),
    )
    return case(number, layer, [dice.int8(height, width, channels)], tensor("out", (*made_places((height, width), w), channels)))


def reduction(dice: Dice, number: int) -> Case:
    shape = tuple(dice.whole(1, 5) for _ in range(dice.whole(1, 4)))
    axes = tuple(axis for axis in range(len(shape)) if dice.pick(True, False)) or (0,)
    multiplier, shift = dice.factors(1)
    what = dice.pick("mean", "sum", "max", "min")
    layer = p.Reduction(
        what, axes, int(multiplier[0]), shift, dice.zero(), dice.zero(), dice.range() if what in ("mean", "sum") else p.Range()
    )
    kept = tuple(size for axis, size in enumerate(shape) if axis not in axes)
    return case(number, layer, [dice.int8(*shape)], tensor("out", kept or (1,)))


def arg_max(dice: Dice, number: int) -> Case:
    shape = tuple(dice.whole(1, 6) for _ in range(dice.whole(1, 3)))
    axis = dice.whole(0, len(shape) - 1)
    kept = tuple(size for i, size in enumerate(shape) if i != axis)
    return case(number, p.ArgMax(axis, dice.pick(True, False)), [dice.int8(*shape)], tensor("out", kept or (1,), 32))


def concat(dice: Dice, number: int) -> Case:
    shape = [dice.whole(1, 4) for _ in range(dice.whole(1, 3))]
    axis = dice.whole(0, len(shape) - 1)
    sizes = [dice.whole(1, 4) for _ in range(dice.whole(1, 4))]
    values = [dice.int8(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]
    layer = p.Concat(axis, tuple(dice.pick(None, dice.int8(256)) for _ in sizes))
    return case(number, layer, values, tensor("out", (*shape[:axis], sum(sizes), *shape[axis + 1 :])))


def move(dice: Dice, number: int) -> Case:
    shape = tuple(dice.whole(1, 4) for _ in range(dice.whole(1, 4)))
    source = [dice.whole(1, 3) for _ in shape]
    steps = [int(np.prod(source[axis + 1 :])) for axis in range(len(source))]
    tables = [dice.rng.integers(0, source[axis], size) * steps[axis] for axis, size in enumerate(shape)]
    tables = [np.where(dice.rng.random(len(table)) < 0.1, -1, table).astype(np.int32) for table in tables]
    wide = dice.pick(True, False, False)
    size = int(np.prod(source)) + 3
    values = dice.int8(size) if not wide else dice.rng.integers(-(2**31), 2**31, size).astype(np.int32)
    layer = p.Move(tuple(tables), dice.whole(0, 3), dice.zero())
    return case(number, layer, [values], tensor("out", shape, 32 if wide else 8))


def softmax(dice: Dice, number: int) -> Case:
    shape = tuple(dice.whole(1, 12) for _ in range(dice.whole(1, 3)))
    top = 2**31 // shape[-1]
    table = (top * np.exp(-np.arange(256) * dice.pick(0.01, 0.1, 1.0, 0.0))).astype(np.uint32)
    factor = dice.pick(256 << 16, 1 << 16, 300 << 16, 60000)
    return case(number, p.Softmax(table, factor, dice.zero()), [dice.int8(*shape)], tensor("out", shape))


def quantise(dice: Dice, number: int) -> Case:
    scale = float(np.float32(dice.pick(0.5, 0.013, 1.7, 2.0)))
    values = np.concatenate([np.arange(-300, 300) * 0.25, dice.rng.normal(0, 100, 50), [1e30, -1e30]]).astype(np.float32)
    return case(number, p.Quantise(scale, dice.zero()), [values], tensor("out", values.shape))


def dequantise(dice: Dice, number: int) -> Case:
    values = dice.int8(dice.whole(1, 30))
    scale = float(np.float32(dice.rng.random() + 1e-3))
    return case(number, p.Dequantise(scale, dice.zero()), [values], tensor("out", values.shape, 32, "float"))


KINDS: tuple[Callable[[Dice, int], Case], ...] = (
    convolution,
    transposed,
    matrix_product,
    addition,
    product,
    extreme,
    lookup,
    max_pool,
    average_pool,
    reduction,
    arg_max,
    concat,
    move,
    softmax,
    quantise,
    dequantise,
)


def cases(count: int, seed: int) -> list[Case]:
    """Half of them convolutions, the rest every other kind in turn."""
    kinds = [convolution if i % 2 else KINDS[1 + i // 2 % (len(KINDS) - 1)] for i in range(count)]
    return [kind(Dice(seed + i), i) for i, kind in enumerate(kinds)]
