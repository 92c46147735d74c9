"""What is known of a tensor without its values: shape, bits per element, and how integers stand for numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from hwcost.sizes import Size, ceil_div, prod

Kind = Literal["float", "int", "uint", "bool"]


@dataclass(frozen=True, slots=True)
class Quantisation:
    """How stored integers map to real values: `real = scale * (stored - zero_point)`.

    One scale for the whole tensor, or one per index of `axis`. Empty tuples mean *quantised, scales not yet known*: the form
    that `Graph.as_int8` gives a float network, which can be priced but not run.
    """

    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    axis: int | None = None

    @property
    def per_channel(self) -> bool:
        """Whether there is a scale for each index of `axis`."""
        return self.axis is not None


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape and storage of one tensor; the batch is always 1 and is not part of the shape.

    Images are channel-first `(channels, height, width)`, sequences `(steps, features)`, vectors `(features,)`, whatever layout
    the file used. `bits` is the width of one element; `kind` tells floats from integers of the same width.
    """

    shape: tuple[Size, ...]
    bits: int = 32
    quantisation: Quantisation | None = None
    kind: Kind = "float"

    @property
    def elements(self) -> Size:
        """How many numbers the tensor holds."""
        return prod(self.shape)

    @property
    def bytes(self) -> Size:
        """Bytes of the tensor, elements packed and the total rounded up to whole bytes (matters below 8 bits only)."""
        if self.bits % 8 == 0:
            return self.elements * (self.bits // 8)
        return ceil_div(self.elements * self.bits, 8)

    @property
    def channels(self) -> Size:
        """Size of the leading axis: the channels of an image, the features of a vector; 1 for a scalar."""
        return self.shape[0] if self.shape else 1

    @property
    def features(self) -> Size:
        """Size of the last axis, which dense layers contract; 1 for a scalar."""
        return self.shape[-1] if self.shape else 1

    @property
    def positions(self) -> Size:
        """How many places each channel covers: the product of all axes but the leading one."""
        return prod(self.shape[1:])

    @property
    def is_float(self) -> bool:
        """Whether elements are stored as floating point."""
        return self.kind == "float" and self.quantisation is None

    def with_shape(self, shape: tuple[Size, ...]) -> TensorSpec:
        """The same storage with another shape; a per-channel scale does not survive a change of shape."""
        keeps = self.quantisation is None or not self.quantisation.per_channel
        return TensorSpec(shape, self.bits, self.quantisation if keeps else Quantisation(), self.kind)

    def stored_as(self, other: TensorSpec) -> TensorSpec:
        """The same shape, stored the way `other` is."""
        return replace(other, shape=self.shape)

    def as_int8(self) -> TensorSpec:
        """The spec of this tensor in the int8 program that quantising would make; integers and booleans stay as they are."""
        if not self.is_float:
            return self
        return TensorSpec(self.shape, 8, Quantisation(), "int")


def int8(*shape: Size) -> TensorSpec:
    """An int8 tensor whose scale is not known: short for tests and one-layer questions."""
    return TensorSpec(tuple(shape), 8, Quantisation(), "int")


def float32(*shape: Size) -> TensorSpec:
    """A float32 tensor."""
    return TensorSpec(tuple(shape))
