"""Constants as C text."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwcost.deploy.emission import Array, Unit
from hwcost.errors import BuildError

LINE = 120
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.,:;/+-()[]=<>|")


def definition(array: Array) -> str:
    """The array with its values, in lines of at most 120 characters."""
    return f"const _Alignas({array.alignment_bytes}) {array.c_type} {array.name}[{array.values.size}] = {{\n{_wrapped(_words(array))}\n}};"


def declaration(array: Array) -> str:
    """What other files need to use the array."""
    return f"extern const {array.c_type} {array.name}[{array.values.size}];"


def _words(array: Array) -> list[str]:
    values: list[Any] = array.values.reshape(-1).tolist()
    if array.values.dtype == np.float32:
        return [f"{value.hex()}f" for value in values]
    if array.values.dtype == np.uint32:
        return [f"{value}u" for value in values]
    lowest = np.iinfo(np.int32).min
    return ["INT32_MIN" if value == lowest else str(value) for value in values]


def _wrapped(words: list[str]) -> str:
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) + 2 > LINE:
            lines.append(line)
            line = ""
        line += f" {word}," if line else f"    {word},"
    return "\n".join([*lines, line])


def prototype(unit: Unit) -> str:
    """The line of a unit's text that declares its function."""
    for line in unit.text.splitlines():
        if f" {unit.name}(" in line and line.endswith(");") and not line.startswith(" "):
            return line
    raise BuildError(f"the generated file {unit.name}.c has no prototype of {unit.name} on a line of its own")


def comment(text: str) -> str:
    """Text in a comment: nothing that could end it, nothing that is not one line."""
    return "".join(c if c.isprintable() else " " for c in text).replace("*/", "* /").replace("/*", "/ *")


def string(text: str, longest: int = 48) -> str:
    """Text as a C string: its last bytes where it is longer, octal for what is not a plain character."""
    kept = text.encode()[-longest:].decode(errors="ignore").encode()
    return '"' + "".join(chr(byte) if chr(byte) in PLAIN else f"\\{byte:03o}" for byte in kept) + '"'
