"""Rows predicted by fits of other rows: one left out, all of its shape left out, whole groups left out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from pricing.least_squares import Array, Errors, errors, relative_fit


@dataclass(frozen=True)
class Table:
    """Counts, measured cycles, the shape of each row and the groups (models) it occurs in."""

    counts: Array
    cycles: Array
    shapes: tuple[Hashable, ...]
    groups: tuple[frozenset[str], ...] = ()


Fit = Callable[[Array, Array], Array]


def own(table: Table, fit: Fit = relative_fit) -> Errors:
    return errors(table.counts @ fit(table.counts, table.cycles), table.cycles)


def one_left_out(table: Table, fit: Fit = relative_fit) -> Array:
    """Predictions of each row by the others."""
    rows = np.arange(len(table.cycles))
    return np.array([_predicted(table, rows != row, row, fit) for row in rows])


def shape_left_out(table: Table, fit: Fit = relative_fit) -> Array:
    """Predictions of each row by those of other shapes."""
    keep = [np.array([shape != own_shape for shape in table.shapes]) for own_shape in table.shapes]
    return np.array([_predicted(table, kept, row, fit) for row, kept in enumerate(keep)])


def groups_left_out(table: Table, fit: Fit = relative_fit) -> Array:
    """Predictions of each row by the rows that share no group with the one held out; the mean over the groups it occurs in."""
    names = sorted(frozenset().union(*table.groups))
    found: list[list[float]] = [[] for _ in table.cycles]
    for name in names:
        inside = np.array([name in groups for groups in table.groups])
        if inside.all():
            continue
        prices = fit(table.counts[~inside], table.cycles[~inside])
        for row in np.flatnonzero(inside):
            found[row].append(float(table.counts[row] @ prices))
    return np.array([np.mean(each) for each in found])


def _predicted(table: Table, keep: Array, row: int, fit: Fit) -> float:
    return float(table.counts[row] @ fit(table.counts[keep], table.cycles[keep]))


def table_of(rows: Sequence[tuple[Sequence[float], float, Hashable, frozenset[str]]]) -> Table:
    counts, cycles, shapes, groups = zip(*rows, strict=True)
    return Table(np.array(counts, dtype=float), np.array(cycles, dtype=float), tuple(shapes), tuple(groups))
