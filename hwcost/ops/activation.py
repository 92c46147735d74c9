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
class Relu(_Map):
    """max(x, 0)."""

    __slots__ = ()

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
class Sigmoid(_Map):
    """1 / (1 + exp(-x))."""

    __slots__ = ()

    kind: ClassVar[str] = "sigmoid"


@operator
class Tanh(_Map):
    """Hyperbolic tangent."""

    __slots__ = ()

    kind: ClassVar[str] = "tanh"


@operator
@dataclass(frozen=True, slots=True)
class HardSigmoid(_Map):
    """alpha * x + beta, held between 0 and 1; torch's is 1/6 and 1/2, ONNX's default 0.2 and 1/2."""

    alpha: float = 1 / 6
    beta: float = 0.5

    kind: ClassVar[str] = "hard_sigmoid"


@operator
class HardSwish(_Map):
    """x * clip(x / 6 + 1/2, 0, 1)."""

    __slots__ = ()

    kind: ClassVar[str] = "hard_swish"


@operator
class Silu(_Map):
    """x * sigmoid(x)."""

    __slots__ = ()

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
class Selu(_Map):
    """The self-normalising ELU, with its published constants."""

    __slots__ = ()

    kind: ClassVar[str] = "selu"


@operator
class Softplus(_Map):
    """log(1 + exp(x))."""

    __slots__ = ()

    kind: ClassVar[str] = "softplus"


@operator
class Softsign(_Map):
    """x / (1 + abs(x))."""

    __slots__ = ()

    kind: ClassVar[str] = "softsign"


@operator
class Mish(_Map):
    """x * tanh(softplus(x))."""

    __slots__ = ()

    kind: ClassVar[str] = "mish"


@operator
class Erf(_Map):
    """The error function."""

    __slots__ = ()

    kind: ClassVar[str] = "erf"


@operator
class Exp(_Map):
    """e to the power of x."""

    __slots__ = ()

    kind: ClassVar[str] = "exp"


@operator
class Log(_Map):
    """Natural logarithm."""

    __slots__ = ()

    kind: ClassVar[str] = "log"


@operator
class Sqrt(_Map):
    """Square root."""

    __slots__ = ()

    kind: ClassVar[str] = "sqrt"


@operator
class Reciprocal(_Map):
    """1 / x."""

    __slots__ = ()

    kind: ClassVar[str] = "reciprocal"


@operator
class Neg(_Map):
    """-x."""

    __slots__ = ()

    kind: ClassVar[str] = "neg"


@operator
class Abs(_Map):
    """x without its sign."""

    __slots__ = ()

    kind: ClassVar[str] = "abs"


@operator
class Sign(_Map):
    """-1, 0 or 1."""

    __slots__ = ()

    kind: ClassVar[str] = "sign"


@operator
class Sin(_Map):
    """Sine."""

    __slots__ = ()

    kind: ClassVar[str] = "sin"


@operator
class Cos(_Map):
    """Cosine."""

    __slots__ = ()

    kind: ClassVar[str] = "cos"


@operator
class Floor(_Map):
    """The largest integer not above x."""

    __slots__ = ()

    kind: ClassVar[str] = "floor"


@operator
class Ceil(_Map):
    """The smallest integer not below x."""

    __slots__ = ()

    kind: ClassVar[str] = "ceil"


@operator
class Round(_Map):
    """The nearest integer, halves to the even one."""

    __slots__ = ()

    kind: ClassVar[str] = "round"


@operator
class Not(_Map):
    """The other truth value."""

    __slots__ = ()

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
class Softmax(_AlongAxis):
    """Positive numbers that sum to 1 along `axis`."""

    __slots__ = ()

    kind: ClassVar[str] = "softmax"


@operator
class LogSoftmax(_AlongAxis):
    """Logarithm of softmax along `axis`."""

    __slots__ = ()

    kind: ClassVar[str] = "log_softmax"
