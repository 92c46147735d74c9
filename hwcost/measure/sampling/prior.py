"""Layers as they occur in real networks, scaled to microcontrollers."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from hwcost.errors import InputError
from hwcost.measure.sampling.filling import spread_out
from hwcost.measure.sampling.kinds import KINDS, MAIN_KINDS, Dice
from hwcost.measure.sampling.limits import Limits
from hwcost.records import Layer

__all__ = ["sample_kind", "sample_prior"]

_CANDIDATES = 4
"""Drawn for each layer taken."""
_LEAST_MACS = 128
"""Smaller layers are found in no network, and their time is the call."""
_PATIENCE = 200
"""Draws for each layer taken, after which there are no more to be found within the limits."""


def sample_prior(count: int, limits: Limits, *, seed: int = 0, kinds: Sequence[str] = MAIN_KINDS) -> list[Layer]:
    """`count` layers of each kind, the same for the same seed. InputError for a kind nobody knows or a count below 1."""
    if count < 1:
        raise InputError(f"expected at least one layer of each kind, got {count}")
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise InputError(f"expected kinds out of {', '.join(KINDS)}, got {', '.join(unknown)}")
    return [layer for kind in kinds for layer in sample_kind(kind, count, limits, seed)]


def sample_kind(kind: str, count: int, limits: Limits, seed: int = 0) -> list[Layer]:
    """Different layers of one kind, spread over the space of sizes; fewer where the limits leave no more."""
    dice = Dice(seed=zlib.crc32(f"{kind} {seed}".encode()))
    found: dict[str, Layer] = {}
    for _ in range(_PATIENCE * count):
        layer = KINDS[kind](dice)
        if limits.allow(layer) and _is_worth_it(layer):
            found.setdefault(repr(layer), layer)
        if len(found) >= _CANDIDATES * count:
            break
    if not found:
        raise InputError(f"no {kind} layer fits {limits.ram_bytes} bytes of RAM and {limits.flash_bytes} of flash")
    return spread_out(list(found.values()), count)


def _is_worth_it(layer: Layer) -> bool:
    macs = int(layer.step.work.macs)
    return macs == 0 or macs >= _LEAST_MACS
