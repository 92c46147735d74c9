"""`hwcost fit`: measured layers into a latency model with a known error."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwcost.cli.options import RuntimeName
from hwcost.cli.output import emit, examples, talk
from hwcost.errors import InputError
from hwcost.report.fitting import draw, fit_json, fit_text
from hwcost.target import Target

if TYPE_CHECKING:
    from hwcost.fit import Fitted
    from hwcost.records import Measurement

__all__ = ["app", "fit"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLES = examples(
    "hwcost fit m4.csv --target stm32l4r5 --output m4.json",
    "hwcost fit conv.csv dense.csv --target stm32l4r5 --model linear --output m4.json --plot m4.svg",
    "hwcost fit ten_layers.csv --target my_board.toml --model calibrated --output board.json --install",
)


class Kind(StrEnum):
    """What is fitted; auto takes the best on held-out rows."""

    AUTO = "auto"
    LOOKUP = "lookup"
    LINEAR = "linear"
    RESIDUAL = "residual"
    CALIBRATED = "calibrated"


@app.command(short_help="Fit a latency model to measured layers.", epilog=EXAMPLES)
def fit(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.csv", help="Measurements, as profile and import write them.")],
    target: Annotated[str, typer.Option(metavar="DEVICE", help="What was measured, or a device with the emulated core.")],
    output: Annotated[Path, typer.Option(metavar="MODEL.json", help="Where the model goes.")],
    runtime: RuntimeName = None,
    model: Annotated[Kind, typer.Option("--model", help="Kind of model; auto judges them on held-out rows.")] = Kind.AUTO,
    install: Annotated[bool, typer.Option("--install", help="Also put it into HWCOST_MEASUREMENTS, where check looks.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the errors as JSON.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw predictions against measurements, .png or .svg.")] = None,
) -> int:
    """Fit a latency model to measured layers, and say how far it is off on those it has not seen."""
    described = Target.load(target, runtime)
    rows = _rows(files)
    fitted = _fitted(rows, described, model.value)
    picture = None if plot is None else draw(fitted, plot)
    _kept(fitted, output, install=install)
    if plot is not None and picture is not None:
        plot.write_bytes(picture)
    emit(fit_json(fitted, output) if as_json else fit_text(fitted, output))
    return 0


def _rows(files: list[Path]) -> tuple[Measurement, ...]:
    from hwcost.records import read_together

    return read_together(files).rows


def _fitted(rows: tuple[Measurement, ...], target: Target, kind: str) -> Fitted:
    missing = [library for library in ("scipy", "sklearn") if find_spec(library) is None]
    if missing:
        raise InputError(f"fitting needs {' and '.join(missing)}: pip install 'hwcost[fit]'")
    from hwcost.fit import fit as fit_rows

    return fit_rows(rows, target, kind)  # type: ignore[arg-type]


def _kept(fitted: Fitted, output: Path, *, install: bool) -> None:
    """Written whole or not at all; where a folder to install in is missing, nothing is written."""
    from hwcost.latency import write_model
    from hwcost.latency.pick import home_of

    home = home_of(fitted.model) if install else None
    for path in (output, home):
        if path is not None:
            write_model(path, fitted.model)
    if home is not None:
        talk(f"installed as {home}")
