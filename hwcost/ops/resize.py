"""Resolution changed: by interpolation, or by trading channels for positions."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import ClassVar, Literal, Self

from hwcost.errors import ShapeError
from hwcost.ops.base import Op, operator, require_positive, require_rank, shape_text
from hwcost.ops.conv import AXES
from hwcost.ops.flow import AxisFlow, Fixed, InputAxis, Joined, Repeated, Same
from hwcost.sizes import Size, exact_div, floor_div, is_int
from hwcost.tensor import TensorSpec

Mode = Literal["nearest", "linear", "cubic"]
Coordinates = Literal["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
Rounding = Literal["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


@operator
@dataclass(frozen=True, slots=True)
class Resize(Op):
    """Positions interpolated to another resolution; `scale` is `(out, in)` in lowest terms for each axis but the channels.

    `floor(n * out / in)` positions come out. `coordinates` and `rounding` have ONNX's names; `rounding` matters to "nearest" only.
    """

    scale: tuple[tuple[Size, Size], ...]
    mode: Mode = "nearest"
    coordinates: Coordinates = "asymmetric"
    rounding: Rounding = "floor"

    kind: ClassVar[str] = "resize"

    @classmethod
    def between(
        cls,
        before: tuple[int, ...],
        after: tuple[int, ...],
        mode: Mode = "nearest",
        coordinates: Coordinates = "asymmetric",
        rounding: Rounding = "floor",
    ) -> Self:
        """The resize that makes `after` positions of `before` positions (shapes without channels)."""
        scale = tuple((m // gcd(n, m), n // gcd(n, m)) for n, m in zip(before, after, strict=True))
        return cls(scale, mode, coordinates, rounding)

    def infer(self, x: TensorSpec) -> TensorSpec:
        if len(x.shape) != len(self.scale) + 1:
            raise ShapeError(f"Resize expects channels and {len(self.scale)} more axes, got shape {shape_text(x.shape)}")
        places = (floor_div(n * up, down) for n, (up, down) in zip(x.shape[1:], self.scale, strict=True))
        shape = (x.channels, *places)
        require_positive(self, shape, x)
        return x.with_shape(shape)

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return (Same(((0, 0),)), *(Fixed() for _ in self.scale))


@operator
@dataclass(frozen=True, slots=True)
class DepthToSpace(Op):
    """Each run of `block`² channels laid out as a block of positions: `(C b², H, W)` to `(C, H b, W b)`.

    Mode "CRD" is torch's pixel_shuffle; "DCR" has the position in the block as the outer part of the channel.
    """

    block: Size
    mode: Literal["DCR", "CRD"] = "DCR"

    kind: ClassVar[str] = "depth_to_space"

    def infer(self, x: TensorSpec) -> TensorSpec:
        require_rank(self, x, 3, AXES[2])
        channels, height, width = x.shape
        _require_multiple(self, x, channels, self.block * self.block)
        return x.with_shape((exact_div(channels, self.block * self.block), height * self.block, width * self.block))

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return (Fixed(), Fixed(), Fixed())

    def pinned(self, x: TensorSpec) -> tuple[InputAxis, ...]:
        return ((0, 0),)


@operator
@dataclass(frozen=True, slots=True)
class SpaceToDepth(Op):
    """Each block of `block` x `block` positions laid out as channels: `(C, H, W)` to `(C b², H / b, W / b)`.

    Mode "CRD" is torch's pixel_unshuffle; "DCR", the only one of ONNX, has the position in the block as the outer part.
    """

    block: int
    mode: Literal["DCR", "CRD"] = "DCR"

    kind: ClassVar[str] = "space_to_depth"

    def infer(self, x: TensorSpec) -> TensorSpec:
        require_rank(self, x, 3, AXES[2])
        channels, height, width = x.shape
        for n in (height, width):
            _require_multiple(self, x, n, self.block)
        return x.with_shape((channels * self.block * self.block, exact_div(height, self.block), exact_div(width, self.block)))

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        copies = self.block * self.block
        channels = Joined(((0, 0),) * copies) if self.mode == "DCR" else Repeated((0, 0), copies)
        return (channels, Fixed(), Fixed())


def _require_multiple(op: Op, x: TensorSpec, n: Size, factor: Size) -> None:
    if is_int(n) and is_int(factor) and n % factor:
        raise ShapeError(f"{type(op).__name__} cannot divide {n} by {factor} in shape {shape_text(x.shape)}")
