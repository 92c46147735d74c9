"""One cell of the grid: what is trained, how, under which limits; and the file that keeps what came of it."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

DEVICE, RUNTIME = "stm32l4r5", "tflm-cmsis-nn"
GRID = (75, 50, 25)
"""Per cent of its own bytes, and of its latency, that a network is left."""

Row = dict[str, Any]


def budgets() -> dict[str, dict[str, str]]:
    """The limits by name: bytes alone, bytes and latency, the headline cut, and that with peak RAM limited as well."""
    sizes = {f"size {size}": {"max_flash": f"{size}%"} for size in GRID}
    pairs = itertools.product(GRID, GRID)
    both = {f"size {size}, latency {latency}": {"max_flash": f"{size}%", "max_latency": f"{latency}%"} for size, latency in pairs}
    headline = {"max_flash": "12.6%", "max_latency": "45.8%"}
    return {**sizes, **both, "headline": headline, "headline, RAM 35": {**headline, "max_ram": "35%"}}


BUDGETS = budgets()
WHOLE = "none"
"""The budget of the network as it is."""


@dataclass(frozen=True)
class Cell:
    """A task, a method, a budget by name, a seed, and the epochs of warm-up, search and fine-tuning."""

    task: str
    method: str
    budget: str
    seed: int
    epochs: tuple[int, int, int]

    @property
    def limits(self) -> dict[str, str]:
        """Its limits as a configuration writes them."""
        return BUDGETS.get(self.budget, {})

    @property
    def group(self) -> tuple[str, str, str]:
        """What it is averaged over: everything but the seed."""
        return (self.task, self.method, self.budget)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Cell:
        """The cell that a row is about."""
        return cls(row["task"], row["method"], row["budget"], row["seed"], tuple(row["epochs"]))

    def row(self, **found: Any) -> Row:
        """A row of the file: the cell and what came of it."""
        return {**asdict(self), "epochs": list(self.epochs), **found}


class Rows:
    """A file of one JSON object a line, to which whole lines are added: what a kill leaves behind is read up to its last whole line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Row]:
        """All rows so far."""
        if not self.path.exists():
            return []
        return [row for line in self.path.read_text(encoding="utf-8").split("\n") if (row := _whole(line)) is not None]

    def missing(self, cells: Iterable[Cell]) -> list[Cell]:
        """The cells of which there is no row yet."""
        done = {Cell.of(row) for row in self.read()}
        return [cell for cell in cells if cell not in done]

    def add(self, row: Row) -> None:
        """Add one row in one write, on a line of its own even after a line that was cut off."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        torn = self.path.exists() and not self.path.read_bytes().endswith(b"\n") and self.path.stat().st_size > 0
        line = ("\n" if torn else "") + json.dumps(row, sort_keys=True) + "\n"
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, line.encode())
            os.fsync(file)
        finally:
            os.close(file)


def _whole(line: str) -> Row | None:
    """The row on a line; None for what a write that was cut off left of one."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) else None


def grid(task: str, methods: Sequence[str], names: Sequence[str], seeds: Sequence[int], epochs: tuple[int, int, int]) -> list[Cell]:
    """Every cell asked for of a task, seed by seed; its network as it is once a seed."""
    cells: list[Cell] = []
    for seed in seeds:
        cells.append(Cell(task, "seed", WHOLE, seed, epochs))
        cells += [Cell(task, method, name, seed, epochs) for name in names for method in methods if method != "seed"]
    return cells
