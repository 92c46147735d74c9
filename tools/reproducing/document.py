"""docs/results.md, written from the rows that were run and from nothing else."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hwcost.tasks import TASKS
from reproducing.cells import BUDGETS, DEVICE, RUNTIME, WHOLE, Row
from reproducing.methods import CANDIDATES, METHODS

LEAST_SEEDS = 3

HEAD = f"""# Results

Written by `tools/reproduce_paper.py` from the rows it has run; every number below is one of them or a mean of some. The networks are priced
for {DEVICE} under {RUNTIME} as int8 programs; they are trained, and scored on the test part, as float.

- A limit of size is one on the network's own bytes (weights, biases, quantisation), of latency on its latency, of RAM on its arena, in per
  cent of what the whole network takes. The published grid takes latency in per cent of what the search for size alone finds;
  here it is of the whole network, so that every method is given the same number.
- Used is the share of each limit that the exported network takes, counted from the finished network. Code, runtime and stack count on
  neither side.
- Time is processor time of one thread, warm-up to finished network, over that of training the whole network for as many epochs.
- The spread is the standard deviation over seeds.

| method | what it is |
|---|---|
| seed | the network as it is, trained for all epochs |
| width | this project's search of widths, strategy projection |
| choice | this project's search between 3x3, 5x5, depthwise-separable and nothing, for every block |
| both | choice and width together |
| uniform | the largest width multiplier that fits, trained from new weights for all epochs |
| magnitude | trained as it is, then cut at once by the same projection, filters of small L1 norm first; fine-tuned the same |
| ramp | the published strategy, followed by the same exact projection, without which it meets no limit for sure |
| random | {CANDIDATES} random networks that fill the limits, trained a {CANDIDATES}th of the epochs each; the best one fine-tuned |
"""


def document(rows: Sequence[Row]) -> str:
    """The whole page."""
    tasks = [name for name in TASKS if any(row["task"] == name for row in rows)]
    return "\n".join([HEAD, *(_task(name, [row for row in rows if row["task"] == name]) for name in tasks), _not_run(rows)])


def _task(name: str, rows: Sequence[Row]) -> str:
    parts = []
    for epochs in sorted({tuple(row["epochs"]) for row in rows}):
        same = [row for row in rows if tuple(row["epochs"]) == epochs]
        warmup, search, finetune = epochs
        title = f"## {name}: {warmup} epochs of warm-up, {search} of search, {finetune} of fine-tuning"
        columns = ("limits", "method", f"{same[0]['metric']}, %", "to the seed, points", "seeds", "used of each limit, %", "time")
        head = f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|"
        parts.append("\n".join([title, "", head, *_lines(same), ""]))
    return "\n".join(parts)


def _lines(rows: Sequence[Row]) -> Iterable[str]:
    whole = {row["seed"]: row for row in rows if row["method"] == "seed" and "score" in row}
    for budget in (WHOLE, *BUDGETS):
        for method in METHODS:
            cells = [row for row in rows if (row["budget"], row["method"]) == (budget, method)]
            if cells:
                yield _line(budget, method, cells, whole)


def _line(budget: str, method: str, rows: Sequence[Row], whole: Mapping[int, Row]) -> str:
    done = [row for row in rows if "score" in row]
    if not done:
        return f"| {budget} | {method} | none | | {len(rows)} | {rows[0]['refused']} | |"
    beside = [row for row in done if row["seed"] in whole]
    lost = statistics.fmean(row["score"] - whole[row["seed"]]["score"] for row in beside) if beside else None
    time = statistics.fmean(row["seconds"] / whole[row["seed"]]["seconds"] for row in beside) if beside else None
    cells = [
        budget,
        method,
        _mean_and_spread([100 * row["score"] for row in done]),
        "" if lost is None else f"{100 * lost:+.1f}",
        f"{len(done)}" if len(done) == len(rows) else f"{len(done)} of {len(rows)}",
        _used(done),
        "" if time is None else f"{time:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _mean_and_spread(values: Sequence[float]) -> str:
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.1f}{spread}"


def _used(rows: Sequence[Row]) -> str:
    means = {key: statistics.fmean(row["used"][key] for row in rows) for key in BUDGETS.get(rows[0]["budget"], {})}
    return ", ".join(f"{key.removeprefix('max_')} {100 * share:.1f}" for key, share in means.items())


def _not_run(rows: Sequence[Row]) -> str:
    """What the tables do not show: whole tasks, and limits and methods of the tasks that were run."""
    run = {row["task"] for row in rows}
    lines = [
        f"- {name}: not run{', its data has to be downloaded' if kind.needs_data else ''}"
        for name, kind in TASKS.items()
        if name not in run
    ]
    for name in (name for name in TASKS if name in run):
        for epochs in sorted({tuple(row["epochs"]) for row in rows if row["task"] == name}):
            same = [row for row in rows if (row["task"], tuple(row["epochs"])) == (name, epochs)]
            lines += _gaps(f"{name}, {'/'.join(map(str, epochs))} epochs", same)
    return "\n".join(["## What was not run", "", *(lines or ["Nothing: every task, limit and method, with at least three seeds."]), ""])


def _gaps(name: str, rows: Sequence[Row]) -> list[str]:
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        counts[row["budget"], row["method"]] = counts.get((row["budget"], row["method"]), 0) + 1
    budgets = [budget for budget in BUDGETS if any(row["budget"] == budget for row in rows)]
    absent = [budget for budget in BUDGETS if budget not in budgets]
    lines = [f"- {name}: limits not run: {'; '.join(absent)}"] if absent else []
    for budget in budgets:
        methods = [method for method in METHODS if method != "seed" and (budget, method) not in counts]
        lines += [f"- {name}, {budget}: methods not run: {', '.join(methods)}"] if methods else []
    few = sorted({f"{method} ({budget})" for (budget, method), count in counts.items() if count < LEAST_SEEDS})
    return lines + ([f"- {name}: fewer than {LEAST_SEEDS} seeds: {', '.join(few)}"] if few else [])


def described(row: Row) -> str:
    """One row in a line, for progress."""
    place: Any = f"{row['task']} {row['budget']} {row['method']} seed {row['seed']}"
    return f"{place}: {100 * row['score']:.1f} %, {row['seconds']:.0f} s" if "score" in row else f"{place}: {row['refused']}"
