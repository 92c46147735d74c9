"""Shapes of layers that occur in real networks, as shapes.csv lists them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Shape", "known_shapes"]

_FILE = Path(__file__).parent / "shapes.csv"


@dataclass(frozen=True, slots=True)
class Shape:
    """A layer of some network: channels, side of its window, stride, side of its input, and how many networks have it."""

    in_channels: int
    out_channels: int
    kernel: int
    stride: int
    size: int
    networks: int


@cache
def known_shapes() -> Mapping[str, tuple[Shape, ...]]:
    """By kind: conv2d, pointwise, depthwise, dense, pool."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    kinds = dict.fromkeys(row["kind"] for row in rows)
    return {kind: tuple(_shape(row) for row in rows if row["kind"] == kind) for kind in kinds}


def _shape(row: Mapping[str, str]) -> Shape:
    return Shape(*(int(row[name]) for name in ("in_channels", "out_channels", "kernel", "stride", "size", "networks")))
