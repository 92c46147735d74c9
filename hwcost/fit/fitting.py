"""From rows to a model with a known error: every kind is judged on rows it has not seen, and the best is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from hwcost.errors import InputError, MeasurementError
from hwcost.fit.calibrating import calibrate, fit_mixes
from hwcost.fit.judging import Predict, accuracies, folds_of, held_out, one_constant, ratios, shape_forest
from hwcost.fit.linear import fit_linear, price
from hwcost.fit.samples import Sample, about, samples_of
from hwcost.fit.tabulating import tabulate
from hwcost.fit.trees import fit_residual, predict_residual
from hwcost.latency.calibrated import closest
from hwcost.latency.features import POOLED
from hwcost.latency.files import model_class
from hwcost.latency.fitted import Accuracy, FittedModel
from hwcost.latency.lookup import form_of
from hwcost.latency.model import Unpriced
from hwcost.records import Measurement, read_records
from hwcost.shipped import measurements_folder
from hwcost.target import Target

__all__ = ["Fitted", "Kind", "fit"]

Kind: TypeAlias = Literal["auto", "lookup", "linear", "residual", "calibrated"]
ALWAYS = ("linear", "residual")
"""Kinds that any rows can be fitted to."""
ALIKE = 3
"""Rows of one form from which on a table tells one of them when it is left out."""
SPACE = 0.8
"""Share of rows that must lie among others of their form for a table to be tried."""
WORSE_BY = 0.98
"""Trees must leave less than this of a sum's error to be worth having."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model, how good each kind tried is on held-out rows, and the baselines beside it; `points` are (cycles, prediction) by kind."""

    model: FittedModel
    tried: Mapping[str, Mapping[str, Accuracy]]
    baselines: Mapping[str, Mapping[str, Accuracy]]
    points: tuple[tuple[str, float, float], ...]
    left_out: str
    """What was held out: networks or layers."""


def fit(rows: Sequence[Measurement], target: Target, kind: Kind = "auto", *, baselines: bool = True) -> Fitted:
    """The model of a kind, or the best of those that fit, of measured layers.

    Raises MeasurementError for rows that no model can be made from (`samples_of` says which), InputError for an unknown kind.
    """
    if kind not in get_args(Kind):
        raise InputError(f"expected a model out of {', '.join(get_args(Kind))}, got '{kind}'")
    samples = samples_of(rows, target)
    folds = folds_of(samples)
    makers = {name: _maker(name, target) for name in (candidates(samples, target) if kind == "auto" else (kind,))}
    said = {name: held_out(samples, _predicting(name, make, target), folds) for name, make in makers.items()}
    tried = {name: accuracies(samples, values, folds) for name, values in said.items()}
    best = min(tried, key=lambda name: tried[name][POOLED].mape * (WORSE_BY if name == "linear" else 1.0))
    whole = replace(about(samples, target), errors=ratios(samples, said[best]), accuracy=tried[best])
    model = model_class(best).of(whole, makers[best](samples))
    beside = {"one constant": one_constant, "forest on shapes": shape_forest} if baselines else {}
    others = {name: accuracies(samples, held_out(samples, make, folds)) for name, make in beside.items()}
    points = tuple((s.label, s.cycles, float(each)) for s, each in zip(samples, said[best], strict=True))
    named = len({sample.row.network for sample in samples}) > 1
    return Fitted(model, tried, others, points, "whole networks" if named else "random layers")


def candidates(samples: Sequence[Sample], target: Target) -> tuple[str, ...]:
    """The kinds that `auto` judges: sums and trees; a table where most rows lie among others of their form; calibration of a board.

    A table of layers that differ in more than widths would guess at all of them. Instructions by class are no news of rows that were
    emulated themselves.
    """
    forms = Counter((sample.group, form_of(sample.kernel.layer)) for sample in samples)
    is_space = sum(count for count in forms.values() if count >= ALIKE) > SPACE * len(samples)
    is_board = samples[0].row.source != "emulated" and _are_counted(samples, target)
    return (*ALWAYS, *(["lookup"] if is_space else []), *(["calibrated"] if is_board else []))


def _are_counted(samples: Sequence[Sample], target: Target) -> bool:
    """Whether instructions by class are known of some of these layers."""
    try:
        mixes = fit_mixes(emulated_rows(target), target)
    except MeasurementError:
        return False
    return any(closest(mixes, sample.kernel, target) is not None for sample in samples)


Make: TypeAlias = Callable[[Sequence[Sample]], Any]


def _maker(kind: str, target: Target) -> Make:
    """What makes the parameters of a kind of model from samples."""
    if kind == "linear":
        return fit_linear
    if kind == "residual":
        return fit_residual
    if kind == "lookup":
        return lambda samples: tabulate([sample.row for sample in samples], target)
    mixes = fit_mixes(emulated_rows(target), target)
    return lambda samples: calibrate([sample.row for sample in samples], mixes, target)


def emulated_rows(target: Target) -> list[Measurement]:
    """Rows of the shipped table of the target's core under its runtime. MeasurementError where none is shipped."""
    folder = measurements_folder() / f"emulated-{target.core.name}" / target.runtime.name
    rows = [row for path in sorted(folder.glob("*.csv")) for row in read_records(path).rows if row.classes]
    if not rows:
        raise MeasurementError(
            f"a calibrated model needs instructions by class, and no table of {target.runtime.name} on an emulated {target.core.name} is "
            "shipped; fit a linear model, or profile the emulated core first"
        )
    return rows


def _predicting(kind: str, make: Make, target: Target) -> Callable[[Sequence[Sample]], Predict]:
    if kind == "linear":
        return lambda samples: _closed(price, make(samples))
    if kind == "residual":
        return lambda samples: _closed(predict_residual, make(samples))
    return lambda samples: _asking(model_class(kind).of(about(samples, target), make(samples)), target)


def _closed(predict: Callable[[Any, Sample], float], parameters: Any) -> Predict:
    return lambda asked: [predict(parameters, sample) for sample in asked]


def _asking(model: FittedModel, target: Target) -> Predict:
    """The model itself, asked for each layer; what it cannot price counts as nothing, and so as wholly wrong."""

    def predict(sample: Sample) -> float:
        cycles = model.kernel_cycles(sample.layer.step, sample.kernel, target)
        return 0.0 if isinstance(cycles, Unpriced) else float(cycles)

    return lambda asked: [predict(sample) for sample in asked]
