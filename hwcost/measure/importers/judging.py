"""Whether the counts of a log can be times at all, and what they are in cycles or seconds.

Profilers whose clock is not wired say 0, counters that wrapped say almost 2^32, and ticks are cycles only where somebody says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hwcost.errors import MeasurementError, listed, shown
from hwcost.measure.importers.log import Entry, Log

__all__ = ["RATE_KEYS", "Figures", "figures_of", "judge"]

RATE_KEYS = ("tick_hz", "cycles_per_tick")
"""Conditions that say what a tick is; they are no columns of a record."""

_WRAPPED = 2**31
"""From here on a 32-bit difference is a negative one read as unsigned: at 1 GHz two seconds in one layer."""
_CLOCK_TOLERANCE = 0.02
_SLOWEST_TICK_HZ = 1.0
_MOST_MACS_PER_CYCLE = 4096
"""More than any engine beside a microcontroller does."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One entry in the units of a record; exactly one of the two is known."""

    cycles: float | None
    latency_s: float | None


def judge(log: Log, clock_hz: float) -> None:
    """Refuse a log whose counts cannot be times: all zero, wrapped, or of another clock than `clock_hz`."""
    if not log.entries:
        raise MeasurementError("expected at least one layer, got a log without any", file=log.path)
    if all(sample == 0 for entry in log.entries for sample in entry.samples):
        raise MeasurementError(
            f"expected times, got 0 for every one of {len(log.entries)} layers: the profiler's clock is not wired to a timer", file=log.path
        )
    faults = [
        f"row {entry.line}: {shown(entry.name or entry.kind)} took {sample:.0f} {log.unit}: a 32-bit counter that wrapped"
        for entry in log.entries
        for sample in entry.samples
        if log.unit != "seconds" and sample >= _WRAPPED
    ]
    faults += list(_clock_faults(log, clock_hz))
    if faults:
        raise MeasurementError(listed(faults), file=log.path)


def _clock_faults(log: Log, clock_hz: float) -> Sequence[str]:
    """The clock that follows from times stated beside counts, where it is not the one the rows would get."""
    both = [entry for entry in log.entries if entry.seconds]
    seconds = sum(entry.seconds or 0.0 for entry in both)
    if log.unit != "cycles" or not both:
        return ()
    implied = sum(entry.count for entry in both) / seconds
    # Printed times are rounded to microseconds: the sum is compared, and with as much slack as rounding can make.
    slack = _CLOCK_TOLERANCE + 0.5e-6 * len(both) / seconds
    if abs(implied / clock_hz - 1) <= slack:
        return ()
    return (f"cycles and times are of a clock of {implied / 1e6:.1f} MHz, not {clock_hz / 1e6:.1f} MHz: say --condition clock_hz=",)


def figures_of(entry: Entry, log: Log, clock_hz: float, given: Mapping[str, str]) -> Figures:
    """An entry's count as cycles or seconds. MeasurementError where nobody says what a tick is, or says what cannot be."""
    if log.unit == "seconds":
        return Figures(None, entry.count)
    if log.unit == "cycles":
        return Figures(entry.count, None)
    return Figures(entry.count * _cycles_per_tick(log, clock_hz, given), None)


def _cycles_per_tick(log: Log, clock_hz: float, given: Mapping[str, str]) -> float:
    stated = {key: given[key] for key in RATE_KEYS if key in given}
    if len(stated) != 1:
        raise MeasurementError(
            "a tick is whatever the port of the profiler counts: say one of --condition tick_hz=... (ticks a second; 1000000 for "
            "microseconds) and --condition cycles_per_tick=... (1 where the core's own cycles are counted)",
            file=log.path,
        )
    ((key, text),) = stated.items()
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    rate = value if key == "tick_hz" else clock_hz / value if value else float("nan")
    if not _SLOWEST_TICK_HZ <= rate <= clock_hz:
        raise MeasurementError(
            f"--condition {key}={text[:40]}: expected a counter no faster than the core ({clock_hz:.0f} Hz), no slower than "
            "one tick a second",
            file=log.path,
        )
    return clock_hz / rate


def judge_rate(log: Log, cycles: float, macs: int) -> None:
    """Refuse a log in which the core would multiply faster than any can: its counts are of another unit."""
    if macs > cycles * _MOST_MACS_PER_CYCLE:
        raise MeasurementError(
            f"{macs:,} multiply-accumulates in {cycles:,.0f} cycles cannot be: the counts are in another unit than {log.unit}",
            file=log.path,
        )
