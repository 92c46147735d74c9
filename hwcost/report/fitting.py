"""What a fit found, for a terminal, as JSON and as a picture of predictions against measurements."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwcost.errors import InputError

if TYPE_CHECKING:
    from hwcost.fit.fitting import Fitted
    from hwcost.latency.fitted import Accuracy

__all__ = ["draw", "fit_json", "fit_text"]

_HEAD = f"{'':<26}{'rows':>6}{'MAPE':>8}{'RMSPE':>8}{'<=5 %':>8}{'<=10 %':>8}{'tau':>7}{'in 90 %':>9}"
FORMATS = {".png": "png", ".svg": "svg"}


def fit_text(fitted: Fitted, path: Path) -> str:
    """Tables of errors: the model's by kind, then every other kind tried and the baselines over all layers; then its prices."""
    return "\n".join([*_tables(fitted), *_prices(fitted), f"{path}: {fitted.model.name}, from {fitted.model.about.rows} rows", ""])


def _tables(fitted: Fitted) -> Iterator[str]:
    yield f"Errors on {fitted.left_out} that were held out"
    yield _HEAD
    own = fitted.tried[fitted.model.kind]
    for label in sorted(own, key=lambda name: (name in ("*", "networks"), name)):
        yield _line({"*": "all layers", "networks": "whole networks"}.get(label, label), own[label])
    yield ""
    yield "All layers, beside others"
    yield _HEAD
    for name, found in {**fitted.tried, **fitted.baselines}.items():
        yield _line(f"{name}{' (chosen)' if name == fitted.model.kind else ''}", found["*"])
    yield ""


def _line(name: str, found: Accuracy) -> str:
    shares = "".join(f"{100 * share:>7.1f}%" for share in (found.mape, found.rmspe, found.within_5_percent, found.within_10_percent))
    inside = "" if found.coverage is None else f"{100 * found.coverage:>8.1f}%"
    return f"{name:<26}{found.rows:>6}{shares}{found.tau:>7.3f}{inside}"


def _prices(fitted: Fitted) -> Iterator[str]:
    """What a sum costs each thing, where the model has one."""
    linear = getattr(fitted.model.parameters, "linear", fitted.model.parameters)
    for group, found in getattr(linear, "sums", {}).items():
        if found.by_steps or not any(other.startswith(f"{group}/") for other in linear.sums):
            terms = ", ".join(f"{each:.4g} a {what}" for what, each in found.cycles.items())
            yield f"{group}: {terms}"
    yield ""


def fit_json(fitted: Fitted, path: Path) -> str:
    """The same as one JSON object."""
    tables = {"tried": fitted.tried, "baselines": fitted.baselines}
    dumped = {part: {name: _dumped(found) for name, found in table.items()} for part, table in tables.items()}
    about = fitted.model.about
    said: dict[str, Any] = {"schema": 1, "output": str(path), "kind": fitted.model.kind, "model": fitted.model.name, "rows": about.rows}
    return json.dumps(said | {"data_sha256": about.data_sha256, "held_out": fitted.left_out, **dumped}, indent=2) + "\n"


def _dumped(found: Mapping[str, Accuracy]) -> dict[str, Any]:
    return {label: asdict(accuracy) for label, accuracy in found.items()}


def draw(fitted: Fitted, path: Path) -> bytes:
    """Predicted against measured cycles of held-out layers, as PNG or SVG by the suffix. InputError for another, or without matplotlib."""
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise InputError(f"--plot: expected a file ending in {' or '.join(FORMATS)}, got '{path.name}'")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("--plot draws with matplotlib: pip install 'hwcost[report]'") from error
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot()
    for label in sorted({kind for kind, _, _ in fitted.points}):
        rows = [(truth, said) for kind, truth, said in fitted.points if kind == label]
        axes.plot([truth for truth, _ in rows], [said for _, said in rows], ".", markersize=4, label=label)
    ends = [min(truth for _, truth, _ in fitted.points), max(truth for _, truth, _ in fitted.points)]
    axes.plot(ends, ends, "k-", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="measured cycles", ylabel="predicted cycles, layer held out", title=fitted.model.name)
    axes.legend()
    out = io.BytesIO()
    figure.savefig(out, format=form)
    return out.getvalue()
