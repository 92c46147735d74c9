"""From another tool's log to rows of measurements: read, judged, joined with a model where it must be, and put into units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from hwcost.errors import MeasurementError, listed, shown
from hwcost.graph import Graph
from hwcost.measure.importers.joining import join
from hwcost.measure.importers.judging import RATE_KEYS, figures_of, judge, judge_rate
from hwcost.measure.importers.log import NOTHING, Entry, Importer, Log, Options
from hwcost.measure.importers.mltk import Mltk
from hwcost.measure.importers.onnxruntime import OnnxRuntime
from hwcost.measure.importers.plain import PlainCsv
from hwcost.measure.importers.tflm import Tflm
from hwcost.measure.importers.x_cube_ai import XCubeAi
from hwcost.records import Conditions, Layer, Measurement
from hwcost.target import Target

__all__ = ["IMPORTERS", "Imported", "import_log"]

IMPORTERS: Mapping[str, Importer] = {reader.name: reader for reader in (Tflm(), XCubeAi(), OnnxRuntime(), Mltk(), PlainCsv())}
"""Every format, by the name `--from` knows it by."""

_FROM_TARGET = ("device", "core", "runtime", "version")
_SETTABLE = tuple(field.name for field in fields(Conditions) if field.name not in _FROM_TARGET)


@dataclass(frozen=True, slots=True)
class Imported:
    """The rows of a log, and what of it became none, with the reason."""

    rows: tuple[Measurement, ...]
    left_out: tuple[str, ...]


def import_log(
    path: str | Path,
    form: str,
    target: Target,
    *,
    conditions: Mapping[str, str] = NOTHING,
    columns: Mapping[str, str] = NOTHING,
    graph: Graph | None = None,
) -> Imported:
    """The layers of a log as measurements on `target`.

    `conditions` are what the log does not say (clock_hz, memory, board, compiler..., and for ticks tick_hz or cycles_per_tick), `columns`
    our names of columns in a plain CSV, `graph` the network that ran, for logs without shapes. MeasurementError for counts that cannot
    be times, and for what nobody says.
    """
    if form not in IMPORTERS:
        raise MeasurementError(f"expected a format out of {', '.join(IMPORTERS)}, got {shown(form)}")
    log = IMPORTERS[form].read(Path(path), Options(columns))
    kept = _conditions(log, target, conditions)
    judge(log, kept.clock_hz)
    rows, left_out = _layers(log, graph)
    found = [(entry, layer) for entry, layer in rows if entry.count > 0]
    zero = [(entry, layer) for entry, layer in rows if entry.count == 0]
    left_out += [f"row {entry.line}: {_called(entry)} took 0 {log.unit}, less than the clock shows" for entry, _ in zero]
    made = [_measurement(entry, layer, log, kept, conditions, graph) for entry, layer in found]
    if not made:
        raise MeasurementError(listed(["expected at least one layer that can be imported, got none", *left_out]), file=log.path)
    judge_rate(log, sum(row.core_cycles or 0.0 for row in made), sum(int(row.layer.step.work.macs) for row in made if row.layer))
    return Imported(tuple(made), tuple(left_out))


def _layers(log: Log, graph: Graph | None) -> tuple[list[tuple[Entry, Layer]], list[str]]:
    """Entries with their layers; those that say their own need no model."""
    if graph is not None:
        joined = join(log, graph)
        return list(joined.rows), [f"row {entry.line}: {_called(entry)} computes no layer of the model" for entry in joined.left_out]
    told = [(entry, entry.layer) for entry in log.entries if entry.layer is not None]
    silent = [entry for entry in log.entries if entry.layer is None]
    if not told:
        raise MeasurementError(
            f"the log does not say the shapes of its {len(silent)} layers (kernel, stride, padding): give the network that ran by "
            "--model MODEL.onnx",
            file=log.path,
        )
    return told, [f"row {entry.line}: {_called(entry)}: an operator whose shape the log does not tell" for entry in silent]


def _called(entry: Entry) -> str:
    return shown(entry.kind or entry.name)


def _conditions(log: Log, target: Target, given: Mapping[str, str]) -> Conditions:
    """What the user says, then what the log says, then what the target's file says."""
    known = (*_SETTABLE, *RATE_KEYS)
    unknown = [f"--condition: expected one of {', '.join(known)}, got {shown(key)}" for key in given if key not in known]
    texts = {name: given.get(name, log.said.get(name, "")) for name in _SETTABLE if name != "clock_hz"}
    stated = given.get("clock_hz", log.said.get("clock_hz", ""))
    try:
        clock_hz = float(stated) if stated else target.clock_hz
    except ValueError:
        clock_hz = float("nan")
    if not 1e3 <= clock_hz <= 1e11:
        unknown.append(f"--condition clock_hz: expected hertz, such as 120e6, got {shown(stated)}")
    unknown += [
        f"--condition {name}: expected text without '#' and line breaks" for name, text in texts.items() if set(text) & set("#\r\n")
    ]
    if unknown:
        raise MeasurementError(listed(unknown), file=log.path)
    return Conditions(
        device=target.device.name,
        core=target.core.name,
        clock_hz=clock_hz,
        runtime=target.runtime.name,
        version=target.runtime.version,
        **texts,
    )


def _measurement(entry: Entry, layer: Layer, log: Log, kept: Conditions, given: Mapping[str, str], graph: Graph | None) -> Measurement:
    figures = figures_of(entry, log, kept.clock_hz, given)
    many = len(entry.samples) > 1
    return Measurement(
        network="" if graph is None else _bare(graph.name),
        name=_bare(entry.name),
        layer=layer,
        conditions=kept,
        source="measured",
        citation=_bare(f"{log.path.name}, row {entry.line}"),
        cycles=figures.cycles,
        latency_s=figures.latency_s,
        spread=entry.spread,
        repeats=len(entry.samples) if many else None,
        notes=_bare(entry.notes),
    )


def _bare(text: str) -> str:
    """Text that a cell may hold."""
    return "".join(" " if character in "#\r\n" else character for character in text)[:200]
