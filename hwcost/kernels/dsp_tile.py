"""Convolutions and dense layers on cores with SMLAD: two output channels in one 16-bit lane, 4 x 2 outputs in registers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hwcost.kernels.dsp_code import LARGEST_OFFSET, Tile
from hwcost.kernels.variant import Needs, WeightFacts, has_whole_channels, plain
from hwcost.sizes import Size, ceil_div, equal, floor_div, largest, round_up
from hwcost.target import LayerFacts

LARGEST_SCRATCH_BYTES = 8192
"""Working memory it may take."""

ROW_BYTES = 6144
"""Working memory that widened rows fill where there are so many: the more rows, the fewer are moved."""

ACCUMULATOR_LIMIT = 2**23
"""256 times a sum, plus another sum, fits int32 below it."""

LOWEST_WEIGHT = -127
"""256 * w1 + w0 fits int16 from it on."""

SHIFT = 32
WORD_BYTES = 4
LANES = 2
CHANNELS_IN_A_WORD = 4


@dataclass(frozen=True, slots=True)
class DspShape:
    """The sizes of a layer that its kernel is made for. A dense layer is a 1 x 1 window over rows of features, one row high."""

    in_channels: Size
    out_channels: Size
    in_height: Size
    in_width: Size
    out_height: Size
    out_width: Size
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Top, left, bottom, right."""

    @property
    def is_pointwise(self) -> bool:
        """Whether places are read one by one, without rows around them."""
        return self.kernel == (1, 1) and self.padding == (0, 0, 0, 0)

    @property
    def is_joined(self) -> bool:
        """Whether all rows are one long row."""
        return self.is_pointwise and self.stride == (1, 1)

    @property
    def rows(self) -> Size:
        """Rows of outputs."""
        return 1 if self.is_joined else self.out_height

    @property
    def columns(self) -> Size:
        """Outputs in a row."""
        return self.out_height * self.out_width if self.is_joined else self.out_width

    @property
    def outputs(self) -> int:
        """Channels in registers at a time: 8 of one place, 4 of two."""
        return 8 if equal(self.columns, 1) else 4

    @property
    def pairs(self) -> Size:
        """Pairs of inputs in one row of the window; channels of single places are filled up to whole words."""
        if self.is_pointwise:
            return exact_pairs(round_up(self.in_channels, CHANNELS_IN_A_WORD))
        return exact_pairs(self.kernel[1] * self.in_channels)

    @property
    def window_pairs(self) -> Size:
        """Pairs of inputs of one output."""
        return self.kernel[0] * self.pairs

    @property
    def groups(self) -> Size:
        """Groups of output channels, the last filled up."""
        return ceil_div(self.out_channels, self.outputs)

    @property
    def group_bytes(self) -> Size:
        """Biases, weights and multipliers of a group."""
        return self.outputs * (2 * WORD_BYTES + LANES * self.window_pairs)

    @property
    def row_elements(self) -> Size:
        """int16 of a widened and padded row, whole words; a run that is filled up reads one more."""
        width = largest((self.out_width - 1) * self.stride[1] + self.kernel[1], self.padding[1] + self.in_width)
        return round_up(width * self.in_channels + 2 * self.pairs - self.kernel[1] * self.in_channels, LANES)

    @property
    def held_rows(self) -> Size:
        """Widened rows that scratch holds: those of a window, and more while they are small."""
        image = (self.out_height - 1) * self.stride[0] + self.kernel[0]
        fitting = floor_div(ROW_BYTES, 2 * self.row_elements)
        return largest(self.kernel[0], -largest(-image, -fitting))

    @property
    def scratch_bytes(self) -> Size:
        """Widened activations: two places, or rows."""
        if self.is_pointwise:
            return 2 * WORD_BYTES * self.pairs if self.outputs == 4 else WORD_BYTES * self.pairs
        return 2 * self.row_elements * self.held_rows

    @property
    def function(self) -> str:
        """The C function that runs it."""
        if self.is_pointwise:
            return "hwc_dsp_pointwise"
        is_whole = equal(self.in_channels - CHANNELS_IN_A_WORD * floor_div(self.in_channels, CHANNELS_IN_A_WORD), 0)
        return "hwc_dsp_window" if is_whole else "hwc_dsp_window_natural"

    @property
    def two(self) -> Tile | None:
        """The tile of two places; None where rows are one place long."""
        if self.outputs != 4:
            return None
        if self.is_pointwise:
            return Tile(4, 2, 1, plain(self.pairs), 0, WORD_BYTES, 2 * WORD_BYTES)
        return Tile(4, 2, self.kernel[0], plain(self.pairs), plain(2 * self.row_elements), plain(self._column_bytes))

    @property
    def one(self) -> Tile | None:
        """The tile of one place; None where rows are of even length."""
        if self.outputs == 4 and plain(self.columns) % 2 == 0:
            return None
        if self.is_pointwise:
            return Tile(self.outputs, 1, 1, plain(self.pairs), 0)
        return Tile(self.outputs, 1, self.kernel[0], plain(self.pairs), plain(2 * self.row_elements))

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The generated code it calls."""
        return tuple(tile for tile in (self.two, self.one) if tile is not None)

    @property
    def _column_bytes(self) -> Size:
        return 2 * self.stride[1] * self.in_channels

    @property
    def is_addressable(self) -> bool:
        """Whether the second place lies within a load's constant offset."""
        return self.is_pointwise or plain(self._column_bytes) <= LARGEST_OFFSET


