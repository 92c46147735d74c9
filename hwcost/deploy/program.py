"""The int8 program a network is lowered to: integer constants, and arithmetic that is defined to the bit.

Every implementation of a layer (the numpy interpreter, each C kernel, each assembly tile) computes exactly what its docstring
here says; docs/arithmetic.md explains it at length. `rescale(a, m, s)` below is `floor((a * m + 2**(s - 1)) / 2**s)` over whole
numbers of any size: one rounding, halves upwards. `clamp(y)` limits y to `[low, high]`, which lies within [-128, 127].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hwcost.graph import Graph

Int8 = NDArray[np.int8]
Int32 = NDArray[np.int32]

SHIFT = 32
"""The shift of a rescaling whose factor is below 1/2: the high word of a 32 x 32 bit product, rounded (SMMLAR on cores that have it)."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value as it lies in memory.

    `shape` is in memory order, channels last: (height, width, channels), (steps, channels) or (features,). `order` maps the axes of
    the graph's spec to memory: memory axis i is axis `order[i]` of the graph's. `bits` 8 is int8 with one scale; 32 of kind "float"
    is an IEEE single outside the integer part of a network; 32 of kind "int" is an index (arg_max).
    """

    name: str
    shape: tuple[int, ...]
    order: tuple[int, ...]
    bits: int = 8
    kind: Literal["int", "float"] = "int"
    scale: float = 1.0
    zero_point: int = 0

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def bytes(self) -> int:
        """Bytes it takes."""
        return self.elements * (self.bits // 8)


@dataclass(frozen=True, slots=True)
class Range:
    """Where an output is clamped to, zero point included: the fused activation, never wider than int8."""

    low: int = -128
    high: int = 127


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """`out[y, x, o] = clamp(zero + rescale(bias[o] + sum(weights[o, i, j, c] * in[...]), multiplier[o], shift))`.

    Sums run over int8 values as stored; places outside the input hold `input_zero_point`. The input's offset is inside `bias`:
    bias[o] = file's bias - input_zero_point * sum(weights[o]). Dense layers are 1x1 windows over rows of features; layers over time
    have height 1; depthwise layers have one input channel a group. `weights` is (out_channels, height, width, in_channels/groups).
    Accumulators fit int32 for every input, which lowering has proved.
    """

    weights: Int8
    bias: Int32
    multiplier: Int32
    shift: int
    input_zero_point: int
    output_zero_point: int
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Top, left, bottom, right."""
    groups: int = 1
    range: Range = Range()


@dataclass(frozen=True, slots=True, eq=False)
class TransposedConvolution:
    """Every input place adds `weights[o, i, j, c] * (in - input_zero_point)` to the outputs its window covers; then as Convolution.

    `weights` is (out_channels, height, width, in_channels/groups), `bias` the file's own (no offset inside); output places no window
    covers hold the bias alone.
    """

    weights: Int8
    bias: Int32
    multiplier: Int32
    shift: int
    input_zero_point: int
    output_zero_point: int
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    range: Range = Range()


@dataclass(frozen=True, slots=True)
class MatrixProduct:
    """`out[.., i, j] = clamp(zero + rescale(sum_k (a[.., i, k] - za) * (b[.., k, j] - zb), multiplier, shift))`: both are activations."""

    multiplier: int
    shift: int
    zero_points: tuple[int, int]
    output_zero_point: int
    range: Range = Range()


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """`out = clamp(zero + rescale((a - za) * ma + (b - zb) * mb, 1, shift))`, multipliers signed, so that it subtracts as well.

    Multipliers are below 2**22 in magnitude: the sum fits int32. `operand` holds b where it is a constant (int8, of the output's shape
    in memory order, or broadcast along leading axes); axes of size 1 of either input are repeated.
    """

    multipliers: tuple[int, int]
    shift: int
    zero_points: tuple[int, int]
    output_zero_point: int
    operand: Int8 | None = None
    range: Range = Range()


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """`out = clamp(zero + rescale((a - za) * (b - zb), multiplier, shift))`; `operand` and broadcasting as in Sum."""

    multiplier: int
    shift: int
    zero_points: tuple[int, int]
    output_zero_point: int
    operand: Int8 | None = None
    range: Range = Range()


