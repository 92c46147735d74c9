"""Measurements as a CSV file: `# key: value` lines that say where it came from, a header, one row per measurement.

`pandas.read_csv(path, comment="#")` reads it as it is; for that no cell may hold a '#'. Cells are as in records.cells.
"""

from __future__ import annotations

import csv
import io
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import get_args

from hwcost.errors import MeasurementError, ShapeError, listed
from hwcost.ops import Op, Reshape
from hwcost.records.cells import attributes_of, known_attributes, make_op, shape_of, text_of_shape
from hwcost.records.measurement import Conditions, Layer, Measurement, Source
from hwcost.target import INSTRUCTION_CLASSES
from hwcost.tensor import Quantisation, TensorSpec
from hwcost.toml_files import read_bounded

__all__ = ["IN_HEAD", "NETWORK", "Records", "layer_cells", "layer_of", "read_records", "read_table", "write_records", "write_table"]

NETWORK = "network"
"""What the column `op` says of a row that is a whole network."""

_MAX_BYTES = 32 * 2**20
_FIGURES = ("cycles", "instructions", "latency_s", "energy_j", "spread", "repeats")
_LAYER = ("network", "name", "op", "input_shapes", "output_shape", "bits", "weight_bits")
_CLASSES = tuple(sorted(INSTRUCTION_CLASSES))
_TEXTS = tuple(f.name for f in fields(Conditions))
_REQUIRED = ("op", "source", "citation", "device", "core", "clock_hz", "runtime", "version")
_ROW_TEXTS = ("network", "name", "source", "citation", "notes", "implementation")
_OWN = (*_LAYER, "implementation", *_FIGURES, *_CLASSES, "source", *_TEXTS, "citation", "notes")
IN_HEAD = ("source", *_TEXTS, "citation")
"""Columns that may be said once in the head, as `# flags: ...`, where they are the same in every row."""


@dataclass(frozen=True, slots=True)
class Records:
    """The rows of one file and what its head says of them."""

    rows: tuple[Measurement, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Row:
    """A line being read: its cells, and the faults found in it."""

    line: int
    cells: dict[str, str]
    faults: list[str] = field(default_factory=list)

    def fault(self, column: str, message: str) -> None:
        self.faults.append(f"row {self.line}: column '{column}': {message}")

    def number(self, column: str) -> float | None:
        text = self.cells.get(column, "")
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < 0:
            self.fault(column, f"expected a number of at least 0, got '{text[:40]}'")
            return None
        return value


def read_records(path: str | Path) -> Records:
    """The measurements of a file; MeasurementError lists every fault with its row (line of the file) and column."""
    provenance, rows = read_table(path, (*_OWN, *sorted(known_attributes())), _REQUIRED)
    found = [_measurement(row) for row in rows]
    faults = [fault for row in rows for fault in row.faults]
    if faults:
        raise MeasurementError(listed(faults), file=path)
    return Records(tuple(row for row in found if row is not None), provenance)


def read_table(path: str | Path, columns: Sequence[str], required: Sequence[str]) -> tuple[dict[str, str], list[_Row]]:
    """Head and rows of a file that may have `columns` and must have `required`."""
    data = read_bounded(path, "measurements as CSV", _MAX_BYTES, lambda message: MeasurementError(message, file=path))
    try:
        lines = data.decode("utf-8").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise MeasurementError(f"expected UTF-8 text, got byte 0x{data[error.start]:02x} at {error.start}", file=path) from None
    head = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    provenance = dict(_key_value(line) for line in lines[:head])
    common = {name: provenance.pop(name) for name in IN_HEAD if name in provenance and name in columns}
    reader = csv.reader(lines[head:], strict=True)
    try:
        header = next(reader, [])
        rows = [_Row(reader.line_num + head, common | dict(zip(header, cells, strict=True))) for cells in reader if cells]
    except (csv.Error, ValueError) as error:
        raise MeasurementError(
            f"expected CSV with {', '.join(required)}, got a broken row: {error}", file=path, row=reader.line_num + head
        ) from None
    if not header:
        raise MeasurementError(f"expected CSV with the columns {', '.join(required)}, got a file without a header", file=path)
    faults = [f"column '{name}' is missing" for name in required if name not in header and name not in common]
    faults += [f"column '{name}' stands in the head and in the table" for name in common if name in header]
    faults += [f"column '{name[:60]}': expected one of {', '.join(columns[:12])}..." for name in header if name not in columns]
    faults += [f"column '{name[:60]}' stands twice" for name in sorted({name for name in header if header.count(name) > 1})]
    if faults:
        raise MeasurementError(listed(faults), file=path)
    return provenance, rows


def layer_of(row: _Row) -> Layer | None:
    """The layer a row is about; faults are noted in the row."""
    try:
        shapes = [shape_of(text) for text in row.cells.get("input_shapes", "").split(";")]
        bits, weight_bits = (_bits(row.cells.get(column) or "8") for column in ("bits", "weight_bits"))
    except ValueError as error:
        row.fault("input_shapes", str(error))
        return None
    op = _reshape(row, shapes[0]) if row.cells["op"] == Reshape.kind else _op(row)
    if op is None:
        return None
    layer = Layer(op, tuple(_spec(shape, bits) for shape in shapes), weight_bits)
    try:
        layer.graph().steps  # noqa: B018 - walks it: a row whose shapes do not fit is refused here and not when it is used
    except (ShapeError, TypeError, ValueError) as error:
        row.fault("input_shapes", str(error))
        return None
    return layer


def _op(row: _Row) -> Op | None:
    op, faults = make_op(row.cells["op"], {name: text for name, text in row.cells.items() if text and name not in _OWN})
    for column, message in faults:
        row.fault(column, message)
    return op


def _reshape(row: _Row, before: tuple[int, ...]) -> Op | None:
    """A reshape is told by what it makes: its attributes say how axes merge, whatever their sizes."""
    try:
        return Reshape.between(before, shape_of(row.cells.get("output_shape", "")))
    except (ShapeError, ValueError) as error:
        row.fault("output_shape", str(error))
        return None


def _measurement(row: _Row) -> Measurement | None:
    layer = None if row.cells["op"] == NETWORK else layer_of(row)
    figures = {name: row.number(name) for name in _FIGURES}
    classes = {name: value for name in _CLASSES for value in (row.number(name),) if value is not None}
    clock_hz = row.number("clock_hz")
    if clock_hz == 0:
        row.fault("clock_hz", "expected a frequency in Hz above 0, got 0")
    if row.cells["source"] not in get_args(Source):
        row.fault("source", f"expected one of {', '.join(get_args(Source))}, got '{row.cells['source'][:40]}'")
    for column in ("citation", "device", "core", "runtime", "clock_hz"):
        if not row.cells[column]:
            row.fault(column, "expected a value, got none")
    if not row.faults and all(figures[name] is None for name in ("cycles", "instructions", "latency_s")):
        row.fault("cycles", "expected cycles, latency_s or instructions, got none of them")
    if classes and figures["instructions"] is not None and round(sum(classes.values())) != round(figures["instructions"]):
        row.fault("instructions", f"expected the sum of its classes, {sum(classes.values()):g}, got {figures['instructions']:g}")
    if row.faults:
        return None
    conditions = Conditions(**{name: clock_hz if name == "clock_hz" else row.cells.get(name, "") for name in _TEXTS})  # type: ignore[arg-type]
    repeats = figures.pop("repeats")
    texts = {name: row.cells.get(name, "") for name in _ROW_TEXTS}
    whole = None if repeats is None else int(repeats)
    return Measurement(layer=layer, conditions=conditions, repeats=whole, classes=classes, **figures, **texts)  # type: ignore[arg-type]


def write_records(path: str | Path, records: Records, *, head: Sequence[str] = ()) -> None:
    """Write a file anew, whole or not at all. Raises MeasurementError for a cell that could not be read back.

    `head` names columns out of `IN_HEAD` to be said once, above the table, where every row has the same.
    """
    rows = [_cells(row) for row in records.rows]
    common = {name: rows[0][name] for name in head if rows and rows[0][name] and len({row[name] for row in rows}) == 1}
    table = [{name: text for name, text in row.items() if name not in common} for row in rows]
    write_table(path, table, {**records.provenance, **common})


def write_table(path: str | Path, rows: Sequence[Mapping[str, str]], provenance: Mapping[str, str]) -> None:
    """Rows with the columns any of them has a value for, in the order of the format."""
    text = "".join(f"# {key}: {value}\n" for key, value in provenance.items()) + _csv(rows)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=target.parent, encoding="utf-8", newline="", delete=False, suffix=".partial") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(0o644)
    Path(file.name).replace(target)


