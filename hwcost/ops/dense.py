"""Layers that contract a last axis: dense (a matrix of weights) and the product of two activations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from hwcost.errors import ShapeError
from hwcost.ops.base import Op, Work, operator, shape_text
from hwcost.ops.broadcast import broadcast, broadcast_flow, repeated_axes
from hwcost.ops.flow import AxisFlow, InputAxis, Own, Same
from hwcost.sizes import Size, equal, prod
from hwcost.tensor import TensorSpec


@operator
@dataclass(frozen=True, slots=True)
class Dense(Op):
    """A fully connected layer on the last axis, repeated over all others; weights `(out, in)`."""

    out_features: Size
    bias: bool = True
    activation: Op | None = None

    kind: ClassVar[str] = "dense"
    width: ClassVar[str | None] = "out_features"

    def infer(self, x: TensorSpec) -> TensorSpec:
        if not x.shape:
            raise ShapeError("Dense expects at least one axis of features, got a scalar")
        return x.with_shape((*x.shape[:-1], self.out_features))

    def parameters(self, x: TensorSpec) -> Mapping[str, tuple[Size, ...]]:
        shapes: dict[str, tuple[Size, ...]] = {"weight": (self.out_features, x.features)}
        if self.bias:
            shapes["bias"] = (self.out_features,)
        return shapes

    def work(self, x: TensorSpec) -> Work:
        y = self.infer(x)
        positions = prod(x.shape[:-1])
        return Work(
            macs=positions * self.out_features * x.features,
            params=self.params(x),
            in_elements=x.elements,
            out_elements=y.elements,
            in_bytes=x.bytes,
            out_bytes=y.bytes,
            patch_elements=x.features,
            positions=positions,
            in_channels=x.features,
            out_channels=self.out_features,
        )

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return (*(Same(((0, axis),)) for axis in range(len(x.shape) - 1)), Own())


@operator
class MatMul(Op):
    """Product of two activations, `(..., rows, inner) x (..., inner, columns)`; leading axes broadcast."""

    __slots__ = ()

    kind: ClassVar[str] = "matmul"

    def infer(self, a: TensorSpec, b: TensorSpec) -> TensorSpec:
        if len(a.shape) < 2 or len(b.shape) < 2 or not equal(a.shape[-1], b.shape[-2]):
            raise ShapeError(f"MatMul cannot multiply {shape_text(a.shape)} by {shape_text(b.shape)}: the inner sizes differ")
        leading = broadcast(self, a.shape[:-2], b.shape[:-2])
        return a.with_shape((*leading, a.shape[-2], b.shape[-1]))

    def work(self, a: TensorSpec, b: TensorSpec) -> Work:
        y = self.infer(a, b)
        inner = a.shape[-1]
        return Work(
            macs=y.elements * inner,
            params=0,
            in_elements=a.elements + b.elements,
            out_elements=y.elements,
            in_bytes=a.bytes + b.bytes,
            out_bytes=y.bytes,
            patch_elements=inner,
            positions=prod(y.shape[:-1]),
            in_channels=inner,
            out_channels=y.shape[-1],
        )

    def flow(self, a: TensorSpec, b: TensorSpec) -> tuple[AxisFlow, ...]:
        leading = broadcast_flow(*_leading(a, b))
        return (*leading, Same(((0, len(a.shape) - 2),)), Same(((1, len(b.shape) - 1),)))

    def pinned(self, a: TensorSpec, b: TensorSpec) -> tuple[InputAxis, ...]:
        return repeated_axes(*_leading(a, b))

    def ties(self, a: TensorSpec, b: TensorSpec) -> tuple[tuple[InputAxis, ...], ...]:
        inner = ((0, len(a.shape) - 1), (1, len(b.shape) - 2))
        return (*Op.ties(self, a, b), inner)


def _leading(*inputs: TensorSpec) -> tuple[TensorSpec, ...]:
    """The axes before the matrices, which broadcast."""
    return tuple(x.with_shape(x.shape[:-2]) for x in inputs)
