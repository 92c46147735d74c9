"""Fits of linear models: non-negative cycles for each count, by least squares in relative error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from hwcost.fit.samples import Sample
from hwcost.latency.features import POOLED, sums_of
from hwcost.latency.linear import LinearParameters, Sum

__all__ = ["ENOUGH", "fit_linear", "price"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

ENOUGH = 4
"""Rows from which on a group of layers has a sum of its own by geometry."""

ENOUGH_STEPS = 2
"""Rows from which on a kernel has a sum of its own by its steps: two tell more of it than hundreds of other kernels."""

FOLDS = 3
"""In which a kind's own sum is held against that of all kinds with its function."""

Row: TypeAlias = tuple[Sample, Mapping[str, float]]


def fit_linear(samples: Sequence[Sample]) -> LinearParameters:
    """Sums of each kernel by its steps, over all kinds it runs and for one kind where that is better; of kinds and all by geometry."""
    groups: dict[str, list[Row]] = {}
    by_steps: set[str] = set()
    for sample in samples:
        *kernels, label, every = sums_of(sample.kernel)
        for name in kernels if sample.steps is not None else ():
            groups.setdefault(name, []).append((sample, sample.steps or {}))
            by_steps.add(name)
        for name in (label, every):
            groups.setdefault(name, []).append((sample, sample.geometry))
    enough = {name: ENOUGH_STEPS if name in by_steps else ENOUGH for name in groups}
    found = {name: rows for name, rows in sorted(groups.items()) if name == POOLED or len(rows) >= enough[name]}
    kept = {name: rows for name, rows in found.items() if not (name in by_steps and _is_better_shared(name, rows, found))}
    return LinearParameters({name: _sum(rows, by_steps=name in by_steps) for name, rows in kept.items()})


def _is_better_shared(name: str, rows: Sequence[Row], groups: Mapping[str, Sequence[Row]]) -> bool:
    """Whether a kernel's sum over all kinds tells rows of this kind, held out, better than the kind's own does."""
    shared = groups.get(next((each for each in sums_of(rows[0][0].kernel) if each.startswith(f"{POOLED}/")), ""), ())
    if name.startswith(f"{POOLED}/") or len(shared) <= len(rows):
        return False
    own = {id(sample) for sample, _ in rows}
    others = [row for row in shared if id(row[0]) not in own]
    alone = together = 0.0
    for fold in range(FOLDS):
        kept, asked = [row for at, row in enumerate(rows) if at % FOLDS != fold], rows[fold::FOLDS]
        if not kept:
            return True
        alone += _error(_sum(kept, by_steps=True), asked)
        together += _error(_sum([*kept, *others], by_steps=True), asked)
    return together < alone


def _error(found: Sum, rows: Sequence[Row]) -> float:
    """Relative errors, added up."""
    return sum(abs(_total(found, counts) / sample.cycles - 1) for sample, counts in rows)


def _total(found: Sum, counts: Mapping[str, float]) -> float:
    return sum(each * counts.get(what, 0.0) for what, each in found.cycles.items())


def price(parameters: LinearParameters, sample: Sample) -> float:
    """Cycles of a row by the closest sum, as the model prices it."""
    for name in sums_of(sample.kernel):
        found = parameters.sums.get(name)
        if found is None or (found.by_steps and sample.steps is None):
            continue
        return _total(found, sample.steps if found.by_steps and sample.steps is not None else sample.geometry)
    raise AssertionError("the sum of all layers takes every layer")


def _sum(rows: Sequence[tuple[Sample, Mapping[str, float]]], *, by_steps: bool) -> Sum:
    names = sorted({name for _, counts in rows for name in counts})
    truth = np.array([sample.cycles for sample, _ in rows])
    design = np.array([[counts.get(name, 0.0) for name in names] for _, counts in rows]) / truth[:, None]
    found = non_negative(design)
    return Sum({name: float(each) for name, each in zip(names, found, strict=True) if each > 0}, by_steps=by_steps)


def non_negative(design: Array) -> Array:
    """Prices at least 0 that make each row of counts over cycles add up to 1, as nearly as can be."""
    from scipy.optimize import nnls

    scale = design.max(axis=0)
    scale[scale == 0] = 1.0
    found: Array = nnls(design / scale, np.ones(len(design)), maxiter=200 * design.shape[1])[0] / scale
    return found
