"""A section of latency figures as the text of its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hwcost.target import Latency
from hwcost.target.read import dump

HEAD = (
    "#:schema ../../../../schema/latency.json\n# Written by tools/derive_latency.py from measurements/: change the recipe, not this file.\n"
)


def text_of(latency: Latency) -> str:
    table = dump(latency)
    plain = {key: value for key, value in table.items() if key not in ("basis", "prices")}
    parts = [HEAD + _lines(plain), "[basis]\n" + _lines(table["basis"])]
    parts += ["[[prices]]\n" + _lines(price) for price in table["prices"]]
    return "\n".join(parts)


def _lines(table: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return _list(list(map(_value, value)))
    return str(value)


def _number(value: float) -> str:
    """Four digits: no coefficient is known better."""
    text = f"{value:.0f}" if value >= 1e4 and value == float(f"{value:.4g}") else f"{value:.4g}"
    return text if any(mark in text for mark in ".en") else text + ".0"


def _list(items: list[str]) -> str:
    line = "[" + ", ".join(items) + "]"
    return line if len(line) < 130 else "[\n" + "".join(_wrapped(items)) + "]"


def _wrapped(items: list[str]) -> Iterator[str]:
    line = " "
    for item in items:
        if len(line) + len(item) > 130:
            yield line + "\n"
            line = " "
        line += f" {item},"
    yield line + "\n"
