"""Emulated tables: fits of one part of the rows held against the other, against whole networks, and calibrated to another core.

A fit is a non-negative sum of what a kernel does, in relative error, for each kernel of each kind; where there are rows enough, boosted
trees on the logarithm of what is left, kept only where they help on rows that the trees have not seen.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from pricing.least_squares import Array, Errors, errors

from hwcost.fit.calibrating import calibrate, fit_mixes, layers_to_measure
from hwcost.kernels import Kernel, choose
from hwcost.latency.calibrated import CalibratedModel
from hwcost.latency.features import features_of, groups_of
from hwcost.latency.fitted import About
from hwcost.latency.linear import LinearModel, LinearParameters, Sum
from hwcost.records import Layer, Measurement, read_network, read_records
from hwcost.shipped import measurements_folder
from hwcost.target import Target

RUNTIME = "hwcost-c"
DEVICES = {"cortex-m4": "stm32l4r5", "cortex-m7": "stm32h743"}
"""A device of each core, for its target; cycles do not depend on which."""
LABELS = ("conv2d", "pointwise", "depthwise_conv2d", "dense")
TABLES = ("conv2d", "pointwise", "depthwise", "dense")
"""Files of the kinds that the goals are about; `others` holds grouped and dilated convolutions, pools, sums."""
FOLDS = 5
FEW = 30
DRAWS = 5
COMMON = 0.05
DOUBT = 1e-3
"""What is known of a price before, against what one row that consists of nothing else tells."""
ENOUGH = 120
"""Rows from which on trees are tried."""
NETWORKS = ("autoencoder", "ds_cnn", "resnet8", "mobilenet_v1_025_96")


def target_of(core: str) -> Target:
    return Target.load(DEVICES[core], RUNTIME)


@dataclass(frozen=True)
class Row:
    """A measured layer, the kernel its sizes choose, and what that kernel does."""

    measured: Measurement
    kernel: Kernel
    counts: Mapping[str, float]

    @property
    def cycles(self) -> float:
        cycles = self.measured.core_cycles
        assert cycles is not None
        return cycles

    @property
    def group(self) -> str:
        return groups_of(self.kernel)[0]

    @property
    def label(self) -> str:
        return groups_of(self.kernel)[1]

    @property
    def is_told_by_sizes(self) -> bool:
        """Whether the kernel that ran is the one its sizes choose; for a few, values of weights rule it out."""
        return not self.measured.implementation or self.measured.implementation == self.kernel.implementation


def rows_of(core: str) -> list[Row]:
    """Every shipped row of a core of the four main kinds; none where there is no table."""
    target = target_of(core)
    folder = measurements_folder() / f"emulated-{core}" / RUNTIME
    paths = [path for path in (folder / f"{name}.csv" for name in TABLES) if path.is_file()]
    rows = [row_of(row, row.layer, target) for path in paths for row in read_records(path).rows if row.layer is not None]
    return [row for row in rows if row.label in LABELS and row.is_told_by_sizes]


def row_of(measured: Measurement, layer: Layer, target: Target) -> Row:
    kernel = choose(layer.step, target.runtime, target.core)
    return Row(measured, kernel, {name: float(count) for name, count in features_of(kernel, target).items()})


@dataclass(frozen=True)
class Sums:
    """Cycles of each count, by group, and trees for what they leave."""

    names: Mapping[str, tuple[str, ...]]
    cycles: Mapping[str, Array]
    trees: Mapping[str, Any]

    def predict(self, row: Row) -> float:
        """Cycles of a layer; none for a group without rows."""
        if row.group not in self.names:
            return 0.0
        counts = counts_of(row, self.names[row.group])
        linear = float(counts @ self.cycles[row.group])
        trees = self.trees.get(row.group)
        return linear if trees is None else linear * float(np.exp(trees.predict(_attributes([row], self.names[row.group]))[0]))

    @cached_property
    def parameters(self) -> LinearParameters:
        return LinearParameters(
            {group: Sum(dict(zip(names, self.cycles[group].tolist(), strict=True)), by_steps=True) for group, names in self.names.items()}
        )


def counts_of(row: Row, names: Sequence[str]) -> Array:
    return np.array([row.counts.get(name, 0.0) for name in names])


def fit(rows: Sequence[Row], *, trees: bool = True) -> Sums:
    """Sums of every group, with trees where they help."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    names = {group: tuple(sorted({name for row in found for name in row.counts})) for group, found in groups.items()}
    cycles = {group: _sum(found, names[group]) for group, found in groups.items()}
    grown = {group: _trees(found, names[group]) for group, found in groups.items() if trees and len(found) >= ENOUGH}
    return Sums(names, cycles, {group: each for group, each in grown.items() if each is not None})


