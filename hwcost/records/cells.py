"""Attributes of operators as text in a cell, and back.

`3x3` is a pair, `0+1x0+1` padding before and after along each axis, `clip(minimum=0.0;maximum=6.0)` a fused operator; an empty
cell is the attribute's default.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any

from hwcost.ops import REGISTRY, Op

__all__ = ["attributes_of", "known_attributes", "make_op", "shape_of", "text_of_shape", "to_text"]

_LONGEST = 200


def to_text(value: Any) -> str:
    """One attribute as a cell."""
    if isinstance(value, tuple):
        inner = value and isinstance(value[0], tuple)
        return "x".join("+".join(map(to_text, item)) if inner else to_text(item) for item in value)
    if isinstance(value, Op):
        given = ";".join(f"{name}={text}" for name, text in attributes_of(value).items())
        return f"{value.kind}({given})" if given else value.kind
    return str(value).lower() if isinstance(value, bool) else str(value)


def attributes_of(op: Op) -> dict[str, str]:
    """The attributes of an operator that are not its defaults, as cells."""
    return {field.name: to_text(getattr(op, field.name)) for field in fields(op) if getattr(op, field.name) != _default(field)}


def known_attributes() -> set[str]:
    """Every attribute of every operator: the columns a file may have besides its own."""
    return {field.name for op in REGISTRY.values() for field in fields(op)}


def make_op(kind: str, cells: dict[str, str]) -> tuple[Op | None, list[tuple[str, str]]]:
    """The operator of a row, or every (column, fault) that keeps it from being one."""
    if kind not in REGISTRY:
        return None, [("op", f"expected the kind of an operator, got '{kind[:_LONGEST]}'")]
    cls = REGISTRY[kind]
    own = {field.name: field for field in fields(cls)}
    faults = [(name, f"{kind} has no such attribute") for name in cells if name not in own]
    values: dict[str, Any] = {}
    for name, field in own.items():
        if name in cells:
            try:
                values[name] = _parse(cells[name], str(field.type))
            except ValueError as error:
                faults.append((name, str(error)))
        elif _default(field) is MISSING:
            faults.append((name, f"{kind} needs one"))
    return (None, faults) if faults else (cls(**values), [])


def shape_of(text: str) -> tuple[int, ...]:
    """`16x32x32` as a shape; `scalar` as none. Raises ValueError."""
    if text == "scalar":
        return ()
    shape = tuple(_whole(part) for part in text.split("x"))
    if not all(0 < n < 2**31 for n in shape):
        raise ValueError(f"expected sizes of at least 1, got '{text[:_LONGEST]}'")
    return shape


def text_of_shape(shape: tuple[Any, ...]) -> str:
    """A shape as a cell."""
    return to_text(shape) if shape else "scalar"


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _parse(text: str, annotation: str) -> Any:
    """A cell as the attribute's annotation wants it."""
    if len(text) > _LONGEST:
        raise ValueError(f"expected at most {_LONGEST} characters, got {len(text)}")
    if annotation.startswith(("Padding", "tuple[tuple")):
        return tuple(tuple(_scalar(item) for item in part.split("+")) for part in text.split("x"))
    if annotation.startswith("tuple"):
        return tuple(_scalar(part) for part in text.split("x"))
    if annotation.startswith("Op"):
        return _fused(text)
    return _scalar(text)


def _fused(text: str) -> Op:
    kind, _, rest = text.removesuffix(")").partition("(")
    op, faults = make_op(kind, dict(item.split("=", 1) for item in rest.split(";") if "=" in item))
    if op is None:
        raise ValueError("; ".join(f"{column}: {fault}" for column, fault in faults))
    return op


def _scalar(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    if not text.isidentifier():
        raise ValueError(f"expected a number, a word, true or false, got '{text}'")
    return text


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 10:
        raise ValueError(f"expected sizes joined by 'x', got '{text[:_LONGEST]}'")
    return int(text)
