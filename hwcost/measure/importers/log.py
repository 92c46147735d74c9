"""What an importer reads out of a log: entries in the order they ran, the unit of their counts, and what the log says of its conditions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NoReturn, Protocol

from hwcost.errors import MeasurementError, shown
from hwcost.records import Layer
from hwcost.toml_files import read_bounded

__all__ = ["NOTHING", "Entry", "Importer", "Log", "Options", "number", "refusal", "text_of"]

MAX_BYTES = 32 * 2**20
MAX_ENTRIES = 200_000
NOTHING: Mapping[str, str] = MappingProxyType({})

Unit = Literal["cycles", "ticks", "seconds"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One operator as a log tells it: the line it stands on, the tool's own name of its kind, what was counted.

    `layer` is there where the log says all of it; elsewhere it is joined from a model file. `samples` are the counts of repeated runs.
    """

    line: int
    name: str
    kind: str
    samples: tuple[float, ...]
    layer: Layer | None = None
    elements: int | None = None
    """Elements of the first tensor it reads, where the log says so and no more: a check on what it is joined with."""
    seconds: float | None = None
    """The time a log states beside a count, from which the clock follows."""
    notes: str = ""

    @property
    def count(self) -> float:
        """The median of the runs."""
        ordered = sorted(self.samples)
        middle = len(ordered) // 2
        return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2

    @property
    def spread(self) -> float | None:
        """Standard deviation of the runs relative to their mean; None for a single run."""
        if len(self.samples) < 2:
            return None
        mean = math.fsum(self.samples) / len(self.samples)
        square = math.fsum((sample - mean) ** 2 for sample in self.samples) / (len(self.samples) - 1)
        return math.sqrt(square) / mean if mean else None


@dataclass(frozen=True, slots=True)
class Log:
    """A log as read: nothing converted, nothing joined yet. `said` are conditions that the log states of itself."""

    path: Path
    unit: Unit
    entries: tuple[Entry, ...]
    said: Mapping[str, str] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user says beside the log: `columns` maps our names of columns to the log's."""

    columns: Mapping[str, str] = field(default_factory=lambda: NOTHING)


class Importer(Protocol):
    """One format: one file of this folder, without state."""

    name: str
    """As `--from` says it."""
    source: str
    """The tool whose log it is."""

    def read(self, path: Path, options: Options) -> Log:
        """The entries of a log; MeasurementError names what was expected, what was got and the line."""


def refusal(path: Path) -> Callable[[str], MeasurementError]:
    """Makes the error for a file that cannot be read at all."""
    return lambda message: MeasurementError(message, file=path)


def text_of(path: Path, what: str) -> str:
    """The text of a log of at most 32 MiB; bytes that a serial line garbled are kept as replacement characters."""
    data = read_bounded(path, what, MAX_BYTES, refusal(path))
    if not data.strip():
        raise MeasurementError(f"expected {what}, got an empty file", file=path)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def number(text: str, path: Path, line: int, column: str, scale: Mapping[str, float] = MappingProxyType({})) -> float:
    """A finite number of at least 0, thousands separated by commas or not, with a suffix out of `scale`; else MeasurementError."""
    bare = text.strip().replace(",", "")
    factor = 1.0
    if bare and bare[-1] in scale:
        factor, bare = scale[bare[-1]], bare[:-1].strip()
    try:
        value = float(bare)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise MeasurementError(f"expected a number, got {shown(text.strip())}", file=path, row=line, column=column)
    if value < 0:
        raise MeasurementError(
            f"expected a count of at least 0, got {shown(text.strip())}: the counter wrapped or ran backwards",
            file=path,
            row=line,
            column=column,
        )
    return value * factor


def missing(path: Path, what: str, got: Any) -> NoReturn:
    """Refuse a file in which the part that is imported does not occur."""
    raise MeasurementError(f"expected {what}, got {got}", file=path)
