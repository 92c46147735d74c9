"""Convolutions over one or two axes: ordinary and grouped, depthwise, transposed.

Padding is always explicit, `((top, bottom), (left, right))`: readers resolve "same" and "valid" where the input size is known.
A fused activation is bounds on the output, not a layer of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, Self

from hwcost.errors import ShapeError
from hwcost.ops.base import Op, Work, operator, require_positive, require_rank, shape_text
from hwcost.ops.flow import AxisFlow, Fixed, InputAxis, Own, Repeated
from hwcost.sizes import Size, equal, exact_div, floor_div, is_int, prod
from hwcost.tensor import TensorSpec

Padding = tuple[tuple[Size, Size], ...]

AXES = {1: "channels x steps", 2: "channels x height x width"}


@dataclass(frozen=True, slots=True)
class Taps:
    """Taps of a kernel over time that stay: `count` of them from `start` on, `step` apart."""

    start: int
    step: int
    count: int

    @property
    def last(self) -> int:
        """The last one that stays."""
        return self.start + (self.count - 1) * self.step

    @property
    def places(self) -> range:
        """All that stay."""
        return range(self.start, self.last + 1, self.step)

    def dilation(self, whole: int) -> int:
        """Distance of neighbouring taps, where those of the whole kernel are `whole` apart; one tap alone has none, which is written 1."""
        return whole * self.step if self.count > 1 else 1

    def padding(self, kernel: int, dilation: int, padding: tuple[int, int]) -> tuple[int, int]:
        """Zeros before and after the input that keep every output where the whole kernel made it; below 0 there is no such padding."""
        before, after = padding
        return before - self.start * dilation, after - (kernel - 1 - self.last) * dilation


class Windowed(Protocol):
    """What every operator with a sliding window has: one entry per axis it slides along."""

    @property
    def kernel(self) -> tuple[Size, ...]: ...
    @property
    def stride(self) -> tuple[Size, ...]: ...
    @property
    def padding(self) -> Padding: ...
    @property
    def dilation(self) -> tuple[Size, ...]: ...


def slide(op: Windowed, x: TensorSpec) -> tuple[Size, ...]:
    """Output positions along each axis: floor((n + pads - dilation (k - 1) - 1) / stride) + 1."""
    axes = zip(x.shape[1:], op.kernel, op.stride, op.padding, op.dilation, strict=True)
    return tuple(floor_div(n + before + after - dilation * (k - 1) - 1, stride) + 1 for n, k, stride, (before, after), dilation in axes)


def _with_taps(op: Any, taps: Taps) -> Any:
    """A convolution over time with fewer taps, which makes each output where it was."""
    (kernel,), (dilation,), (padding,) = op.kernel, op.dilation, op.padding
    moved = taps.padding(kernel, dilation, padding)
    if taps.start < 0 or taps.count < 1 or taps.last >= kernel or min(moved) < 0:
        asked = f"{taps.count} taps from {taps.start} on, {taps.step} apart"
        raise ShapeError(f"{type(op).__name__} of {kernel} taps with {padding[0]} zeros before and {padding[1]} after cannot keep {asked}")
    return replace(op, kernel=(taps.count,), dilation=(taps.dilation(dilation),), padding=(moved,))


def _multiply_work(op: Op, x: TensorSpec, y: TensorSpec, patch: Size, positions: Size) -> Work:
    """Work of a layer in which each output number is a sum over one patch."""
    return Work(
        macs=positions * y.channels * patch,
        params=op.params(x),
        in_elements=x.elements,
        out_elements=y.elements,
        in_bytes=x.bytes,
        out_bytes=y.bytes,
        patch_elements=patch,
        positions=positions,
        in_channels=x.channels,
        out_channels=y.channels,
    )


@dataclass(frozen=True, slots=True)
class _Conv(Op):
    out_channels: Size
    kernel: tuple[Size, ...] = (1, 1)
    stride: tuple[Size, ...] = (1, 1)
    padding: Padding = ((0, 0), (0, 0))
    dilation: tuple[Size, ...] = (1, 1)
    groups: Size = 1
    bias: bool = True
    activation: Op | None = None

    width: ClassVar[str | None] = "out_channels"
    rank: ClassVar[int] = 2

    def infer(self, x: TensorSpec) -> TensorSpec:
        require_rank(self, x, self.rank + 1, AXES[self.rank])
        shape = (self.out_channels, *self._places(x))
        require_positive(self, shape, x)
        self._require_groups(x)
        return x.with_shape(shape)

    def _places(self, x: TensorSpec) -> tuple[Size, ...]:
        return slide(self, x)

    def _require_groups(self, x: TensorSpec) -> None:
        for n, what in ((x.channels, "input"), (self.out_channels, "output")):
            if is_int(n) and is_int(self.groups) and n % self.groups:
                raise ShapeError(
                    f"{type(self).__name__} with {self.groups} groups cannot divide {n} {what} channels of {shape_text(x.shape)}"
                )

    def patch_elements(self, x: TensorSpec) -> Size:
        """Inputs that one output number is summed over: input channels of a group times kernel positions."""
        return exact_div(x.channels, self.groups) * prod(self.kernel)

    def parameters(self, x: TensorSpec) -> Mapping[str, tuple[Size, ...]]:
        shapes: dict[str, tuple[Size, ...]] = {"weight": (self.out_channels, exact_div(x.channels, self.groups), *self.kernel)}
        if self.bias:
            shapes["bias"] = (self.out_channels,)
        return shapes

    def work(self, x: TensorSpec) -> Work:
        y = self.infer(x)
        return _multiply_work(self, x, y, self.patch_elements(x), y.positions)

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        # Groups cut both sides into equal runs, so neither can lose single channels.
        channels = Own() if equal(self.groups, 1) else Fixed()
        return (channels, *(Fixed() for _ in self.kernel))

    def pinned(self, x: TensorSpec) -> tuple[InputAxis, ...]:
        return () if equal(self.groups, 1) else ((0, 0),)


@operator
class Conv2d(_Conv):
    """Convolution over height and width, with groups and dilation; weights `(out, in / groups, kernel height, kernel width)`."""

    __slots__ = ()

    kind: ClassVar[str] = "conv2d"


@operator
@dataclass(frozen=True, slots=True)
class Conv1d(_Conv):
    """Convolution over time; weights `(out, in / groups, kernel)`."""

    kernel: tuple[Size, ...] = (1,)
    stride: tuple[Size, ...] = (1,)
    padding: Padding = ((0, 0),)
    dilation: tuple[Size, ...] = (1,)

    kind: ClassVar[str] = "conv1d"
    rank: ClassVar[int] = 1

    def with_taps(self, taps: Taps) -> Self:
        changed: Self = _with_taps(self, taps)
        return changed


@dataclass(frozen=True, slots=True)
class _DepthwiseConv(Op):
    kernel: tuple[Size, ...] = (1, 1)
    stride: tuple[Size, ...] = (1, 1)
    padding: Padding = ((0, 0), (0, 0))
    dilation: tuple[Size, ...] = (1, 1)
    multiplier: int = 1
    bias: bool = True
    activation: Op | None = None

    rank: ClassVar[int] = 2

    def infer(self, x: TensorSpec) -> TensorSpec:
        require_rank(self, x, self.rank + 1, AXES[self.rank])
        shape = (x.channels * self.multiplier, *slide(self, x))
        require_positive(self, shape, x)
        return x.with_shape(shape)

    def parameters(self, x: TensorSpec) -> Mapping[str, tuple[Size, ...]]:
        out_channels = x.channels * self.multiplier
        shapes: dict[str, tuple[Size, ...]] = {"weight": (out_channels, 1, *self.kernel)}
        if self.bias:
            shapes["bias"] = (out_channels,)
        return shapes

    def work(self, x: TensorSpec) -> Work:
        y = self.infer(x)
        return _multiply_work(self, x, y, prod(self.kernel), y.positions)

    def scale_axis(self, role: str) -> int | None:
        return 0 if role == "weight" else None

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return (Repeated((0, 0), self.multiplier), *(Fixed() for _ in self.kernel))


@operator
class DepthwiseConv2d(_DepthwiseConv):
    """Each input channel convolved on its own (`multiplier` outputs per input), so its channels are its input's."""

    __slots__ = ()

    kind: ClassVar[str] = "depthwise_conv2d"


