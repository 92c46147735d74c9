"""Lines that a board says over a serial line: made, checked and read here alone, live or from a saved terminal session.

A line is `$WORD name=value name=value*CCCC`, ASCII, at most LINE_BYTES long with its end; CCCC is the CRC-16/CCITT (start 0xFFFF) of
what lies between `$` and `*`, in four hex digits. Values have no blanks: other characters than letters, digits and `_.,:/+-` are
written as `%` and two hex digits of their UTF-8. docs/serial-protocol.md lists the words; hwcost/deploy/c/board/ is the other end.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from hwcost.errors import InputError, listed, shown

__all__ = ["LINE_BYTES", "PROTOCOL", "Identity", "LayerCycles", "Message", "Session", "framed", "messages", "read_session", "session"]

PROTOCOL = 1
"""The version of the protocol that is spoken here."""

LINE_BYTES = 256
"""The longest line, `$`, checksum and line end included. Whatever is longer is no line of ours."""

PLAIN = "_.,:/+-"
_LINE = re.compile(r"\$(?P<body>[a-z_]+(?: [a-z_]+=[^\s*$]*)*)\*(?P<sum>[0-9A-Fa-f]{4})\s*$")
_MEANT = re.compile(r"\$[a-z_]+( [a-z_]+=|\*)")


@dataclass(frozen=True, slots=True)
class Message:
    """One checked line: its word, and its values by name."""

    word: str
    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """A value as text; InputError where the line has none of that name."""
        if name not in self.values:
            raise InputError(f"expected {name}= in the line '{self.word}', got {shown(', '.join(self.values) or 'nothing')}")
        return self.values[name]

    def number(self, name: str) -> int:
        """A value as a whole number of 0 or more; InputError where it is none."""
        text = self.text(name)
        if not (text.isascii() and text.isdigit() and len(text) <= 20):
            raise InputError(f"expected a whole number for {name}= in the line '{self.word}', got {shown(text)}")
        return int(text)

    def numbers(self, name: str) -> tuple[int, ...]:
        """A value as whole numbers with commas between; nothing is none."""
        parts = self.text(name).split(",") if self.text(name) else []
        return tuple(Message(self.word, {name: part}).number(name) for part in parts)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is speaking: `$identity`. `inputs` and `outputs` are the bytes of each; `model` is a hash of what was flashed."""

    protocol: int
    device: str
    core: str
    clock_hz: int
    model: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    layers: int

    @classmethod
    def of(cls, message: Message) -> Identity:
        """From its line; InputError for values that are missing or wrong, or for another version of the protocol."""
        protocol = message.number("protocol")
        if protocol != PROTOCOL:
            raise InputError(
                f"the board speaks version {protocol} of the serial protocol, expected {PROTOCOL}: flash firmware made by this hwcost"
            )
        clock = message.number("clock_hz")
        if not clock:
            raise InputError("the board says its clock is 0 Hz: fill in hwc_clock_hz()")
        numbers = (message.numbers("inputs"), message.numbers("outputs"), message.number("layers"))
        return cls(protocol, message.text("device"), message.text("core"), clock, message.text("model"), *numbers)


@dataclass(frozen=True, slots=True)
class LayerCycles:
    """What one layer took: `$layer index=3 name=conv_1 cycles=1200 most=1210 repeats=5`.

    `cycles` is the least and `most` the largest of `repeats` runs; the difference is what interrupts, caches and wait states did.
    """

    index: int
    name: str
    cycles: int
    most: int
    repeats: int

    @classmethod
    def of(cls, message: Message) -> LayerCycles:
        """From its line; InputError for values that are missing, not numbers, or cannot be."""
        index, cycles, most, repeats = (message.number(name) for name in ("index", "cycles", "most", "repeats"))
        if repeats < 1 or most < cycles:
            raise InputError(f"layer {index} cannot be: cycles={cycles}, most={most}, repeats={repeats}")
        return cls(index, message.text("name"), cycles, most, repeats)


@dataclass(frozen=True, slots=True)
class Session:
    """All that a board said in one session: who it is and what each layer took, in the order of their indices.

    `complete` is whether the closing `$layers` line came and counts as many; `clocks` are (cycles, Hz) pairs as `$clock` lines told them.
    """

    identity: Identity | None
    layers: tuple[LayerCycles, ...]
    complete: bool
    clocks: tuple[tuple[int, int], ...] = ()


def framed(word: str, **values: object) -> bytes:
    """A line as it goes over the wire. ValueError where it would be too long."""
    body = " ".join([word, *(f"{name}={quote(str(value), safe=PLAIN)}" for name, value in values.items())])
    line = f"${body}*{_checksum(body):04X}\n".encode("ascii")
    if len(line) > LINE_BYTES:
        raise ValueError(f"a line of {len(line)} bytes; the protocol has at most {LINE_BYTES}")
    return line


def messages(lines: Iterable[str]) -> Iterator[tuple[int, Message]]:
    """The checked messages of a terminal session with the numbers of their lines, from 1.

    What is no line of the protocol is passed over: boot messages, and what a terminal puts before a line (a time, say). Raises InputError,
    with the line's number, for one that is meant to be ours but is damaged, cut off or too long.
    """
    for number, line in enumerate(lines, 1):
        found = _LINE.search(line) if len(line) <= 4 * LINE_BYTES else None
        if found is None:
            if _MEANT.search(line[: 4 * LINE_BYTES]):
                raise InputError(f"line {number} is cut off or damaged: {shown(line.strip())}")
            continue
        body, said = found["body"], int(found["sum"], 16)
        if _checksum(body) != said:
            raise InputError(f"line {number} was damaged on its way (checksum {said:04X}, expected {_checksum(body):04X}): {shown(body)}")
        if len(body) + len("$*CCCC\n") > LINE_BYTES:
            raise InputError(f"line {number} has {len(body)} characters, more than the protocol's {LINE_BYTES}")
        yield number, _message(body)


def session(lines: Iterable[str]) -> Session:
    """What a board said, from the lines of a session; of layers timed twice the later. InputError for a damaged or impossible line."""
    identity: Identity | None = None
    layers: dict[int, LayerCycles] = {}
    count = -1
    clocks: list[tuple[int, int]] = []
    for number, message in messages(lines):
        try:
            if message.word == "identity":
                identity = Identity.of(message)
            elif message.word == "layer":
                layer = LayerCycles.of(message)
                layers[layer.index] = layer
            elif message.word == "layers":
                count = message.number("count")
            elif message.word == "clock":
                clocks.append((message.number("cycles"), message.number("hz")))
        except InputError as error:
            raise InputError(f"line {number}: {error}") from error
    return Session(identity, tuple(layers[index] for index in sorted(layers)), count == len(layers), tuple(clocks))


def read_session(log: Path) -> Session:
    """What a board said, from the file of a terminal session. InputError where there is no file, or nothing of ours in it."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{log}: expected the log of a terminal session, which cannot be read: {error}") from error
    try:
        found = session(text.splitlines())
    except InputError as error:
        raise InputError(f"{log}: {error}") from error
    missing = [f"no ${word} line" for word, there in (("identity", found.identity), ("layer", found.layers)) if not there]
    if missing:
        raise InputError(f"{log}: expected what hwcost's firmware says ($identity and $layer lines): {listed(missing)}")
    return found


def _checksum(body: str) -> int:
    return binascii.crc_hqx(body.encode("ascii", errors="replace"), 0xFFFF)


def _message(body: str) -> Message:
    word, *pairs = body.split(" ")
    split = (pair.split("=", 1) for pair in pairs)
    return Message(word, {name: unquote(value, errors="replace") for name, value in split})
