"""Axes reduced to one number each: sums, means, extremes, and where the extreme stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from hwcost.ops.base import Op, Work, operator, require_axis
from hwcost.ops.flow import AxisFlow, Fixed, InputAxis, Same
from hwcost.sizes import Size, prod
from hwcost.tensor import TensorSpec


def _reduced(op: Op, x: TensorSpec, axes: tuple[int, ...], keepdims: bool) -> tuple[Size, ...]:
    for axis in axes:
        require_axis(op, x, axis)
    return tuple(1 if axis in axes else n for axis, n in enumerate(x.shape) if keepdims or axis not in axes)


def _reduced_flow(x: TensorSpec, axes: tuple[int, ...], keepdims: bool) -> tuple[AxisFlow, ...]:
    return tuple(Fixed() if axis in axes else Same(((0, axis),)) for axis in range(len(x.shape)) if keepdims or axis not in axes)


@dataclass(frozen=True, slots=True)
class _Reduce(Op):
    axes: tuple[int, ...]
    """Counted from 0, without the batch, ascending."""
    keepdims: bool = False
    """Whether a reduced axis stays, with one element."""

    def infer(self, x: TensorSpec) -> TensorSpec:
        return x.with_shape(_reduced(self, x, self.axes, self.keepdims))

    def work(self, x: TensorSpec) -> Work:
        return replace(Op.work(self, x), patch_elements=prod(x.shape[axis] for axis in self.axes))

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return _reduced_flow(x, self.axes, self.keepdims)


@operator
@dataclass(frozen=True, slots=True)
class ReduceMean(_Reduce):
    """Mean over `axes`."""

    kind: ClassVar[str] = "reduce_mean"


@operator
@dataclass(frozen=True, slots=True)
class ReduceSum(_Reduce):
    """Sum over `axes`."""

    kind: ClassVar[str] = "reduce_sum"


@operator
@dataclass(frozen=True, slots=True)
class ReduceMax(_Reduce):
    """Largest over `axes`."""

    kind: ClassVar[str] = "reduce_max"


@operator
@dataclass(frozen=True, slots=True)
class ReduceMin(_Reduce):
    """Smallest over `axes`."""

    kind: ClassVar[str] = "reduce_min"


@operator
@dataclass(frozen=True, slots=True)
class ReduceProd(_Reduce):
    """Product over `axes`."""

    kind: ClassVar[str] = "reduce_prod"


@operator
@dataclass(frozen=True, slots=True)
class ReduceL2(_Reduce):
    """Root of the sum of squares over `axes`."""

    kind: ClassVar[str] = "reduce_l2"


@dataclass(frozen=True, slots=True)
class _ArgReduce(Op):
    axis: int = 0
    keepdims: bool = False

    def infer(self, x: TensorSpec) -> TensorSpec:
        return TensorSpec(_reduced(self, x, (self.axis,), self.keepdims), 32, None, "int")

    def work(self, x: TensorSpec) -> Work:
        return replace(Op.work(self, x), patch_elements=x.shape[self.axis])

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return _reduced_flow(x, (self.axis,), self.keepdims)

    def pinned(self, x: TensorSpec) -> tuple[InputAxis, ...]:
        # A place along the axis means another thing once some of it is gone.
        return ((0, self.axis),)


@operator
@dataclass(frozen=True, slots=True)
class ArgMax(_ArgReduce):
    """Index of the largest along `axis`, the first of equals, as a 32-bit integer whatever the file stores."""

    kind: ClassVar[str] = "arg_max"


@operator
@dataclass(frozen=True, slots=True)
class ArgMin(_ArgReduce):
    """Index of the smallest along `axis`, the first of equals, as a 32-bit integer whatever the file stores."""

    kind: ClassVar[str] = "arg_min"
