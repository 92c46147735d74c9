"""`hwcost import`: another tool's log becomes rows of measurements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hwcost.cli.output import emit, examples, talk
from hwcost.errors import InputError, listed, shown

__all__ = ["app", "import_"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLES = examples(
    "hwcost import serial.log --from tflm --model net.onnx --target stm32l4r5 --runtime tflm-cmsis-nn --condition tick_hz=1000000 "
    "--output net.csv",
    "hwcost import report.txt --from x-cube-ai --model net.onnx --target stm32h7a3 --runtime x-cube-ai --output net.csv",
    "hwcost import layers.csv --from csv --target stm32h743 --runtime tflm-cmsis-nn --map height=hw_in --map in_channels=c_in "
    "--map out_channels=c_out --map padding==same --output layers.csv",
)


@app.command(short_help="Turn another tool's profile into measurements.", epilog=EXAMPLES)
def import_(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="What the tool printed or wrote.", show_default=False)],
    form: Annotated[str, typer.Option("--from", metavar="FORMAT", help="tflm, x-cube-ai, onnxruntime, mltk or csv.")],
    target: Annotated[str, typer.Option(metavar="DEVICE", help="What it ran on: a device or board by name, or a .toml file.")],
    output: Annotated[Path, typer.Option(metavar="FILE.csv", help="The file of measurements to write.")],
    runtime: Annotated[
        str | None, typer.Option(metavar="NAME[@VERSION]", help="Kernel library that ran; the device's default without.")
    ] = None,
    model: Annotated[Path | None, typer.Option(metavar="MODEL.onnx", help="The network that ran, for logs without shapes.")] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What the log does not say: clock_hz, tick_hz, memory, board...; repeatable."),
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="OURS=THEIRS", help="A column of a CSV; OURS==VALUE for every row; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say what was imported as JSON.")] = False,
) -> int:
    """Read the log of another profiler, check it, and write its layers as measurements that `hwcost fit` reads.

    Logs of zeros, wrapped counters and impossible clocks are refused, and shapes that a log does not tell are never guessed.
    """
    from hwcost.frontends.from_onnx import from_onnx
    from hwcost.measure.importers import import_log
    from hwcost.records import Records, write_records
    from hwcost.target import Target

    graph = None if model is None else from_onnx(str(model))
    if graph is not None and not any(parameter.kind == "int" for parameter in graph.parameters.values()) and form != "onnxruntime":
        graph = graph.as_int8()
    made = import_log(
        log,
        form,
        Target.load(target, runtime),
        conditions=_pairs("--condition", condition or ()),
        columns=_pairs("--map", columns or ()),
        graph=graph,
    )
    write_records(output, Records(made.rows, {"title": f"Imported from a log of {form}", "origin": log.name.replace("#", " ")}))
    for line in made.left_out:
        talk(f"hwcost: left out: {line}")
    emit(_as_json(output, len(made.rows), made.left_out) if as_json else f"{len(made.rows)} layers written to {output}\n")
    return 0


def _as_json(output: Path, rows: int, left_out: Sequence[str]) -> str:
    return json.dumps({"schema": 1, "output": str(output), "rows": rows, "left_out": list(left_out)}, indent=2) + "\n"


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Texts such as `key=value` as a mapping; all refusals are told together."""
    found: dict[str, str] = {}
    faults = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals or not value:
            faults.append(f"{option}: expected KEY=VALUE, got {shown(text)}")
        elif key in found:
            faults.append(f"{option}: {shown(key)} is given twice")
        found[key] = value
    if faults:
        raise InputError(listed(faults))
    return found
