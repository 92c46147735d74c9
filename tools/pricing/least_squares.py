"""Non-negative least squares in relative error, and how well it predicts rows it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Fit: TypeAlias = Callable[[Array, Array, Array], Array]
"""From counts, totals and the known part of each total to coefficients."""


def non_negative(A: Array, b: Array) -> Array:
    """x >= 0 that minimises |A x - b|: the active-set method of Lawson and Hanson (Solving Least Squares Problems, 1974, chapter 23)."""
    x = np.zeros(A.shape[1])
    free = np.zeros(A.shape[1], dtype=bool)
    tolerance = 1e-10 * float(np.max(np.abs(A.T @ b), initial=0.0))
    for _ in range(10 * A.shape[1]):
        gradient = A.T @ (b - A @ x)
        if free.all() or np.max(gradient[~free], initial=0.0) <= tolerance:
            break
        free[np.argmax(np.where(free, -np.inf, gradient))] = True
        x = _inner(A, b, x, free)
    return x


def _inner(A: Array, b: Array, x: Array, free: Array) -> Array:
    """Step towards the unconstrained solution on the free columns until none of them is negative."""
    while True:
        step = np.zeros(A.shape[1])
        step[free] = np.linalg.lstsq(A[:, free], b, rcond=None)[0]
        blocked = free & (step <= 0)
        if not blocked.any():
            return step
        x = x + np.min(x[blocked] / (x[blocked] - step[blocked])) * (step - x)
        free &= x > 1e-14
        x = np.where(free, x, 0.0)


def relative_fit(X: Array, y: Array, known: Array | float = 0.0) -> Array:
    """Coefficients that minimise the sum of squared errors relative to `y`, of which `known` is not fitted; sizes do not matter."""
    A = X / y[:, None]
    scale = np.max(np.abs(A), axis=0, initial=0.0)
    scale[scale == 0] = 1.0
    return non_negative(A / scale, (y - known) / y) / scale


def fit_near_one_scale(weight: float) -> Fit:
    """`relative_fit` whose coefficients are held near one common scale, as few rows cannot tell many coefficients apart.

    A coefficient at twice the common scale costs `weight` times as much as a row 100 % off.
    """

    def fit(X: Array, y: Array, known: Array | float = 0.0) -> Array:
        common = float(relative_fit(X.sum(axis=1, keepdims=True), y, known)[0])
        A = np.vstack([X / y[:, None], np.eye(X.shape[1]) * np.sqrt(weight) / common])
        b = np.concatenate([(y - known) / y, np.full(X.shape[1], np.sqrt(weight))])
        scale = np.max(np.abs(A), axis=0)
        return non_negative(A / scale, b) / scale

    return fit


@dataclass(frozen=True)
class Errors:
    """Relative errors, prediction over truth less one, of every row."""

    values: tuple[float, ...]

    @property
    def rows(self) -> int:
        return len(self.values)

    @property
    def mape(self) -> float:
        return float(np.mean(np.abs(self.values)))

    def within(self, share: float) -> float:
        return float(np.mean(np.abs(self.values) <= share))


def errors(predicted: Array, truth: Array) -> Errors:
    return Errors(tuple((predicted / truth - 1).tolist()))


def left_out(X: Array, y: Array, fit: Fit = relative_fit, known: Array | float = 0.0) -> Errors:
    """Each row predicted by a fit of the others."""
    parts = np.broadcast_to(np.asarray(known, dtype=float), y.shape)
    keep = ~np.eye(len(y), dtype=bool)
    predicted = [X[i] @ fit(X[keep[i]], y[keep[i]], parts[keep[i]]) + parts[i] for i in range(len(y))]
    return errors(np.array(predicted), y)


def together(parts: list[Errors]) -> Errors:
    return Errors(tuple(value for part in parts for value in part.values))
