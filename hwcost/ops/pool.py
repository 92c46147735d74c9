"""Pools: a window that slides over each channel on its own, or covers it whole.

Padding is explicit; readers resolve `ceil_mode` into extra padding at the end. Pools multiply nothing: 0 MACs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from hwcost.errors import ShapeError
from hwcost.ops.base import Op, Work, operator, require_positive, require_rank, shape_text
from hwcost.ops.conv import AXES, Padding, slide
from hwcost.ops.flow import AxisFlow, Fixed, Same
from hwcost.sizes import Size, ceil_div, prod
from hwcost.tensor import TensorSpec


@dataclass(frozen=True, slots=True)
class _Pool(Op):
    kernel: tuple[Size, ...]
    stride: tuple[Size, ...] = (1, 1)
    padding: Padding = ((0, 0), (0, 0))
    dilation: tuple[Size, ...] = (1, 1)

    rank: ClassVar[int] = 2

    def infer(self, x: TensorSpec) -> TensorSpec:
        require_rank(self, x, self.rank + 1, AXES[self.rank])
        shape = (x.channels, *slide(self, x))
        require_positive(self, shape, x)
        return x.with_shape(shape)

    def work(self, x: TensorSpec) -> Work:
        return replace(Op.work(self, x), patch_elements=prod(self.kernel))

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return (Same(((0, 0),)), *(Fixed() for _ in self.kernel))


@operator
class MaxPool2d(_Pool):
    """The largest value of each window over height and width; padding never wins."""

    __slots__ = ()

    kind: ClassVar[str] = "max_pool2d"


@operator
@dataclass(frozen=True, slots=True)
class MaxPool1d(_Pool):
    """The largest value of each window over time."""

    stride: tuple[Size, ...] = (1,)
    padding: Padding = ((0, 0),)
    dilation: tuple[Size, ...] = (1,)

    kind: ClassVar[str] = "max_pool1d"
    rank: ClassVar[int] = 1


@operator
@dataclass(frozen=True, slots=True)
class AveragePool2d(_Pool):
    """The mean of each window over height and width; with `count_include_pad`, padding counts as zeros."""

    count_include_pad: bool = False

    kind: ClassVar[str] = "average_pool2d"


@operator
@dataclass(frozen=True, slots=True)
class AveragePool1d(_Pool):
    """The mean of each window over time; with `count_include_pad`, padding counts as zeros."""

    stride: tuple[Size, ...] = (1,)
    padding: Padding = ((0, 0),)
    dilation: tuple[Size, ...] = (1,)
    count_include_pad: bool = False

    kind: ClassVar[str] = "average_pool1d"
    rank: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class _GlobalPool(Op):
    def infer(self, x: TensorSpec) -> TensorSpec:
        if len(x.shape) < 2:
            raise ShapeError(f"{type(self).__name__} expects channels and at least one axis to pool, got shape {shape_text(x.shape)}")
        return x.with_shape((x.channels, *(1 for _ in x.shape[1:])))

    def work(self, x: TensorSpec) -> Work:
        return replace(Op.work(self, x), patch_elements=x.positions)

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return (Same(((0, 0),)), *(Fixed() for _ in x.shape[1:]))


@operator
class GlobalAveragePool(_GlobalPool):
    """The mean of each channel: `(C, H, W)` to `(C, 1, 1)`, `(C, T)` to `(C, 1)`."""

    __slots__ = ()

    kind: ClassVar[str] = "global_average_pool"


@operator
class GlobalMaxPool(_GlobalPool):
    """The largest value of each channel: `(C, H, W)` to `(C, 1, 1)`, `(C, T)` to `(C, 1)`."""

    __slots__ = ()

    kind: ClassVar[str] = "global_max_pool"


@operator
@dataclass(frozen=True, slots=True)
class AdaptiveAveragePool(Op):
    """The mean of windows chosen so that `output` positions come out, where no window of one size and stride does the same."""

    output: tuple[Size, ...]

    kind: ClassVar[str] = "adaptive_average_pool"

    def infer(self, x: TensorSpec) -> TensorSpec:
        if len(x.shape) != len(self.output) + 1:
            expected = f"channels and {len(self.output)} more axes"
            raise ShapeError(f"AdaptiveAveragePool to {shape_text(self.output)} expects {expected}, got {shape_text(x.shape)}")
        return x.with_shape((x.channels, *self.output))

    def work(self, x: TensorSpec) -> Work:
        # Where sizes do not divide, windows overlap and differ by one position; the common length is ceil(n / m).
        window = prod(ceil_div(n, m) for n, m in zip(x.shape[1:], self.output, strict=True))
        return replace(Op.work(self, x), patch_elements=window)

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return (Same(((0, 0),)), *(Fixed() for _ in self.output))
