"""`hwcost cost`: the figures of check, judged by nothing."""

from __future__ import annotations

import typer

from hwcost.checking import Pricing
from hwcost.cli import options
from hwcost.cli.answers import Question, answered, written
from hwcost.cli.output import emit, examples

__all__ = ["app", "cost"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


EXAMPLES = examples(
    "hwcost cost model.onnx --target stm32l4r5",
    "hwcost cost a.onnx b.onnx --target nano33ble,rp2040",
    "hwcost cost model.onnx --target gap8 --shape input=1,3,96,96 --format json",
)


@app.command(short_help="Say what networks cost on targets, layer by layer.", epilog=EXAMPLES)
def cost(
    models: options.Models,
    target: options.TargetNames,
    runtime: options.RuntimeName = None,
    shape: options.Shapes = None,
    priced_as: options.PricedAs = options.Stored.INT8,
    allow_unsupported: options.AllowUnsupported = False,
    io_outside_arena: options.IoOutsideArena = False,
    latency_model: options.LatencyModelFile = None,
    form: options.Format = options.Form.TEXT,
) -> int:
    """Say what networks cost on targets: latency, RAM, flash and energy, layer by layer, and where each figure comes from."""
    pricing = Pricing(priced_as.value, options.latency_model_of(latency_model), False if io_outside_arena else None, allow_unsupported)
    question = Question(models, options.targets_of(target, runtime), pricing, options.shapes_of(shape or ()))
    answers = answered(question, lambda quoted: quoted)
    emit(written(question, answers, form))
    return answers.exit_code
