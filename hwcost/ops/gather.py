"""Elements picked by index, from an activation or from a stored table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from hwcost.errors import ShapeError
from hwcost.ops.base import Op, operator, require_axis, shape_text
from hwcost.ops.flow import AxisFlow, Fixed, InputAxis, Own, Same
from hwcost.sizes import Size, is_int
from hwcost.tensor import TensorSpec


@operator
@dataclass(frozen=True, slots=True)
class Gather(Op):
    """Indices of one axis, in the order asked for.

    `indices` is a number (the axis disappears), a tuple (the axis holds those), or None: they are the second input, whose
    axes take the place of the axis.
    """

    axis: int = 0
    indices: int | tuple[int, ...] | None = None

    kind: ClassVar[str] = "gather"

    def infer(self, x: TensorSpec, *indices: TensorSpec) -> TensorSpec:
        require_axis(self, x, self.axis)
        if len(indices) != (self.indices is None):
            with_or_without, expected = ("without", 2) if self.indices is None else ("with", 1)
            raise ShapeError(f"Gather {with_or_without} constant indices expects {expected} inputs, got {1 + len(indices)}")
        self._require_inside(x)
        return x.with_shape((*x.shape[: self.axis], *self._picked(*indices), *x.shape[self.axis + 1 :]))

    def _picked(self, *indices: TensorSpec) -> tuple[Size, ...]:
        if self.indices is None:
            return indices[0].shape
        return (len(self.indices),) if isinstance(self.indices, tuple) else ()

    def _require_inside(self, x: TensorSpec) -> None:
        n = x.shape[self.axis]
        wanted = self.indices if isinstance(self.indices, tuple) else (self.indices or 0,)
        if is_int(n) and any(not 0 <= index < n for index in wanted):
            raise ShapeError(f"Gather of {self.indices} cannot leave axis {self.axis} of {shape_text(x.shape)}")

    def flow(self, x: TensorSpec, *indices: TensorSpec) -> tuple[AxisFlow, ...]:
        kept = [Same(((0, axis),)) for axis in range(len(x.shape))]
        return (*kept[: self.axis], *(Fixed() for _ in self._picked(*indices)), *kept[self.axis + 1 :])

    def pinned(self, x: TensorSpec, *indices: TensorSpec) -> tuple[InputAxis, ...]:
        return ((0, self.axis), *((1, axis) for axis in range(len(indices[0].shape) if indices else 0)))


@operator
@dataclass(frozen=True, slots=True)
class Embedding(Op):
    """A row of a stored table for each index; parameter `weight`, `(entries, features)`. Raises no error for an index out of range."""

    entries: Size
    features: Size

    kind: ClassVar[str] = "embedding"
    width: ClassVar[str | None] = "features"

    def infer(self, x: TensorSpec) -> TensorSpec:
        return TensorSpec((*x.shape, self.features))

    def parameters(self, x: TensorSpec) -> Mapping[str, tuple[Size, ...]]:
        return {"weight": (self.entries, self.features)}

    def scale_axis(self, role: str) -> int | None:
        return None  # A row is returned as it is stored, and the output has one scale.

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return (*(Same(((0, axis),)) for axis in range(len(x.shape))), Own())
