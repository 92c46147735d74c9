"""Quantities as people write them: "50ms" and "128KiB" in, the same out.

Three directions, for time, bytes, energy, frequency and power:

- `parse_*` reads a text and refuses whatever is not one positive, finite number with a unit. Nothing is rounded on the way:
  the number is a fraction until the end.
- `format_*` writes the shortest text that `parse_*` reads back as exactly the same number.
- `human_*` writes three significant digits, for tables and reports.

Inside hwcost every number is SI or bytes (`latency_s`, `ram_bytes`); texts live at the edge. KiB is 1024 and kB is 1000. A bare K, KB
or M is refused, because half of its readers mean the other thing.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

from hwcost.errors import InputError, shown

__all__ = [
    "format_bytes",
    "format_hertz",
    "format_joules",
    "format_seconds",
    "format_watts",
    "human_bytes",
    "human_hertz",
    "human_joules",
    "human_seconds",
    "human_watts",
    "parse_bytes",
    "parse_hertz",
    "parse_joules",
    "parse_seconds",
    "parse_watts",
]

_LONGEST = 64
_MOST_BYTES = 2**63 - 1
_NUMBER = re.compile(r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]{1,3})?", re.IGNORECASE | re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf(inity)?)", re.IGNORECASE)
_PLENTY = Context(prec=1100)
"""Digits enough that scaling any float by a power of ten loses none."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of quantity: its name, an example to show, and the units it is read in, each with its size in the base unit."""

    name: str
    example: str
    units: Mapping[str, Fraction]
    written: tuple[str, ...]
    """Units that are written, largest first; the last one takes whatever is smaller."""


def _tens(exponent: int) -> Fraction:
    return Fraction(10) ** exponent


_TIME = _Kind(
    "time",
    "50ms",
    {"min": Fraction(60), "s": _tens(0), "ms": _tens(-3), "us": _tens(-6), "µs": _tens(-6), "μs": _tens(-6), "ns": _tens(-9)},
    ("s", "ms", "us", "ns"),
)
_BYTES = _Kind(
    "size",
    "128KiB",
    {"B": _tens(0)}
    | {f"{prefix}B": _tens(3 * n) for n, prefix in enumerate("kMGT", 1)}
    | {f"{prefix}iB": Fraction(1024) ** n for n, prefix in enumerate("KMGT", 1)},
    ("TiB", "GiB", "MiB", "KiB", "B"),
)
_ENERGY = _Kind(
    "energy",
    "2mJ",
    {"kJ": _tens(3), "J": _tens(0), "mJ": _tens(-3), "uJ": _tens(-6), "µJ": _tens(-6), "μJ": _tens(-6), "nJ": _tens(-9)},
    ("J", "mJ", "uJ", "nJ"),
)
_FREQUENCY = _Kind("frequency", "120MHz", {"Hz": _tens(0), "kHz": _tens(3), "MHz": _tens(6), "GHz": _tens(9)}, ("GHz", "MHz", "kHz", "Hz"))
_POWER = _Kind(
    "power",
    "45mW",
    {"W": _tens(0), "mW": _tens(-3), "uW": _tens(-6), "µW": _tens(-6), "μW": _tens(-6), "nW": _tens(-9)},
    ("W", "mW", "uW", "nW"),
)


def parse_seconds(text: str) -> float:
    """Seconds of a time such as "50ms", "0.05 s", "20us" or "2min"; InputError for anything that is not a positive time."""
    return _as_float(text, _TIME)


def parse_bytes(text: str) -> int:
    """Bytes of a size such as "128KiB" (1024), "128kB" (1000) or "1.5MB"; InputError also where the bytes are not whole."""
    exact = _parse(text, _BYTES)
    if exact.denominator != 1:
        raise InputError(f"{shown(text)} is {float(exact):.6g} bytes; expected a whole number of bytes, such as '{_BYTES.example}'")
    if exact > _MOST_BYTES:
        raise InputError(f"{shown(text)} is beyond 2^63 - 1 bytes, which no memory holds")
    return exact.numerator


def parse_joules(text: str) -> float:
    """Joules of an energy such as "2mJ" or "150uJ"; InputError for anything that is not a positive energy."""
    return _as_float(text, _ENERGY)


def parse_hertz(text: str) -> float:
    """Hertz of a frequency such as "120MHz"; InputError for anything that is not a positive frequency."""
    return _as_float(text, _FREQUENCY)


def parse_watts(text: str) -> float:
    """Watts of a power such as "45mW"; InputError for anything that is not a positive power."""
    return _as_float(text, _POWER)


def format_seconds(seconds: float) -> str:
    """The shortest exact text of a time: 0.05 is "50ms"."""
    return _exact(seconds, _TIME)


def format_bytes(size_bytes: int) -> str:
    """The shortest exact text of a size: 131072 is "128KiB", 1000 is "1000B"."""
    value = _checked(size_bytes, _BYTES)
    unit = next(unit for unit in _BYTES.written if value >= _BYTES.units[unit] and value % _BYTES.units[unit] == 0) if value else "B"
    return f"{value / _BYTES.units[unit]}{unit}"


def format_joules(joules: float) -> str:
    """The shortest exact text of an energy: 0.002 is "2mJ"."""
    return _exact(joules, _ENERGY)


def format_hertz(hertz: float) -> str:
    """The shortest exact text of a frequency: 120e6 is "120MHz"."""
    return _exact(hertz, _FREQUENCY)


def format_watts(watts: float) -> str:
    """The shortest exact text of a power: 0.045 is "45mW"."""
    return _exact(watts, _POWER)