def layer_cells(layer: Layer) -> dict[str, str]:
    """The columns that describe a layer."""
    shapes = ";".join(text_of_shape(spec.shape) for spec in layer.inputs)
    bits = str(layer.inputs[0].bits) if layer.inputs else "8"
    own = {"output_shape": text_of_shape(layer.step.output.shape)} if isinstance(layer.op, Reshape) else attributes_of(layer.op)
    return {"op": layer.op.kind, "input_shapes": shapes, "bits": bits, "weight_bits": str(layer.weight_bits), **own}


def _cells(row: Measurement) -> dict[str, str]:
    layer = {"op": NETWORK} if row.layer is None else layer_cells(row.layer)
    figures = {name: _number(getattr(row, name)) for name in _FIGURES}
    conditions = {name: _number(value) if name == "clock_hz" else value for name in _TEXTS for value in (getattr(row.conditions, name),)}
    texts = {name: getattr(row, name) for name in _ROW_TEXTS}
    classes = {name: _number(row.classes[name]) for name in sorted(row.classes)}
    return {**layer, **figures, **classes, **conditions, **texts}


def _csv(rows: Sequence[Mapping[str, str]]) -> str:
    used = dict.fromkeys(name for row in rows for name, text in row.items() if text)
    attributes = [name for name in used if name not in _OWN]
    columns = [name for name in _LAYER if name in used] + attributes + [name for name in _OWN[len(_LAYER) :] if name in used]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for number, row in enumerate(rows, 1):
        _refuse_unreadable(row, number)
        writer.writerow([row.get(name, "") for name in columns])
    return out.getvalue()


def _refuse_unreadable(row: Mapping[str, str], number: int) -> None:
    bad = [name for name, text in row.items() if any(c in text for c in "#\n\r")]
    if bad:
        raise MeasurementError("a cell may hold neither '#' nor a line break", row=number, column=bad[0])


def _key_value(line: str) -> tuple[str, str]:
    key, _, value = line.lstrip("#").partition(":")
    return key.strip(), value.strip()


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if value == int(value) else repr(value)


def _bits(text: str) -> int:
    if text not in ("2", "4", "8", "16", "32"):
        raise ValueError(f"expected widths of 2, 4, 8, 16 or 32 bits, got '{text[:20]}'")
    return int(text)


def _spec(shape: tuple[int, ...], bits: int) -> TensorSpec:
    return TensorSpec(shape, 32) if bits == 32 else TensorSpec(shape, bits, Quantisation(), "int")
