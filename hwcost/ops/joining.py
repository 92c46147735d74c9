"""Tensors joined, taken apart, padded and repeated: memory that moves, and nothing that multiplies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from hwcost.errors import ShapeError
from hwcost.ops.base import Op, operator, require_axis, require_positive, shape_text
from hwcost.ops.flow import AxisFlow, Fixed, InputAxis, Joined, Part, Same, same_axes
from hwcost.sizes import Size, ceil_div, equal, is_int
from hwcost.tensor import Kind, TensorSpec


@operator
@dataclass(frozen=True, slots=True)
class Concat(Op):
    """Inputs one behind the other along `axis`; along all other axes they are equally long."""

    axis: int = 0

    kind: ClassVar[str] = "concat"

    def infer(self, *inputs: TensorSpec) -> TensorSpec:
        x = inputs[0]
        require_axis(self, x, self.axis)
        for other in inputs[1:]:
            if not _same_but(self.axis, x.shape, other.shape):
                raise ShapeError(f"Concat along axis {self.axis} expects shapes that differ there only", shapes=(x.shape, other.shape))
        return x.with_shape(_with_axis(x.shape, self.axis, sum(y.shape[self.axis] for y in inputs)))

    def flow(self, *inputs: TensorSpec) -> tuple[AxisFlow, ...]:
        sources = [tuple((i, axis) for i in range(len(inputs))) for axis in range(len(inputs[0].shape))]
        return tuple(Joined(s) if axis == self.axis else Same(s) for axis, s in enumerate(sources))


@operator
@dataclass(frozen=True, slots=True)
class Split(Op):
    """The input cut along `axis` into runs of `sizes`, one output each."""

    axis: int
    sizes: tuple[Size, ...]

    kind: ClassVar[str] = "split"

    def infer(self, x: TensorSpec) -> TensorSpec:
        return self.outputs(x)[0]

    def outputs(self, x: TensorSpec) -> tuple[TensorSpec, ...]:
        require_axis(self, x, self.axis)
        if not equal(sum(self.sizes), x.shape[self.axis]):
            raise ShapeError(
                f"Split into {self.sizes} cannot cut the {x.shape[self.axis]} elements of axis {self.axis} of {shape_text(x.shape)}"
            )
        return tuple(x.with_shape(_with_axis(x.shape, self.axis, size)) for size in self.sizes)

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return self.flows(x)[0]

    def flows(self, x: TensorSpec) -> tuple[tuple[AxisFlow, ...], ...]:
        stops = [sum(self.sizes[: i + 1]) for i in range(len(self.sizes))]
        parts = [Part((0, self.axis), stop - size, stop) for size, stop in zip(self.sizes, stops, strict=True)]
        return tuple(_flow_with_axis(x, self.axis, part) for part in parts)


@operator
@dataclass(frozen=True, slots=True)
class Slice(Op):
    """Every `step`-th index of one axis from `start` up to, not including, `stop`.

    Both count from 0 and are resolved by the reader; with a negative step `start` is the larger, and `stop` is -1 to go down to 0.
    """

    axis: int
    start: Size
    stop: Size
    step: Size = 1

    kind: ClassVar[str] = "slice"

    def infer(self, x: TensorSpec) -> TensorSpec:
        require_axis(self, x, self.axis)
        self._require_inside(x)
        shape = _with_axis(x.shape, self.axis, ceil_div(self.stop - self.start, self.step))
        require_positive(self, shape, x)
        return x.with_shape(shape)

    def _require_inside(self, x: TensorSpec) -> None:
        n = x.shape[self.axis]
        ends = (n, self.start, self.stop)
        if all(is_int(end) for end in ends) and not (-1 <= self.start < n and -1 <= self.stop <= n):
            raise ShapeError(f"Slice from {self.start} to {self.stop} leaves axis {self.axis} of {shape_text(x.shape)}")

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return _flow_with_axis(x, self.axis, Part((0, self.axis), self.start, self.stop) if equal(self.step, 1) else Fixed())

    def pinned(self, x: TensorSpec) -> tuple[InputAxis, ...]:
        return ((0, self.axis),)


@operator
@dataclass(frozen=True, slots=True)
class Pad(Op):
    """`pads` elements before and after each axis, `((before, after), ...)`: of `value`, or mirrored, or the edge repeated.

    Negative pads cut.
    """

    pads: tuple[tuple[Size, Size], ...]
    mode: Literal["constant", "reflect", "edge", "wrap"] = "constant"
    value: float = 0.0

    kind: ClassVar[str] = "pad"

    def infer(self, x: TensorSpec) -> TensorSpec:
        _require_per_axis(self, x, self.pads)
        shape = tuple(before + n + after for n, (before, after) in zip(x.shape, self.pads, strict=True))
        require_positive(self, shape, x)
        return x.with_shape(shape)

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        changed = self._changed()
        return tuple(Fixed() if axis in changed else Same(((0, axis),)) for axis in range(len(x.shape)))

    def pinned(self, x: TensorSpec) -> tuple[InputAxis, ...]:
        return tuple((0, axis) for axis in self._changed())

    def _changed(self) -> tuple[int, ...]:
        return tuple(axis for axis, pads in enumerate(self.pads) if not all(equal(n, 0) for n in pads))


@operator
@dataclass(frozen=True, slots=True)
class Expand(Op):
    """The input repeated whole `repeats` times along each axis (an axis of one element becomes `repeats` equal ones)."""

    repeats: tuple[Size, ...]

    kind: ClassVar[str] = "expand"

    def infer(self, x: TensorSpec) -> TensorSpec:
        _require_per_axis(self, x, self.repeats)
        return x.with_shape(tuple(n * times for n, times in zip(x.shape, self.repeats, strict=True)))

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return tuple(Same(((0, axis),)) if equal(times, 1) else Joined(((0, axis),) * times) for axis, times in enumerate(self.repeats))


@operator
@dataclass(frozen=True, slots=True)
class Constant(Op):
    """A stored tensor used where an activation is expected; it stays in flash. Parameter `value`, of its own shape."""

    shape: tuple[Size, ...]
    bits: int = 32
    stored: Kind = "float"

    kind: ClassVar[str] = "constant"
    resident: ClassVar[str] = "flash"

    def infer(self) -> TensorSpec:
        return TensorSpec(self.shape, self.bits, None, self.stored)

    def parameters(self) -> Mapping[str, tuple[Size, ...]]:
        return {"value": self.shape}


def _with_axis(shape: tuple[Size, ...], axis: int, n: Size) -> tuple[Size, ...]:
    return (*shape[:axis], n, *shape[axis + 1 :])


def _flow_with_axis(x: TensorSpec, axis: int, flow: AxisFlow) -> tuple[AxisFlow, ...]:
    axes = same_axes(len(x.shape))
    return (*axes[:axis], flow, *axes[axis + 1 :])


def _same_but(axis: int, a: tuple[Size, ...], b: tuple[Size, ...]) -> bool:
    return len(a) == len(b) and all(i == axis or equal(n, m) for i, (n, m) in enumerate(zip(a, b, strict=True)))


def _require_per_axis(op: Op, x: TensorSpec, entries: tuple[object, ...]) -> None:
    if len(entries) != len(x.shape):
        raise ShapeError(f"{type(op).__name__} expects {len(entries)} axes, got shape {shape_text(x.shape)}")
