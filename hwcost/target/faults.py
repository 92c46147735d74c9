"""What is wrong with a table, in a reader's words: key path, what was expected, what was got."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

__all__ = ["describe"]

Schema = dict[str, Any]

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "mapping_type": "a table",
    "string_too_short": "text that is not empty",
    "too_short": "at least one entry",
}


def describe(error: ValidationError, schema: Schema, prefix: str = "") -> list[str]:
    """Every fault of a table as `key path: expected ..., got ...`; `schema` is the JSON Schema of what it should have been."""
    return [_fault(fault, schema, (prefix,) if prefix else ()) for fault in error.errors(include_url=False)]


def _fault(fault: Any, schema: Schema, prefix: tuple[str, ...]) -> str:
    loc = tuple(fault["loc"])
    holder, names = _walk(loc[:-1], schema)
    if fault["type"] == "unexpected_keyword_argument":
        return _placed((*prefix, holder), _unknown(str(loc[-1]), names))
    if fault["type"] == "missing":
        return _placed((*prefix, holder), f"expected key '{loc[-1]}', got none")
    place, names = _walk(loc, schema)
    return _placed((*prefix, place), _sentence(fault, names))


def _unknown(key: str, names: Sequence[str]) -> str:
    near = get_close_matches(key, names, n=1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    return f"unknown key '{_short(key)}'{hint}; expected one of {', '.join(names)}"


def _sentence(fault: Any, names: Sequence[str]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    got = f"got {_short(repr(fault['input']))}"
    if kind in {"dataclass_type", "dataclass_exact_type"}:
        return f"expected a table with {', '.join(names)}, {got}"
    if kind == "literal_error":
        return f"expected {context['expected']}, {got}"
    if kind == "union_tag_invalid":
        return f"expected {context['discriminator']} = {context['expected_tags']}, got '{_short(str(context['tag']))}'"
    if kind == "union_tag_not_found":
        return f"expected a table with {context['discriminator']}, {got}"
    return f"expected {_EXPECTED.get(kind) or _bound(kind, context) or fault['msg']}, {got}"


def _bound(kind: str, context: dict[str, Any]) -> str | None:
    words = {"greater_than": "more than {gt}", "greater_than_equal": "at least {ge}", "less_than_equal": "at most {le}"}
    words |= {
        "string_pattern_mismatch": "lower-case letters, digits, '.', '_' or '-'",
        "string_too_long": "at most {max_length} characters",
    }
    return words[kind].format(**context) if kind in words else None


def _placed(places: Iterable[str], message: str) -> str:
    place = ".".join(filter(None, places))
    return f"{place}: {message}" if place else message


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _walk(loc: Sequence[int | str], root: Schema) -> tuple[str, list[str]]:
    """The key path a reader would write for a location, and the keys allowed there."""
    path, node = "", _plain(root, root)
    for step in loc:
        tags = node.get("discriminator", {}).get("mapping", {})
        if step in tags:
            node = _plain({"$ref": tags[step]}, root)
            continue
        path += f"[{step}]" if isinstance(step, int) else ("." if path else "") + _short(step)
        node = _plain(_child(node, step), root)
    return path, list(node.get("properties", ()))


def _child(node: Schema, step: int | str) -> Schema:
    if isinstance(step, str):
        inner = node.get("properties", {}).get(step, node.get("additionalProperties", {}))
    else:
        fixed = node.get("prefixItems", [])
        inner = fixed[step] if step < len(fixed) else node.get("items", {})
    return inner if isinstance(inner, dict) else {}


def _plain(node: Schema, root: Schema) -> Schema:
    """References followed, and `X or nothing` read as X."""
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    present = next((choice for choice in _choices(node) if choice.get("type") != "null"), None)
    return node if present is None else _plain(present, root)


def _choices(node: Schema) -> Iterator[Schema]:
    yield from node.get("anyOf", ())
