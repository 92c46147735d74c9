"""A number and where it was read: the smallest piece of every target file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import Field

__all__ = ["Bytes", "Channels", "Cited", "Factor", "Flag", "Hertz", "Name", "Positive", "Strict", "Text", "check_unique"]

T = TypeVar("T")

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
"""Lower case, digits, '.', '_' and '-': it is also a file name."""

Flag = Annotated[bool, Field(strict=True)]
Bytes = Annotated[int, Field(strict=True, ge=0, le=2**40)]
Channels = Annotated[int, Field(strict=True, ge=1, le=2**20)]
Factor = Annotated[float, Field(strict=True, ge=0, le=1e12)]
Positive = Annotated[float, Field(strict=True, gt=0, le=1e12)]
Hertz = Annotated[float, Field(strict=True, ge=1e3, le=1e11)]


class Strict:
    """What every table of a target file has in common: keys nobody knows are refused, and so are nan and inf."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}


@dataclass(frozen=True, slots=True)
class Cited(Strict, Generic[T]):
    """A value with the place it was read in; `confirmed = false` says that place is still to be looked up."""

    value: T
    source: Text
    confirmed: Flag = True


def check_unique(what: str, names: tuple[str, ...]) -> None:
    """Refuse a list in which a name stands twice; pydantic reports it as a fault of that table."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"expected {what} to be named once each, got {', '.join(map(repr, twice))} twice")
