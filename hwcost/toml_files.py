"""Reading TOML that strangers wrote: bounded in size and depth, every refusal one sentence.

tomllib is exact but trusting: nesting exhausts its stack, and a key of eighty thousand dotted parts, which is a file of 160 kB, takes
it minutes.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hwcost.errors import HwcostError, InputError

__all__ = ["read_bounded", "read_toml"]

Refusal = Callable[[str], HwcostError]
"""Makes the error to raise from a message; a reader of targets makes a TargetError."""

_MOST_DOTS = 32
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_bounded(path: str | Path, what: str, max_bytes: int, refuse: Refusal | None = None) -> bytes:
    """The bytes of a regular file of at most `max_bytes`; InputError (or what `refuse` makes) says what was expected and got."""
    refuse = refuse or _input_error(path)
    try:
        # Not blocking: opening a pipe would otherwise wait for somebody to write into it.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
            kind = _KINDS.get(stat.S_IFMT(os.fstat(file.fileno()).st_mode))
            content = b"" if kind else file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        raise refuse(f"expected {what}, got {_unreadable(path, error)}") from None
    if kind:
        raise refuse(f"expected {what}, got {kind}")
    if len(content) > max_bytes:
        raise refuse(f"expected {what} of at most {max_bytes} bytes, got a larger file")
    return content


def read_toml(path: str | Path, what: str, max_bytes: int = 1_000_000, refuse: Refusal | None = None) -> dict[str, Any]:
    """The tables of a TOML file; InputError (or what `refuse` makes) where it is missing, too large, too deep or not TOML."""
    refuse = refuse or _input_error(path)
    content = read_bounded(path, what, max_bytes, refuse)
    try:
        text = content.decode("utf-8")
        _refuse_deep_keys(text)
        return tomllib.loads(text)
    except RecursionError:
        raise refuse(f"expected {what}, got tables or arrays nested too deeply to read") from None
    except UnicodeDecodeError as error:
        raise refuse(f"expected {what}, got text that is not UTF-8 (byte {error.start})") from None
    except ValueError as error:  # TOMLDecodeError is one, and so is an integer of too many digits
        raise refuse(f"expected {what}, got text that is not TOML: {error}") from None


def _input_error(path: str | Path) -> Refusal:
    return lambda message: InputError(f"{path}: {message}")


def _unreadable(path: str | Path, error: Exception) -> str:
    """Why a file would not open; directories and sockets refuse before anybody can ask what they are."""
    try:
        kind = _KINDS.get(stat.S_IFMT(Path(path).stat().st_mode))
    except (OSError, ValueError):
        kind = None
    return kind or f"none that can be read: {getattr(error, 'strerror', None) or error}"


def _refuse_deep_keys(text: str) -> None:
    """Each dotted part is one level of nesting, and the parser's work grows with the square of their number.

    The dots of a whole line are counted, values included, since keys stand inside inline tables too and behind quotes.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > _MOST_DOTS and not line.lstrip().startswith("#"):
            raise ValueError(f"line {number} has more than {_MOST_DOTS} dots")
