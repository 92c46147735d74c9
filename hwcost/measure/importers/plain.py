"""Any CSV with a row per layer: a column map says which of its columns are ours.

`--map cycles=Ticks` names a column, `--map padding==same` a value that holds for every row. A layer needs `op` and its sizes; nothing
of it is assumed, but that a convolution of 1x1 has no padding.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from hwcost.errors import HwcostError, MeasurementError, listed, shown
from hwcost.measure.importers.kinds import kinds_of
from hwcost.measure.importers.log import MAX_ENTRIES, Entry, Log, Options, missing, number, text_of
from hwcost.measure.importers.shapes import Pads, make_layer
from hwcost.records import Layer

__all__ = ["FIGURES", "SIZES", "PlainCsv"]

FIGURES: Mapping[str, tuple[str, float]] = {
    "cycles": ("cycles", 1.0),
    "ticks": ("ticks", 1.0),
    "latency_s": ("seconds", 1.0),
    "latency_ms": ("seconds", 1e-3),
    "latency_us": ("seconds", 1e-6),
}
"""What may be counted, one of them: its unit and what a 1 is of it."""
SIZES = ("name", "op", "in_channels", "out_channels", "height", "width", "kernel", "stride", "padding")
_WINDOWED = ("conv2d", "depthwise_conv2d", "average_pool2d", "max_pool2d")


class PlainCsv:
    """A CSV file of layers and counts."""

    name = "csv"
    source = "CSV with a column map"

    def read(self, path: Path, options: Options) -> Log:
        """One entry for each row. Without the columns of a layer, entries have none and are joined with a model."""
        text = text_of(path, "a CSV of layers")
        reader = csv.reader(text.splitlines(), strict=True)
        try:
            rows = [(reader.line_num, cells) for cells in reader if cells and not cells[0].startswith("#")]
        except csv.Error as error:
            raise MeasurementError(f"expected CSV, got a broken row: {error}", file=path, row=reader.line_num) from None
        if len(rows) < 2:
            missing(path, "a heading and at least one row", f"{len(rows)} rows")
        if len(rows) > MAX_ENTRIES:
            missing(path, f"at most {MAX_ENTRIES} rows", f"{len(rows)}")
        (_, heading), *body = rows
        figure, fields = _fields([name.strip() for name in heading], options.columns, path)
        unit, scale = FIGURES[figure]
        entries = tuple(_entry(line, _cells(cells, fields, heading, path, line), (figure, scale), path) for line, cells in body)
        return Log(path, unit, entries)  # type: ignore[arg-type]


Field = int | str
"""Where a value stands: the index of a column, or the value itself."""


def _fields(heading: list[str], columns: Mapping[str, str], path: Path) -> tuple[str, dict[str, Field]]:
    """Which figure is counted, and where each of our values stands."""
    faults: list[str] = []
    fields: dict[str, Field] = {}
    for ours, theirs in columns.items():
        if ours not in (*FIGURES, *SIZES):
            faults.append(f"--map: expected one of {', '.join((*FIGURES, *SIZES))}, got {shown(ours)}")
        elif theirs.startswith("="):
            fields[ours] = theirs[1:]
        elif theirs in heading:
            fields[ours] = heading.index(theirs)
        else:
            faults.append(f"--map {ours}={theirs[:60]}: no such column; the file has {', '.join(heading)[:200]}")
    for name in (*FIGURES, *SIZES):
        if name in heading and name not in columns:
            fields[name] = heading.index(name)
    figures = [name for name in FIGURES if name in fields]
    if len(figures) != 1 and not faults:
        named = [name for name in figures if name in columns]
        figures = named if len(named) == 1 else figures
        if len(figures) != 1:
            faults.append(
                f"expected one column of {', '.join(FIGURES)}, got {' and '.join(figures) or 'none'}: say which by --map cycles=THEIRS"
            )
    if faults:
        raise MeasurementError(listed(faults), file=path)
    return figures[0], fields


def _cells(cells: list[str], fields: Mapping[str, Field], heading: list[str], path: Path, line: int) -> dict[str, str]:
    if len(cells) != len(heading):
        raise MeasurementError(f"expected {len(heading)} cells, got {len(cells)}", file=path, row=line)
    return {name: (cells[at] if isinstance(at, int) else at).strip() for name, at in fields.items()}


def _entry(line: int, cells: Mapping[str, str], figure: tuple[str, float], path: Path) -> Entry:
    name, scale = figure
    value = number(cells[name], path, line, name) * scale
    known = kinds_of(cells.get("op", "")) or cells.get("op") in _WINDOWED
    layer = _layer(cells, path, line) if known and cells.get("in_channels") else None
    return Entry(line, cells.get("name", str(line)), cells.get("op", ""), (value,), layer)


def _layer(cells: Mapping[str, str], path: Path, line: int) -> Layer:
    kind = cells["op"] if cells["op"] in (*_WINDOWED, "dense", "softmax", "add") else next(iter(kinds_of(cells["op"])), "")
    absent = _absent(kind, cells)
    if absent:
        raise MeasurementError(
            f"a {kind or cells['op'][:40]} needs {', '.join(absent)}: name the columns by --map, or a value for every row by --map "
            f"{absent[0]}==VALUE, or give --model",
            file=path,
            row=line,
        )
    try:
        kernel, stride = _pair(cells.get("kernel") or "1"), _pair(cells.get("stride") or "1")
        channels, size = int(cells["in_channels"]), (int(cells.get("height") or 1), int(cells.get("width") or cells.get("height") or 1))
        outs = int(cells.get("out_channels") or channels)
        return make_layer(kind, channels, size, outs, (kernel, stride, _pads(cells.get("padding") or "valid")))
    except (ValueError, HwcostError) as error:
        raise MeasurementError(f"these sizes make no {kind or cells['op'][:40]}: {str(error)[:200]}", file=path, row=line) from None


def _absent(kind: str, cells: Mapping[str, str]) -> list[str]:
    """What of a layer no column says; only a plain 1x1 convolution is known to need no padding."""
    wanted = {"dense": ["in_channels", "out_channels"], "softmax": ["in_channels"], "add": ["in_channels", "height"]}.get(kind)
    if wanted is None:  # it has a window
        wanted = ["in_channels", "height", "kernel", "stride"]
        wanted += ["out_channels"] if kind == "conv2d" else []
        wanted += ["padding"] if cells.get("kernel") not in ("1", "1x1") else []
    return [name for name in wanted if not cells.get(name)]


def _pair(text: str) -> tuple[int, int]:
    """`3` and `3x3` are a square."""
    parts = text.split("x")
    height, width = (parts[0], parts[0]) if len(parts) == 1 else parts
    return int(height), int(width)


def _pads(text: str) -> Pads:
    """`same`, `valid`, one number for every side, or `0+1x0+1`."""
    word = text.lower()
    if word == "same":
        return "same"
    if word == "valid":
        return "valid"
    if re.fullmatch(r"\d+", word):
        return (int(word),) * 2, (int(word),) * 2
    (top, bottom), (left, right) = ((int(n) for n in axis.split("+")) for axis in word.split("x"))
    return (top, bottom), (left, right)
