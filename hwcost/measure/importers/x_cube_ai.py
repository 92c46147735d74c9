"""Validation reports of ST Edge AI Core and X-CUBE-AI, run on a board: the table of times per node.

Its columns changed with the versions (`c_id m_id desc output ms %`, `c_id m_id type dur (ms) % cumul CPU cycles name`, `Clayer id
desc oshape ms`); they are found by their heading. Shapes of inputs, strides and padding are not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hwcost.errors import MeasurementError
from hwcost.measure.importers.log import MAX_ENTRIES, Entry, Log, Options, missing, number, text_of

__all__ = ["XCubeAi"]

_HEADING = re.compile(r"^\s*(?:c_id|clayer)\b.*\bms\b", re.IGNORECASE)
_RULE = re.compile(r"^\s*[-=]{5,}\s*$")
_ROW = re.compile(r"^\s*(\d{1,6})\s+(\d{1,6}|\(?-\)?|-?\d)\s+(\S.*)$")
_TIME = re.compile(r"(?<![\w.])(\d[\d,]*\.\d+|nan|-\d[\d,]*\.\d+)(?![\w.%])", re.IGNORECASE)
_CYCLES = re.compile(r"^\s*\[?\s*(-?\d[\d,]*)\b")
"""After the last percentage: `[ 120,000 ]` or `120,000`."""
_CLOCK = re.compile(
    r"@\s*(\d+(?:\.\d+)?)\s*/\s*\d+(?:\.\d+)?\s*MHz|@\s*(\d+(?:\.\d+)?)\s*MHz|sysclk\D{0,4}(\d+(?:\.\d+)?)\s*MHz", re.IGNORECASE
)
_VERSION = re.compile(r"(?:ST Edge AI Core|STEdgeAI Core|X-CUBE-AI|stm32ai)\s*(?:\S+\s+)?v?(\d+\.\d+(?:\.\d+)?)", re.IGNORECASE)


class XCubeAi:
    """X-CUBE-AI and ST Edge AI Core."""

    name = "x-cube-ai"
    source = "X-CUBE-AI or ST Edge AI Core, validation on target"

    def read(self, path: Path, options: Options) -> Log:
        """One entry for each C node; in cycles where the report counts them, else in milliseconds as printed."""
        text = text_of(path, "a validation report of X-CUBE-AI or ST Edge AI")
        entries = tuple(_entries(text.splitlines(), path))
        if not entries:
            missing(path, "the table of times per node (c_id, type, ms) of a validation on target", "a report without one")
        counted = all(entry.seconds is not None for entry in entries)
        return Log(path, "cycles" if counted else "seconds", entries, _said(text))


def _entries(lines: list[str], path: Path) -> Iterator[Entry]:
    """The rows below the first heading; the table ends at the first line that is neither row nor rule."""
    start = next((i for i, line in enumerate(lines) if _HEADING.match(line)), None)
    if start is None:
        return
    cycles_known = "cycles" in lines[start].lower()
    for offset, line in enumerate(lines[start + 1 : start + 1 + MAX_ENTRIES], start + 2):
        if _RULE.match(line) or not line.strip():
            continue
        row = _ROW.match(line)
        if row is None:
            return
        yield _entry(row, offset, path, cycles_known)


def _entry(row: re.Match[str], line: int, path: Path, cycles_known: bool) -> Entry:
    rest = row[3]
    times = _TIME.search(_without_shapes(rest))
    if times is None:
        raise MeasurementError("expected a time in ms, got a row without one", file=path, row=line)
    seconds = number(times[1], path, line, "ms") / 1e3
    kind = re.split(r"\s{2,}|\s\(0x", rest, maxsplit=1)[0]
    kind = re.sub(r"^\d+/", "", kind).strip("() ")
    counted = _CYCLES.match(rest.rpartition("%")[2]) if cycles_known else None
    name = rest.split()[-1] if re.match(r"[A-Za-z_]", rest.split()[-1]) else row[1]
    if counted is None:
        return Entry(line, name, _leading(kind), (seconds,))
    return Entry(line, name, _leading(kind), (number(counted[1], path, line, "CPU cycles"),), seconds=seconds)


def _leading(kind: str) -> str:
    """The first operator of a merged node: `Merged Conv2d / Pool` is a convolution that pools on the way."""
    return kind.removeprefix("Merged ").split("/")[0].strip()


def _without_shapes(text: str) -> str:
    return re.sub(r"\([^)]*\)", "", text)


def _said(text: str) -> dict[str, str]:
    """Clock and version, where the report states them."""
    clock, version = _CLOCK.search(text), _VERSION.search(text)
    said = {}
    if clock:
        said["clock_hz"] = repr(float(clock[1] or clock[2] or clock[3]) * 1e6)
    if version:
        said["tool_version"] = version[1]
    return said
