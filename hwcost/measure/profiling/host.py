"""Layers on this machine, by onnxruntime: one thread on one processor, warmed up, the median of many runs."""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hwcost.errors import InputError, MeasurementError
from hwcost.measure.profiling.onnx_layer import onnx_layer
from hwcost.measure.profiling.session import Ledger, Profile, Progress
from hwcost.records import Conditions, Layer, Measurement

__all__ = ["HOST", "profile_host"]

HOST = "host"
"""The device that rows of this machine go under."""

_WARM_UP = 10
_LEAST_RUNS = 30
_SECONDS = 0.1
"""How long a layer is repeated at least."""
_BATCH = 10


def profile_host(layers: Sequence[Layer], output: Path, *, seed: int = 0, progress: Progress = lambda done, total: None) -> Profile:
    """Measure on this machine those layers that `output` has no row of, one after another, written every ten.

    MeasurementError where the file holds rows of other conditions, or none of the layers could be run.
    """
    ledger = Ledger.opened(output, "hwcost profile: layers on this machine")
    missing, before = ledger.missing(layers), len(ledger.rows)
    refused: list[tuple[Layer, str]] = []
    with _pinned():
        conditions = _conditions()
        for start in range(0, len(missing), _BATCH):
            rows = []
            for layer in missing[start : start + _BATCH]:
                try:
                    rows.append(_row(layer, conditions, seed))
                except MeasurementError as error:
                    refused.append((layer, str(error)))
            if rows:
                ledger.add(rows)
            progress(min(start + _BATCH, len(missing)), len(missing))
    if not ledger.rows:
        raise MeasurementError(f"none of the {len(layers)} layers could be run: {refused[0][1] if refused else 'there were none'}")
    return Profile(ledger.rows, len(ledger.rows) - before, tuple(refused))


def _row(layer: Layer, conditions: Conditions, seed: int) -> Measurement:
    seconds = _repeated(layer, seed)
    return Measurement(
        network="",
        name="",
        layer=layer,
        conditions=conditions,
        source="measured",
        citation="hwcost profile --board host",
        latency_s=statistics.median(seconds),
        spread=statistics.pstdev(seconds) / statistics.fmean(seconds),
        repeats=len(seconds),
    )


def _repeated(layer: Layer, seed: int) -> list[float]:
    """Seconds of each run, the first ones left out."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(onnx_layer(layer, seed), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(seed)
    inputs: dict[str, Any] = {given.name: rng.integers(-128, 128, given.shape).astype(np.int8) for given in session.get_inputs()}
    for _ in range(_WARM_UP):
        session.run(None, inputs)
    seconds: list[float] = []
    end = time.perf_counter() + _SECONDS
    while len(seconds) < _LEAST_RUNS or time.perf_counter() < end:
        start = time.perf_counter()
        session.run(None, inputs)
        seconds.append(time.perf_counter() - start)
    return seconds


@contextlib.contextmanager
def _pinned() -> Iterator[None]:
    """This process on one processor, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _conditions() -> Conditions:
    import onnxruntime

    return Conditions(
        device=HOST,
        core=platform.machine(),
        clock_hz=_clock_hz(),
        runtime="onnxruntime",
        version=onnxruntime.__version__,
        memory="one thread",
        board=platform.node(),
        date=datetime.now(UTC).date().isoformat(),
    )


def _clock_hz() -> float:
    """What the system says of its processor, in whole 100 MHz: the clock moves, and rows of one machine belong together."""
    for place, unit in (
        ("/sys/devices/system/cpu/cpu0/cpufreq/base_frequency", 1e3),
        ("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", 1e3),
    ):
        with contextlib.suppress(OSError, ValueError):
            return float(Path(place).read_text()) * unit
    with contextlib.suppress(OSError, ValueError, StopIteration):
        line = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("cpu MHz"))
        return round(float(line.partition(":")[2]) / 100) * 1e8
    raise InputError("this system does not say how fast its processor is: rows of time need a clock; run on Linux")
