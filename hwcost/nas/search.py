"""A whole search as a configuration describes it: every seed from warm-up to checked file, and the best of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hwcost.errors import InputError
from hwcost.nas.checkpoint import write_atomically
from hwcost.nas.config import Config
from hwcost.nas.delivery import BUDGET, ONNX, WEIGHTS
from hwcost.nas.session import Outcome, Progress, Session
from hwcost.nas.user_code import made
from hwcost.target import Target
from hwcost.tasks import Task, given_data, task_named


@dataclass(frozen=True, slots=True)
class Found:
    """The outcomes of all seeds, in the order they were run."""

    outcomes: tuple[Outcome, ...]
    onnx: Path

    @property
    def budget(self) -> Path:
        """The limits in a file that `hwcost check --budget` takes."""
        return self.onnx.with_name(BUDGET)

    @property
    def best(self) -> Outcome:
        """The outcome with the best validation score, the first of equals; the test score decides nothing."""
        return max(self.outcomes, key=lambda outcome: outcome.validation_score)

    def mean_and_spread(self) -> tuple[float, float]:
        """Mean test score and its standard deviation over the seeds; 0 for a single one."""
        scores = [outcome.test_score for outcome in self.outcomes]
        return statistics.fmean(scores), statistics.stdev(scores) if len(scores) > 1 else 0.0


class Search:
    """A search: what it needs is read, and its budget judged reachable, before anything is trained.

    `output` receives a folder for each seed with its checkpoint, and the best network as network.onnx and
    network.pt, with the limits in budget.toml. Running again
    with the same configuration and folder goes on where the last run was cut off, to the same result.
    """

    def __init__(self, config: Config, output: str | Path, *, tell: Callable[[Progress], None] | None = None) -> None:
        self.config, self.output = config, Path(output)
        if self.output.exists() and not self.output.is_dir():
            raise InputError(f"--output: {self.output} is a file; expected a folder, or a name that is free")
        self.target = Target.load(config.target, config.runtime)
        own = ".py:" in config.task
        self.task: Task = given_data(made(config.task, "a task", Task), config.data) if own else task_named(config.task, config.data)
        self.tell = tell or (lambda progress: None)

    def run(self) -> Found:
        """Run every seed. Raises InputError for data, networks, limits and settings that cannot be used, and for a loss that diverges."""
        splits = self.task.splits()
        sessions = (
            Session(self.task, splits, self.target, self.config, seed, self.output / f"seed-{seed}", self.tell)
            for seed in self.config.seeds
        )
        found = Found(tuple(session.run() for session in sessions), self.output / ONNX)
        for name in (ONNX, WEIGHTS, BUDGET):
            write_atomically(self.output / name, (found.best.onnx.parent / name).read_bytes())
        return found
