"""Logs of TensorFlow Lite Micro's MicroProfiler: `"Event","Tag","Ticks"` as its LogCsv writes it, or its Log's sentences.

The table stands somewhere in what a board said; the same table several times over is the same network several times.
What a tick is depends on the port, and shapes are not told: both must come from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hwcost.errors import MeasurementError, shown
from hwcost.measure.importers.log import MAX_ENTRIES, Entry, Log, Options, missing, number, text_of

__all__ = ["Tflm"]

_HEADER = re.compile(r'^\W*"?Event"?\s*,\s*"?Tag"?\s*,\s*"?Ticks"?', re.IGNORECASE)
_ROW = re.compile(r"^\s*(\d{1,9})\s*,\s*\"?([A-Za-z][\w -]{0,80})\"?\s*,\s*([^,\s]{1,30})\s*(?:,\s*[^,\s]{1,30}\s*)?$")
_SENTENCE = re.compile(r"^\s*([A-Za-z]\w{0,80}) took (\S{1,30}) ticks\b")
_Row = tuple[int, str, float]


class Tflm:
    """TensorFlow Lite Micro's profiler."""

    name = "tflm"
    source = "TensorFlow Lite Micro, MicroProfiler"

    def read(self, path: Path, options: Options) -> Log:
        """One entry for each operator; repeated tables become repeats of it."""
        runs = [run for run in _runs(text_of(path, "a log of TFLM's profiler"), path) if run]
        if not runs:
            missing(path, 'a table "Event","Tag","Ticks" or lines such as "CONV_2D took 1234 ticks"', "a text without either")
        first = runs[0]
        for run in runs[1:]:
            _require_same(first, run, path)
        entries = (Entry(line, f"{index}", tag, tuple(run[index][2] for run in runs)) for index, (line, tag, _) in enumerate(first))
        return Log(path, "ticks", tuple(entries))


def _runs(text: str, path: Path) -> Iterator[list[_Row]]:
    """The tables of a text, one a run; a sentence that follows none starts one."""
    run: list[_Row] = []
    inside = False
    for line, content in enumerate(text.splitlines(), 1):
        row = _ROW.match(content) if inside else None
        sentence = None if inside else _SENTENCE.match(content)
        if _HEADER.match(content):
            yield run
            run, inside = [], True
        elif row is not None:
            if int(row[1]) != len(run):
                raise MeasurementError(f"expected event {len(run)}, got {shown(row[1])}: lines of the log were lost", file=path, row=line)
            run.append((line, row[2].strip(), number(row[3], path, line, "Ticks")))
        elif sentence is not None:
            run.append((line, sentence[1], number(sentence[2], path, line, "ticks")))
        elif run:
            yield run
            run, inside = [], False
        if len(run) > MAX_ENTRIES:
            raise MeasurementError(f"expected at most {MAX_ENTRIES} events, got more", file=path, row=line)
    yield run


def _require_same(first: list[_Row], run: list[_Row], path: Path) -> None:
    if [tag for _, tag, _ in first] != [tag for _, tag, _ in run]:
        raise MeasurementError(
            f"expected the same operators in every table, got {len(run)} events that are not the first's {len(first)}",
            file=path,
            row=run[0][0],
        )
