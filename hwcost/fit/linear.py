"""Fits of linear models: non-negative cycles for each count, by least squares in relative error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from hwcost.fit.samples import Sample
from hwcost.latency.features import POOLED
from hwcost.latency.linear import LinearParameters, Sum

__all__ = ["ENOUGH", "fit_linear", "price"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

ENOUGH = 4
"""Rows from which on a group of layers has a sum of its own by geometry."""

ENOUGH_STEPS = 2
"""Rows from which on a kernel has a sum of its own by its steps: two tell more of it than hundreds of other kernels."""


def fit_linear(samples: Sequence[Sample]) -> LinearParameters:
    """A sum for each kernel of each kind, by its own steps; one for each kind and one for all, by geometry, to fall back to."""
    groups: dict[str, list[tuple[Sample, Mapping[str, float]]]] = {}
    for sample in samples:
        if sample.steps is not None:
            groups.setdefault(sample.group, []).append((sample, sample.steps))
        groups.setdefault(sample.label, []).append((sample, sample.geometry))
        groups.setdefault(POOLED, []).append((sample, sample.geometry))
    by_steps = {sample.group for sample in samples if sample.steps is not None}
    enough = {name: ENOUGH_STEPS if name in by_steps else ENOUGH for name in groups}
    found = {name: rows for name, rows in sorted(groups.items()) if name == POOLED or len(rows) >= enough[name]}
    return LinearParameters({name: _sum(rows, by_steps=name in by_steps) for name, rows in found.items()})


def price(parameters: LinearParameters, sample: Sample) -> float:
    """Cycles of a row by the closest sum, as the model prices it."""
    for name in (sample.group, sample.label, POOLED):
        found = parameters.sums.get(name)
        if found is None or (found.by_steps and sample.steps is None):
            continue
        counts = sample.steps if found.by_steps and sample.steps is not None else sample.geometry
        return sum(each * counts.get(what, 0.0) for what, each in found.cycles.items())
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
