"""Tables of layers as `mltk profile --device` of the Silicon Labs MLTK prints them; they hold shapes and options, so need no model.

Numbers carry a suffix (`606.0k`, `7.7m`, `270.0u`) and two to four digits. Beside an accelerator the processor's own cycles are less
than the time: the time is what is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from hwcost.errors import HwcostError, MeasurementError
from hwcost.measure.importers.kinds import kinds_of, plain
from hwcost.measure.importers.log import MAX_ENTRIES, Entry, Log, Options, missing, number, text_of
from hwcost.measure.importers.shapes import Pads, agrees, make_layer
from hwcost.records import Layer

__all__ = ["Mltk", "layer_of"]

_SUFFIXES = MappingProxyType({"u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9})
_SHAPE = re.compile(r"\d{1,6}(x\d{1,6}){0,5}")
_COLUMNS = ("index", "opcode", "time (s)", "input shape", "output shape", "options")


class Mltk:
    """The Silicon Labs MLTK's profiler."""

    name = "mltk"
    source = "Silicon Labs MLTK, profile on a device"

    def read(self, path: Path, options: Options) -> Log:
        """One entry for each line of the table; operators whose options the table leaves out have no layer."""
        text = text_of(path, "a profile of the MLTK")
        entries = tuple(_entries(text, path))
        if not entries:
            missing(path, f"a table with the columns {', '.join(_COLUMNS)}", "a text without one")
        return Log(path, "seconds", entries, _said(text, path))


def layer_of(kind: str, input_shape: str, output_shape: str, options: str) -> Layer | None:
    """The layer of a line, if its printed output shape agrees with its attributes; None where the line does not say all of it."""
    shapes = [tuple(int(n) for n in shape.split("x")) for shape in input_shape.split(",") if _SHAPE.fullmatch(shape)]
    told = dict(part.lower().split(":", 1) for part in options.split() if ":" in part)
    ours = next(iter(kinds_of(kind)), "")
    try:
        layer = _layer(ours, shapes, told) if shapes and _SHAPE.fullmatch(output_shape) else None
    except (HwcostError, ValueError, TypeError):
        return None
    return layer if layer is not None and agrees(layer, [int(n) for n in output_shape.split("x")][1:]) else None


def _layer(kind: str, shapes: list[tuple[int, ...]], told: Mapping[str, str]) -> Layer | None:
    first, weights = shapes[0], shapes[1] if len(shapes) > 1 else ()
    pads: Pads = "same" if told.get("padding") == "same" else "valid"
    stride = _pair(told.get("stride", "1x1"))
    if kind in ("conv2d", "depthwise_conv2d") and len(first) == len(weights) == 4:
        if kind == "conv2d" and weights[3] != first[3]:
            return None
        outs = weights[0] if kind == "conv2d" else weights[3]
        return make_layer(kind, first[3], (first[1], first[2]), outs, ((weights[1], weights[2]), stride, pads))
    if kind in ("average_pool2d", "max_pool2d") and "filter" in told and len(first) == 4:
        return make_layer(kind, first[3], (first[1], first[2]), first[3], (_pair(told["filter"]), stride, pads))
    if kind == "dense" and len(weights) == 2:
        return make_layer(kind, weights[1], (1, 1), weights[0], ((1, 1), (1, 1), "valid"))
    if kind == "softmax" and len(first) == 2:
        return make_layer(kind, first[1], (1, 1), first[1], ((1, 1), (1, 1), "valid"))
    if kind == "add" and first == weights and len(first) == 4:
        return make_layer(kind, first[3], (first[1], first[2]), first[3], ((1, 1), (1, 1), "valid"))
    return None


def _pair(text: str) -> tuple[int, int]:
    height, width = (int(n) for n in text.split("x"))
    return height, width


def _entries(text: str, path: Path) -> Iterator[Entry]:
    columns: dict[str, int] = {}
    for line, content in enumerate(text.splitlines(), 1):
        bare = content.strip()
        if not bare.startswith("|"):
            columns = {} if bare and not bare.startswith("+") else columns
            continue
        cells = [cell.strip() for cell in bare.strip("|").split("|")]
        if cells[0].lower() == "index":
            columns = {name.lower(): i for i, name in enumerate(cells)}
            columns = columns if all(name in columns for name in _COLUMNS) else {}
        elif columns and cells[0]:
            if len(cells) != len(columns):
                raise MeasurementError(f"expected {len(columns)} cells, got {len(cells)}: the line is broken", file=path, row=line)
            yield _entry({name: cells[i] for name, i in columns.items()}, line, path)
        if line > MAX_ENTRIES:
            raise MeasurementError(f"expected at most {MAX_ENTRIES} lines, got more", file=path)


def _entry(cells: Mapping[str, str], line: int, path: Path) -> Entry:
    kind = cells["opcode"]
    seconds = number(cells["time (s)"], path, line, "Time (s)", _SUFFIXES)
    layer = layer_of(kind, cells["input shape"], cells["output shape"], cells["options"])
    cycles = cells.get("cpu cycles", "")
    notes = f"processor cycles {number(cycles, path, line, 'CPU Cycles', _SUFFIXES):.0f}" if cycles else ""
    return Entry(line, cells["index"], plain(kind), (seconds,), layer, notes=notes)


def _said(text: str, path: Path) -> dict[str, str]:
    """Clock and engine, as the summary above the table states them."""
    said = {}
    clock = re.search(r"^\s*Clock Rate \(hz\):\s*(\S{1,20})\s*$", text, re.MULTILINE)
    engine = re.search(r"^\s*Accelerator:\s*(\w{1,40})\s*$", text, re.MULTILINE)
    if clock:
        said["clock_hz"] = repr(number(clock[1], path, 1, "Clock Rate (hz)", _SUFFIXES))
    if engine and engine[1].lower() != "none":
        said["accelerator"] = engine[1]
    return said
