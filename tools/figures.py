"""What a benchmark prints: figures with their goals, as a table or as JSON; it fails where a goal is missed."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One measured number; without a goal it is there to compare with."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    better: Literal["lower", "higher"] = "lower"

    @property
    def is_met(self) -> bool:
        if self.goal is None:
            return True
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


def arguments(description: str) -> argparse.ArgumentParser:
    """The options every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--full", action="store_true", help="measure the whole claim, however long it takes")
    return parser


def machine() -> dict[str, str | int | None]:
    """What the figures depend on besides the code."""
    return {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()}


def report(figures: Sequence[Figure], conditions: Mapping[str, object], *, as_json: bool) -> int:
    """Print the figures; 1 where a goal is missed, else 0."""
    if as_json:
        rows = {figure.name: {key: value for key, value in asdict(figure).items() if key != "name"} for figure in figures}
        print(json.dumps({"conditions": dict(conditions), "figures": rows}, indent=2))
    else:
        width = max(len(figure.name) for figure in figures)
        for figure in figures:
            goal = "" if figure.goal is None else f"{'at most' if figure.better == 'lower' else 'at least'} {figure.goal:g}"
            print(
                f"{figure.name:<{width}}  {figure.value:>10.4g} {figure.unit:<5}  {goal:<16}{'' if figure.is_met else ' missed'}".rstrip()
            )
        print("; ".join(f"{name} {value}" for name, value in conditions.items()))
    return 0 if all(figure.is_met for figure in figures) else 1
