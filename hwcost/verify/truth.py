"""Predicted beside measured: the nouns behind the report of `hwcost deploy --run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwcost.deploy.emit import Call
from hwcost.deploy.planning import FirmwarePlan
from hwcost.verify.agreement import Agreement
from hwcost.verify.firmware_run import LayerRun


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


def layers_of(calls: Sequence[Call], plan: FirmwarePlan, runs: Sequence[LayerRun | None] | None) -> tuple[LayerTruth, ...]:
    """A row for each call; a node that is several calls has its MACs on the first."""
    costs = {node.name: node for node in plan.cost.nodes}
    variants = dict(zip(costs, plan.variants, strict=True))
    rows = []
    for call, run in zip(calls, runs or [None] * len(calls), strict=True):
        cost = costs[call.placed.node]
        rows.append(
            LayerTruth(
                name=cost.name,
                op=cost.op,
                kernel=variants[cost.name] if call.emission.function else "none",
                macs=cost.macs,
                instructions=None if run is None else run.instructions,
                cycles=None if run is None else run.cycles,
            )
        )
    return tuple(rows)
