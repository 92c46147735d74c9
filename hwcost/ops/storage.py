"""The same values stored in another way: cast, quantised, or not changed at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hwcost.ops.base import Op, operator
from hwcost.ops.flow import AxisFlow, same_axes
from hwcost.tensor import Kind, Quantisation, TensorSpec


@dataclass(frozen=True, slots=True)
class _Restore(Op):
    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return same_axes(len(x.shape))


@operator
class Identity(_Restore):
    """The input itself (dropout at inference, a name for a value): nothing is moved."""

    __slots__ = ()

    kind: ClassVar[str] = "identity"
    alias: ClassVar[bool] = True

    def infer(self, x: TensorSpec) -> TensorSpec:
        return x


@operator
@dataclass(frozen=True, slots=True)
class Cast(_Restore):
    """Each value as another type; `stored` is what the type holds, `bits` its width."""

    bits: int = 32
    stored: Kind = "float"

    kind: ClassVar[str] = "cast"

    def infer(self, x: TensorSpec) -> TensorSpec:
        return TensorSpec(x.shape, self.bits, None, self.stored)


@operator
@dataclass(frozen=True, slots=True)
class Quantize(_Restore):
    """Floats to integers of `bits` bits; the scale is that of the output's storage."""

    bits: int = 8
    stored: Kind = "int"

    kind: ClassVar[str] = "quantize"

    def infer(self, x: TensorSpec) -> TensorSpec:
        return TensorSpec(x.shape, self.bits, Quantisation(), self.stored)


@operator
@dataclass(frozen=True, slots=True)
class Dequantize(_Restore):
    """Integers to floats of `bits` bits; the scale is that of the input's storage."""

    bits: int = 32

    kind: ClassVar[str] = "dequantize"

    def infer(self, x: TensorSpec) -> TensorSpec:
        return TensorSpec(x.shape, self.bits)
