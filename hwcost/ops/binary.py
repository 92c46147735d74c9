"""Arithmetic on two operands that broadcast: two activations, or one activation and a constant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from hwcost.errors import ShapeError
from hwcost.ops.base import Op, operator, shape_text
from hwcost.ops.broadcast import broadcast, broadcast_flow, repeated_axes
from hwcost.ops.flow import AxisFlow, InputAxis
from hwcost.sizes import Size
from hwcost.tensor import TensorSpec


@dataclass(frozen=True, slots=True)
class _Binary(Op):
    constant: tuple[bool, ...] | None = None
    """None: two activations. Else the other operand is the parameter `operand`; for each axis of the input, whether the
    constant is as long as the axis (True) or has one element there (False). `()` is a scalar. The constant never makes the
    output larger than the input."""
    constant_first: bool = False
    """Whether the constant is the left operand (`1 - x`)."""
    activation: Op | None = None
    """Fused bounds on the output."""

    elementwise: ClassVar[bool] = True

    def infer(self, *inputs: TensorSpec) -> TensorSpec:
        self._require_operands(inputs)
        return inputs[0].with_shape(broadcast(self, *(x.shape for x in inputs)))

    def _require_operands(self, inputs: tuple[TensorSpec, ...]) -> None:
        expected = 2 if self.constant is None else 1
        if len(inputs) != expected:
            raise ShapeError(f"{type(self).__name__} expects {expected} activations beside {2 - expected} constants, got {len(inputs)}")
        if self.constant and len(self.constant) != len(inputs[0].shape):
            raise ShapeError(
                f"{type(self).__name__} has a constant over {len(self.constant)} axes, got shape {shape_text(inputs[0].shape)}"
            )

    def parameters(self, *inputs: TensorSpec) -> Mapping[str, tuple[Size, ...]]:
        if self.constant is None:
            return {}
        return {"operand": tuple(n if spans else 1 for n, spans in zip(inputs[0].shape, self.constant, strict=False))}

    def flow(self, *inputs: TensorSpec) -> tuple[AxisFlow, ...]:
        return broadcast_flow(*inputs)

    def pinned(self, *inputs: TensorSpec) -> tuple[InputAxis, ...]:
        return repeated_axes(*inputs)


@operator
class Add(_Binary):
    """Sum; the meeting point of a residual block, which ties the channels of both branches."""

    __slots__ = ()

    kind: ClassVar[str] = "add"


@operator
class Sub(_Binary):
    """Difference, left minus right."""

    __slots__ = ()

    kind: ClassVar[str] = "sub"


@operator
class Mul(_Binary):
    """Product element by element; with `(C, 1, 1)` on one side, the gate of squeeze-and-excite."""

    __slots__ = ()

    kind: ClassVar[str] = "mul"


@operator
class Div(_Binary):
    """Quotient, left by right."""

    __slots__ = ()

    kind: ClassVar[str] = "div"


@operator
class Minimum(_Binary):
    """The smaller of both operands, element by element."""

    __slots__ = ()

    kind: ClassVar[str] = "minimum"


@operator
class Maximum(_Binary):
    """The larger of both operands, element by element."""

    __slots__ = ()

    kind: ClassVar[str] = "maximum"


@operator
class Pow(_Binary):
    """Left operand to the power of the right."""

    __slots__ = ()

    kind: ClassVar[str] = "pow"


@operator
@dataclass(frozen=True, slots=True)
class Compare(_Binary):
    """Whether `left relation right` holds, element by element: one boolean byte each."""

    relation: Literal["equal", "less", "less_or_equal", "greater", "greater_or_equal"] = "equal"

    kind: ClassVar[str] = "compare"
    elementwise: ClassVar[bool] = False

    def infer(self, *inputs: TensorSpec) -> TensorSpec:
        return _truths(_Binary.infer(self, *inputs))


@operator
@dataclass(frozen=True, slots=True)
class Logical(_Binary):
    """And, or, exclusive or of two booleans, element by element."""

    relation: Literal["and", "or", "xor"] = "and"

    kind: ClassVar[str] = "logical"

    def infer(self, *inputs: TensorSpec) -> TensorSpec:
        return _truths(_Binary.infer(self, *inputs))


@operator
class Where(Op):
    """The second input where the first is true, else the third; all three broadcast."""

    __slots__ = ()

    kind: ClassVar[str] = "where"

    def infer(self, condition: TensorSpec, left: TensorSpec, right: TensorSpec) -> TensorSpec:
        return left.with_shape(broadcast(self, condition.shape, left.shape, right.shape))

    def flow(self, condition: TensorSpec, left: TensorSpec, right: TensorSpec) -> tuple[AxisFlow, ...]:
        return broadcast_flow(condition, left, right)

    def pinned(self, condition: TensorSpec, left: TensorSpec, right: TensorSpec) -> tuple[InputAxis, ...]:
        return repeated_axes(condition, left, right)


def _truths(x: TensorSpec) -> TensorSpec:
    return TensorSpec(x.shape, 8, None, "bool")
