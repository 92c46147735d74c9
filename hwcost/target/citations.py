"""Every number of a description with its source: what `targets show` prints, and what the contract tests count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any

from hwcost.target.cited import Cited

__all__ = ["Citation", "citations"]


@dataclass(frozen=True, slots=True)
class Citation:
    """One number of a description: its key path, and where it was read. No source is a fault of the file."""

    key: str
    value: float
    source: str | None
    confirmed: bool


def citations(noun: Any) -> Iterator[Citation]:
    """Every number of a noun, in the order of its fields. A number without a source of its own has that of the table around it."""
    yield from _walk(noun, "", None, True)


def _walk(value: Any, key: str, source: str | None, confirmed: bool) -> Iterator[Citation]:
    if isinstance(value, Cited):
        yield from _walk(value.value, key, value.source, value.confirmed)
    elif is_dataclass(value):
        source, confirmed = _own_source(value) or source, getattr(value, "confirmed", confirmed)
        for field in fields(value):
            if not _is_default(value, field.name):
                yield from _walk(getattr(value, field.name), f"{key}.{field.name}".lstrip("."), source, confirmed)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _walk(item, f"{key}.{name}", source, confirmed)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _walk(item, f"{key}[{_label(item, index)}]", source, confirmed)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield Citation(key, value, source, confirmed)


def _label(item: Any, index: int) -> Any:
    """What a reader calls an entry of a list: its name, what it is of, or its number."""
    return getattr(item, "name", None) or getattr(item, "what", index)


def _own_source(noun: Any) -> str | None:
    """What a table says of all its numbers."""
    stated = getattr(noun, "source", None)
    return stated if isinstance(stated, str) else "; ".join(getattr(noun, "sources", ())) or None


def _is_default(noun: Any, name: str) -> bool:
    """A default is said by nobody: it needs no source and is not printed."""
    field = type(noun).__dataclass_fields__[name]
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return bool(getattr(noun, name) == default)
