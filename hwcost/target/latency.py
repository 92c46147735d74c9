"""What a runtime costs on a core: cycles per unit of work, in rows that a fitting script writes and anybody can read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from hwcost.target.cited import Bytes, Cited, Count, Factor, Flag, Hertz, Limits, Name, Positive, Share, Strict, Tagged, Text
from hwcost.target.layer import ALWAYS, Condition

__all__ = ["Basis", "Lanes", "Latency", "LinearPrice", "ParallelPrice", "Price", "Tile"]

Kinds = Annotated[tuple[Name, ...], Limits(min_length=1)]
Kernels = Annotated[tuple[Literal["optimised", "reference"], ...], Limits(min_length=1)]


@dataclass(frozen=True, slots=True)
class Lanes(Strict):
    """Sizes are rounded up to these multiples before work is counted: idle SIMD lanes cost as much as busy ones."""

    out_channels: Count = 1
    patch_elements: Count = 1
    positions: Count = 1


@dataclass(frozen=True, slots=True)
class Tile(Strict):
    """Unrolling of a parallel kernel: how much of each size one step covers."""

    height: Count = 1
    width: Count = 1
    out_channels: Count = 1
    patch_elements: Count = 1


@dataclass(frozen=True, slots=True)
class LinearPrice(Strict):
    """Cycles of a layer as a sum: each coefficient times its count. Absent coefficients are terms the fit did without."""

    form: Literal["linear"]
    kinds: Kinds
    source: Text
    kernels: Kernels = ("optimised", "reference")
    """Which kernels of the runtime the price is of; both where nobody tells them apart."""
    per_layer: Factor = 0.0
    per_mac: Factor = 0.0
    """Times output elements x inputs behind each: the MACs of layers that multiply, the window elements of pools and reductions."""
    per_patch_element: Factor = 0.0
    """Times output positions x patch elements: what im2col moves."""
    per_tap: Factor = 0.0
    """Times output positions x places of the kernel window: what im2col starts a copy for."""
    per_input_element: Factor = 0.0
    per_output_element: Factor = 0.0
    per_position: Factor = 0.0
    """Times output height x width."""
    per_weight_byte: Factor = 0.0
    lanes: Lanes = Lanes()
    when: Condition = ALWAYS


@dataclass(frozen=True, slots=True)
class ParallelPrice(Strict):
    """Cycles of a layer as a loop nest over several cores; every division below rounds up.

    ::

        steps  = output height / tile.height  *  output width / tile.width
        blocks = output channels / tile.out_channels
        turns  = patch elements / tile.patch_elements
        cycles = per_layer + steps * (per_step + per_patch_element * patch elements + blocks * (per_block + per_turn * turns))
                 + per_weight_byte * weight bytes + per_tensor_byte * (input bytes + output bytes)

    A dense layer has one step, and its inputs are the patch. The bytes are those moved between memories for the layer.
    """

    form: Literal["parallel"]
    kinds: Kinds
    source: Text
    tile: Tile
    kernels: Kernels = ("optimised", "reference")
    per_layer: Factor = 0.0
    per_step: Factor = 0.0
    per_patch_element: Factor = 0.0
    per_block: Factor = 0.0
    per_turn: Factor = 0.0
    per_weight_byte: Factor = 0.0
    per_tensor_byte: Factor = 0.0
    when: Condition = ALWAYS


Price = Annotated[LinearPrice | ParallelPrice, Tagged("form")]


@dataclass(frozen=True, slots=True)
class Basis(Strict):
    """Where the coefficients come from, and how far they were off on what they were made from."""

    method: Literal["fitted", "analytic"]
    source: Literal["measured", "emulated", "published", "documented"]
    rows: Bytes
    """Measurements behind the coefficients; 0 for a formula from a document."""
    mape: Factor | None = None
    """Mean absolute error relative to the measured value, 0.05 for 5 %; leaving out the row predicted."""
    within_10_percent: Share | None = None


@dataclass(frozen=True, slots=True)
class Latency(Strict):
    """Prices of one runtime on one core. A layer pays the first price whose kinds and condition it meets."""

    runtime: Name
    core: Name
    source: Text
    basis: Basis
    prices: tuple[Price, ...]
    per_inference_cycles: Factor = 0.0
    """Paid once, whatever the network."""
    confirmed: Flag = True
    device: Name | None = None
    """The device measured."""
    clock_hz: Cited[Hertz] | None = None
    """The clock it ran at while measured."""
    flash_read_bytes_per_cycle: Cited[Positive] | None = None
    """How fast weights could be read where this was measured: other memories are compared to it."""
    ram_read_bytes_per_cycle: Cited[Positive] | None = None
    macs_range: tuple[Bytes, Bytes] | None = None
    """Smallest and largest layer, in MACs, behind the coefficients; beyond it a prediction is an extrapolation."""
    conditions: Text | None = None
    provisional: Flag = field(default=False)
    """Stands in until something better is measured; reports say so."""
