"""`hwcost deploy`: from an int8 model to firmware, with predicted beside measured."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hwcost.cli.output import emit, examples, talk
from hwcost.errors import InputError, shown
from hwcost.target import Target

__all__ = ["app", "deploy"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)

RUNTIME = "hwcost-c"
"""The runtime that deploying makes; other kernel libraries are priced, not generated."""

EXAMPLES = examples(
    "hwcost deploy int8.onnx --target stm32l4r5 --output build",
    "hwcost deploy int8.onnx --target stm32l4r5 --output build --run",
    "hwcost deploy float.onnx --calibration data.npz --target nano33ble --output build --run --json",
    "hwcost deploy int8.onnx --target stm32l4r5 --output build --run --board serial:/dev/ttyACM0",
    "hwcost deploy int8.onnx --target rp2040 --output build --optimise flash --run --inputs data.npz",
)


class Optimise(StrEnum):
    """What kernels are picked for."""

    TIME = "time"
    FLASH = "flash"
    BALANCED = "balanced"


@app.command(short_help="Turn an int8 model into C firmware, build it, run it and compare.", epilog=EXAMPLES)
def deploy(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="An int8 model, or a float one with --calibration.")],
    target: Annotated[str, typer.Option("--target", metavar="DEVICE", help="Device or board by name, or the path of a .toml file.")],
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where the project goes.")],
    calibration: Annotated[Path | None, typer.Option(metavar="DATA.npz", help="Quantise a float model with these examples first.")] = None,
    optimise: Annotated[Optimise, typer.Option(help="Pick kernels for time, for flash, or fast ones that expand no weights.")] = (
        Optimise.BALANCED
    ),
    no_simplify: Annotated[bool, typer.Option("--no-simplify", help="Keep channels that are constant after quantisation.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that holds other files.")] = False,
    run: Annotated[bool, typer.Option("--run", help="Build the firmware, run it and compare its answers.")] = False,
    board: Annotated[str, typer.Option(metavar="emulated|qemu|serial:PORT[@BAUD]", help="What it is run on.")] = "emulated",
    inputs: Annotated[Path | None, typer.Option(metavar="DATA.npz", help="Examples to run; seeded noise without them.")] = None,
    compiler: Annotated[str | None, typer.Option(metavar="COMMAND", help="A gcc or clang for the core, instead of zig.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print predicted, measured, agreement and layers as JSON.")] = False,
) -> int:
    """Write a C project for an int8 model; with --run build it, run it on a board and print predicted beside measured.

    A model that does not fit the target is refused before anything is built. Exits with 1 where the answers of the firmware are not
    those of the program, 3 where a compiler or a board failed.
    """
    if board != "emulated" and not run:
        raise InputError(f"--board {shown(board)} says what the firmware runs on, so it needs --run")
    require_board_extra(run)
    from hwcost.report.deploying import truth_json, truth_text
    from hwcost.verify.deployment import Order, deployed

    order = Order(
        model=model,
        target=Target.load(target, RUNTIME),
        output=output,
        calibration=calibration,
        optimise=optimise.value,
        simplify=not no_simplify,
        force=force,
        compiler=compiler,
    )
    truth = deployed(order, board=board if run else None, inputs=inputs, tell=talk)
    emit(truth_json(model.name, order.target, truth) if as_json else truth_text(model.name, order.target, truth))
    return 0 if truth.agreement is None or truth.agreement.bit_exact else 1


def require_board_extra(run: bool) -> None:
    """Raise InputError unless what writing, building and running firmware needs can be imported."""
    from importlib.util import find_spec

    needed = ["jinja2", *(["unicorn", "capstone", "elftools", "ziglang", "onnxruntime"] if run else [])]
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise InputError(f"deploying needs {', '.join(missing)}: pip install 'hwcost[board]'")
