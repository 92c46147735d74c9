"""A number and where it was read: the smallest piece of every target file, and the limits its values keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeVar

__all__ = [
    "Bytes",
    "Cited",
    "Count",
    "Factor",
    "Flag",
    "Hertz",
    "Limits",
    "Name",
    "Positive",
    "Share",
    "Strict",
    "Tagged",
    "Text",
    "check_unique",
]

T = TypeVar("T")


class Limits:
    """What a validated value keeps to, in pydantic's words (`ge`, `le`, `pattern`, `min_length`, `strict` ...).

    A marker of our own, because target files that come with hwcost are read without loading pydantic.
    """

    __slots__ = ("bounds",)

    def __init__(self, **bounds: Any) -> None:
        self.bounds = bounds

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Pydantic asks here for the schema of an annotated type."""
        return {**handler(source), **self.bounds}


class Tagged:
    """A choice between tables told apart by the value of one key."""

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Pydantic's own discriminator, loaded when it is asked for."""
        from pydantic import Field

        return handler(Annotated[source, Field(discriminator=self.key)])


Text = Annotated[str, Limits(min_length=1, max_length=2000)]
Name = Annotated[str, Limits(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
"""Lower case, digits, '.', '_' and '-': it is also a file name."""

Flag = Annotated[bool, Limits(strict=True)]
Bytes = Annotated[int, Limits(strict=True, ge=0, le=2**40)]
Count = Annotated[int, Limits(strict=True, ge=1, le=2**20)]
Factor = Annotated[float, Limits(strict=True, ge=0, le=1e12)]
Share = Annotated[float, Limits(strict=True, ge=0, le=1)]
Positive = Annotated[float, Limits(strict=True, gt=0, le=1e12)]
Hertz = Annotated[float, Limits(strict=True, ge=1e3, le=1e11)]


class Strict:
    """What every table of a target file has in common: keys nobody knows are refused, and so are nan and inf."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "allow_inf_nan": False, "use_attribute_docstrings": True}


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
