"""Profiling many layers: spread over processes or a cluster, every finished batch written, gone on with where it was left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hwcost.errors import InputError, MeasurementError
from hwcost.kernels.generated import Objective
from hwcost.measure.profiling.rows import COMMON
from hwcost.measure.profiling.spreading import Backend, spread
from hwcost.measure.profiling.work import Done, Job
from hwcost.records import Layer, Measurement, Records, merged, read_records, require_one_condition, write_records
from hwcost.records.table import layer_cells
from hwcost.target import Target

__all__ = ["Ledger", "Profile", "measure", "profile"]

BATCH = 40
"""Layers in an image: building takes a tenth of the time, and a crash costs seconds."""

Progress = Callable[[int, int], None]
"""Called with how many layers are done and how many there are."""


@dataclass(slots=True)
class Ledger:
    """A file of rows that is whole after every addition."""

    path: Path
    provenance: dict[str, str] = field(default_factory=dict)
    rows: tuple[Measurement, ...] = ()

    @classmethod
    def opened(cls, path: Path, title: str) -> Ledger:
        """The file as it is, or a new one. MeasurementError where there is a file that is no table of measurements."""
        old = read_records(path) if path.exists() else Records((), {})
        return cls(path, {"title": title, **old.provenance}, old.rows)

    def add(self, rows: Sequence[Measurement]) -> None:
        """Write the rows in; MeasurementError, and the old file, where the conditions are others than the file's."""
        table = merged((*self.rows, *rows))
        require_one_condition(table)
        write_records(self.path, Records(table, self.provenance), head=COMMON)
        self.rows = table

    def missing(self, layers: Iterable[Layer]) -> list[Layer]:
        """Those of the layers that have no row yet, each once."""
        known = {_key(row.layer) for row in self.rows if row.layer is not None}
        wanted = {_key(layer): layer for layer in layers}
        return [layer for key, layer in wanted.items() if key not in known]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a session did: every row of the file, how many of them are new, and the layers that could not be run."""

    rows: tuple[Measurement, ...]
    added: int
    refused: tuple[tuple[Layer, str], ...]


def profile(
    layers: Sequence[Layer],
    target: Target,
    output: Path,
    *,
    backend: Backend | None = None,
    objective: Objective = "balanced",
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> Profile:
    """Measure on the emulated core those layers that `output` has no row of, and write each batch as it is done.

    What was written stays when this is interrupted: the same call goes on. MeasurementError where the file holds rows of other
    conditions, or none of the layers could be run; BuildError or BoardError where the tools fail.
    """
    if not layers:
        raise InputError("expected layers to measure, got none")
    ledger = Ledger.opened(output, f"hwcost profile: layers on an emulated {target.core.name}")
    missing = ledger.missing(layers)
    total, before = len(ledger.rows) + len(missing), len(ledger.rows)
    refused: list[tuple[Layer, str]] = []
    for done in _measured(missing, target, backend or Backend(), objective, seed):
        refused += done.refused
        if done.rows:
            ledger.add(done.rows)
        progress(len(ledger.rows) + len(refused), total)
    if not ledger.rows:
        raise MeasurementError(f"none of the {len(layers)} layers could be run: {refused[0][1]}")
    return Profile(ledger.rows, len(ledger.rows) - before, tuple(refused))


def measure(
    layers: Sequence[Layer], target: Target, *, backend: Backend | None = None, objective: Objective = "balanced", seed: int = 0
) -> tuple[Measurement, ...]:
    """Rows of these layers from the emulated core, nothing written; layers that cannot be run have none."""
    unique = list({_key(layer): layer for layer in layers}.values())
    return tuple(row for done in _measured(unique, target, backend or Backend(), objective, seed) for row in done.rows)


def _measured(layers: Sequence[Layer], target: Target, backend: Backend, objective: Objective, seed: int) -> Iterator[Done]:
    size = max(1, min(BATCH, -(-len(layers) // max(1, backend.workers))))
    jobs = [Job(tuple(layers[i : i + size]), target, objective, seed) for i in range(0, len(layers), size)]
    return spread(jobs, backend)


def _key(layer: Layer) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(layer_cells(layer).items()))
