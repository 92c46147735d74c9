"""Measuring where a model is least sure, until it is as good as was asked for.

Several models are fitted on resampled rows (query by bagging: Abe and Mamitsuka 1998); where they disagree most is measured next. What
the model says of those layers before it learns them is its error, on the layers it knows least about: a cautious one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwcost.errors import InputError, MeasurementError
from hwcost.fit.linear import fit_linear
from hwcost.fit.samples import about, samples_of
from hwcost.kernels import choose
from hwcost.latency.linear import LinearModel
from hwcost.latency.model import Unpriced
from hwcost.measure.profiling import Backend, profile
from hwcost.measure.sampling.filling import spread_out
from hwcost.records import Layer, Measurement
from hwcost.target import Target

__all__ = ["Active", "Predict", "Round", "linear", "measure_until", "profile_until"]

Predict = Callable[[Layer], float | None]
"""Cycles of a layer by a fitted model; None for one it cannot price."""

FIRST = 24
"""Layers measured before anything is fitted, spread over the space."""
BATCH = 16
"""Layers measured in each round."""
COMMITTEE = 5
"""Models that vote."""
CALM = 2
"""Rounds in a row whose error must be small enough: one may be luck."""
_UNPRICED = 1.0
"""The disagreement on a layer that some of the models cannot price."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round: rows known before it, the mean relative error on its layers before they were learnt, and the largest."""

    known: int
    error: float
    worst: float


@dataclass(frozen=True, slots=True)
class Active:
    """What was measured, and how the error went; `reached` is False where the candidates ran out first."""

    rows: tuple[Measurement, ...]
    rounds: tuple[Round, ...]
    reached: bool


def measure_until(
    error: float,
    candidates: Sequence[Layer],
    measure: Callable[[Sequence[Layer]], Sequence[Measurement]],
    fit: Callable[[Sequence[Measurement]], Predict],
    *,
    seed: int = 0,
    tell: Callable[[Round], None] = lambda _: None,
) -> Active:
    """Measure candidates, those the model is least sure of first, until its mean relative error on them is at most `error` twice.

    `measure` gives a row for each layer it can run, `fit` a model of rows. InputError for an error that is none or candidates too few;
    MeasurementError where nothing could be run.
    """
    if not 0 < error < 1:
        raise InputError(f"expected an error between 0 and 1, such as 0.05, got {error:g}")
    if not candidates:
        raise InputError("expected layers to choose from, got none")
    rng = np.random.default_rng(seed)
    first = spread_out(candidates, FIRST)
    rows = list(measure(first))
    if not rows:
        raise MeasurementError("none of the first layers could be run: there is nothing to fit")
    left = _without(candidates, first)
    rounds: list[Round] = []
    while left and not _is_calm(rounds, error):
        asked = _least_sure(left, rows, fit, rng)
        predict = fit(rows)
        made = list(measure(asked))
        if made:
            rounds.append(_judged(len(rows), predict, made))
            tell(rounds[-1])
        rows += made
        left = _without(left, asked)
    return Active(tuple(rows), tuple(rounds), _is_calm(rounds, error))


def linear(target: Target) -> Callable[[Sequence[Measurement]], Predict]:
    """The fit that is asked while measuring: the linear model, which is fitted in an instant."""

    def fit(rows: Sequence[Measurement]) -> Predict:
        samples = samples_of(rows, target)
        model = LinearModel.of(about(samples, target), fit_linear(samples))
        return lambda layer: _priced(model, layer, target)

    return fit


def profile_until(
    error: float,
    candidates: Mapping[str, Sequence[Layer]],
    target: Target,
    output: Path,
    *,
    backend: Backend | None = None,
    seed: int = 0,
    tell: Callable[[str, Round], None] = lambda kind, one: None,
) -> dict[str, Active]:
    """`measure_until` on the emulated core for each kind of layers on its own, every row written to `output` as it is measured."""

    def measured(layers: Sequence[Layer]) -> list[Measurement]:
        wanted = {repr(layer) for layer in layers}
        return [row for row in profile(layers, target, output, backend=backend, seed=seed).rows if repr(row.layer) in wanted]

    return {
        kind: measure_until(error, layers, measured, linear(target), seed=seed, tell=partial(tell, kind))
        for kind, layers in candidates.items()
    }


def _priced(model: LinearModel, layer: Layer, target: Target) -> float | None:
    step = layer.step
    cycles = model.kernel_cycles(step, choose(step, target.runtime, target.core), target)
    return None if isinstance(cycles, Unpriced) else float(cycles)


def _is_calm(rounds: Sequence[Round], error: float) -> bool:
    return len(rounds) >= CALM and all(one.error <= error for one in rounds[-CALM:])


def _judged(known: int, predict: Predict, rows: Sequence[Measurement]) -> Round:
    """Layers without a price are wholly wrong."""
    errors = []
    for row in rows:
        taken = row.core_cycles or 0.0
        said = None if row.layer is None else predict(row.layer)
        errors.append(1.0 if said is None or taken <= 0 else abs(said / taken - 1))
    return Round(known, float(np.mean(errors)), float(np.max(errors)))


def _least_sure(
    left: Sequence[Layer], rows: Sequence[Measurement], fit: Callable[[Sequence[Measurement]], Predict], rng: np.random.Generator
) -> list[Layer]:
    """Half of a batch where models disagree most, spread out; half anywhere, so that no corner is forgotten by all of them alike."""
    models = [fit([rows[i] for i in rng.integers(0, len(rows), len(rows))]) for _ in range(COMMITTEE)]
    unsure = np.array([_disagreement([model(layer) for model in models]) for layer in left])
    ranked = [left[i] for i in np.argsort(-unsure, kind="stable")]
    chosen = spread_out(ranked[: 2 * BATCH], BATCH // 2)
    rest = _without(left, chosen)
    anywhere = [rest[i] for i in rng.permutation(len(rest))[: BATCH - len(chosen)]]
    return [*chosen, *anywhere]


def _disagreement(said: Sequence[float | None]) -> float:
    known: NDArray[np.float64] = np.array([value for value in said if value is not None and value > 0])
    if len(known) < len(said):
        return _UNPRICED
    return float(known.std() / known.mean())


def _without(layers: Sequence[Layer], taken: Sequence[Layer]) -> list[Layer]:
    gone = {repr(layer) for layer in taken}
    return [layer for layer in layers if repr(layer) not in gone]
