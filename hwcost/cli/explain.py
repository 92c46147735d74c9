"""`hwcost explain`: what a search could do to a module, before any training."""

from __future__ import annotations

from typing import Annotated

import typer

from hwcost.budget import Budget
from hwcost.cli.options import RuntimeName, targets_of
from hwcost.cli.output import emit, examples
from hwcost.cli.search import require_torch
from hwcost.errors import InputError, shown

__all__ = ["app", "explain"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


EXAMPLES = examples(
    "hwcost explain model.py:make_model --input 3,32,32 --target stm32l4r5",
    "hwcost explain model.py:make_model --input 3,32,32 --target stm32l4r5 --max-ram 40KiB --max-latency 100ms",
)


@app.command(short_help="Say what a search could do to a module, and whether limits are within reach.", epilog=EXAMPLES)
def explain(
    model: Annotated[str, typer.Argument(metavar="FILE.py:make_model", help="A function without arguments that makes the module.")],
    inputs: Annotated[list[str], typer.Option("--input", metavar="3,32,32", help="Shape of an input without the batch; one for each.")],
    target: Annotated[str, typer.Option("--target", metavar="DEVICE", help="Device or board by name, or the path of a .toml file.")],
    runtime: RuntimeName = None,
    max_latency: Annotated[str | None, typer.Option(metavar="50ms", help="Limit on the latency of one inference.")] = None,
    max_ram: Annotated[str | None, typer.Option(metavar="128KiB", help="Limit on RAM; without it the device's own.")] = None,
    max_flash: Annotated[str | None, typer.Option(metavar="512KiB", help="Limit on flash; without it the device's own.")] = None,
    max_energy: Annotated[str | None, typer.Option(metavar="2mJ", help="Limit on the energy of one inference.")] = None,
    granularity: Annotated[int, typer.Option(metavar="4", help="Widths are multiples of this.")] = 1,
    freeze: Annotated[list[str] | None, typer.Option("--freeze", metavar="PART", help="Module path to keep as it is; repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Say which channels a search could take away, what it keeps and why, and the least that each limit and all of them can reach.

    Exits with 0 where the limits are within reach, 1 where they are not. The file is run.
    """
    budget = Budget.from_texts(max_latency=max_latency, max_ram=max_ram, max_flash=max_flash, max_energy=max_energy)
    shapes = [_shape(text) for text in inputs]
    (found,) = targets_of([target], runtime)
    require_torch()
    from hwcost.nas.explain import explain_file
    from hwcost.report.searching import explanation_json, explanation_text

    explanation = explain_file(model, shapes, found, budget, granularity=granularity, freeze=freeze or ())
    emit(explanation_json(explanation) if as_json else explanation_text(explanation))
    return 0 if explanation.why_not is None else 1


def _shape(text: str) -> tuple[int, ...]:
    sizes = [size.strip() for size in text.replace("x", ",").split(",")]
    if not all(size.isascii() and size.isdigit() and len(size) < 10 and int(size) for size in sizes):
        raise InputError(f"--input: expected positive sizes without the batch, such as 3,32,32, got {shown(text)}")
    return tuple(map(int, sizes))
