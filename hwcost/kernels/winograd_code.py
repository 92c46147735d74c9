"""Machine code of Winograd's filtering on cores with SMLAD: the transform of a tile, and the products of two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hwcost.kernels.dsp_code import INSTRUCTION_BYTES

PLACES = 16
"""Products of a tile of 4 x 4 inputs."""

SIDE = 4
TILES = 2
CHANNELS = 4
"""Tiles and output channels in registers at a time."""

WORD_BYTES = 4


def code_bytes(lines: Iterator[str]) -> int:
    """The size of instructions, labels left out."""
    return INSTRUCTION_BYTES * sum(not line.endswith(":") for line in lines)


def products_name(pairs: int) -> str:
    """The C name of the generated products; equal names are equal code."""
    return f"hwc_dsp_winograd_products_{pairs}"


def products(pairs: int) -> Iterator[str]:
    """The lines of `(tiles, weights, sums)`: for each of 16 places, sums over pairs of channels of 4 outputs and 2 tiles.

    Registers: r0 tiles, r1 weights, r2 to r9 sums, r10 and r11 the two tiles, r12 and lr weights. Labels end in a colon.
    """
    yield "push.w {r4-r11, lr}"
    yield f"movw r3, #{PLACES * pairs * TILES * WORD_BYTES}"
    yield "add.w r3, r0, r3"
    yield "push.w {r2, r3}"
    yield "2:"
    for pair in range(pairs):
        yield "ldr.w r11, [r0, #4]"
        yield "ldr.w r10, [r0], #8"
        for output in range(0, CHANNELS, 2):
            yield "ldr.w lr, [r1, #4]"
            yield "ldr.w r12, [r1], #8"
            yield from _multiply(output, "r12", pair == 0)
            yield from _multiply(output + 1, "lr", pair == 0)
    yield "ldr.w r12, [sp, #0]"
    yield "stm.w r12!, {r2-r9}"
    yield "str.w r12, [sp, #0]"
    yield "ldr.w lr, [sp, #4]"
    yield "cmp.w r0, lr"
    yield "bne.w 2b"
    yield "add.w sp, sp, #8"
    yield "pop.w {r4-r11, pc}"


def _multiply(output: int, weights: str, is_first: bool) -> Iterator[str]:
    for tile in range(TILES):
        register = f"r{2 + output * TILES + tile}"
        yield f"smuad {register}, {weights}, r{10 + tile}" if is_first else f"smlad {register}, {weights}, r{10 + tile}, {register}"


def transform_name(in_channels: int, row_bytes: int) -> str:
    """The C name of the generated transform; equal names are equal code."""
    return f"hwc_dsp_winograd_transform_{in_channels}_{row_bytes}"


def last_load(in_channels: int, row_bytes: int) -> int:
    """The largest offset a transform reads at."""
    return (SIDE - 1) * (row_bytes + in_channels)


def last_store(in_channels: int) -> int:
    """The largest offset a transform writes at."""
    return (PLACES - 1) * TILES * 2 * in_channels + TILES * WORD_BYTES


def transform(in_channels: int, row_bytes: int) -> Iterator[str]:
    """The lines of `(rows, tile)`: B' d B of 4 x 4 places, four channels at a time, first channels 0 and 2, then 1 and 3.

    Registers: r0 rows, r1 tile, the others three rows of values. Labels end in a colon.
    """
    yield "push.w {r4-r11, lr}"
    yield f"addw r2, r0, #{in_channels}"
    yield "push.w {r2, r3}"
    yield "2:"
    for half, rotation in enumerate(("", ", ror #8")):
        yield from _half(_Half(in_channels, row_bytes, half * TILES * WORD_BYTES, rotation))
    yield f"addw r0, r0, #{WORD_BYTES}"
    yield f"addw r1, r1, #{2 * TILES * WORD_BYTES}"
    yield "ldr.w r2, [sp, #0]"
    yield "cmp.w r0, r2"
    yield "bne.w 2b"
    yield "add.w sp, sp, #8"
    yield "pop.w {r4-r11, pc}"


@dataclass(frozen=True, slots=True)
class _Half:
    """Two of four channels: where their words are read and written."""

    in_channels: int
    row_bytes: int
    offset: int
    rotation: str


def _half(half: _Half) -> Iterator[str]:
    """Rows 0 - 2, 1 + 2, 2 - 1 and 1 - 3 of the tile, and of each the same of its columns."""
    first, second, third = ("r2", "r3", "r4", "r5"), ("r6", "r7", "r8", "r9"), ("r10", "r11", "r12", "lr")
    yield from _load(half, 0, first)
    yield from _load(half, 2, second)
    yield from _combine("ssub16", first, first, second)
    yield from _row(half, 0, first)
    yield from _load(half, 1, third)
    yield from _combine("sadd16", first, third, second)
    yield from _row(half, 1, first)
    yield from _combine("ssub16", second, second, third)
    yield from _row(half, 2, second)
    yield from _load(half, 3, first)
    yield from _combine("ssub16", third, third, first)
    yield from _row(half, 3, third)


def _load(half: _Half, row: int, registers: tuple[str, ...]) -> Iterator[str]:
    for column, register in enumerate(registers):
        yield f"ldr.w {register}, [r0, #{row * half.row_bytes + column * half.in_channels}]"
    for register in registers:
        yield f"sxtb16 {register}, {register}{half.rotation}"


def _combine(operation: str, to: tuple[str, ...], left: tuple[str, ...], right: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{operation} {a}, {b}, {c}" for a, b, c in zip(to, left, right, strict=True))


def _row(half: _Half, row: int, values: tuple[str, ...]) -> Iterator[str]:
    """Columns 0 - 2, 1 + 2, 2 - 1 and 1 - 3, each stored as soon as it is there."""
    a, b, c, d = values
    sums = (("ssub16", a, c), ("sadd16", b, c), ("ssub16", c, b), ("ssub16", b, d))
    for column, (operation, left, right) in enumerate(sums):
        place = row * SIDE + column
        yield f"{operation} {a}, {left}, {right}"
        yield f"str.w {a}, [r1, #{place * TILES * 2 * half.in_channels + half.offset}]"