def _sum(rows: Sequence[Row], names: Sequence[str]) -> Array:
    from scipy.optimize import nnls

    truth = np.array([row.cycles for row in rows])
    design = np.array([counts_of(row, names) for row in rows]) / truth[:, None]
    scale = design.max(axis=0)
    scale[scale == 0] = 1.0
    found: Array = nnls(design / scale, np.ones(len(rows)), maxiter=100 * len(names))[0] / scale
    return found


def _trees(rows: Sequence[Row], names: Sequence[str]) -> Any:
    """Trees for the logarithm of truth over sum; None where they do not help on rows held out of them and of the sum."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    fold = np.arange(len(rows)) % 3
    before, after = [], []
    for part in range(3):
        seen, unseen = (
            [row for row, at in zip(rows, fold, strict=True) if at != part],
            [row for row, at in zip(rows, fold, strict=True) if at == part],
        )
        prices = _sum(seen, names)
        grown = HistGradientBoostingRegressor(max_iter=120, learning_rate=0.06, min_samples_leaf=8, random_state=0)
        grown.fit(_attributes(seen, names), _left(seen, names, prices))
        left = _left(unseen, names, prices)
        before.append(np.abs(left))
        after.append(np.abs(left - grown.predict(_attributes(unseen, names))))
    if np.concatenate(after).mean() >= np.concatenate(before).mean():
        return None
    grown = HistGradientBoostingRegressor(max_iter=120, learning_rate=0.06, min_samples_leaf=8, random_state=0)
    return grown.fit(_attributes(rows, names), _left(rows, names, _sum(rows, names)))


def _left(rows: Sequence[Row], names: Sequence[str], prices: Array) -> Array:
    left: Array = np.log([row.cycles / max(float(counts_of(row, names) @ prices), 1.0) for row in rows])
    return left


def _attributes(rows: Sequence[Row], names: Sequence[str]) -> Array:
    """Sizes as trees see them: logarithms, remainders, and each count's share."""
    table = []
    for row in rows:
        layer = row.kernel.layer
        sizes = (
            layer.in_channels,
            layer.out_channels,
            layer.output_height,
            layer.output_width,
            layer.input_width,
            *layer.kernel,
            *layer.stride,
        )
        rests = (layer.in_channels % 4, layer.out_channels % 8, layer.output_width % 4, sum(layer.padding))
        counts = counts_of(row, names)
        table.append([*np.log(sizes), *rests, *(counts / max(counts.max(), 1.0))])
    return np.array(table, dtype=float)


def off(fitted: Sums, rows: Sequence[Row]) -> Errors:
    return errors(np.array([fitted.predict(row) for row in rows]), np.array([row.cycles for row in rows]))


def held_out(rows: Sequence[Row]) -> dict[str, Errors]:
    """Errors by kind, every row predicted by a fit of the other four fifths."""
    order = np.random.default_rng(0).permutation(len(rows))
    found: dict[str, list[float]] = {label: [] for label in LABELS}
    for part in range(FOLDS):
        unseen = [rows[at] for at in order[part::FOLDS]]
        fitted = fit([rows[at] for index, at in enumerate(order) if index % FOLDS != part])
        for row, far in zip(unseen, off(fitted, unseen).values, strict=True):
            found[row.label].append(far)
    return {label: Errors(tuple(each)) for label, each in found.items() if each}


