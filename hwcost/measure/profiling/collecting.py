"""Rows from a real board: asked over a serial line, or read from the log of a terminal session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from hwcost.boards.lines import LayerCycles, read_session
from hwcost.boards.serial import SerialBoard, open_port, port_and_baud
from hwcost.errors import InputError, MeasurementError, shown
from hwcost.measure.profiling.firmware import Emitted, collected
from hwcost.records import Conditions, Measurement
from hwcost.target import Target

__all__ = ["collect", "collect_from"]

CLOCK_TOLERANCE = 0.02
"""How far a board's clock may be from this machine's."""

_SERIAL = "serial:"
_SAID = frozenset(("device", "core", "clock_hz", "runtime", "version", "date"))
"""Conditions that the target and the board tell themselves."""


def collect(place: str, emitted: Emitted, target: Target, conditions: Mapping[str, str]) -> tuple[Measurement, ...]:
    """The rows of an emitted firmware, from `serial:PORT[@BAUD]` or the file of a terminal session.

    Raises BoardError for a board that does not answer, has another firmware or whose clock is more than 2 % off; InputError and
    MeasurementError for a log that is damaged, cut off or of another firmware.
    """
    wrong = sorted(conditions.keys() - ({field.name for field in fields(Conditions)} - _SAID))
    if wrong:
        known = [field.name for field in fields(Conditions) if field.name not in _SAID]
        raise InputError(f"--condition: expected one of {', '.join(known)}, got {', '.join(map(shown, wrong))}")
    if not place.startswith(_SERIAL):
        return _from_log(Path(place), emitted, target, conditions)
    port, baud = port_and_baud(place.removeprefix(_SERIAL))
    with SerialBoard(open_port(port, baud), port) as board:
        return collect_from(board, emitted, target, conditions)


def collect_from(board: SerialBoard, emitted: Emitted, target: Target, conditions: Mapping[str, str]) -> tuple[Measurement, ...]:
    """The rows of a board that answers."""
    identity = board.require_model(emitted.model, "the folder that --emit wrote with the same options")
    board.require_clock(CLOCK_TOLERANCE)
    return collected(emitted, _believable(board.layers(), identity.clock_hz), target, identity.clock_hz, conditions)


def _from_log(path: Path, emitted: Emitted, target: Target, conditions: Mapping[str, str]) -> tuple[Measurement, ...]:
    """A log says nothing of this machine's time: its clock is believed as it is."""
    session = read_session(path)
    identity = session.identity
    assert identity is not None
    if identity.model != emitted.model:
        raise MeasurementError(
            f"the log is of the firmware {shown(identity.model)}, expected {emitted.model}: give the options that --emit was given",
            file=path,
        )
    if not session.complete:
        raise MeasurementError("the log ends before the line $layers: let the board finish, and save it again", file=path)
    return collected(emitted, _believable(session.layers, identity.clock_hz), target, identity.clock_hz, conditions)


def _believable(layers: tuple[LayerCycles, ...], clock_hz: float) -> tuple[LayerCycles, ...]:
    """Counts that did not go round: a counter of 32 bits that ran backwards shows as nearly its whole range."""
    wrapped = [layer.name for layer in layers if layer.most >= 2**31]
    if wrapped:
        raise MeasurementError(f"{wrapped[0]} took over {2**31 / clock_hz:.0f} s, or the board's counter went backwards: expected less")
    return layers
