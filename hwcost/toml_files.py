"""Reading TOML that strangers wrote: bounded in size and depth, every refusal one sentence.

tomllib is exact but trusting: nesting exhausts its stack, and a key of a hundred thousand dotted parts takes it minutes.
"""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any

from hwcost.errors import InputError

__all__ = ["read_bounded", "read_toml"]

_MOST_DOTS = 32
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_bounded(path: str | Path, what: str, max_bytes: int) -> bytes:
    """The bytes of a regular file of at most `max_bytes`; InputError names the file and what it was expected to be."""
    try:
        status = Path(path).stat()
        kind = next((name for test, name in _KINDS if test(status.st_mode)), None)
        if kind:
            raise InputError(f"{path}: expected {what}, got {kind}")
        with Path(path).open("rb") as file:
            content = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: expected {what}, but it cannot be read: {_reason(error)}") from error
    if len(content) > max_bytes:
        raise InputError(f"{path}: expected {what} of at most {max_bytes} bytes, got {max(status.st_size, len(content))}")
    return content


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def read_toml(path: str | Path, what: str, max_bytes: int = 1_000_000) -> dict[str, Any]:
    """The tables of a TOML file; InputError where it is missing, too large, too deep or not TOML."""
    content = read_bounded(path, what, max_bytes)
    try:
        text = content.decode("utf-8")
        _refuse_deep_keys(text)
        return tomllib.loads(text)
    except RecursionError:
        raise InputError(f"{path}: expected {what}, got tables or arrays nested too deeply to read") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected {what}, got text that is not UTF-8 (byte {error.start})") from None
    except ValueError as error:  # TOMLDecodeError is one, and so is an integer of too many digits
        raise InputError(f"{path}: expected {what}, got text that is not TOML: {error}") from None


def _refuse_deep_keys(text: str) -> None:
    """Each dotted part is one level of nesting, and the parser's work grows with the square of their number."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > _MOST_DOTS and not line.lstrip().startswith("#"):
            raise ValueError(f"line {number} has more than {_MOST_DOTS} dots")
