"""`hwcost quantize`: a float network becomes an int8 one, and what that did to it is told."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hwcost.cli.output import emit, examples, talk

__all__ = ["app", "quantize"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class Method(StrEnum):
    """How ranges follow from the calibration data."""

    MINMAX = "minmax"
    PERCENTILE = "percentile"
    ENTROPY = "entropy"


EXAMPLES = examples(
    "hwcost quantize float.onnx --calibration data.npz --output int8.onnx",
    "hwcost quantize float.onnx --calibration data.npz --output int8.onnx --method percentile --json",
)


@app.command(short_help="Quantise a float network to int8 and tell which layers it hurts.", epilog=EXAMPLES)
def quantize(
    model: Annotated[Path, typer.Argument(metavar="FLOAT.onnx", help="The float network.", show_default=False)],
    calibration: Annotated[
        Path,
        typer.Option(metavar="DATA.npz", help="Arrays by input name, samples first; 'labels' (one class a sample) adds accuracies."),
    ],
    output: Annotated[Path, typer.Option(metavar="INT8.onnx", help="The file to write.")],
    method: Annotated[Method, typer.Option(help="How ranges follow from the data.")] = Method.MINMAX,
    as_json: Annotated[bool, typer.Option("--json", help="Write the report as JSON.")] = False,
) -> int:
    """Quantise a float network to int8 (onnxruntime's static QDQ): activations per tensor, weights symmetric per channel.

    Prints how far the answers moved and which layers add most noise. Exits with 0, or 2 for bad input; needs the extra `board`.
    """
    from hwcost.deploy.quantise import quantise
    from hwcost.report import quantising

    made = quantise(model, calibration, output, method=method.value, progress=lambda message: talk(f"hwcost: {message}"))
    emit(quantising.as_json(made) if as_json else quantising.as_text(made))
    return 0
