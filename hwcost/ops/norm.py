"""Normalisations: the input, shifted and scaled by statistics that are stored (batch norm) or taken from it (all others)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from hwcost.errors import ShapeError
from hwcost.ops.base import Op, operator, require_axis, shape_text
from hwcost.ops.flow import AxisFlow, InputAxis, same_axes
from hwcost.sizes import Size, is_int
from hwcost.tensor import TensorSpec

Shapes = Mapping[str, tuple[Size, ...]]


@dataclass(frozen=True, slots=True)
class _Norm(Op):
    """Shape, channels and storage are the input's."""

    def infer(self, x: TensorSpec) -> TensorSpec:
        if not x.shape:
            raise ShapeError(f"{type(self).__name__} expects at least one axis, got a scalar")
        return x

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return same_axes(len(x.shape))


@operator
@dataclass(frozen=True, slots=True)
class BatchNorm(_Norm):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias, by channel, all four of them stored."""

    epsilon: float = 1e-5

    kind: ClassVar[str] = "batch_norm"
    elementwise: ClassVar[bool] = True

    def parameters(self, x: TensorSpec) -> Shapes:
        return dict.fromkeys(("scale", "bias", "mean", "variance"), (x.channels,))


@dataclass(frozen=True, slots=True)
class _TrailingNorm(_Norm):
    axes: int = 1
    """How many of the last axes are normalised together."""
    epsilon: float = 1e-5
    scale: bool = True

    def infer(self, x: TensorSpec) -> TensorSpec:
        if not 1 <= self.axes <= len(x.shape):
            raise ShapeError(f"{type(self).__name__} over the last {self.axes} axes expects that many, got shape {shape_text(x.shape)}")
        return x

    def parameters(self, x: TensorSpec) -> Shapes:
        return {"scale": x.shape[-self.axes :]} if self.scale else {}


@operator
@dataclass(frozen=True, slots=True)
class LayerNorm(_TrailingNorm):
    """The last axes to mean 0 and variance 1, then times `scale` plus `bias` where there are any."""

    bias: bool = True

    kind: ClassVar[str] = "layer_norm"

    def parameters(self, x: TensorSpec) -> Shapes:
        return {role: x.shape[-self.axes :] for role, given in (("scale", self.scale), ("bias", self.bias)) if given}


@operator
class RMSNorm(_TrailingNorm):
    """The last axes divided by their root mean square, then times `scale` where there is one."""

    __slots__ = ()

    kind: ClassVar[str] = "rms_norm"


@operator
@dataclass(frozen=True, slots=True)
class GroupNorm(_Norm):
    """Runs of channels to mean 0 and variance 1, `groups` of them; `affine`: then scaled and shifted by channel."""

    groups: Size
    epsilon: float = 1e-5
    affine: bool = True

    kind: ClassVar[str] = "group_norm"

    def infer(self, x: TensorSpec) -> TensorSpec:
        if len(x.shape) < 1 or (is_int(x.channels) and is_int(self.groups) and x.channels % self.groups):
            raise ShapeError(f"{type(self).__name__} with {self.groups} groups cannot divide the channels of {shape_text(x.shape)}")
        return x

    def parameters(self, x: TensorSpec) -> Shapes:
        return {"scale": (x.channels,), "bias": (x.channels,)} if self.affine else {}

    def pinned(self, x: TensorSpec) -> tuple[InputAxis, ...]:
        return ((0, 0),)


@operator
@dataclass(frozen=True, slots=True)
class InstanceNorm(_Norm):
    """Each channel to mean 0 and variance 1; `affine`: then scaled and shifted by channel."""

    epsilon: float = 1e-5
    affine: bool = True

    kind: ClassVar[str] = "instance_norm"

    def parameters(self, x: TensorSpec) -> Shapes:
        return {"scale": (x.channels,), "bias": (x.channels,)} if self.affine else {}


@operator
@dataclass(frozen=True, slots=True)
class LpNormalize(_Norm):
    """The input divided by its `p`-norm along `axis`."""

    axis: int = 0
    p: int = 2

    kind: ClassVar[str] = "lp_normalize"

    def infer(self, x: TensorSpec) -> TensorSpec:
        require_axis(self, x, self.axis)
        return x
