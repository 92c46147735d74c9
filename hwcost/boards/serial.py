"""A real board over a serial line: it is asked who it is, given inputs, run, and asked for outputs and cycles (docs/serial-protocol.md)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from hwcost.boards.lines import LINE_BYTES, Identity, LayerCycles, Message, framed, messages
from hwcost.errors import BoardError, InputError, shown

__all__ = ["BAUD", "AskedRun", "Line", "SerialBoard", "open_port", "port_and_baud"]

BAUD = 115_200
"""Bits a second where nobody says otherwise; ports over USB ignore it."""

_CHUNK = 96
"""Bytes of an input or output in one line, as hexadecimal."""
_NONSENSE = 16 * LINE_BYTES
"""How much may be received that is no answer, before the board is given up."""
_TRIES = 3
_CLOCK_ASKED = 4
_CLOCK_SECONDS = (1.0, 2.0, 4.0)
_AGAIN_S = 1.0
"""How long to wait before asking again who is there: many boards restart when the port is opened."""


class Line(Protocol):
    """What bytes come and go over; what pyserial opens is one. Both raise OSError where the other end is gone."""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes: fewer, or none, after a short wait."""

    def write(self, data: bytes) -> object:
        """Send bytes."""

    def close(self) -> None:
        """Let go of the line."""


@dataclass(frozen=True, slots=True)
class AskedRun:
    """One inference: the bytes of each output, its cycles, and the depth of its stack (None where more was used than is marked)."""

    outputs: tuple[bytes, ...]
    cycles: int
    stack_bytes: int | None


