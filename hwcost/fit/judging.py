"""How good a model is on rows it was not made from: whole networks are held out, or random layers where no networks are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from hwcost.errors import InputError
from hwcost.fit.samples import Sample
from hwcost.latency.features import POOLED
from hwcost.latency.fitted import Accuracy, Ratios
from hwcost.latency.model import CONFIDENCE

__all__ = ["NETWORKS", "Predict", "accuracies", "folds_of", "held_out", "one_constant", "ratios", "shape_forest"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Predict = Callable[[Sequence[Sample]], Sequence[float]]
Fit = Callable[[Sequence[Sample]], Predict]

FOLDS = 5
STEPS = 200
"""Equal steps of probability that quantiles of errors are kept at."""
FEWEST_RATIOS = 10
ROUNDING = 1e-5
"""Ratios are kept to six digits."""
NETWORKS = "networks"
"""The label of whole networks among the accuracies."""


def folds_of(samples: Sequence[Sample]) -> Array:
    """The fold of each row: a network is in one fold; without at least two networks, rows are dealt at random, seeded."""
    names = sorted({sample.row.network for sample in samples})
    if len(names) > 1:
        turn = {name: index % min(len(names), 10) for index, name in enumerate(names)}
        return np.array([turn[sample.row.network] for sample in samples])
    dealt = np.random.default_rng(0).permutation(len(samples))
    return np.asarray(dealt % min(FOLDS, len(samples)))


def held_out(samples: Sequence[Sample], fit: Fit, folds: Array) -> Array:
    """What a kind of model says of each row when it is fitted without the row's fold."""
    said = np.zeros(len(samples))
    for fold in np.unique(folds):
        predict = fit([sample for sample, at in zip(samples, folds, strict=True) if at != fold])
        said[folds == fold] = predict([sample for sample, at in zip(samples, folds, strict=True) if at == fold])
    return said


def accuracies(samples: Sequence[Sample], said: Array, folds: Array | None = None) -> dict[str, Accuracy]:
    """Errors by kind, of all layers, and of whole networks where rows name them; with `folds` the coverage of intervals too."""
    truth = np.array([sample.cycles for sample in samples])
    labels = np.array([sample.label for sample in samples])
    inside = None if folds is None else _covered(samples, said, folds)
    found = {POOLED: _accuracy(said, truth, inside)}
    for label in sorted(set(labels)):
        chosen = labels == label
        found[str(label)] = _accuracy(said[chosen], truth[chosen], None if inside is None else inside[chosen])
    networks = np.array([sample.row.network for sample in samples])
    named = sorted(set(networks) - {""})
    if len(named) > 1:
        sums = [(said[networks == name].sum(), truth[networks == name].sum()) for name in named]
        found[NETWORKS] = _accuracy(np.array([a for a, _ in sums]), np.array([b for _, b in sums]), None)
    return found


def ratios(samples: Sequence[Sample], said: Array) -> dict[str, Ratios]:
    """Quantiles of truth over prediction, by kernel, by kind and of all."""
    groups: dict[str, list[float]] = {}
    for sample, each in zip(samples, said, strict=True):
        for name in dict.fromkeys((sample.group, sample.label, POOLED)):
            groups.setdefault(name, []).append(sample.cycles / max(each, 1e-9))
    kept = {name: found for name, found in sorted(groups.items()) if len(found) >= FEWEST_RATIOS or name == POOLED}
    return {name: _ratios(found) for name, found in kept.items()}


def _ratios(found: Sequence[float]) -> Ratios:
    steps = min(STEPS, max(1, 2 * len(found)))
    bounded = np.clip(found, 1e-6, 1e6)
    return Ratios(len(found), tuple(float(f"{each:.6g}") for each in np.quantile(bounded, np.linspace(0, 1, steps + 1))))


def _covered(samples: Sequence[Sample], said: Array, folds: Array) -> Array:
    """Which rows lie in their interval, made from the errors of the other folds."""
    inside = np.zeros(len(samples), dtype=bool)
    for fold in np.unique(folds):
        others = [sample for sample, at in zip(samples, folds, strict=True) if at != fold]
        known = ratios(others, said[folds != fold])
        for index in np.flatnonzero(folds == fold):
            sample = samples[int(index)]
            low, high = next(known[name] for name in (sample.group, sample.label, POOLED) if name in known).between(CONFIDENCE)
            inside[index] = low * (1 - ROUNDING) <= sample.cycles / max(said[index], 1e-9) <= high * (1 + ROUNDING)
    return inside


def _accuracy(said: Array, truth: Array, inside: Array | None) -> Accuracy:
    off = np.abs(said - truth) / truth
    return Accuracy(
        rows=len(truth),
        mape=float(off.mean()),
        rmspe=float(np.sqrt((off**2).mean())),
        within_5_percent=float((off <= 0.05).mean()),
        within_10_percent=float((off <= 0.1).mean()),
        tau=_tau(said, truth),
        coverage=None if inside is None else float(inside.mean()),
    )


def _tau(said: Array, truth: Array) -> float:
    from scipy.stats import kendalltau

    if len(truth) < 2 or len(set(said)) < 2 or len(set(truth)) < 2:
        return 0.0
    return float(kendalltau(said, truth).statistic)


def one_constant(samples: Sequence[Sample]) -> Predict:
    """What people mostly have: cycles for each MAC (or output), one number for the core, by its relative error."""
    inverse = np.array([sample.size / sample.cycles for sample in samples])
    constant = float(inverse.sum() / (inverse**2).sum())
    return lambda asked: [constant * sample.size for sample in asked]


def shape_forest(samples: Sequence[Sample]) -> Predict:
    """A random forest for each kind on the shapes of layers, as nn-Meter fits (Zhang et al., MobiSys 2021)."""
    try:
        from sklearn.ensemble import RandomForestRegressor
    except ImportError as error:
        raise InputError("the random forest beside the models needs scikit-learn: pip install 'hwcost[fit]'") from error
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.label, []).append(sample)
    forests = {}
    for label, found in groups.items():
        forest = RandomForestRegressor(n_estimators=50, random_state=0)
        forests[label] = forest.fit([_shape(sample) for sample in found], [sample.cycles for sample in found])
    fallback = one_constant(samples)

    def predict(asked: Sequence[Sample]) -> list[float]:
        said = list(fallback(asked))
        for label, forest in forests.items():
            where = [index for index, sample in enumerate(asked) if sample.label == label]
            found = forest.predict([_shape(asked[index]) for index in where]) if where else []
            for index, value in zip(where, found, strict=True):
                said[index] = float(value)
        return said

    return predict


def _shape(sample: Sample) -> list[float]:
    layer = sample.kernel.layer
    sizes = (layer.input_height, layer.input_width, layer.in_channels, layer.out_channels, *layer.kernel, *layer.stride)
    return [*(float(size) for size in sizes), sample.size, float(layer.weight_elements)]
