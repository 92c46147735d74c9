"""Hard placement problems, made so that their optimum is known: rectangles of time and memory cut up without any gap.

`guillotine` halves a rectangle again and again; `sweep` runs through time and cuts groups of neighbours anew; `shrunk` takes up to 3 % off
each buffer of a sweep and `dropped` leaves 3 % of the buffers of a guillotine out. `mixed` draws lives and sizes at random,
with a few long-lived buffers: its optimum is not known, its bound is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from hwcost.memory.buffers import Buffer

STEPS, BYTES, GRAIN = 200, 1 << 20, 1024
SLACK = 0.03


def guillotine(count: int, seed: int) -> list[Buffer]:
    """A rectangle cut in two, again and again, across time or across memory."""
    rng = random.Random(seed)
    pieces = [(0, STEPS, 0, BYTES)]
    while len(pieces) < count:
        drawn = rng.sample(range(len(pieces)), min(4, len(pieces)))
        index = max(drawn, key=lambda i: (pieces[i][1] - pieces[i][0]) / STEPS * (pieces[i][3] - pieces[i][2]) / BYTES)
        start, stop, low, high = pieces[index]
        if rng.random() < 0.5 and stop - start > 1:
            cut = rng.randrange(start + 1, stop)
            pieces[index : index + 1] = [(start, cut, low, high), (cut, stop, low, high)]
        elif high - low > GRAIN:
            cut = rng.randrange(low // GRAIN + 1, high // GRAIN) * GRAIN
            pieces[index : index + 1] = [(start, stop, low, cut), (start, stop, cut, high)]
    return _shuffled(pieces, rng)


def sweep(count: int, seed: int) -> list[Buffer]:
    """Memory full at every step: now and then a run of neighbours ends, and others share its place."""
    rng = random.Random(seed)
    wanted = max(6, int(count**0.5))
    live = [(low, high, 0) for low, high in _split(rng, 0, BYTES, wanted)]
    pieces: list[tuple[int, int, int, int]] = []
    step = 0
    while len(pieces) + len(live) < count:
        step += 1
        first = rng.randrange(len(live))
        run = live[first : first + rng.randrange(1, 5)]
        parts = max(1, len(run) + rng.choice([-1, 0, 0, 1]) + (1 if len(live) < wanted else 0))
        pieces += [(since, step, low, high) for low, high, since in run]
        live[first : first + len(run)] = [(low, high, step) for low, high in _split(rng, run[0][0], run[-1][1], parts)]
    pieces += [(since, step + 1, low, high) for low, high, since in live]
    return _shuffled(pieces, rng)


def shrunk(count: int, seed: int) -> list[Buffer]:
    """A sweep in which every buffer is a little smaller than its place."""
    rng = random.Random(seed)
    return [replace(buffer, size_bytes=int(buffer.size_bytes * (1 - rng.random() * SLACK))) for buffer in sweep(count, seed)]


def dropped(count: int, seed: int) -> list[Buffer]:
    """A guillotine with holes."""
    rng = random.Random(seed)
    return [buffer for buffer in guillotine(count, seed) if rng.random() > SLACK]


def mixed(count: int, seed: int) -> list[Buffer]:
    """Lives and sizes at random: most short, some through a quarter of the time and more."""
    rng = random.Random(seed)
    buffers = []
    for index in range(count):
        life = rng.randrange(count // 2, 2 * count) if rng.random() < 0.15 else 1 + int(rng.expovariate(1 / 12))
        start = rng.randrange(max(1, 2 * count - life))
        most = 30_000 if life > count // 2 else 200_000
        buffers.append(Buffer(f"b{index}", rng.randrange(64, most), start, start + life))
    return buffers


FAMILIES: dict[str, Callable[[int, int], list[Buffer]]] = {
    "guillotine": guillotine,
    "sweep": sweep,
    "shrunk": shrunk,
    "dropped": dropped,
    "mixed": mixed,
}


def _split(rng: random.Random, low: int, high: int, parts: int) -> list[tuple[int, int]]:
    places = (high - low) // GRAIN
    cuts = sorted(rng.sample(range(1, places), min(parts, places) - 1)) if places > 1 and parts > 1 else []
    edges = [low, *(low + cut * GRAIN for cut in cuts), high]
    return list(pairwise(edges))


def _shuffled(pieces: list[tuple[int, int, int, int]], rng: random.Random) -> list[Buffer]:
    rng.shuffle(pieces)
    return [Buffer(f"b{index}", high - low, start, stop) for index, (start, stop, low, high) in enumerate(pieces)]
