"""What latency formulas count in a layer, and the one formula of each form of price.

Everything here is arithmetic on sizes: it is evaluated on ints when a network is checked, on scalar tensors when it is searched, on
columns when thousands of candidates are priced at once. Coefficients may be columns too, one per layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hwcost.graph import Step
from hwcost.kernels import Kernel
from hwcost.sizes import Size, ceil_div, round_up
from hwcost.target import LinearPrice, ParallelPrice, Price

__all__ = ["Counts", "cycles", "linear_cycles", "parallel_cycles"]


@dataclass(frozen=True, slots=True)
class Counts:
    """One layer (or a column of layers) as prices see it; `window` is the number of places of its kernel window."""

    positions: Size
    out_channels: Size
    patch_elements: Size
    window: Size
    in_elements: Size
    out_elements: Size
    out_height: Size
    out_width: Size
    weight_bytes: Size
    tensor_bytes: Size

    @classmethod
    def of(cls, step: Step, kernel: Kernel) -> Counts:
        """The counts of a walked layer."""
        work, layer = step.work, kernel.layer
        return cls(
            positions=work.positions,
            out_channels=work.out_channels,
            patch_elements=work.patch_elements,
            window=layer.kernel[0] * layer.kernel[1],
            in_elements=work.in_elements,
            out_elements=work.out_elements,
            out_height=layer.output_height,
            out_width=layer.output_width,
            weight_bytes=step.weight_bytes,
            tensor_bytes=work.in_bytes + work.out_bytes,
        )


def cycles(price: Price | Any, counts: Counts) -> Size:
    """Cycles of a layer at a price, whichever its form."""
    return linear_cycles(price, counts) if price.form == "linear" else parallel_cycles(price, counts)


def linear_cycles(price: LinearPrice | Any, counts: Counts) -> Size:
    """Each coefficient times its count; sizes that fill lanes are rounded up to them before they are multiplied."""
    lanes = price.lanes
    positions = round_up(counts.positions, lanes.positions)
    patch = round_up(counts.patch_elements, lanes.patch_elements)
    return (
        price.per_layer
        + price.per_mac * (positions * round_up(counts.out_channels, lanes.out_channels) * patch)
        + price.per_patch_element * (counts.positions * counts.patch_elements)
        + price.per_tap * (counts.positions * counts.window)
        + price.per_input_element * counts.in_elements
        + price.per_output_element * counts.out_elements
        + price.per_position * counts.positions
        + price.per_weight_byte * counts.weight_bytes
    )


def parallel_cycles(price: ParallelPrice | Any, counts: Counts) -> Size:
    """The loop nest of a kernel that several cores share, every division rounded up, and the bytes moved for it.

    The form and its constants for GAP8: Burrello et al., IEEE TETC 2023, as released with PLiNIO; data movement is added here.
    """
    tile = price.tile
    steps = ceil_div(counts.out_height, tile.height) * ceil_div(counts.out_width, tile.width)
    turns = ceil_div(counts.patch_elements, tile.patch_elements)
    block = price.per_block + price.per_turn * turns
    step = price.per_step + price.per_patch_element * counts.patch_elements + ceil_div(counts.out_channels, tile.out_channels) * block
    computed = steps * step
    moved = price.per_weight_byte * counts.weight_bytes + price.per_tensor_byte * counts.tensor_bytes
    return price.per_layer + computed + moved
