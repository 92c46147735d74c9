"""Depthwise 3x3 windows on cores with SMLAD: two rows of an image in one register, four channels converted at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from hwcost.kernels.variant import Needs, WeightFacts, has_whole_channels, plain
from hwcost.sizes import Size, ceil_div, value
from hwcost.target import LayerFacts

SIDE = 3
"""Rows and columns of the window it is made for."""

PACKED_BYTES = 20
"""Of one channel: bias, multiplier, and a word of four weights for each of three columns, the middle row's weight twice."""

COLUMN_BYTES = 32
"""Of one column of a ring slot: four channels of two pairs of rows, int16."""

SLOTS = 2
"""Slots of the ring: the one that is read and the one that is filled next."""

INSTRUCTION_BYTES = 4
"""Every instruction of a strip is written in its wide form, so that every assembler makes the same bytes."""

LARGEST_OFFSET = 4095
"""What a store or an addition can hold as a constant."""

CHANNELS_AT_ONCE = 4
UNROLLED_TILES = 3
WIDEST = 256


class DspDepthwise:
    """Vertical pairs of int16: six dual multiplications for nine products, a 2 x 2 output tile held in registers."""

    name: ClassVar[str] = "dsp-depthwise"
    kinds: ClassVar[tuple[str, ...]] = ("depthwise_conv2d", "conv2d")
    expands_weights: ClassVar[bool] = False

    def refusal(self, layer: LayerFacts, extensions: Sequence[str], weights: WeightFacts | None) -> str | None:
        """Why not: another window, stride, core, or an output narrower than int8."""
        if "dsp" not in extensions:
            return "the core has no dual multiplication (dsp)"
        return _window_refusal(layer) or _size_refusal(layer) or (None if weights is None else _weights_refusal(weights))

    def needs(self, layer: LayerFacts) -> Needs:
        """What it takes; one generated strip for two rows of outputs and, where an odd row is left, one for a single row."""
        stride = layer.stride[0]
        channels, height, width = layer.out_channels, layer.output_height, layer.output_width
        strips = ceil_div(height, rows_of_strip(stride))
        pairs = strips + 1
        groups = ceil_div(channels, CHANNELS_AT_ONCE)
        steps: dict[str, Size] = {
            "layer": 1,
            "group": groups,
            "strip": groups * strips,
            "converted pair": groups * pairs * layer.input_width,
            "channel strip": channels * strips,
            "output": layer.output_elements,
        }
        return Needs(
            packed_bytes=PACKED_BYTES * channels,
            scratch_bytes=SLOTS * COLUMN_BYTES * ring_columns(width, stride),
            functions=("hwc_dsp_depthwise",),
            struct="hwc_dsp_depthwise",
            channels=channels,
            steps=steps,
            unit_bytes=_unit_bytes(stride, height, width, channels) if has_whole_channels(layer) else {},
        )


def ring_columns(out_width: Size, stride: int) -> Size:
    """Columns of the padded image that outputs read."""
    return (out_width - 1) * stride + SIDE


def rows_of_strip(stride: int) -> int:
    """Rows of outputs that two pairs of rows hold the windows of."""
    return 2 if stride == 1 else 1


