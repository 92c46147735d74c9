"""Generated assembly of depthwise 3x3 layers: one function that computes a strip of outputs of up to four channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from hwcost.deploy.emission import Unit
from hwcost.kernels.dsp_depthwise import (
    COLUMN_BYTES,
    SIDE,
    UNROLLED_TILES,
    is_far,
    ring_columns,
    strip_name,
    tiles,
)

ARGUMENTS = "const uint32_t *pairs, int8_t *out, const uint32_t *weights, int32_t zero, int32_t channels"

# Frame: bias, multiplier, zero point, weights, pairs, out, end of the row, distance between rows; then nine saved registers.
BIAS, MULTIPLIER, ZERO, WEIGHTS, PAIRS, OUT, END, ROW, FRAME = range(0, 36, 4)
CHANNELS = FRAME + 9 * 4
CHANNEL_BYTES = COLUMN_BYTES // 4


@dataclass(frozen=True, slots=True)
class Strip:
    """What a strip function is made for: rows of outputs, stride of the window, outputs in a row, channels of the layer."""

    rows: int
    stride: int
    out_width: int
    channels: int

    @property
    def name(self) -> str:
        """Its C name."""
        return strip_name(self.rows, self.stride, self.out_width, self.channels)

    @property
    def is_far(self) -> bool:
        """Whether its second row needs an address of its own."""
        columns = tiles(self.out_width, self.stride, self.channels)[0]
        return is_far(self.rows, columns, self.out_width, self.channels)


def strip_unit(strip: Strip) -> Unit:
    """The C text of a strip: a naked function, so that its registers and its size are ours alone."""
    body = "\n".join(f'        "{line}\\n"' for line in (".syntax unified", *_function(strip)))
    rows = "Two rows" if strip.rows == 2 else "One row"
    return Unit(
        name=strip.name,
        text=f"""/* {rows} of {strip.out_width} outputs of up to four of {strip.channels} channels, window 3x3, stride {strip.stride}.
 * Each column of `pairs` holds, channel by channel, the rows (0, 1) and (2, 3) as int16; `weights` holds five words a channel. */
#include "hwc_dsp_depthwise.h"

void {strip.name}({ARGUMENTS});

__attribute__((naked, used, noinline, aligned(4))) void {strip.name}({ARGUMENTS}) {{
    __asm__ volatile(
{body}
    );
}}
""",
    )


def _function(strip: Strip) -> Iterator[str]:
    yield "push.w {r4-r11, lr}"
    yield f"subw sp, sp, #{FRAME}"
    yield f"strd r0, r1, [sp, #{PAIRS}]"
    yield f"str.w r2, [sp, #{WEIGHTS}]"
    yield f"str.w r3, [sp, #{ZERO}]"
    if strip.is_far:
        distance = strip.out_width * strip.channels
        yield from (f"movw r12, #{distance & 0xFFFF}", f"movt r12, #{distance >> 16}", f"str.w r12, [sp, #{ROW}]")
    yield "2:"
    yield from _channel_weights()
    yield from _row(strip)
    yield from _next_channel()
    yield f"addw sp, sp, #{FRAME}"
    yield "pop.w {r4-r11, pc}"


def _channel_weights() -> Iterator[str]:
    """Bias and multiplier into the frame; weights as pairs of rows (0, 1) and (1, 2) of each column into r6 to r11."""
    yield f"ldr.w r12, [sp, #{WEIGHTS}]"
    yield "ldm.w r12!, {r2, r3, r6, r8, r10}"
    yield f"str.w r12, [sp, #{WEIGHTS}]"
    yield f"str.w r2, [sp, #{BIAS}]"
    yield f"str.w r3, [sp, #{MULTIPLIER}]"
    for upper in (6, 8, 10):
        yield f"sxtb16 r{upper + 1}, r{upper}, ror #8"
        yield f"sxtb16 r{upper}, r{upper}"


def _next_channel() -> Iterator[str]:
    """The pairs and the output of the next channel lie beside this one's; the number left is counted down where it was passed."""
    yield f"ldr.w r0, [sp, #{PAIRS}]"
    yield f"ldr.w r1, [sp, #{OUT}]"
    yield f"ldr.w r2, [sp, #{CHANNELS}]"
    yield f"addw r0, r0, #{CHANNEL_BYTES}"
    yield "addw r1, r1, #1"
    yield "subs.w r2, r2, #1"
    yield f"str.w r0, [sp, #{PAIRS}]"
    yield f"str.w r1, [sp, #{OUT}]"
    yield f"str.w r2, [sp, #{CHANNELS}]"
    yield "bne.w 2b"