class SerialBoard:
    """A board that answers over a line: SerialBoard(open_port("/dev/ttyACM0"), "/dev/ttyACM0"). Leaving `with` closes the line.

    `seconds` bounds the wait for an answer, `run_seconds` that for one inference. Every fault is a BoardError of one sentence.
    """

    def __init__(self, line: Line, name: str, *, seconds: float = 10.0, run_seconds: float = 120.0) -> None:
        self.name = name
        self._line = line
        self._seconds = seconds
        self._run_seconds = run_seconds
        self._received = b""
        self._identity: Identity | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the line."""
        self._line.close()

    def identify(self) -> Identity:
        """Who is there; asked again every second until it answers."""
        if self._identity is None:
            self._identity = self._checked(Identity.of, self._awaken())
        return self._identity

    def require_model(self, model: str, project: str) -> Identity:
        """Who is there, if it was flashed with the sources that have this hash; BoardError otherwise. `project` says what to flash."""
        found = self.identify()
        if found.model != model:
            raise BoardError(
                f"{self.name} was flashed with another model: expected {model}, got {shown(found.model)} for {shown(found.device)}; "
                f"build and flash the sources in {project} first"
            )
        return found

    def run(self, inputs: Sequence[bytes]) -> AskedRun:
        """One inference with the bytes of each input, in order. BoardError where the board has inputs of other sizes."""
        identity = self.identify()
        sizes = tuple(len(data) for data in inputs)
        if sizes != identity.inputs:
            raise BoardError(f"{self.name} takes inputs of {identity.inputs} bytes, got {sizes}: flash the firmware of this model")
        for index, data in enumerate(inputs):
            for offset in range(0, len(data), _CHUNK):
                self._send(index, offset, data[offset : offset + _CHUNK])
        ran = self._ask("ran", "run", seconds=self._run_seconds)
        cycles, stack, marked = (self._number(ran, name) for name in ("cycles", "stack", "marked"))
        outputs = tuple(self._output(index, size) for index, size in enumerate(identity.outputs))
        return AskedRun(outputs, cycles, stack if stack < marked else None)

    def layers(self, repeats: int = 5) -> tuple[LayerCycles, ...]:
        """What each layer takes, the least and the most of `repeats` inferences."""
        said: list[Message] = []
        self._ask("layers", "layers", seconds=self._run_seconds * repeats, beside=said, repeats=repeats)
        found = tuple(self._checked(LayerCycles.of, message) for message in said if message.word == "layer")
        expected = self.identify().layers
        if [layer.index for layer in found] != list(range(expected)):
            raise BoardError(f"{self.name} said the times of {len(found)} layers, expected {expected}")
        return found

    def clock_ratio(self, seconds: float = 1.0) -> float:
        """How fast the board's counter runs by this machine's clock, over what the board says it does: 1 where it is honest.

        The counter has 32 bits, so less than one turn of it is waited for.
        """
        return self._clock_ratio(seconds)[0]

    def require_clock(self, tolerance: float = 0.02) -> float:
        """The ratio, if it is 1 within the tolerance; BoardError with both speeds otherwise: its cycles would be no cycles.

        Answers that took so long that the ratio could be right are asked for again, over a longer time.
        """
        hz = self.identify().clock_hz
        ratio = 1.0
        for seconds in _CLOCK_SECONDS:
            ratio, unsure = self._clock_ratio(seconds)
            if abs(ratio - 1) <= tolerance:
                return ratio
            if abs(ratio - 1) - unsure > tolerance:
                break
        raise BoardError(
            f"{self.name} says its counter runs at {hz / 1e6:g} MHz, but by this machine's clock it runs at "
            f"{hz * ratio / 1e6:.4g} MHz, more than {tolerance:.0%} off: correct hwc_clock_hz() or the counter behind hwc_cycles()"
        )

    def _clock_ratio(self, seconds: float) -> tuple[float, float]:
        """The ratio, and how far off it may be, since nobody knows when within a question and its answer the counter was read."""
        hz = self.identify().clock_hz
        first, start, early = self._clock()
        time.sleep(min(seconds, 2**31 / hz))
        last, end, late = self._clock()
        ratio = ((last - first) % 2**32) / (end - start) / hz
        return ratio, ratio * (early + late) / (end - start)

    def _clock(self) -> tuple[int, float, float]:
        """The counter, this machine's time in the middle between question and answer, half the time between; the quickest of several."""
        found = [self._asked_clock() for _ in range(_CLOCK_ASKED)]
        return min(found, key=lambda each: each[2])

    def _asked_clock(self) -> tuple[int, float, float]:
        asked = time.monotonic()
        message = self._ask("clock", "clock")
        answered = time.monotonic()
        return self._number(message, "cycles"), (asked + answered) / 2, (answered - asked) / 2

    def _send(self, index: int, offset: int, data: bytes) -> None:
        taken = self._ask("taken", "input", index=index, offset=offset, hex=data.hex())
        place = tuple(self._number(taken, name) for name in ("index", "offset", "bytes"))
        if place != (index, offset, len(data)):
            raise BoardError(f"{self.name} took (input, offset, bytes) {place}, expected {(index, offset, len(data))}")

    def _output(self, index: int, size: int) -> bytes:
        parts = []
        for offset in range(0, size, _CHUNK):
            count = min(_CHUNK, size - offset)
            text = self._checked(lambda found: found.text("hex"), self._ask("data", "output", index=index, offset=offset, bytes=count))
            try:
                parts.append(bytes.fromhex(text))
            except ValueError:
                parts.append(b"")
            if len(parts[-1]) != count:
                raise BoardError(f"{self.name} answered {shown(text)} for {count} bytes of output {index}, expected them as hexadecimal")
        return b"".join(parts)

    def _awaken(self) -> Message:
        """The first answer of a board that may still be starting."""
        end = time.monotonic() + self._seconds
        while True:
            try:
                return self._ask("identity", "identify", seconds=min(_AGAIN_S, max(end - time.monotonic(), 0.05)))
            except _SilentError as silent:
                if time.monotonic() >= end:
                    raise BoardError(
                        f"{self.name} did not answer within {self._seconds:g} s ({silent.got}): expected hwcost's firmware there, "
                        "see docs/serial-protocol.md; check the port, the speed and that hwc_serve() is called"
                    ) from None

    def _ask(
        self, answer: str, word: str, *, seconds: float | None = None, beside: list[Message] | None = None, **values: object
    ) -> Message:
        """The answer to a question, asked again where either was damaged on its way; what else is said goes to `beside`."""
        wait = self._seconds if seconds is None else seconds
        for left in reversed(range(_TRIES)):
            self._write(framed(word, **values))
            try:
                return self._answer(answer, wait, beside)
            except _DamagedError as damaged:
                if not left:
                    raise BoardError(f"{self.name}: {damaged}, {_TRIES} times: check the speed and the cable") from None
                if beside is not None:
                    beside.clear()
            except _SilentError as silent:
                if word == "identify":
                    raise
                raise BoardError(f"{self.name} did not answer '{word}' within {wait:g} s ({silent.got})") from None
        raise AssertionError("unreachable")

    def _answer(self, word: str, seconds: float, beside: list[Message] | None) -> Message:
        end = time.monotonic() + seconds
        passed = b""
        while True:
            line = self._read_line(end, passed)
            message = self._message(line)
            if message is None:
                passed = self._bounded(passed + line)
            elif message.word == word:
                return message
            elif message.word == "fault":
                self._fault(message)
            elif beside is not None:
                beside.append(message)

    def _fault(self, message: Message) -> None:
        text = message.values.get("text", "")
        if text == "damaged":
            raise _DamagedError("lines to the board are damaged")
        raise BoardError(f"{self.name} answered with a fault: {shown(text)}")

    def _message(self, line: bytes) -> Message | None:
        try:
            return next((message for _, message in messages([line.decode("ascii", errors="replace")])), None)
        except InputError as error:
            raise _DamagedError(str(error).replace("line 1", "a line", 1)) from None

    def _read_line(self, end: float, passed: bytes) -> bytes:
        """The next line with its end; _SilentError where none ends in time."""
        while b"\n" not in self._received:
            if time.monotonic() >= end:
                raise _SilentError(passed + self._received)
            self._bounded(passed + self._received)
            self._received += self._read()
        line, _, self._received = self._received.partition(b"\n")
        return line + b"\n"

    def _bounded(self, received: bytes) -> bytes:
        """What was received, if that is not already more than a board with our firmware would say; BoardError otherwise."""
        if len(received) > _NONSENSE:
            raise BoardError(
                f"{self.name} says something else than hwcost's protocol ({len(received)} bytes): {_escaped(received)}; "
                "check the port, the speed and what is flashed"
            )
        return received

    def _read(self) -> bytes:
        try:
            return self._line.read(LINE_BYTES)
        except OSError as error:
            raise BoardError(f"{self.name} was lost in the middle: {_first(error)}; plug it in and run this again") from error

    def _write(self, data: bytes) -> None:
        try:
            self._line.write(data)
        except OSError as error:
            raise BoardError(f"{self.name} was lost in the middle: {_first(error)}; plug it in and run this again") from error

    def _number(self, message: Message, name: str) -> int:
        number: int = self._checked(lambda found: found.number(name), message)
        return number

    def _checked(self, read: Any, message: Message) -> Any:
        """A value of an answer; BoardError where the board's words cannot be."""
        try:
            return read(message)
        except InputError as error:
            raise BoardError(f"{self.name}: {error}") from error


