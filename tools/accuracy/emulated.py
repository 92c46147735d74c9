"""Emulated tables: `hwcost fit`'s models of one part of the rows held against the other, against whole networks, and on another core.

Held-out layers are those that the fit of the shipped model itself holds out: every row of every table of a core is among them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import numpy as np
from fit_boards import shipped_fit
from pricing.least_squares import Array, Errors, errors

from hwcost.fit.calibrating import calibrate, fit_mixes, layers_to_measure
from hwcost.fit.linear import fit_linear, price
from hwcost.fit.samples import Sample, about, samples_of
from hwcost.fit.trees import fit_residual, predict_residual
from hwcost.kernels import choose
from hwcost.latency.calibrated import CalibratedModel
from hwcost.latency.features import groups_of
from hwcost.latency.linear import LinearModel, LinearParameters
from hwcost.latency.residual import ResidualParameters
from hwcost.records import Layer, Measurement, read_network, read_records
from hwcost.shipped import measurements_folder
from hwcost.target import Target

RUNTIME = "hwcost-c"
DEVICES = {"cortex-m4": "stm32l4r5", "cortex-m7": "stm32h743"}
"""A device of each core, for its target; cycles do not depend on which."""
LABELS = ("conv2d", "pointwise", "depthwise_conv2d", "dense")
TABLES = ("conv2d", "pointwise", "depthwise", "dense")
"""Files of the kinds that the goals are about."""
FEW = 30
DRAWS = 5
COMMON = 0.05
DOUBT = 1e-3
"""What is known of a price before, against what one row that consists of nothing else tells."""
NETWORKS = ("autoencoder", "ds_cnn", "resnet8", "mobilenet_v1_025_96")


def target_of(core: str) -> Target:
    return Target.load(DEVICES[core], RUNTIME)


def rows_of(core: str) -> list[Sample]:
    """Shipped rows of a core of the four main kinds; none where there is no table."""
    folder = measurements_folder() / f"emulated-{core}" / RUNTIME
    paths = [path for path in (folder / f"{name}.csv" for name in TABLES) if path.is_file()]
    return _samples([row for path in paths for row in read_records(path).rows], core)


def _samples(rows: Sequence[Measurement], core: str) -> list[Sample]:
    return [row for row in samples_of(rows, target_of(core)) if row.label in LABELS] if rows else []


Fitted = ResidualParameters | LinearParameters


def predicted(fitted: Fitted, row: Sample) -> float:
    return price(fitted, row) if isinstance(fitted, LinearParameters) else predict_residual(fitted, row)


def off(fitted: Fitted, rows: Sequence[Sample]) -> Errors:
    return errors(np.array([predicted(fitted, row) for row in rows]), np.array([row.cycles for row in rows]))


def held_out(core: str) -> dict[str, Errors]:
    """Errors by kind of layers held out of the shipped fit, a fifth at a time; grouped and dilated convolutions are convolutions."""
    found: dict[str, list[float]] = {}
    for label, cycles, said in shipped_fit(core).points:
        found.setdefault(label, []).append(said / cycles - 1)
    return {label: Errors(tuple(each)) for label, each in sorted(found.items())}


def with_few(rows: Sequence[Sample], *, told: bool) -> dict[str, Errors]:
    """Errors by kind of fits to thirty rows of a kind out of half of them, five times: rows that tell most (`told`), or any."""
    found = {}
    for label in LABELS:
        mine = [row for row in rows if row.label == label]
        values: list[float] = []
        for draw in range(DRAWS if len(mine) > 2 * FEW else 0):
            order = np.random.default_rng(draw).permutation(len(mine))
            half = order[: len(mine) // 2]
            chosen = {int(half[at]) for at in (most_telling([mine[at] for at in half], FEW) if told else range(FEW))}
            fitted = fit_linear([mine[at] for at in sorted(chosen)])
            values += off(fitted, [row for at, row in enumerate(mine) if at not in chosen]).values
        if values:
            found[label] = Errors(tuple(values))
    return found


def most_telling(rows: Sequence[Sample], count: int) -> list[int]:
    """Rows whose counts leave least doubt about the prices, found before anything is measured.

    Kernels get rows by how often they are taken, and none where that is seldom.
    """
    often = Counter(row.group for row in rows)
    common = {group: number for group, number in often.items() if number >= COMMON * len(rows)}
    chosen: list[int] = []
    for rank, (group, number) in enumerate(sorted(common.items(), key=lambda item: item[1])):
        left = sum(n for _, n in sorted(common.items(), key=lambda item: item[1])[rank:])
        mine = [index for index, row in enumerate(rows) if row.group == group]
        chosen += [mine[at] for at in _telling([rows[at] for at in mine], round((count - len(chosen)) * number / left))]
    return chosen


def _telling(rows: Sequence[Sample], count: int) -> list[int]:
    """Rows of one kernel, each the one that those before leave most uncertain (a greedy D-optimal design on shares of counts)."""
    every = [row.steps or {} for row in rows]
    names = sorted({name for steps in every for name in steps})
    table: Array = np.array([[steps.get(name, 0.0) / max(steps.values()) for name in names] for steps in every])
    table = table[:, table.max(axis=0) > 0] / table.max(axis=0)[table.max(axis=0) > 0]
    told = DOUBT * np.eye(table.shape[1])
    chosen: list[int] = []
    for _ in range(count):
        doubt = np.einsum("ij,jk,ik->i", table, np.linalg.inv(told), table)
        doubt[chosen] = -1.0
        chosen.append(int(np.argmax(doubt)))
        told += np.outer(table[chosen[-1]], table[chosen[-1]])
    return chosen


def networks(rows: Sequence[Sample], core: str) -> dict[str, float]:
    """How far the sum of a network's layers is off, none of which (nor any layer of equal shape) is among the rows of the fit.

    The truth is emulated here: every layer of the network, by itself.
    """
    from hwcost.measure.profiling import measure

    target = target_of(core)
    layers = {name: [layer for layer in read_network(name).values() if _label(layer, target) in LABELS] for name in NETWORKS}
    ran = {_key(row.layer): row for row in _samples(measure([each for mine in layers.values() for each in mine], target), core)}
    found = {}
    for name, mine in layers.items():
        truth = [ran[_key(layer)] for layer in mine if _key(layer) in ran]
        own = {_key(row.layer) for row in truth}
        fitted = fit_residual([row for row in rows if _key(row.layer) not in own])
        found[name] = sum(predicted(fitted, row) for row in truth) / sum(row.cycles for row in truth) - 1
    return found


def _label(layer: Layer, target: Target) -> str:
    return groups_of(choose(layer.step, target.runtime, target.core))[1]


def _key(layer: Layer) -> str:
    return repr(layer)


def calibrated(rows: Sequence[Sample], others: Sequence[Sample], core: str, count: int = 10) -> Errors:
    """Errors on another core's layers of a model calibrated to `count` of them, which are picked by what they tell."""
    here, there = target_of("cortex-m4"), target_of(core)
    mixes = fit_mixes([row.row for row in rows], here)
    picked = {_key(layer) for layer in layers_to_measure([row.layer for row in others], mixes, there, count)}
    ten = [row for row in others if _key(row.layer) in picked]
    parameters = calibrate([row.row for row in ten], mixes, there, counted_on="emulated-cortex-m4")
    model = CalibratedModel.of(about(ten, there), parameters)
    unseen = [row for row in others if _key(row.layer) not in picked]
    cycles = [model.kernel_cycles(row.layer.step, row.kernel, there) for row in unseen]
    return errors(np.array(cycles, dtype=float), np.array([row.cycles for row in unseen]))


def prediction_s(rows: Sequence[Sample], core: str, layers: int = 30) -> float:
    """Processor seconds that a fitted linear model takes for layers whose kernels are chosen already, the best of several runs."""
    target = target_of(core)
    model = LinearModel.of(about(rows, target), fit_linear(rows))
    asked = [(row.layer.step, row.kernel) for row in rows][:: max(1, len(rows) // layers)][:layers]
    times = []
    for _ in range(60):
        start = time.process_time()
        for step, kernel in asked:
            model.kernel_cycles(step, kernel, target)
        times.append(time.process_time() - start)
    return min(times)


def fit_s(rows: Sequence[Sample], count: int = 5000) -> float:
    """Seconds that a fit takes, trees and the choice of them included, of so many rows: the table, repeated."""
    many = [rows[at % len(rows)] for at in range(count)]
    start = time.perf_counter()
    fit_residual(many)
    return time.perf_counter() - start