def _row(strip: Strip) -> Iterator[str]:
    """All tiles of a row, in a loop where they are many."""
    row = tiles(strip.out_width, strip.stride, strip.channels)
    if len(row) <= UNROLLED_TILES:
        yield from _unrolled(strip, row)
        return
    columns = row[0]
    yield f"movw r12, #{row.count(columns) * columns * strip.stride * COLUMN_BYTES}"
    yield "add.w r12, r12, r0"
    yield f"str.w r12, [sp, #{END}]"
    yield _bias(strip, columns)
    yield "3:"
    yield from _tile(strip, columns)
    yield _bias(strip, columns)
    yield f"ldr.w r12, [sp, #{END}]"
    yield from _advance(strip, columns)
    yield from ("cmp.w r0, r12", "bne.w 3b")
    if row[-1] != columns:
        yield _bias(strip, row[-1])
        yield from _tile(strip, row[-1])


def _unrolled(strip: Strip, row: Sequence[int]) -> Iterator[str]:
    for number, columns in enumerate(row):
        yield _bias(strip, columns)
        if number:
            yield from _advance(strip, row[number - 1])
        yield from _tile(strip, columns)


def _advance(strip: Strip, columns: int) -> Iterator[str]:
    yield f"addw r0, r0, #{columns * strip.stride * COLUMN_BYTES}"
    yield f"addw r1, r1, #{columns * strip.channels}"


def _bias(strip: Strip, columns: int) -> str:
    """The bias into the last accumulator of a tile to come: right behind a store, where a load takes one cycle."""
    return f"ldr.w r{1 + columns * strip.rows}, [sp, #{BIAS}]"


def _tile(strip: Strip, columns: int) -> Iterator[str]:
    """Accumulators of rows x columns outputs in r2 and up; the first use of each starts from the bias, which the last one holds."""
    accumulators = {place: f"r{2 + number}" for number, place in enumerate(product(range(columns), range(strip.rows)))}
    bias = list(accumulators.values())[-1]
    started = set[str]()
    for column in range(ring_columns(columns, strip.stride)):
        yield f"ldrd r12, lr, [r0, #{COLUMN_BYTES * column}]"
        touched = [
            (accumulator, row, column - output * strip.stride)
            for (output, row), accumulator in accumulators.items()
            if 0 <= column - output * strip.stride < SIDE
        ]
        for accumulator, row, tap in touched:
            source = accumulator if accumulator in started else bias
            started.add(accumulator)
            yield f"{('smlad', 'smlatb')[row]} {accumulator}, r12, r{6 + 2 * tap}, {source}"
        for accumulator, row, tap in touched:
            yield f"{('smlabt', 'smlad')[row]} {accumulator}, lr, r{7 + 2 * tap}, {accumulator}"
    yield from _stores(strip, columns, accumulators)


def _stores(strip: Strip, columns: int, accumulators: dict[tuple[int, int], str]) -> Iterator[str]:
    """Rescale, add the zero point, saturate, store; row 0 first, so that its registers may hold the address of row 1."""
    yield f"ldrd r12, lr, [sp, #{MULTIPLIER}]"
    base, distance = "r1", 0
    for row in range(strip.rows):
        if row == 1 and strip.is_far:
            base = accumulators[0, 0]
            yield f"ldr.w {base}, [sp, #{ROW}]"
            yield f"add.w {base}, {base}, r1"
        elif row == 1:
            distance = strip.out_width * strip.channels
        for column in range(columns):
            accumulator = accumulators[column, row]
            yield f"smmlar {accumulator}, {accumulator}, r12, lr"
            yield f"ssat {accumulator}, #8, {accumulator}"
            yield f"strb.w {accumulator}, [{base}, #{column * strip.channels + distance}]"
