"""`hwcost check`: models against limits, the exit code is the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwcost.budget import Budget
from hwcost.checking import Pricing, judge, require_confidence
from hwcost.cli import options
from hwcost.cli.answers import Question, answered, written
from hwcost.cli.output import emit, examples

__all__ = ["app", "check"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


EXAMPLES = examples(
    "hwcost check model.onnx --target stm32l4r5 --max-ram 64KiB --max-latency 200ms",
    "hwcost check model.onnx --target stm32l4r5 --budget limits.toml --format json",
    "hwcost check *.onnx --target nano33ble,rp2040 --format markdown",
    "hwcost check model.onnx --target my_board.toml --runtime tflm-reference",
)


@app.command(short_help="Say whether networks fit targets; the exit code tells.", epilog=EXAMPLES)
def check(
    models: options.Models,
    target: options.TargetNames,
    runtime: options.RuntimeName = None,
    budget: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Limits in a file; the options below override it.")] = None,
    max_latency: Annotated[str | None, typer.Option(metavar="50ms", help="Limit on the latency of one inference.")] = None,
    max_ram: Annotated[str | None, typer.Option(metavar="128KiB", help="Limit on RAM; without it the device's own.")] = None,
    max_flash: Annotated[str | None, typer.Option(metavar="512KiB", help="Limit on flash; without it the device's own.")] = None,
    max_energy: Annotated[str | None, typer.Option(metavar="2mJ", help="Limit on the energy of one inference.")] = None,
    confidence: Annotated[float | None, typer.Option(metavar="0.9", help="Judge the intervals of models that know their error.")] = None,
    shape: options.Shapes = None,
    priced_as: options.PricedAs = options.Stored.INT8,
    allow_unsupported: options.AllowUnsupported = False,
    io_outside_arena: options.IoOutsideArena = False,
    latency_model: options.LatencyModelFile = None,
    form: options.Format = options.Form.TEXT,
) -> int:
    """Say whether networks fit targets: within the limits, and within the memories of the device.

    Exits with 0 where everything fits, 1 for any other verdict, 2 for bad input or a limit that nobody can judge.
    """
    given = Budget.from_texts(max_latency=max_latency, max_ram=max_ram, max_flash=max_flash, max_energy=max_energy)
    limits = given if budget is None else given.with_defaults(Budget.load(budget))
    require_confidence(confidence)
    io_in_arena = False if io_outside_arena else None
    pricing = Pricing(priced_as.value, options.latency_model_of(latency_model), io_in_arena, allow_unsupported, confidence)
    question = Question(models, options.targets_of(target, runtime), pricing, options.shapes_of(shape or ()))
    answers = answered(question, lambda quoted: judge(quoted, limits, confidence))
    emit(written(question, answers, form))
    return answers.exit_code
