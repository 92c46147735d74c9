"""`hwcost cost`: the figures of check, judged by nothing."""

from __future__ import annotations

import typer

from hwcost.checking import Pricing
from hwcost.cli.answers import Question, answered, written
from hwcost.cli.options import (
    AllowUnsupported,
    Form,
    Format,
    IoOutsideArena,
    LatencyModelFile,
    Models,
    PricedAs,
    RuntimeName,
    Shapes,
    Stored,
    TargetNames,
    latency_model_of,
    shapes_of,
    targets_of,
)
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
    models: Models,
    target: TargetNames,
    runtime: RuntimeName = None,
    shape: Shapes = None,
    priced_as: PricedAs = Stored.INT8,
    allow_unsupported: AllowUnsupported = False,
    io_outside_arena: IoOutsideArena = False,
    latency_model: LatencyModelFile = None,
    form: Format = Form.TEXT,
) -> int:
    """Say what networks cost on targets: latency, RAM, flash and energy, layer by layer, and where each figure comes from."""
    pricing = Pricing(priced_as.value, latency_model_of(latency_model), False if io_outside_arena else None, allow_unsupported)
    question = Question(models, targets_of(target, runtime), pricing, shapes_of(shape or ()))
    answers = answered(question, lambda quoted: quoted)
    emit(written(question, answers, form))
    return answers.exit_code
