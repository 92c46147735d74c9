"""What a runtime's rules may ask about a layer, and how they answer: conditions choose, terms count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hwcost.errors import ModelError
from hwcost.sizes import Size, equal, prod, round_up
from hwcost.target.cited import Bytes, Count, Flag, Positive, Strict

__all__ = ["ALWAYS", "Condition", "LayerFacts", "Quantity", "Term"]

Quantity = Literal[
    "patch_elements", "weight_elements", "input_elements", "output_elements",
    "in_channels", "out_channels", "input_height", "input_width", "output_height", "output_width",
    "kernel_height", "kernel_width", "stride_height", "stride_width",
]  # fmt: skip

Pair = tuple[Count, Count]


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One layer as kernels see it. Pairs are height, width; a 1-d layer has height 1. Sizes may be numbers, tensors or columns."""

    kind: str
    activation_bits: int
    weight_bits: int | None = None
    per_channel: bool = False
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Top, left, bottom, right."""
    groups: int = 1
    directions: int = 1
    in_channels: Size = 1
    out_channels: Size = 1
    patch_elements: Size = 0
    weight_elements: Size = 0
    input_elements: Size = 0
    output_elements: Size = 0
    input_height: Size = 1
    input_width: Size = 1
    output_height: Size = 1
    output_width: Size = 1
    inputs: int = 1
    """Activations it reads."""
    outputs: int = 1
    output_axes: int = 1
    """Axes of all its outputs."""
    axis_entries: Size = 1
    """The lengths of these axes, added up: what tables by axis hold."""
    tables: int = 1
    """Look-up tables of a layer that takes values through some: one, one for each channel's constant, or one for each input's scale."""

    def size(self, quantity: Quantity) -> Size:
        """The named size; kernel and stride are looked up by side."""
        sides = {"kernel_height": self.kernel[0], "kernel_width": self.kernel[1]}
        sides |= {"stride_height": self.stride[0], "stride_width": self.stride[1]}
        return sides[quantity] if quantity in sides else getattr(self, quantity)


@dataclass(frozen=True, slots=True)
class Condition(Strict):
    """When a rule applies: every key given must hold, and a rule without keys always does."""

    activation_bits: tuple[Literal[4, 8, 16, 32], ...] | None = None
    """Widths of the activations the kernel takes; 32 is float."""
    weight_bits: tuple[Literal[2, 4, 8, 16, 32], ...] | None = None
    """Widths of the weights; layers without weights pass."""
    per_channel: Flag | None = None
    """Whether the weights have a scale per output channel; absent takes both."""
    kernel: Pair | None = None
    """Exactly this height and width."""
    max_kernel: Pair | None = None
    stride: Pair | None = None
    max_stride: Pair | None = None
    max_dilation: Pair | None = None
    max_padding: Bytes | None = None
    """On each of the four sides."""
    max_directions: Count | None = None
    """1 refuses bidirectional recurrent layers."""
    max_groups: Count | None = None
    """1 refuses grouped convolutions; depthwise ones are kinds of their own."""
    channel_multiplier: Count | None = None
    """Output channels per input channel of a depthwise convolution."""
    min_in_channels: Count | None = None
    max_in_channels: Count | None = None
    in_channels_multiple_of: Count | None = None
    out_channels_multiple_of: Count | None = None
    has_extension: str | None = None
    """The core must have this extension."""
    lacks_extension: str | None = None

    def holds(self, layer: LayerFacts, extensions: Sequence[str] = ()) -> bool:
        """Whether a layer on a core with these extensions meets every key given.

        Raises ModelError for a column of candidates of which only some meet them.
        """
        return self.may_hold(layer, extensions) and _one_answer(self.channels_hold(layer))

    def may_hold(self, layer: LayerFacts, extensions: Sequence[str] = ()) -> bool:
        """Whether a layer meets every key but those of `asks_channels`: what no search of widths changes."""
        return self._types_hold(layer) and self._geometry_holds(layer) and self._core_holds(extensions)

    def channels_hold(self, layer: LayerFacts) -> Size:
        """Whether the channels meet the keys of `asks_channels`; for columns, which entries do."""
        inputs, outputs = layer.in_channels, layer.out_channels
        held = True
        if self.min_in_channels is not None:
            held = held & (inputs >= self.min_in_channels)
        if self.max_in_channels is not None:
            held = held & (inputs <= self.max_in_channels)
        if self.in_channels_multiple_of is not None:
            held = held & (inputs % self.in_channels_multiple_of == 0)
        if self.out_channels_multiple_of is not None:
            held = held & (outputs % self.out_channels_multiple_of == 0)
        return held

    @property
    def asks_channels(self) -> bool:
        """Whether the answer depends on how many channels a layer has, so that it may change during a search."""
        asked = (self.min_in_channels, self.max_in_channels, self.in_channels_multiple_of, self.out_channels_multiple_of)
        return any(key is not None for key in asked)

    def _types_hold(self, layer: LayerFacts) -> bool:
        weights = layer.weight_bits is None or self.weight_bits is None or layer.weight_bits in self.weight_bits
        activations = self.activation_bits is None or layer.activation_bits in self.activation_bits
        return weights and activations and self.per_channel in (None, layer.per_channel)

    def _geometry_holds(self, layer: LayerFacts) -> bool:
        exact = self.kernel in (None, layer.kernel) and self.stride in (None, layer.stride)
        bounds = ((layer.kernel, self.max_kernel), (layer.stride, self.max_stride), (layer.dilation, self.max_dilation))
        within = all(most is None or all(n <= m for n, m in zip(got, most, strict=True)) for got, most in bounds)
        padded = self.max_padding is None or max(layer.padding) <= self.max_padding
        grouped = self.max_groups is None or layer.groups <= self.max_groups
        directed = self.max_directions is None or layer.directions <= self.max_directions
        return exact and within and padded and grouped and directed and self._multiplier_holds(layer)

    def _multiplier_holds(self, layer: LayerFacts) -> bool:
        return self.channel_multiplier is None or equal(layer.out_channels, self.channel_multiplier * layer.in_channels)

    def _core_holds(self, extensions: Sequence[str]) -> bool:
        return (self.has_extension is None or self.has_extension in extensions) and self.lacks_extension not in extensions


def _one_answer(held: Size) -> bool:
    if isinstance(held, np.ndarray) and held.all() != held.any():
        raise ModelError("a kernel depends on how many channels a layer has, and the candidates of a column differ in it: ask one by one")
    return bool(held.all() if isinstance(held, np.ndarray) else held)


ALWAYS = Condition()
"""The condition of a rule that has none."""


@dataclass(frozen=True, slots=True)
class Term(Strict):
    """Some bytes for each of a product of sizes: `{ bytes = 4, of = ["patch_elements"], multiple_of = 4 }`."""

    bytes: Positive
    of: tuple[Quantity, ...] = ()
    """Sizes multiplied together; none is a constant."""
    multiple_of: Count = 1
    """The product is rounded up to a multiple of this first."""

    def total(self, layer: LayerFacts) -> Size:
        """Bytes of this term for a layer."""
        count = prod(layer.size(quantity) for quantity in self.of)
        count = count if self.multiple_of == 1 else round_up(count, self.multiple_of)
        whole = int(self.bytes) if self.bytes == int(self.bytes) else self.bytes
        return whole * count
