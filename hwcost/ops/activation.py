"""Functions of one element at a time, and softmax, which looks along an axis. None of them multiplies a weight: 0 MACs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from hwcost.ops.base import Op, operator, require_axis
from hwcost.ops.flow import AxisFlow, same_axes
from hwcost.sizes import Size
from hwcost.tensor import TensorSpec


@dataclass(frozen=True, slots=True)
class _Map(Op):
    """A function of each element; shape, channels and storage are the input's."""

    elementwise: ClassVar[bool] = True

    def infer(self, x: TensorSpec) -> TensorSpec:
        return x

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return same_axes(len(x.shape))


@operator
@dataclass(frozen=True, slots=True)
class Relu(_Map):
    """max(x, 0)."""

    kind: ClassVar[str] = "relu"


@operator
@dataclass(frozen=True, slots=True)
class Clip(_Map):
    """x held between `minimum` and `maximum`; an open side is infinite."""

    minimum: float = float("-inf")
    maximum: float = float("inf")

    kind: ClassVar[str] = "clip"


def relu6() -> Clip:
    """X held between 0 and 6."""
    return Clip(0.0, 6.0)


@operator
@dataclass(frozen=True, slots=True)
class LeakyRelu(_Map):
    """x where positive, else slope * x."""

    slope: float = 0.01

    kind: ClassVar[str] = "leaky_relu"


@operator
@dataclass(frozen=True, slots=True)
class PRelu(_Map):
    """x where positive, else a learned slope * x; parameter `slope`, one per channel or one for all, shape `(C,)` or `(1,)`."""

    per_channel: bool = True

    kind: ClassVar[str] = "prelu"

    def parameters(self, x: TensorSpec) -> Mapping[str, tuple[Size, ...]]:
        return {"slope": (x.channels if self.per_channel else 1,)}


@operator
@dataclass(frozen=True, slots=True)
class Sigmoid(_Map):
    """1 / (1 + exp(-x))."""

    kind: ClassVar[str] = "sigmoid"


@operator
@dataclass(frozen=True, slots=True)
class Tanh(_Map):
    """Hyperbolic tangent."""

    kind: ClassVar[str] = "tanh"


@operator
@dataclass(frozen=True, slots=True)
class HardSigmoid(_Map):
    """alpha * x + beta, held between 0 and 1; torch's is 1/6 and 1/2, ONNX's default 0.2 and 1/2."""

    alpha: float = 1 / 6
    beta: float = 0.5

    kind: ClassVar[str] = "hard_sigmoid"


@operator
@dataclass(frozen=True, slots=True)
class HardSwish(_Map):
    """x * clip(x / 6 + 1/2, 0, 1)."""

    kind: ClassVar[str] = "hard_swish"


@operator
@dataclass(frozen=True, slots=True)
class Silu(_Map):
    """x * sigmoid(x)."""

    kind: ClassVar[str] = "silu"


@operator
@dataclass(frozen=True, slots=True)
class Gelu(_Map):
    """x times the normal distribution function of x, exactly or by the tanh formula."""

    approximate: Literal["none", "tanh"] = "none"

    kind: ClassVar[str] = "gelu"


@operator
@dataclass(frozen=True, slots=True)
class Elu(_Map):
    """x where positive, else alpha * (exp(x) - 1)."""

    alpha: float = 1.0

    kind: ClassVar[str] = "elu"


@operator
@dataclass(frozen=True, slots=True)
class Selu(_Map):
    """The self-normalising ELU, with its published constants."""

    kind: ClassVar[str] = "selu"


@operator
@dataclass(frozen=True, slots=True)
class Softplus(_Map):
    """log(1 + exp(x))."""

    kind: ClassVar[str] = "softplus"


@operator
@dataclass(frozen=True, slots=True)
class Softsign(_Map):
    """x / (1 + abs(x))."""

    kind: ClassVar[str] = "softsign"


@operator
@dataclass(frozen=True, slots=True)
class Mish(_Map):
    """x * tanh(softplus(x))."""

    kind: ClassVar[str] = "mish"


@operator
@dataclass(frozen=True, slots=True)
class Erf(_Map):
    """The error function."""

    kind: ClassVar[str] = "erf"


@operator
@dataclass(frozen=True, slots=True)
class Exp(_Map):
    """e to the power of x."""

    kind: ClassVar[str] = "exp"


@operator
@dataclass(frozen=True, slots=True)
class Log(_Map):
    """Natural logarithm."""

    kind: ClassVar[str] = "log"


@operator
@dataclass(frozen=True, slots=True)
class Sqrt(_Map):
    """Square root."""

    kind: ClassVar[str] = "sqrt"


@operator
@dataclass(frozen=True, slots=True)
class Reciprocal(_Map):
    """1 / x."""

    kind: ClassVar[str] = "reciprocal"


@operator
@dataclass(frozen=True, slots=True)
class Neg(_Map):
    """-x."""

    kind: ClassVar[str] = "neg"


@operator
@dataclass(frozen=True, slots=True)
class Abs(_Map):
    """x without its sign."""

    kind: ClassVar[str] = "abs"


@operator
@dataclass(frozen=True, slots=True)
class Sign(_Map):
    """-1, 0 or 1."""

    kind: ClassVar[str] = "sign"


@operator
@dataclass(frozen=True, slots=True)
class Sin(_Map):
    """Sine."""

    kind: ClassVar[str] = "sin"


@operator
@dataclass(frozen=True, slots=True)
class Cos(_Map):
    """Cosine."""

    kind: ClassVar[str] = "cos"


@operator
@dataclass(frozen=True, slots=True)
class Floor(_Map):
    """The largest integer not above x."""

    kind: ClassVar[str] = "floor"


@operator
@dataclass(frozen=True, slots=True)
class Ceil(_Map):
    """The smallest integer not below x."""

    kind: ClassVar[str] = "ceil"


@operator
@dataclass(frozen=True, slots=True)
class Round(_Map):
    """The nearest integer, halves to the even one."""

    kind: ClassVar[str] = "round"


@operator
@dataclass(frozen=True, slots=True)
class Not(_Map):
    """The other truth value."""

    kind: ClassVar[str] = "not"


@dataclass(frozen=True, slots=True)
class _AlongAxis(_Map):
    axis: int = 0
    """Counted from 0, without the batch."""

    elementwise: ClassVar[bool] = False

    def infer(self, x: TensorSpec) -> TensorSpec:
        require_axis(self, x, self.axis)
        return x


@operator
@dataclass(frozen=True, slots=True)
class Softmax(_AlongAxis):
    """Positive numbers that sum to 1 along `axis`."""

    kind: ClassVar[str] = "softmax"


@operator
@dataclass(frozen=True, slots=True)
class LogSoftmax(_AlongAxis):
    """Logarithm of softmax along `axis`."""

    kind: ClassVar[str] = "log_softmax"
