"""Fits of calibrated models: instructions by class from a table of an emulated core, cycles by class from a few rows of a board.

Few rows cannot tell a dozen classes apart, so each class is held near the core's documented cycles times one common factor, which is
free: wait states and caches slow every class down alike until rows say otherwise. Which layers tell most is known before any of them
is measured, since their instructions are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from hwcost.errors import MeasurementError
from hwcost.fit.samples import kernel_that_ran
from hwcost.kernels import Kernel, choose
from hwcost.latency.calibrated import CalibratedParameters, Mix, closest, instructions
from hwcost.latency.features import groups_of, steps_of
from hwcost.records import Layer, Measurement
from hwcost.target import Core, Target

__all__ = ["STRENGTH", "calibrate", "documented_cycles", "fit_mixes", "layers_to_measure"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

STRENGTH = 3e-4
"""How strongly classes are held: one at twice its documented share costs as much as a row 2 % off."""
COMMON = 0.05
"""Share of the candidates from which on a kernel is worth a measurement."""
FEWEST = 3
"""Rows below which a group of layers is not fitted for itself."""


def fit_mixes(rows: Sequence[Measurement], target: Target) -> dict[str, Mix]:
    """Instructions by class of what each group of layers does, from rows that counted them.

    Raises MeasurementError where no row has counts by class.
    """
    counted = [(row, row.layer) for row in rows if row.layer is not None and row.classes]
    if not counted:
        raise MeasurementError("expected rows with instructions by class, as profiling an emulated core writes them, got none")
    groups: dict[str, list[tuple[Measurement, Mapping[str, float], bool]]] = {}
    for row, layer in counted:
        kernel = kernel_that_ran(row, layer, target)
        if row.implementation and kernel.implementation and row.implementation != kernel.implementation:
            continue  # another kernel ran, for its weights: its loops are not those of the group
        counts = closest({name: Mix({}, by_steps=steps_of(kernel, target) is not None) for name in groups_of(kernel)[:1]}, kernel, target)
        assert counts is not None
        for group in groups_of(kernel)[:2]:
            groups.setdefault(group, []).append((row, counts[1], counts[0].by_steps))
    return {group: _mix(found) for group, found in groups.items() if len(found) >= FEWEST and len({each[2] for each in found}) == 1}


def _kernel(layer: Layer, target: Target) -> Kernel:
    return choose(layer.step, target.runtime, target.core)


def _mix(found: Sequence[tuple[Measurement, Mapping[str, float], bool]]) -> Mix:
    names = sorted({name for _, counts, _ in found for name in counts})
    classes = sorted({kind for row, _, _ in found for kind in row.classes})
    design = np.array([[float(counts.get(name, 0)) for name in names] for _, counts, _ in found])
    totals = np.array([sum(row.classes.values()) for row, _, _ in found])
    table: dict[str, dict[str, float]] = {}
    for kind in classes:
        wanted = np.array([row.classes.get(kind, 0.0) for row, _, _ in found])
        for name, number in zip(names, _non_negative(design / totals[:, None], wanted / totals), strict=True):
            if number > 0:
                table.setdefault(name, {})[kind] = float(number)
    return Mix(table, by_steps=found[0][2])


def _non_negative(design: Array, wanted: Array) -> Array:
    from scipy.optimize import nnls

    scale = np.abs(design).max(axis=0)
    scale[scale == 0] = 1.0
    found: Array = nnls(design / scale, wanted, maxiter=100 * design.shape[1])[0] / scale
    return found


def documented_cycles(core: Core, classes: Sequence[str]) -> dict[str, float]:
    """Cycles of each class as the core's file has them; 1 where it says nothing."""
    stated = core.timing.cycles if core.timing is not None else {}
    return {kind: float(stated.get(kind, 1.0)) for kind in classes}


def calibrate(
    rows: Sequence[Measurement], mixes: Mapping[str, Mix], target: Target, *, counted_on: str = "emulated", strength: float = STRENGTH
) -> CalibratedParameters:
    """Cycles by class from measured rows of a board, held near the documented ones.

    Raises MeasurementError where no row is of a layer whose instructions are known.
    """
    classes = _classes(mixes)
    known = [
        (row.core_cycles, found)
        for row in rows
        if row.layer is not None and row.core_cycles and (found := _instructions(row.layer, mixes, target))
    ]
    if not known:
        raise MeasurementError("expected at least one measured layer of a kind whose instructions are known, got none")
    cycles = np.array([value for value, _ in known], dtype=float)
    counts = np.array([[found.get(kind, 0.0) for kind in classes] for _, found in known])
    prior = np.array(list(documented_cycles(target.core, classes).values()))
    shares = counts * prior / cycles[:, None]
    near = float(shares.sum(axis=1).sum() / (shares.sum(axis=1) ** 2).sum())
    held = np.sqrt(strength) * np.eye(len(classes))
    factors = _non_negative(np.vstack([shares * near, held]), np.concatenate([np.ones(len(cycles)), held.sum(axis=1)]))
    return CalibratedParameters(dict(mixes), dict(zip(classes, (factors * near * prior).tolist(), strict=True)), counted_on)


def layers_to_measure(
    candidates: Sequence[Layer], mixes: Mapping[str, Mix], target: Target, count: int = 10, *, strength: float = STRENGTH
) -> list[Layer]:
    """Those of the candidates that tell most about the classes: each the one that the ones before leave most uncertain.

    Kernels that few candidates take are passed over: what they need of a board would be learnt at the cost of all others.
    """
    classes = _classes(mixes)
    known = [(layer, found) for layer in _common(candidates, target) if (found := _instructions(layer, mixes, target))]
    prior = documented_cycles(target.core, classes)
    shares = np.array([[found.get(kind, 0.0) * prior[kind] for kind in classes] for _, found in known])
    shares /= shares.sum(axis=1, keepdims=True)
    told = strength * np.eye(len(classes))
    chosen: list[int] = []
    for _ in range(min(count, len(known))):
        doubt = np.einsum("ij,jk,ik->i", shares, np.linalg.inv(told), shares)
        doubt[chosen] = -1.0
        chosen.append(int(np.argmax(doubt)))
        told += np.outer(shares[chosen[-1]], shares[chosen[-1]])
    return [known[index][0] for index in chosen]


def _common(layers: Sequence[Layer], target: Target) -> list[Layer]:
    """Layers whose kernel at least one in twenty takes."""
    groups = [groups_of(_kernel(layer, target))[0] for layer in layers]
    often = Counter(groups)
    return [layer for layer, group in zip(layers, groups, strict=True) if often[group] >= COMMON * len(layers)]


def _classes(mixes: Mapping[str, Mix]) -> list[str]:
    return sorted({kind for mix in mixes.values() for made in mix.instructions.values() for kind in made})


def _instructions(layer: Layer, mixes: Mapping[str, Mix], target: Target) -> dict[str, float] | None:
    found = closest(mixes, _kernel(layer, target), target)
    return None if found is None else {kind: float(number) for kind, number in instructions(*found).items()}