class _SilentError(Exception):
    """No answer in time; `got` is what was received instead."""

    def __init__(self, received: bytes) -> None:
        super().__init__()
        self.got = f"received {_escaped(received)}" if received else "nothing was received"


class _DamagedError(Exception):
    """A line that lost something on its way."""


class _Port:
    """A port that pyserial opened. Its `read` waits for all that was asked; this one takes what is there."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def read(self, size: int) -> bytes:
        """What has come, or nothing after a short wait."""
        data: bytes = self._port.read(max(1, min(size, self._port.in_waiting)))
        return data

    def write(self, data: bytes) -> object:
        """Send bytes."""
        return self._port.write(data)

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()


def open_port(port: str, baud: int = BAUD) -> Line:
    """A serial port, or any URL that pyserial knows. BoardError, with the ports there are, where it cannot be opened."""
    try:
        import serial
        from serial.tools import list_ports
    except ImportError as error:
        raise BoardError("no serial line: expected the package pyserial; pip install 'hwcost[board]'") from error
    try:
        line = _Port(serial.serial_for_url(port, baudrate=baud, timeout=0.02, write_timeout=10))
    except (OSError, ValueError) as error:
        there = ", ".join(sorted(info.device for info in list_ports.comports())[:10]) or "none"
        raise BoardError(f"cannot open the serial port {shown(port)}: {_first(error)}; ports of this machine: {there}") from error
    return line


def port_and_baud(place: str) -> tuple[str, int]:
    """`/dev/ttyACM0@921600` as port and speed. InputError for a speed that is no positive number."""
    port, at, speed = place.rpartition("@")
    if not at:
        return place, BAUD
    if not (speed.isascii() and speed.isdigit() and 0 < len(speed) < 10 and int(speed) and port):
        raise InputError(f"expected PORT or PORT@BAUD with a whole number of bits a second, got {shown(place)}")
    return port, int(speed)


def _escaped(received: bytes) -> str:
    return shown(received[: 4 * LINE_BYTES])


def _first(error: BaseException) -> str:
    """The first line of another library's message, bounded."""
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:200]