@operator
@dataclass(frozen=True, slots=True)
class DepthwiseConv1d(_DepthwiseConv):
    """Each channel of a sequence convolved on its own."""

    kernel: tuple[Size, ...] = (1,)
    stride: tuple[Size, ...] = (1,)
    padding: Padding = ((0, 0),)
    dilation: tuple[Size, ...] = (1,)

    kind: ClassVar[str] = "depthwise_conv1d"
    rank: ClassVar[int] = 1

    def with_taps(self, taps: Taps) -> Self:
        changed: Self = _with_taps(self, taps)
        return changed


@dataclass(frozen=True, slots=True)
class _ConvTranspose(_Conv):
    output_padding: tuple[Size, ...] = (0, 0)

    def _places(self, x: TensorSpec) -> tuple[Size, ...]:
        """Output positions along each axis: stride (n - 1) + dilation (k - 1) + 1 - pads + output padding."""
        axes = zip(x.shape[1:], self.kernel, self.stride, self.padding, self.dilation, self.output_padding, strict=True)
        return tuple(
            stride * (n - 1) + dilation * (k - 1) + 1 - before - after + extra for n, k, stride, (before, after), dilation, extra in axes
        )

    def parameters(self, x: TensorSpec) -> Mapping[str, tuple[Size, ...]]:
        shapes: dict[str, tuple[Size, ...]] = {"weight": (x.channels, exact_div(self.out_channels, self.groups), *self.kernel)}
        if self.bias:
            shapes["bias"] = (self.out_channels,)
        return shapes

    def scale_axis(self, role: str) -> int | None:
        return 1 if role == "weight" else None

    def work(self, x: TensorSpec) -> Work:
        # Every input element is multiplied into one kernel's worth of outputs, so the places counted are those of the input.
        return _multiply_work(self, x, self.infer(x), self.patch_elements(x), x.positions)


@operator
class ConvTranspose2d(_ConvTranspose):
    """Transposed ("up") convolution; weights `(in, out / groups, kernel height, kernel width)`."""

    __slots__ = ()

    kind: ClassVar[str] = "conv_transpose2d"


@operator
@dataclass(frozen=True, slots=True)
class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution over time."""

    kernel: tuple[Size, ...] = (1,)
    stride: tuple[Size, ...] = (1,)
    padding: Padding = ((0, 0),)
    dilation: tuple[Size, ...] = (1,)
    output_padding: tuple[Size, ...] = (0,)

    kind: ClassVar[str] = "conv_transpose1d"
    rank: ClassVar[int] = 1