def tile_columns(out_width: int, stride: int, channels: int) -> int:
    """Columns of outputs that a tile computes at once: as many as fill four accumulators and the constants of an instruction."""
    widest = 2 if stride == 1 else (4 if out_width % 4 == 0 else 3)
    return max(1, min(widest, LARGEST_OFFSET // channels))


def tiles(out_width: int, stride: int, channels: int) -> tuple[int, ...]:
    """Columns of each tile of a row, the rest last."""
    columns = tile_columns(out_width, stride, channels)
    whole, rest = divmod(out_width, columns)
    return (columns,) * whole + ((rest,) if rest else ())


def is_far(rows: int, columns: int, out_width: int, channels: int) -> bool:
    """Whether a tile's second row lies beyond the constant of a store."""
    return rows > 1 and (out_width + columns - 1) * channels > LARGEST_OFFSET


def strip_bytes(rows: int, stride: int, out_width: int, channels: int) -> int:
    """Bytes of the generated function that computes `rows` rows of outputs of up to four channels."""
    row = tiles(out_width, stride, channels)
    far = is_far(rows, row[0], out_width, channels)
    frame = 5 + 3 * far + 2
    channel = 11 + 10
    if len(row) <= UNROLLED_TILES:
        body = sum(_tile_instructions(rows, stride, columns, far) for columns in row) + 2 * (len(row) - 1)
    else:
        loop = 4 + _tile_instructions(rows, stride, row[0], far) + 2 + 3
        rest = _tile_instructions(rows, stride, row[-1], far) if row[-1] != row[0] else 0
        body = loop + rest
    return INSTRUCTION_BYTES * (frame + channel + body)


def _tile_instructions(rows: int, stride: int, columns: int, far: bool) -> int:
    """Loads of bias, columns and constants; two multiplications a window column and three instructions an output."""
    outputs = rows * columns
    read = value(ring_columns(columns, stride))
    return 2 + read + 2 * SIDE * outputs + 3 * outputs + 2 * far


def strip_name(rows: int, stride: int, out_width: int, channels: int) -> str:
    """The C name of a strip: what it is made for, so that layers alike share it."""
    return f"hwc_dsp_depthwise_stride{stride}_rows{rows}_{out_width}x{channels}"


def strip_rows(stride: int, out_height: int) -> tuple[int, ...]:
    """The strips of a layer by the rows they compute: the usual one and, where the height is odd, one for the last row."""
    rows = rows_of_strip(stride)
    whole, rest = divmod(out_height, rows)
    return ((rows,) if whole else ()) + ((rest,) if rest else ())


def _unit_bytes(stride: int, height: Size, width: Size, channels: Size) -> dict[str, int]:
    """Generated strips of a layer whose sizes are numbers; while they are searched, of the sizes rounded."""
    out_height, out_width, out_channels = (_whole(size) for size in (height, width, channels))
    return {
        strip_name(rows, stride, out_width, out_channels): strip_bytes(rows, stride, out_width, out_channels)
        for rows in strip_rows(stride, out_height)
    }


def _whole(size: Size) -> int:
    """A size as one number; of a column, its largest entry, which has the longest code."""
    return max(1, plain(size))


def _window_refusal(layer: LayerFacts) -> str | None:
    if layer.activation_bits != 8 or layer.weight_bits not in (None, 8):
        return f"its values have {layer.activation_bits} bits and its weights {layer.weight_bits}, not 8"
    if layer.kernel != (SIDE, SIDE) or layer.dilation != (1, 1):
        window, dilation = ("x".join(map(str, pair)) for pair in (layer.kernel, layer.dilation))
        return f"made for 3x3 windows without dilation, not {window} dilated by {dilation}"
    if layer.stride not in ((1, 1), (2, 2)):
        return f"made for strides 1 and 2, not {layer.stride[0]}x{layer.stride[1]}"
    if max(layer.padding) >= SIDE:
        return f"padding {max(layer.padding)} is as wide as its window"
    return None


def _size_refusal(layer: LayerFacts) -> str | None:
    channels, width = _whole(layer.out_channels), _whole(layer.output_width)
    if layer.kind == "conv2d" and _whole(layer.groups) != channels:
        return "not a depthwise layer"
    if _whole(layer.in_channels) != channels:
        return f"several outputs of one channel ({_whole(layer.in_channels)} to {channels})"
    if not CHANNELS_AT_ONCE <= channels <= LARGEST_OFFSET:
        return f"made for {CHANNELS_AT_ONCE} to {LARGEST_OFFSET} channels, not {channels}"
    if width > WIDEST:
        return f"rows of {width} outputs: at most {WIDEST}"
    return None


def _weights_refusal(weights: WeightFacts) -> str | None:
    if weights.shift != 32:
        return f"its rescaling shifts by {weights.shift}, not 32"
    return "its outputs are clamped to less than int8" if weights.clamps else None