def exact_pairs(elements: Size) -> Size:
    """Pairs that hold so many elements, an odd last one with a zero."""
    return ceil_div(elements, LANES)


def shape_of(layer: LayerFacts) -> DspShape:
    """The shape of a layer as its graph has it."""
    if layer.kind == "dense":
        places = floor_div(layer.output_elements, layer.out_channels)
        return DspShape(layer.in_channels, layer.out_channels, 1, places, 1, places)
    return DspShape(
        layer.in_channels,
        layer.out_channels,
        layer.input_height,
        layer.input_width,
        layer.output_height,
        layer.output_width,
        layer.kernel,
        layer.stride,
        layer.padding,
    )


class DspTile:
    """Generated assembly around widened activations: one load and one extension for four weights."""

    name: ClassVar[str] = "dsp-tile"
    kinds: ClassVar[tuple[str, ...]] = ("conv2d", "conv1d", "dense")
    expands_weights: ClassVar[bool] = False

    def refusal(self, layer: LayerFacts, extensions: Sequence[str], weights: WeightFacts | None) -> str | None:
        """Why not: the core, groups, dilation, working memory, or weights whose sums could leave their half of a register."""
        if "dsp" not in extensions:
            return "the core has no dual multiplication (dsp)"
        return _layer_refusal(layer) or (None if weights is None else _weights_refusal(weights))

    def needs(self, layer: LayerFacts) -> Needs:
        """Weights of one byte, filled up to whole groups and pairs, and a tile for its shape."""
        shape = shape_of(layer)
        return Needs(
            packed_bytes=shape.groups * shape.group_bytes,
            scratch_bytes=shape.scratch_bytes,
            functions=(shape.function, "hwc_dsp_rest"),
            struct="hwc_dsp_pointwise" if shape.is_pointwise else "hwc_dsp_window",
            channels=shape.groups * shape.outputs,
            steps=_steps(shape),
            unit_bytes={tile.name: tile.bytes for tile in shape.tiles} if has_whole_channels(layer) else {},
        )


def _layer_refusal(layer: LayerFacts) -> str | None:
    if layer.activation_bits != 8 or layer.weight_bits not in (None, 8):
        return f"its values have {layer.activation_bits} bits and its weights {layer.weight_bits}, not 8"
    if layer.groups != 1:
        return f"it has {layer.groups} groups, not one"
    if layer.dilation != (1, 1) and layer.kernel != (1, 1):
        return f"its window is dilated by {layer.dilation[0]} x {layer.dilation[1]}"
    shape = shape_of(layer)
    if plain(shape.scratch_bytes) > LARGEST_SCRATCH_BYTES:
        return f"widened activations take {plain(shape.scratch_bytes)} bytes, more than {LARGEST_SCRATCH_BYTES}"
    return None if shape.is_addressable else "places are too far apart for a constant offset"


def _weights_refusal(weights: WeightFacts) -> str | None:
    if weights.shift != SHIFT:
        return f"its rescaling shifts by {weights.shift}, not {SHIFT}"
    if weights.lowest < LOWEST_WEIGHT:
        return f"a weight is {weights.lowest}, below {LOWEST_WEIGHT}"
    if weights.accumulator_bound >= ACCUMULATOR_LIMIT:
        return f"a sum may reach {weights.accumulator_bound}, not below {ACCUMULATOR_LIMIT}"
    return None


def _steps(shape: DspShape) -> dict[str, Size]:
    """How often each piece runs: calls of a tile, groups of channels in it, pairs of inputs, and the words widened for them."""
    two = shape.rows * floor_div(shape.columns, 2) if shape.outputs == 4 else 0
    one = shape.rows * shape.columns - 2 * two
    words = ceil_div(shape.in_channels, CHANNELS_IN_A_WORD)
    widened = (
        shape.rows * shape.columns * words
        if shape.is_pointwise
        else ceil_div(shape.in_height * shape.in_width * shape.in_channels, CHANNELS_IN_A_WORD)
    )
    steps: dict[str, Size] = {"layer": 1, "row": shape.rows, "widened word": widened}
    for piece, calls in (("two", two), (f"one of {shape.outputs}", one)):
        steps |= {
            f"{piece} call": calls,
            f"{piece} group": calls * shape.groups,
            f"{piece} pair": calls * shape.groups * shape.window_pairs,
        }
    return steps
