"""Strings from a file: as keys, and as a person can read them, whatever the file put there.

Fields that hold no UTF-8 arrive as bytes.
"""

from __future__ import annotations

LONGEST_NAME = 200


def text(field: object) -> str:
    """A string field as it stands in the file: the key by which values find each other."""
    return field.decode("utf-8", errors="replace") if isinstance(field, bytes) else str(field)


def clean(field: object, longest: int = LONGEST_NAME) -> str:
    """A string field for people: without control characters and no longer than `longest`."""
    name = text(field)
    if len(name) > longest:
        name = f"{name[: longest - 3]}..."
    return name if name.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
