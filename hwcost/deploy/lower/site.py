"""One node that is being lowered: its operator, what lies around it, and its constants as integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.lower.fixed_point import FactorError
from hwcost.deploy.program import Int8, Layer, Range, Tensor
from hwcost.graph import Parameter, Step
from hwcost.ops.activation import Clip, Relu
from hwcost.tensor import Quantisation

UINT8_OFFSET = 128
"""What is taken from an unsigned byte and its zero point, so that it is stored as a signed one."""


class RefusedError(Exception):
    """A node cannot be lowered; the text says why and what to do, `lower` adds the node."""


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Integers with their scales: `real = scale * (values - zero_point)`, scales along `axis` if there is one per index."""

    values: NDArray[np.int64]
    scale: NDArray[np.float64]
    zero_point: NDArray[np.int64]
    axis: int | None

    @property
    def real(self) -> NDArray[np.float64]:
        """The numbers it stands for."""
        shape = [-1 if axis == self.axis else 1 for axis in range(self.values.ndim)]
        scale, zero = (
            (self.scale.reshape(shape), self.zero_point.reshape(shape)) if self.axis is not None else (self.scale, self.zero_point)
        )
        real: NDArray[np.float64] = (self.values - zero) * scale
        return real


@dataclass(frozen=True, slots=True)
class Site:
    """A node with its tensors in memory order; `features` says in which order a flattened input lies, where it is not the graph's."""

    step: Step
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    features: NDArray[np.int64] | None = None

    @property
    def op(self) -> Any:
        """The operator, whose attributes the family that lowers it knows."""
        return self.step.node.op

    @property
    def x(self) -> Tensor:
        """The first input."""
        return self.inputs[0]

    @property
    def y(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    def parameter(self, role: str) -> Parameter | None:
        """The constant of that role, if the node has one."""
        return dict(self.step.parameters).get(role)

    def constant(self, role: str) -> Constant:
        """The constant of that role as integers; refused where it is not quantised."""
        parameter = self.parameter(role)
        assert parameter is not None
        if parameter.quantisation is None or not parameter.quantisation.scale:
            raise RefusedError(f"its {role} '{parameter.name}' is not quantised: quantise the whole network (hwcost quantize)")
        return quantised(parameter.array(), parameter.quantisation, parameter.name)

    def range(self) -> Range:
        """Where the fused activation clamps the output, in its integers: rounding keeps order, so clamping integers is exact."""
        activation = getattr(self.op, "activation", None)
        if activation is None:
            return Range()
        if isinstance(activation, Relu):
            return Range(low=self.stored(0.0))
        if isinstance(activation, Clip):
            return Range(self.stored(activation.minimum), self.stored(activation.maximum))
        raise RefusedError(f"the fused activation {activation.kind} is not a clamp: export it as a layer of its own")

    def stored(self, real: float) -> int:
        """A real number as the output stores it, held to int8."""
        return int(np.clip(np.rint(np.clip(real / self.y.scale, -1e6, 1e6)) + self.y.zero_point, -128, 127))

    def same_scale(self, *tensors: Tensor) -> None:
        """Refuses tensors that are not stored on the output's scale."""
        for tensor in tensors:
            if (tensor.scale, tensor.zero_point) != (self.y.scale, self.y.zero_point):
                raise RefusedError(
                    f"{self.op.kind} picks among integers and needs '{tensor.name}' on the scale of its output: {described(self.y)}, "
                    f"got {described(tensor)}; quantise both alike"
                )


Rule: TypeAlias = Callable[[Site], Layer | tuple[Layer, ...]]


def described(tensor: Tensor) -> str:
    """A tensor's scale in words."""
    return f"scale {tensor.scale:g}, zero point {tensor.zero_point}"


def quantised(values: NDArray[Any], quantisation: Quantisation, name: str) -> Constant:
    """Stored integers with their scales, which must be positive and finite."""
    scale = np.asarray(quantisation.scale, dtype=np.float64)
    require_scale(scale, name)
    zero = np.asarray(quantisation.zero_point or (0,), dtype=np.int64)
    single = quantisation.axis is None
    return Constant(np.asarray(values).astype(np.int64), scale[0] if single else scale, zero[0] if single else zero, quantisation.axis)


def require_scale(scale: NDArray[np.float64], name: str) -> None:
    """Refuses scales that are zero, negative, infinite or not a number."""
    wrong = np.flatnonzero(~(np.isfinite(scale) & (scale > 0)))
    if wrong.size:
        raise RefusedError(f"expected scales above 0, got {scale.ravel()[wrong[0]]:g} for '{name}' (index {wrong[0]}): calibrate again")


def int8(values: NDArray[np.int64], what: str) -> Int8:
    """The values as int8; refused where they do not fit."""
    if values.size and (values.min() < -128 or values.max() > 127):
        raise RefusedError(
            f"{what} without their zero point do not fit int8 ({values.min()} to {values.max()}): quantise them symmetrically"
        )
    return values.astype(np.int8)


__all__ = ["Constant", "FactorError", "RefusedError", "Rule", "Site", "described", "int8", "quantised", "require_scale"]
