"""Attributes of ONNX nodes as plain Python values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hwcost.frontends.onnx_tensors import constant
from hwcost.frontends.onnx_text import clean

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

_FLOAT, _INT, _STRING, _TENSOR, _GRAPH, _FLOATS, _INTS, _STRINGS = 1, 2, 3, 4, 5, 6, 7, 8


def plain(attributes: Mapping[str, onnx.AttributeProto], owner: str, folder: Path | None) -> dict[str, Any]:
    """Attributes by name: numbers, text and tuples of them as such, a tensor as a constant, a branch as its message."""
    return {name: _plain(attribute, f"{owner}.{name}", folder) for name, attribute in attributes.items()}


def _plain(attribute: onnx.AttributeProto, name: str, folder: Path | None) -> Any:
    kind = attribute.type or _kind(attribute)
    if kind == _FLOAT:
        return written(attribute.f)
    if kind == _INT:
        return attribute.i
    if kind == _STRING:
        return clean(attribute.s)
    if kind == _TENSOR:
        return constant(attribute.t, name, folder)
    if kind == _GRAPH:
        return attribute.g
    return _several(attribute, kind)


def _several(attribute: onnx.AttributeProto, kind: int) -> Any:
    if kind == _FLOATS:
        return tuple(written(number) for number in attribute.floats)
    if kind == _INTS:
        return tuple(attribute.ints)
    if kind == _STRINGS:
        return tuple(clean(item) for item in attribute.strings)
    return None


def written(number: float) -> float:
    """A float32 of the file as the decimal that was meant: an epsilon of 1e-5 reads back as 1e-5, as in the module it came from."""
    return float(str(np.float32(number)))


def _kind(attribute: onnx.AttributeProto) -> int:
    """The type of an attribute in files older than the field that says so."""
    single = {"f": _FLOAT, "i": _INT, "s": _STRING, "t": _TENSOR, "g": _GRAPH}
    repeated = {"floats": _FLOATS, "ints": _INTS, "strings": _STRINGS}
    return next((kind for name, kind in single.items() if attribute.HasField(name)), 0) or next(
        (kind for name, kind in repeated.items() if getattr(attribute, name)), 0
    )
