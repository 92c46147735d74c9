"""One target file, from bytes to a noun: hostile files get one sentence, wrong ones every fault with its key path."""

from __future__ import annotations

import re
import stat
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from hwcost.errors import TargetError, listed
from hwcost.target.faults import describe

__all__ = ["MAX_FILE_BYTES", "adapter", "dump", "parse", "read_table"]

T = TypeVar("T")

MAX_FILE_BYTES = 1_000_000
_MAX_DEPTH = 20
_KEY_ENDS = re.compile("[=\"'#]")


def read_table(path: Path, label: str) -> dict[str, Any]:
    """The TOML table in a file, which must be a regular file of at most a megabyte; `label` names it in errors.

    Keys of more parts than any target has are refused before parsing: thousands of them would take quadratic time.
    """
    text = _text(_bytes(path, label), label)
    if any(_KEY_ENDS.split(line, maxsplit=1)[0].count(".") > _MAX_DEPTH for line in text.splitlines()):
        raise TargetError(f"expected tables nested at most {_MAX_DEPTH} deep, got a key with more parts", file=label)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"expected TOML, got a syntax error: {error}", file=label) from None
    except (RecursionError, ValueError) as error:
        raise TargetError(f"expected TOML of a target, got something unreadable ({type(error).__name__})", file=label) from None
    return table


def parse(kind: type[T], table: dict[str, Any], label: str, prefix: str = "") -> T:
    """The table as a noun; all of its faults at once in one TargetError."""
    try:
        return adapter(kind).validate_python(table)
    except ValidationError as error:
        faults = describe(error, adapter(kind).json_schema(), prefix)
    raise TargetError(listed(faults), file=label)


def dump(noun: Any) -> dict[str, Any]:
    """A noun as the table it was read from: plain lists and tables, defaults left out."""
    kind = type(noun)
    table: dict[str, Any] = adapter(kind).dump_python(noun, mode="json", exclude_defaults=True)
    return table


@cache
def adapter(kind: type[T]) -> TypeAdapter[T]:
    """The validator of a noun, built on first use."""
    return TypeAdapter(kind)


def _bytes(path: Path, label: str) -> bytes:
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):
            raise TargetError(f"expected a TOML file, got {_what(kind)}", file=label)
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TargetError(f"expected a TOML file, got none that can be read: {reason}", file=label) from None
    if len(data) > MAX_FILE_BYTES:
        raise TargetError(f"expected a target file of at most {MAX_FILE_BYTES:,} bytes, got a larger one", file=label)
    return data


def _text(data: bytes, label: str) -> str:
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise TargetError(f"expected UTF-8 text, got byte 0x{data[error.start]:02x} at offset {error.start}", file=label) from None


def _what(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a pipe"}
    return kinds.get(stat.S_IFMT(mode), "a device file")
