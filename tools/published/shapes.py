"""What the readers share: where a set comes from, and layers by their sizes."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwcost.measure.importers.shapes import same_padding
from hwcost.ops import AveragePool2d, Conv2d, Dense, DepthwiseConv2d
from hwcost.records import Layer
from hwcost.tensor import int8

SHARED = Path(os.environ.get("HWCOST_SHARED") or Path(__file__).resolve().parents[3] / "shared")


@dataclass(frozen=True)
class Set:
    """One data set: its place in the shared folder, where it was published, its licence."""

    folder: str
    title: str
    origin: str
    licence: str

    def rows(self, name: str) -> list[dict[str, str]]:
        with (SHARED / self.folder / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def head(self) -> dict[str, str]:
        return {"title": self.title, "origin": self.origin, "licence": self.licence, "written by": "tools/import_published.py"}


def conv(c_in: int, size: tuple[int, int], c_out: int, kernel: tuple[int, int], stride: int, padding: Any = "same") -> Layer:
    pads = tuple(same_padding(n, k, stride) for n, k in zip(size, kernel, strict=True)) if padding == "same" else ((padding, padding),) * 2
    return Layer(Conv2d(c_out, kernel, (stride, stride), pads), (int8(c_in, *size),))


def depthwise(
    channels: int, size: tuple[int, int], kernel: tuple[int, int], stride: int, padding: Any = "same", multiplier: int = 1
) -> Layer:
    pads = tuple(same_padding(n, k, stride) for n, k in zip(size, kernel, strict=True)) if padding == "same" else ((padding, padding),) * 2
    return Layer(DepthwiseConv2d(kernel, (stride, stride), pads, multiplier=multiplier), (int8(channels, *size),))


def average(channels: int, size: int, kernel: int) -> Layer:
    return Layer(AveragePool2d((kernel, kernel), stride=(kernel, kernel)), (int8(channels, size, size),))


def dense(features: int, out_features: int) -> Layer:
    return Layer(Dense(out_features), (int8(features),))
