"""Machine code of the inner tile of convolutions on cores with SMLAD: its instructions, hence its size, for each shape.

A tile computes all output channels of one place or two. Registers: r0 activations, r1 weights, r2 to r9 accumulators, r10 and r11
activations, r12 and lr weights. Two output channels share a 16-bit lane, v = 256 * w1 + w0: SMLAD sums 256 * A1 + A0, SXTB16 leaves
w0 for a second SMLAD that sums A0 alone, and A1 = (sum - A0) >> 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

INSTRUCTION_BYTES = 4
"""Every instruction is written in its wide form, so that every assembler makes the same bytes."""

UNROLLED_PAIRS = 36
"""Pairs of inputs that are written out one after another, at most; longer sums loop."""

LARGEST_OFFSET = 4095
"""What a load or an addition can hold as a constant."""

LANES = 2
"""Output channels in one 16-bit lane."""

# The frame: activations, output, distance between the two places, end of the outputs, zero point, end of a loop, end of all loops.
ACTIVATIONS, OUTPUT, PITCH, OUTPUT_END, ZERO, LOOP_END, LAST_END = 0, 4, 8, 12, 16, 20, 24
FRAME_BYTES = 28


@dataclass(frozen=True, slots=True)
class Tile:
    """The constants of a tile.

    `outputs` channels of `places` places are held in registers at a time, 8 accumulators at most. The inputs of a place are `segments`
    runs of `pairs` pairs of int16, runs `run_bytes` apart; the next pair is `pair_bytes` on, the second place `place_bytes` on.
    """

    outputs: int
    places: int
    segments: int
    pairs: int
    run_bytes: int
    place_bytes: int = 0
    pair_bytes: int = 4

    @property
    def name(self) -> str:
        """Its C name; equal names are equal code."""
        shape = f"{self.outputs}x{self.places}_{self.segments}x{self.pairs}"
        far = f"_{self.run_bytes}" if self.segments > 1 else ""
        return f"hwc_dsp_tile_{shape}{far}" + (f"_{self.place_bytes}" if self.places > 1 else "")

    @property
    def bytes(self) -> int:
        """Its size in flash."""
        return _bytes(self)

    @property
    def is_flat(self) -> bool:
        """Whether all its pairs are written out, each at its own constant offset."""
        return self.segments * self.pairs <= UNROLLED_PAIRS and self._last_offset <= LARGEST_OFFSET

    @property
    def unrolled(self) -> int:
        """Pairs of one turn of the inner loop: the largest divisor of a run that is short enough."""
        return max(n for n in range(1, min(UNROLLED_PAIRS, self.pairs) + 1) if self.pairs % n == 0)

    @property
    def _last_offset(self) -> int:
        return (self.segments - 1) * self.run_bytes + (self.pairs - 1) * self.pair_bytes + self.place_bytes


@cache
def _bytes(tile: Tile) -> int:
    return INSTRUCTION_BYTES * sum(not line.endswith(":") for line in instructions(tile))


def instructions(tile: Tile) -> tuple[str, ...]:
    """The lines of a tile `(activations, weights, out, {pitch, channels, zero})`; those that end in a colon are labels."""
    return (*_prologue(tile), "2:", *_start(tile), *_sum(tile), *_finish(tile), *_next_group(tile))


def _prologue(tile: Tile) -> Iterator[str]:
    yield "push.w {r4-r11, lr}"
    yield "ldm.w r3, {r4, r5, r6}"
    yield "add.w r5, r2, r5"
    if tile.is_flat:
        yield "sub.w sp, sp, #8"
    else:
        yield from _add("r8", "r0", tile.segments * tile.run_bytes if tile.segments > 1 else tile.pairs * tile.pair_bytes)
        yield "mov.w r7, r8"
        yield "push.w {r7, r8}"
    yield "push.w {r0, r2, r4, r5, r6}"


def _add(to: str, register: str, number: int) -> Iterator[str]:
    if number <= LARGEST_OFFSET:
        yield f"addw {to}, {register}, #{number}"
    else:
        yield f"movw {to}, #{number}"
        yield f"add.w {to}, {register}, {to}"


def accumulator(tile: Tile, output: int, place: int) -> str:
    """The register of a sum: channels in order, the places of a channel side by side."""
    return f"r{2 + output * tile.places + place}"


def _start(tile: Tile) -> Iterator[str]:
    """Biases into the accumulators of every place."""
    yield f"ldr.w r0, [sp, #{ACTIVATIONS}]"
    first = [accumulator(tile, output, 0) for output in range(tile.outputs)]
    yield f"ldm.w r1!, {{{', '.join(first)}}}"
    if tile.places == LANES:
        yield from (f"mov.w {accumulator(tile, output, 1)}, {register}" for output, register in enumerate(first))


def _sum(tile: Tile) -> Iterator[str]:
    if tile.is_flat:
        for segment in range(tile.segments):
            for pair in range(tile.pairs):
                yield from _pair(tile, segment * tile.run_bytes + pair * tile.pair_bytes)
        return
    is_nested = tile.unrolled < tile.pairs and tile.segments > 1
    if is_nested:
        yield "3:"
        yield from _add("r12", "r0", tile.pairs * tile.pair_bytes)
        yield f"str.w r12, [sp, #{LOOP_END}]"
    yield "4:"
    for _ in range(tile.unrolled):
        yield from _pair(tile, None)
    if is_nested:
        yield from _until(LOOP_END, "4b")
    if tile.segments > 1:
        yield from _gap(tile)
    yield from _until(LAST_END, "3b" if is_nested else "4b")


def _gap(tile: Tile) -> Iterator[str]:
    """From the end of a run to the start of the next."""
    gap = tile.run_bytes - tile.pairs * tile.pair_bytes
    if gap:
        yield f"{'addw' if gap > 0 else 'subw'} r0, r0, #{abs(gap)}"


def _until(end: int, label: str) -> Iterator[str]:
    yield f"ldr.w r12, [sp, #{end}]"
    yield "cmp.w r0, r12"
    yield f"bne.w {label}"


def _pair(tile: Tile, offset: int | None) -> Iterator[str]:
    """Two inputs of each place times all weights of the group. Loads stand together: behind another load they take one cycle."""
    activations = ["r10", "r11"][: tile.places]
    for place in reversed(range(tile.places)):
        if offset is not None:
            yield f"ldr.w {activations[place]}, [r0, #{offset + place * tile.place_bytes}]"
        elif place:
            yield f"ldr.w {activations[place]}, [r0, #{tile.place_bytes}]"
        else:
            yield f"ldr.w {activations[place]}, [r0], #{tile.pair_bytes}"
    for output in range(0, tile.outputs, 2 * LANES):
        yield "ldr.w lr, [r1, #4]"
        yield "ldr.w r12, [r1], #8"
        yield from _multiply(tile, output, "r12", activations)
        yield from _multiply(tile, output + LANES, "lr", activations)


def _multiply(tile: Tile, output: int, weights: str, activations: Sequence[str]) -> Iterator[str]:
    """One word of weights: two channels of two inputs."""
    for channel in (output + 1, output):
        if channel == output:
            yield f"sxtb16 {weights}, {weights}"
        for place, activation in enumerate(activations):
            register = accumulator(tile, channel, place)
            yield f"smlad {register}, {weights}, {activation}, {register}"


def _finish(tile: Tile) -> Iterator[str]:
    """Rescales and stores the group: zero point + high word of the product, rounded, held to int8."""
    yield f"ldr.w r0, [sp, #{OUTPUT}]"
    yield f"ldr.w lr, [sp, #{ZERO}]"
    if tile.places == LANES:
        yield f"ldr.w r12, [sp, #{PITCH}]"
        yield "add.w r12, r0, r12"
    for output in range(0, tile.outputs, LANES):
        yield "ldm.w r1!, {r10, r11}"
        for place in range(tile.places):
            low, high = accumulator(tile, output, place), accumulator(tile, output + 1, place)
            out = "r12" if place else "r0"
            yield f"sub.w {high}, {high}, {low}"
            yield from _store(low, "r10", out, output)
            yield f"asr.w {high}, {high}, #8"
            yield from _store(high, "r11", out, output + 1)


def _store(register: str, multiplier: str, out: str, channel: int) -> Iterator[str]:
    yield f"smmlar {register}, {register}, {multiplier}, lr"
    yield f"ssat {register}, #8, {register}"
    yield f"strb.w {register}, [{out}, #{channel}]"


def _next_group(tile: Tile) -> Iterator[str]:
    yield f"addw r0, r0, #{tile.outputs}"
    yield f"str.w r0, [sp, #{OUTPUT}]"
    yield f"ldr.w r12, [sp, #{OUTPUT_END}]"
    yield "cmp.w r0, r12"
    yield "bne.w 2b"
    yield f"add.w sp, sp, #{FRAME_BYTES}"
    yield "pop.w {r4-r11, pc}"
