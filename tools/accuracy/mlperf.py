"""MLPerf Tiny, processors without accelerator: two networks of a board and runtime calibrate, the other two are predicted.

The layers of a network cost what CMSIS-NN takes on an emulated Cortex-M4, times a factor for each of four groups: dense layers,
convolutions with windows, pointwise and depthwise ones. Two networks cannot tell four factors, so these are held near what other
submissions say of them: their mean over the common factor, and how they vary together. The common factor is free. Nothing of the board and
runtime that is predicted is among those others.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from pricing.cmsis import emulated_m4
from pricing.fits import cost_of
from pricing.least_squares import Array
from pricing.templates import counts_of, first

from accuracy.geometry import facts_of
from hwcost.latency.counts import cycles
from hwcost.records import Layer, read_network, read_records
from hwcost.shipped import measurements_folder

NETWORKS = ("autoencoder", "ds_cnn", "resnet8", "mobilenet_v1_025_96")
GROUPS = 4
NOISE = 0.03
"""What a prediction of a whole network is off by if all its factors are right: group prices are sums over unlike layers."""
LOOSE = 0.1
"""Variance of the logarithm of a factor before any submission is looked at."""
FLOOR = 0.05
"""Deviation of factors that even submissions without spread are given."""
ROUNDS = 4


@dataclass(frozen=True)
class Submission:
    """Cycles of the four networks on one board with one runtime."""

    board: str
    runtime: str
    cycles: Array

    @property
    def family(self) -> str:
        """The software without its version, and TFLM whichever kernels it calls."""
        return self.runtime.partition("@")[0].partition("-")[0]


@dataclass(frozen=True)
class Prediction:
    """One held-out network: how far off it was, and what calibrated it."""

    submission: Submission
    network: str
    calibrated_on: tuple[str, ...]
    error: float


def submissions() -> list[Submission]:
    """All with the four networks, of rounds v0.5 to v1.0."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for path in sorted(measurements_folder().glob("*/*/mlperf_tiny.csv")):
        for row in read_records(path).rows:
            if row.layer is None and not row.conditions.accelerator:
                found.setdefault((row.conditions.board, row.runtime), {})[row.network] = cost_of(row)
    whole = {key: cycles for key, cycles in found.items() if cycles.keys() >= set(NETWORKS)}
    return [Submission(*key, np.array([cycles[name] for name in NETWORKS])) for key, cycles in whole.items()]


@cache
def group_cycles() -> Array:
    """Emulated cycles of each network (rows) in each group of layers (columns)."""
    groups, _ = emulated_m4()
    prices = [price for prices in groups.values() for price in prices]
    table = np.zeros((len(NETWORKS), GROUPS))
    for row, name in enumerate(NETWORKS):
        for layer in read_network(name).values():
            group, at = _group(layer), first(prices, facts_of(layer))
            if group is not None and at is not None:
                table[row, group] += float(cycles(prices[at], counts_of(layer)))
    return table


def _group(layer: Layer) -> int | None:
    kind = layer.op.kind
    if kind == "conv2d":
        return 1 if facts_of(layer).kernel != (1, 1) else 2
    return {"dense": 0, "depthwise_conv2d": 3}.get(kind)


@dataclass(frozen=True)
class Prior:
    """Logarithms of the factors over their common one: mean and covariance."""

    mean: Array
    covariance: Array

    @property
    def precision(self) -> Array:
        """Of the factors once the common one, of which nothing is known, is integrated out."""
        exact = np.linalg.inv(self.covariance)
        along = exact @ np.ones(GROUPS)
        precision: Array = exact - np.outer(along, along) / along.sum()
        return precision


NOTHING_KNOWN = Prior(np.zeros(GROUPS), LOOSE * np.eye(GROUPS))


def calibrate(known: Mapping[int, float], prior: Prior) -> Array:
    """Factors that explain the cycles of the networks known, held near the prior: Gauss-Newton on their logarithms."""
    parts = group_cycles()[list(known)]
    truth = np.array(list(known.values()))
    precision = prior.precision
    logs = np.log(truth.sum() / parts.sum()) + prior.mean
    for _ in range(20):
        slopes = parts * np.exp(logs) / truth[:, None] / NOISE
        off = (parts @ np.exp(logs) / truth - 1) / NOISE
        away = slopes.T @ off + precision @ (logs - prior.mean)
        step = np.linalg.solve(slopes.T @ slopes + precision + 1e-9 * np.eye(GROUPS), -away)
        logs = logs + step * min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-12))
    factors: Array = np.exp(logs)
    return factors


def prior_of(others: Sequence[Submission]) -> Prior:
    """What submissions say of the factors; software that submitted often counts once."""
    weights = np.array([1.0 / sum(other.family == each.family for other in others) for each in others])
    weights /= weights.sum()
    prior = NOTHING_KNOWN
    for _ in range(ROUNDS):
        logs = np.log([calibrate(dict(enumerate(each.cycles)), prior) for each in others])
        logs -= logs[:, 1:].mean(axis=1, keepdims=True)
        mean = weights @ logs
        spread = (logs - mean).T @ ((logs - mean) * weights[:, None])
        prior = Prior(mean, spread + FLOOR**2 * np.eye(GROUPS))
    return prior


def predictions(*, same_software: bool = True) -> list[Prediction]:
    """Both held-out networks of all six splits of every submission.

    The prior is made of all other submissions; without `same_software` those of the same software, on whatever board, are left out too.
    """
    every = submissions()
    found = []
    for each in every:
        others = [other for other in every if other is not each and (same_software or other.family != each.family)]
        prior = prior_of(others)
        for pair in itertools.combinations(range(len(NETWORKS)), 2):
            factors = calibrate({network: each.cycles[network] for network in pair}, prior)
            names = tuple(NETWORKS[network] for network in pair)
            found += [
                Prediction(each, name, names, float(group_cycles()[network] @ factors / each.cycles[network] - 1))
                for network, name in enumerate(NETWORKS)
                if network not in pair
            ]
    return found