def human_seconds(seconds: float) -> str:
    """A time for a reader: 0.16514 is "165 ms"."""
    return _rounded(seconds, _TIME)


def human_bytes(size_bytes: float) -> str:
    """A size for a reader: 55296 is "54.0 KiB"; bytes below 1 KiB are written whole."""
    return f"{size_bytes:.0f} B" if 0 <= size_bytes < 1024 and size_bytes == int(size_bytes) else _rounded(size_bytes, _BYTES)


def human_joules(joules: float) -> str:
    """An energy for a reader: 0.00243 is "2.43 mJ"."""
    return _rounded(joules, _ENERGY)


def human_hertz(hertz: float) -> str:
    """A frequency for a reader: 120e6 is "120 MHz"."""
    return _rounded(hertz, _FREQUENCY)


def human_watts(watts: float) -> str:
    """A power for a reader: 0.0451 is "45.1 mW"."""
    return _rounded(watts, _POWER)


def _as_float(text: str, kind: _Kind) -> float:
    exact = _parse(text, kind)
    try:
        value = float(exact)
    except OverflowError:
        value = math.inf
    if not 0 < value < math.inf:
        raise InputError(f"{shown(text)} is too {'large' if value else 'small'} for a {kind.name}; expected one such as '{kind.example}'")
    return value


def _parse(text: str, kind: _Kind) -> Fraction:
    """The exact value of a text in the base unit, or InputError with what to write instead."""
    if not isinstance(text, str):
        raise InputError(f"{shown(text)} has no unit; expected a text such as '{kind.example}'")
    if len(text) > _LONGEST:
        raise InputError(f"a {kind.name} of {len(text)} characters; expected one such as '{kind.example}'")
    number = _NUMBER.match(text.strip())
    if number is None:
        raise InputError(f"{shown(text)} is {_fault_of(text)}; expected a positive {kind.name} such as '{kind.example}'")
    unit = text.strip()[number.end() :].strip()
    value = Fraction(number.group(2) + (number.group(3) or "")) * _size_of(unit, text, kind)
    if number.group(1) == "-" or value == 0:
        raise InputError(
            f"{shown(text)} is {'zero' if value == 0 else 'negative'}; expected a positive {kind.name} such as '{kind.example}'"
        )
    return value


def _fault_of(text: str) -> str:
    if not text.strip():
        return "empty"
    return "not a finite number" if _NOT_FINITE.match(text.strip()) else "not a number with a unit"


def _size_of(unit: str, text: str, kind: _Kind) -> Fraction:
    if unit in kind.units:
        return kind.units[unit]
    what = f"the unknown unit {shown(unit)}" if unit else "no unit"
    units = ", ".join(unit for unit in kind.units if unit.isascii())
    raise InputError(f"{shown(text)} has {what}; expected a {kind.name} in one of {units}{_meant(unit, text, kind)}")


def _meant(unit: str, text: str, kind: _Kind) -> str:
    """A suggestion for a unit that was nearly right: both readings of KB, or the one unit it resembles."""
    number = text.strip().removesuffix(unit).strip()
    if not unit:
        return f", such as '{kind.example}'"
    if kind is _BYTES and unit[0] in "kKmMgGtT" and unit[1:].lower() in ("", "b"):
        letter = unit[0].upper()
        return f"; write '{number}{letter}iB' for powers of 1024 or '{number}{'k' if letter == 'K' else letter}B' for powers of 1000"
    folded = {known.lower(): known for known in reversed(list(kind.units)) if known.isascii()}
    near = difflib.get_close_matches(unit.lower(), folded, n=1)
    return f"; did you mean '{number}{folded[near[0]]}'?" if near else ""


def _checked(value: float, kind: _Kind) -> Fraction:
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"a {kind.name} to be written is finite and not negative; got {value}")
    return Fraction(value)


def _unit_for(value: float | Fraction, kind: _Kind) -> str:
    """The largest unit of which there is at least one."""
    return next((unit for unit in kind.written if value >= kind.units[unit]), kind.written[-1])


def _exact(value: float, kind: _Kind) -> str:
    """Scaled in decimal from the shortest digits that stand for this float, so that reading them gives it back."""
    _checked(value, kind)
    digits = Decimal(repr(float(value)))
    unit = _unit_for(Fraction(digits), kind)
    size = kind.units[unit]
    scaled = _PLENTY.divide(_PLENTY.multiply(digits, Decimal(size.denominator)), Decimal(size.numerator))
    return f"{_plain(scaled)}{unit}"


def _plain(number: Decimal) -> str:
    """Without trailing zeros; with an exponent only where the digits would run on."""
    short = number.normalize(_PLENTY)
    digits = format(short, "f")
    return digits if len(digits) <= 24 else str(short)


def _rounded(value: float, kind: _Kind) -> str:
    """In the largest unit of which there is one after rounding, so 999.6 ms is a second and not 1000 ms."""
    if value == 0:
        return f"0 {'B' if kind is _BYTES else kind.written[0]}"
    exact = _checked(value, kind)
    numbers = ((_three_digits(float(exact / kind.units[unit])), unit) for unit in kind.written)
    number, unit = next(((number, unit) for number, unit in numbers if float(number) >= 1), (None, kind.written[-1]))
    return f"{number or _three_digits(float(exact / kind.units[unit]))} {unit}"


def _three_digits(number: float) -> str:
    """Thousands, which only the largest unit and 1000 to 1023 KiB have, keep their last digit."""
    if 1000 <= number < 1e6:
        return f"{number:.0f}"
    return f"{number:#.3g}".removesuffix(".")
