"""Rows from several runs and files as one table: duplicates become their median, different conditions are refused."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from hwcost.errors import MeasurementError, listed
from hwcost.records.cells import to_text
from hwcost.records.measurement import Conditions, Measurement
from hwcost.records.table import Records, layer_cells, read_records, write_records

__all__ = ["append_records", "layer_key", "merged", "read_together", "require_one_condition"]

_FREE = ("board", "date")
"""Conditions that may differ between rows that belong together: which specimen ran, and when."""
_MUST_AGREE = tuple(field.name for field in fields(Conditions) if field.name not in _FREE)
_FIGURES = ("cycles", "latency_s", "energy_j")


def layer_key(row: Measurement) -> str:
    """What ran, as text: equal for rows that are about the same layer (or network) under the same kernel."""
    what = f"network {row.network}" if row.layer is None else repr(sorted(layer_cells(row.layer).items()))
    return f"{what} {row.name if row.layer is None else ''} {row.implementation}"


def merged(rows: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """Rows without duplicates, in the order of first appearance: one for each layer, kernel, source and conditions.

    Figures of duplicates become their median, and `spread` the relative standard deviation between them where it is the larger one.
    """
    groups: dict[tuple[Any, ...], list[Measurement]] = {}
    for row in rows:
        groups.setdefault((layer_key(row), row.source, *(getattr(row.conditions, name) for name in _MUST_AGREE)), []).append(row)
    return tuple(group[0] if len(group) == 1 else _median(group) for group in groups.values())


def require_one_condition(rows: Sequence[Measurement], *, free: Sequence[str] = ()) -> None:
    """Raise MeasurementError naming every condition in which rows differ, but for boards, dates and those in `free`.

    Rows without a value do not differ from those with one: a file that says less is not another device.
    """
    differing = _differing(rows, [name for name in _MUST_AGREE if name not in free])
    if differing:
        faults = [f"{name}: {', '.join(repr(text) for text in texts[:4])}" for name, texts in differing.items()]
        raise MeasurementError(f"rows of different conditions do not mix; keep those of one: {listed(faults)}")


def read_together(paths: Iterable[str | Path], *, free: Sequence[str] = ()) -> Records:
    """The rows of several files as one table, duplicates merged. MeasurementError where they are of different conditions."""
    files = [read_records(path) for path in paths]
    rows = merged(row for records in files for row in records.rows)
    require_one_condition(rows, free=free)
    return Records(rows, {key: value for records in files for key, value in records.provenance.items()})


def append_records(path: str | Path, rows: Sequence[Measurement], *, provenance: Mapping[str, str] | None = None) -> Records:
    """Add rows to a file, or begin it; the file is replaced whole, so that a crash leaves the old one or the new one.

    Duplicates are merged. MeasurementError, and the old file, where the conditions are others than the file's.
    """
    old = read_records(path) if Path(path).exists() else Records((), {})
    table = Records(merged((*old.rows, *rows)), {**old.provenance, **(provenance or {})})
    require_one_condition(table.rows)
    write_records(path, table)
    return table


def _differing(rows: Sequence[Measurement], names: Sequence[str]) -> dict[str, list[str]]:
    found = {name: sorted({to_text(getattr(row.conditions, name)) for row in rows} - {""}) for name in names}
    found["source"] = sorted({row.source for row in rows})
    return {name: texts for name, texts in found.items() if len(texts) > 1}


def _median(group: Sequence[Measurement]) -> Measurement:
    """Counts are those of the row in the middle, so that classes still add up; times are medians of all."""
    figures = {name: _middle([getattr(row, name) for row in group]) for name in _FIGURES}
    taken = [row.core_cycles for row in group if row.core_cycles is not None]
    between = statistics.pstdev(taken) / statistics.fmean(taken) if any(taken) and len(taken) > 1 else None
    spreads = [spread for spread in (*(row.spread for row in group), between) if spread is not None]
    in_the_middle = sorted(group, key=lambda row: row.instructions or 0.0)[(len(group) - 1) // 2]
    repeats = sum(row.repeats or 1 for row in group)
    return replace(in_the_middle, **figures, spread=max(spreads, default=None), repeats=repeats)  # type: ignore[arg-type]


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
