"""The options that several commands share, and the texts behind them made into nouns."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hwcost.errors import HwcostError, InputError, listed, shown
from hwcost.latency import LatencyModel
from hwcost.target import Target

__all__ = [
    "AllowUnsupported",
    "Form",
    "Format",
    "IoOutsideArena",
    "LatencyModelFile",
    "Models",
    "PricedAs",
    "RuntimeName",
    "Shapes",
    "Stored",
    "TargetNames",
    "latency_model_of",
    "shapes_of",
    "targets_of",
]


class Form(StrEnum):
    """What a report is written as."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class Stored(StrEnum):
    """What a network is priced as."""

    INT8 = "int8"
    FLOAT32 = "float32"


Models = Annotated[list[str], typer.Argument(metavar="MODEL.onnx", help="ONNX files.", show_default=False)]
TargetNames = Annotated[
    list[str],
    typer.Option(
        "--target", metavar="DEVICE", help="Device or board by name, or the path of a .toml file; repeat it or separate by commas."
    ),
]
RuntimeName = Annotated[
    str | None, typer.Option("--runtime", metavar="NAME[@VERSION]", help="Kernel library on the device; its default without this.")
]
Shapes = Annotated[
    list[str] | None, typer.Option("--shape", metavar="INPUT=1,3,96,96", help="Sizes of an input that the file leaves open; repeatable.")
]
PricedAs = Annotated[Stored, typer.Option("--as", help="Price the int8 program that quantising would make, or floats as they are.")]
AllowUnsupported = Annotated[
    bool, typer.Option("--allow-unsupported", help="Go on past operators nobody can run; every total is then a lower bound.")
]
LatencyModelFile = Annotated[
    Path | None, typer.Option("--latency-model", metavar="FILE.json", help="A fitted latency model, instead of the best one known.")
]
IoOutsideArena = Annotated[
    bool, typer.Option("--io-outside-arena", help="The application holds the network's inputs and outputs; they count all the same.")
]
Format = Annotated[Form, typer.Option("--format", help="What the report is written as.")]


def latency_model_of(path: Path | None) -> LatencyModel | None:
    """The fitted model in a file; None where the best one known is to be taken."""
    if path is None:
        return None
    from hwcost.latency import read_model

    return read_model(path)


def targets_of(names: Sequence[str], runtime: str | None) -> list[Target]:
    """Every target named, each once; all refusals are told together."""
    found: list[Target] = []
    faults: list[str] = []
    for name in dict.fromkeys(part for text in names for part in _separated(text)):
        try:
            found.append(Target.load(name, runtime))
        except HwcostError as error:
            faults.append(str(error))
    if faults:
        raise InputError(listed(faults))
    return found


def _separated(text: str) -> list[str]:
    """Names between commas; a file whose path has commas is one name."""
    parts = [text] if _is_file(text) else [part.strip() for part in text.split(",")]
    if not all(parts):
        raise InputError(f"--target: expected names of devices between the commas, got {shown(text)}")
    return parts


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # too long for a path
        return False


def shapes_of(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Sizes by input name, from texts such as `input=1,3,96,96`; all refusals are told together."""
    shapes: dict[str, tuple[int, ...]] = {}
    faults: list[str] = []
    for text in texts:
        name, _, sizes = text.rpartition("=")
        numbers = [size.strip() for size in sizes.split(",")]
        if not name or not all(size.isascii() and size.isdigit() and len(size) < 20 and int(size) for size in numbers):
            faults.append(f"--shape: expected the name of an input and its positive sizes, such as 'input=1,3,96,96', got {shown(text)}")
        elif name in shapes:
            faults.append(f"--shape: input {shown(name)} is given twice")
        else:
            shapes[name] = tuple(map(int, numbers))
    if faults:
        raise InputError(listed(faults))
    return shapes
