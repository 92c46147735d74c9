"""Fits of the trees of residual models, kept for a group of layers only where they help on rows that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from hwcost.errors import InputError
from hwcost.fit.linear import fit_linear, price
from hwcost.fit.samples import Sample
from hwcost.latency.linear import LinearParameters
from hwcost.latency.residual import Forest, ResidualParameters, Tree, attributes

__all__ = ["ENOUGH", "fit_residual", "predict_residual"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

ENOUGH = 100
"""Rows of a group from which on trees are tried."""
FOLDS = 3
HELPS = 0.9
"""Trees are kept where they leave less than this of the error."""
NEGLIGIBLE = 5e-4
"""An error that no trees are grown for."""
SHAPE = {"n_estimators": 80, "learning_rate": 0.1, "max_depth": 3, "min_samples_leaf": 8, "subsample": 0.8, "random_state": 0}


def fit_residual(samples: Sequence[Sample]) -> ResidualParameters:
    """A linear model, and forests for the groups where they help."""
    linear = fit_linear(samples)
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.group, []).append(sample)
    grown = {name: _forest(found, linear) for name, found in sorted(groups.items()) if len(found) >= ENOUGH}
    return ResidualParameters(linear, {name: forest for name, forest in grown.items() if forest is not None})


def _forest(samples: Sequence[Sample], linear: LinearParameters) -> Forest | None:
    left, given = _left(samples, linear), _attributes(samples)
    fold = np.arange(len(samples)) % FOLDS
    parts = [fold == part for part in range(FOLDS)]
    after = np.concatenate([np.abs(left[part] - _grown(given[~part], left[~part]).predict(given[part])) for part in parts])
    if np.abs(left).mean() < NEGLIGIBLE or after.mean() >= HELPS * np.abs(left).mean():
        return None
    return _exported(_grown(given, left))


def _grown(given: Array, left: Array) -> Any:
    try:
        from sklearn.ensemble import GradientBoostingRegressor
    except ImportError as error:
        raise InputError("trees are fitted by scikit-learn: pip install 'hwcost[fit]', or fit with --model linear") from error
    return GradientBoostingRegressor(**SHAPE).fit(given, left)


def _exported(grown: Any) -> Forest:
    """As plain numbers: each leaf its share, the learning rate included."""
    trees = [each.tree_ for each in grown.estimators_[:, 0]]
    return Forest(float(grown.init_.constant_[0, 0]), tuple(_tree(tree, float(grown.learning_rate)) for tree in trees))


def _tree(tree: Any, rate: float) -> Tree:
    is_leaf = tree.children_left < 0
    threshold = np.where(is_leaf, rate * tree.value[:, 0, 0], tree.threshold)
    feature = np.where(is_leaf, -1, tree.feature)
    columns = (feature, threshold, tree.children_left, tree.children_right)
    return Tree(*(tuple(column.tolist()) for column in columns))


def _left(samples: Sequence[Sample], linear: LinearParameters) -> Array:
    made: Array = np.log([sample.cycles / max(price(linear, sample), 1.0) for sample in samples])
    return made


def _attributes(samples: Sequence[Sample]) -> Array:
    """One row of attributes for each layer."""
    return np.array([attributes(sample.kernel.layer) for sample in samples])


def predict_residual(parameters: ResidualParameters, sample: Sample) -> float:
    """Cycles of a row, as the model prices it."""
    cycles = price(parameters.linear, sample)
    forest = parameters.forests.get(sample.group)
    return cycles if forest is None else cycles * forest.ratio(attributes(sample.kernel.layer))