def with_few(rows: Sequence[Row], *, told: bool) -> dict[str, Errors]:
    """Errors by kind of fits to thirty rows of a kind out of half of them, five times: rows that tell most (`told`), or any."""
    found = {}
    for label in LABELS:
        mine = [row for row in rows if row.label == label]
        values: list[float] = []
        for draw in range(DRAWS if len(mine) > 2 * FEW else 0):
            order = np.random.default_rng(draw).permutation(len(mine))
            half = order[: len(mine) // 2]
            chosen = {int(half[at]) for at in (most_telling([mine[at] for at in half], FEW) if told else range(FEW))}
            fitted = fit([mine[at] for at in sorted(chosen)], trees=False)
            values += off(fitted, [row for at, row in enumerate(mine) if at not in chosen]).values
        if values:
            found[label] = Errors(tuple(values))
    return found


def most_telling(rows: Sequence[Row], count: int) -> list[int]:
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


def _telling(rows: Sequence[Row], count: int) -> list[int]:
    """Rows of one kernel, each the one that those before leave most uncertain (a greedy D-optimal design on shares of counts)."""
    names = sorted({name for row in rows for name in row.counts})
    table = np.array([counts_of(row, names) / max(row.counts.values()) for row in rows])
    table = table[:, table.max(axis=0) > 0] / table.max(axis=0)[table.max(axis=0) > 0]
    told = DOUBT * np.eye(table.shape[1])
    chosen: list[int] = []
    for _ in range(count):
        doubt = np.einsum("ij,jk,ik->i", table, np.linalg.inv(told), table)
        doubt[chosen] = -1.0
        chosen.append(int(np.argmax(doubt)))
        told += np.outer(table[chosen[-1]], table[chosen[-1]])
    return chosen


def networks(rows: Sequence[Row], core: str) -> dict[str, float]:
    """How far the sum of a network's layers is off, none of which (nor any layer of equal shape) is among the rows of the fit.

    The truth is emulated here: every layer of the network, by itself.
    """
    from hwcost.measure.profiling import measure

    target = target_of(core)
    found = {}
    for name in NETWORKS:
        layers = [layer for layer in read_network(name).values() if groups_of(choose(layer.step, target.runtime, target.core))[1] in LABELS]
        truth = {_key(row.layer): row for row in measure(layers, target) if row.layer is not None}
        fitted = fit([row for row in rows if _key(row.measured.layer) not in truth])
        pairs = [
            (fitted.predict(row_of(truth[_key(layer)], layer, target)), truth[_key(layer)].core_cycles)
            for layer in layers
            if _key(layer) in truth
        ]
        found[name] = sum(predicted for predicted, _ in pairs) / sum(cycles or 0.0 for _, cycles in pairs) - 1
    return found


def _key(layer: Layer | None) -> str:
    return repr(layer)


def calibrated(rows: Sequence[Row], others: Sequence[Row], core: str, count: int = 10) -> Errors:
    """Errors on another core's layers of a model calibrated to `count` of them, which are picked by what they tell."""
    here, there = target_of("cortex-m4"), target_of(core)
    mixes = fit_mixes([row.measured for row in rows], here)
    by_layer = {_key(row.measured.layer): row for row in others}
    picked = [_key(layer) for layer in layers_to_measure([row.measured.layer for row in others if row.measured.layer], mixes, there, count)]
    parameters = calibrate([by_layer[key].measured for key in picked], mixes, there, counted_on="emulated-cortex-m4")
    model = CalibratedModel.of(_about(core, there, count), parameters)
    unseen = [row for key, row in by_layer.items() if key not in picked]
    predicted = [model.kernel_cycles(row.measured.layer.step, row.kernel, there) for row in unseen if row.measured.layer]
    return errors(np.array(predicted, dtype=float), np.array([row.cycles for row in unseen]))


def prediction_s(rows: Sequence[Row], core: str, layers: int = 30) -> float:
    """Seconds that the fitted sums take for layers whose kernels are chosen already, the best of several runs."""
    target = target_of(core)
    model = LinearModel.of(_about(core, target, len(rows)), fit(rows, trees=False).parameters)
    asked = [(row.measured.layer.step, row.kernel) for row in rows if row.measured.layer][:: max(1, len(rows) // layers)][:layers]
    times = []
    for _ in range(20):
        start = time.perf_counter()
        for step, kernel in asked:
            model.kernel_cycles(step, kernel, target)
        times.append(time.perf_counter() - start)
    return min(times)


def fit_s(rows: Sequence[Row], count: int = 5000) -> float:
    """Seconds that a fit takes, trees and the choice of them included, of so many rows: the table, repeated."""
    many = [rows[at % len(rows)] for at in range(count)]
    start = time.perf_counter()
    fit(many)
    return time.perf_counter() - start


def _about(core: str, target: Target, rows: int) -> About:
    return About(target.runtime.reference, core, f"emulated-{core}", target.clock_hz, "emulated", rows, "0" * 64)
