"""One target file, from text to a noun: hostile files get one sentence, wrong ones every fault with its key path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hwcost.errors import InputError, TargetError, listed
from hwcost.shipped import targets_folder
from hwcost.target.build import build
from hwcost.toml_files import read_toml

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["MAX_FILE_BYTES", "adapter", "dump", "is_shipped", "label", "parse", "read_table", "validate"]

T = TypeVar("T")

MAX_FILE_BYTES = 1_000_000


def read_table(path: Path) -> dict[str, Any]:
    """The TOML table in a file, which must be a regular file of at most a megabyte."""
    try:
        return read_toml(path, "the description of a target in TOML", MAX_FILE_BYTES)
    except InputError as error:
        raise TargetError(str(error).removeprefix(f"{path}: "), file=label(path)) from None


def parse(kind: type[T], table: dict[str, Any], path: Path, prefix: str = "") -> T:
    """The table of a file as a noun; all of its faults at once in one TargetError.

    What comes with hwcost is validated by its tests and built directly; everybody else's files are validated here.
    """
    if is_shipped(path):
        try:
            return build(kind, table)
        except (TypeError, ValueError, KeyError, AttributeError):
            pass  # somebody edits the shipped files: the validator says what is wrong
    return validate(kind, table, path, prefix)


def validate(kind: type[T], table: dict[str, Any], path: Path, prefix: str = "") -> T:
    """The noun a table describes, or a TargetError with every fault; `prefix` is the key path of the table in its file."""
    from pydantic import ValidationError

    from hwcost.target.faults import describe

    try:
        return adapter(kind).validate_python(table)
    except ValidationError as error:
        faults = describe(error, adapter(kind).json_schema(), prefix)
    raise TargetError(listed(faults), file=label(path))


def dump(noun: Any) -> dict[str, Any]:
    """A noun as the table it was read from: plain lists and tables, defaults left out."""
    table: dict[str, Any] = adapter(type(noun)).dump_python(noun, mode="json", exclude_defaults=True)
    return table


_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def adapter(kind: type[T]) -> TypeAdapter[T]:
    """The validator of a noun, built on first use."""
    from pydantic import TypeAdapter

    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def is_shipped(path: Path) -> bool:
    """Whether a file came with hwcost."""
    return path.is_relative_to(targets_folder())


def label(path: Path) -> str:
    """How messages name a file: below the shipped folder without it, else as it was given."""
    return path.relative_to(targets_folder()).as_posix() if is_shipped(path) else str(path)
