"""Reproduce the published grid of limits on every task whose data is at hand, with the methods it is to be compared with.

Rows are added to a file as they are done (--rows); the same command goes on where it was cut off, and writes docs/results.md from all rows
in the file. Nothing in that page comes from anywhere else. Tasks that need a download are run where --data (or HWCOST_DATA) holds
their files. One torch thread for each process.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded, here and in every process started

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from joblib import Parallel, delayed
from reproducing.cells import BUDGETS, Cell, Rows, grid
from reproducing.document import described, document
from reproducing.methods import METHODS, run
from reproducing.training import published_epochs
from rich.console import Console
from rich.progress import Progress

from hwcost.errors import HwcostError
from hwcost.tasks import TASKS, task_named

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "results.md"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), help="default: every task whose data is at hand")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--limits", nargs="+", choices=list(BUDGETS), default=list(BUDGETS), metavar="NAME", help=", ".join(BUDGETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", nargs=3, type=int, metavar=("WARMUP", "SEARCH", "FINETUNE"), help="default: as published for each task")
    parser.add_argument("--data", help="the folder of the files that were downloaded")
    parser.add_argument("--jobs", type=int, default=1, help="processes beside each other")
    parser.add_argument("--rows", type=Path, default=ROOT / "out" / "reproduction.jsonl", help="the file that rows are added to")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page that is written")
    return parser.parse_args()


def at_hand(data: str | None) -> list[str]:
    """The tasks whose data is there."""
    return [name for name in TASKS if _is_at_hand(name, data)]


def _is_at_hand(name: str, data: str | None) -> bool:
    if not TASKS[name].needs_data:
        return True
    try:
        task_named(name, data).splits()
    except HwcostError:
        return False
    return True


def run_all(cells: Sequence[Cell], rows: Rows, *, jobs: int, data: str | None) -> None:
    """Run cells and keep each row as soon as it is there."""
    console = Console(stderr=True)
    with Progress(console=console) as progress:
        bar = progress.add_task("cells", total=len(cells))
        for row in Parallel(n_jobs=jobs, return_as="generator_unordered")(delayed(run)(cell, data) for cell in cells):
            rows.add(row)
            progress.console.print(described(row))
            progress.advance(bar)


def main() -> int:
    options = arguments()
    tasks = options.tasks or at_hand(options.data)
    rows = Rows(options.rows)
    epochs = {name: tuple(options.epochs or published_epochs(TASKS[name])) for name in tasks}
    wanted = [cell for name in tasks for cell in grid(name, options.methods, options.limits, options.seeds, epochs[name])]
    missing = rows.missing(wanted)
    print(f"{len(wanted)} cells, {len(wanted) - len(missing)} of them done before", file=sys.stderr)
    try:
        run_all(missing, rows, jobs=options.jobs, data=options.data)
    finally:
        options.page.write_text(document(rows.read()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
