"""Fits of lookup models: measured layers sorted into tables of equal form."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from hwcost.errors import MeasurementError
from hwcost.fit.samples import kernel_that_ran
from hwcost.latency.features import groups_of
from hwcost.latency.lookup import Form, LookupParameters, Table, form_of, work_of
from hwcost.records import Measurement
from hwcost.target import Target

__all__ = ["tabulate"]

_Point = tuple[float, float]


def tabulate(rows: Sequence[Measurement], target: Target) -> LookupParameters:
    """Tables of every group of layers; equal layers become their median. MeasurementError where no row is a layer with cycles."""
    found: dict[str, dict[Form, dict[tuple[int, int], list[_Point]]]] = {}
    for row in rows:
        if row.layer is None or not row.core_cycles:
            continue
        kernel = kernel_that_ran(row, row.layer, target)
        layer = kernel.layer
        widths = int(layer.in_channels), int(layer.out_channels)
        for group in groups_of(kernel)[:2]:
            points = found.setdefault(group, {}).setdefault(form_of(layer), {})
            points.setdefault(widths, []).append((row.core_cycles, float(work_of(layer))))
    if not found:
        raise MeasurementError("expected at least one layer with cycles or a time, got none")
    return LookupParameters({group: tuple(_table(form, points) for form, points in forms.items()) for group, forms in found.items()})


def _table(form: Form, points: dict[tuple[int, int], list[_Point]]) -> Table:
    widths = sorted(points)
    return Table(
        form,
        tuple(into for into, _ in widths),
        tuple(out for _, out in widths),
        tuple(statistics.median(cycles for cycles, _ in points[each]) for each in widths),
        tuple(points[each][0][1] for each in widths),
    )
