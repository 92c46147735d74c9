"""Predicted beside measured: the nouns behind the report of `hwcost deploy --run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwcost.verify.agreement import Agreement


@dataclass(frozen=True, slots=True)
class Predicted:
    """What was said before anything was built. `ram_bytes` is .data, .bss (arena and scratch inside) and stack."""

    ram_bytes: int
    flash_bytes: int
    cycles: int | None
    latency_s: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What the image and the board said; None where a board does not tell (a real one counts no instructions)."""

    ram_bytes: int
    flash_bytes: int
    stack_bytes: int | None
    instructions: int | None
    cycles: int | None
    latency_s: float | None
    board: str
    compiler: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LayerTruth:
    """One call of the firmware."""

    name: str
    op: str
    kernel: str
    macs: int
    predicted_cycles: int | None
    instructions: int | None
    cycles: int | None


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything `deploy` found; `measured` and `agreement` are None where nothing was run."""

    predicted: Predicted
    measured: Measured | None
    agreement: Agreement | None
    layers: Sequence[LayerTruth]
    notes: tuple[str, ...] = ()
