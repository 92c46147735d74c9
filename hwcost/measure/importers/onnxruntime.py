"""Profiles of onnxruntime (`SessionOptions.enable_profiling`): one JSON event per node and run, in microseconds.

Shapes of tensors are told, strides and padding are not: they come from the model file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwcost.errors import MeasurementError, shown
from hwcost.measure.importers.log import MAX_ENTRIES, Entry, Log, Options, missing, text_of

__all__ = ["OnnxRuntime"]

_SUFFIX = "_kernel_time"


class OnnxRuntime:
    """onnxruntime on whichever machine ran it."""

    name = "onnxruntime"
    source = "onnxruntime, profile"

    def read(self, path: Path, options: Options) -> Log:
        """One entry for each node, its runs as repeats; the first of several runs warms up and does not count."""
        found: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
        events = _events(path)
        for index, event in enumerate(events, 1):
            name = event.get("name") if isinstance(event, dict) else None
            if isinstance(name, str) and event.get("cat") == "Node" and name.endswith(_SUFFIX):
                found.setdefault(name.removesuffix(_SUFFIX), []).append((index, event))
        if not found:
            missing(path, f"events of nodes ('cat': 'Node', named ...{_SUFFIX})", f"{len(events)} events without one")
        return Log(path, "seconds", tuple(_entry(name, runs, path) for name, runs in found.items()))


def _events(path: Path) -> list[Any]:
    text = text_of(path, "a profile of onnxruntime as JSON")
    try:
        events = json.loads(text, parse_constant=lambda word: math.nan)
    except RecursionError:
        raise MeasurementError("expected a list of events, got JSON nested too deeply", file=path) from None
    except ValueError as error:
        raise MeasurementError(f"expected a profile of onnxruntime as JSON, got text that is none: {error}", file=path) from None
    if isinstance(events, dict):
        events = events.get("traceEvents")
    if not isinstance(events, list) or len(events) > 20 * MAX_ENTRIES:
        raise MeasurementError("expected a list of events, got something else", file=path)
    return events


def _entry(name: str, runs: list[tuple[int, Mapping[str, Any]]], path: Path) -> Entry:
    counted = runs[1:] if len(runs) > 1 else runs
    samples = tuple(_seconds(event, index, path) for index, event in counted)
    index, event = runs[0]
    arguments = event.get("args")
    arguments = arguments if isinstance(arguments, dict) else {}
    return Entry(index, name, str(arguments.get("op_name", ""))[:80], samples, elements=_elements(arguments.get("input_type_shape")))


def _seconds(event: Mapping[str, Any], index: int, path: Path) -> float:
    """A duration as a number; a bool or a text is none."""
    value = event.get("dur")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        raise MeasurementError(f"expected microseconds of at least 0, got {shown(value)}", file=path, row=index, column="dur")
    return value / 1e6


def _elements(told: Any) -> int | None:
    """Elements of the first input, batch included, from `[{"float": [1, 3, 8, 8]}, ...]`."""
    shape = next(iter(told[0].values()), None) if isinstance(told, list) and told and isinstance(told[0], dict) else None
    if not isinstance(shape, list) or not all(isinstance(n, int) and n > 0 for n in shape):
        return None
    return math.prod(shape)