@dataclass(frozen=True, slots=True)
class Extreme:
    """`max` or `min` of two inputs that are stored on the same scale, element by element; broadcasting as in Sum."""

    largest: bool


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """`out = table[channel, in + 128]`: any function of one value. One table for all channels (shape (1, 256)) or one each."""

    table: Int8


@dataclass(frozen=True, slots=True)
class MaxPool:
    """The largest value in each window, places outside the input left out; input and output are stored on the same scale."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int] = (1, 1)
    range: Range = Range()


@dataclass(frozen=True, slots=True, eq=False)
class AveragePool:
    """`out = clamp(zero + rescale(sum(in - input_zero_point), multipliers[n - 1], shift))` over the n places counted in a window.

    Places outside the input add nothing to the sum; n counts the places inside, or the whole window where `count_padding` is set.
    Global pools and means over places are windows of the whole input.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    multipliers: Int32
    shift: int
    input_zero_point: int
    output_zero_point: int
    count_padding: bool = False
    dilation: tuple[int, int] = (1, 1)
    range: Range = Range()


@dataclass(frozen=True, slots=True)
class Reduction:
    """Over `axes` (of memory order): mean and sum are `clamp(zero + rescale(sum(in - input_zero_point), multiplier, shift))`, max and min
    the value.
    """

    what: Literal["mean", "sum", "max", "min"]
    axes: tuple[int, ...]
    multiplier: int = 0
    shift: int = SHIFT
    input_zero_point: int = 0
    output_zero_point: int = 0
    range: Range = Range()


@dataclass(frozen=True, slots=True)
class ArgMax:
    """Index of the first largest (or smallest) value along `axis` (of memory order), as int32."""

    axis: int
    largest: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Concat:
    """Inputs side by side along `axis` (of memory order), each through its table of 256 where its scale is not the output's (else None)."""

    axis: int
    tables: tuple[Int8 | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """`out[i0, i1, ...] = in[base + t0[i0] + t1[i1] + ...]`, or `fill` where one of the entries is negative.

    Transpose, slice, split, pad, nearest resize, expand and gather of constant indices: one table of element offsets (int32) per output
    axis, in memory order.
    """

    tables: tuple[Int32, ...]
    base: int = 0
    fill: int = 0


@dataclass(frozen=True, slots=True)
class Alias:
    """The input's bytes under another shape: no code at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Softmax:
    """Along the last memory axis, with d = max(row) - in and e = exponentials[d].

    `out = clamp(zero + floor((e * factor + total * 2**15) / (total * 2**16)))`, total the row's sum, in unsigned 64 bits. Entries of
    `exponentials` are at most 2**31 / row length, so that a row's sum is at most 2**31; `factor` is 2**16 / output scale, below 2**32.
    """

    exponentials: NDArray[np.uint32]
    factor: int
    output_zero_point: int


@dataclass(frozen=True, slots=True)
class Quantise:
    """IEEE single to int8: `clamp(zero + round_half_even(in / scale))`; the division is of singles."""

    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class Dequantise:
    """int8 to IEEE single: `(in - zero_point) * scale`, one multiplication of singles."""

    scale: float
    zero_point: int


Layer = (
    Convolution
    | TransposedConvolution
    | MatrixProduct
    | Sum
    | Product
    | Extreme
    | Lookup
    | MaxPool
    | AveragePool
    | Reduction
    | ArgMax
    | Concat
    | Move
    | Alias
    | Softmax
    | Quantise
    | Dequantise
)


@dataclass(frozen=True)
class Program:
    """A lowered network: `layers[i]` is what node i of `graph` does, `tensors` where every value lies and on which scale.

    `graph` is the network as it is planned, priced and emitted: normalised and, unless asked otherwise, simplified. A node with two or
    more outputs (split) is one Move per output: its entry in `layers` is a tuple.
    """

    graph: Graph
    layers: tuple[Layer | tuple[Layer, ...], ...]
    tensors: Mapping[str, Tensor]
    notes: tuple[str, ...] = field(default=())
    """What simplification did, in the reader's words."""
