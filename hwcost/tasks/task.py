"""A task: a network to train, the data to train it on, and how its answers are scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

import torch
from torch import nn

from hwcost.errors import InputError, shown
from hwcost.tasks.published import PublishedSchedule


class Inputs(Protocol):
    """What examples are held as: a tensor, batch first, or anything that makes one of the examples at some indices."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: torch.Tensor) -> torch.Tensor: ...


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs and what a network should make of them, batch first; raises InputError where there are none, or not as many of each.

    Inputs may be held in a smaller form than the network takes, such as bytes; `Task.prepared` makes the one of the other.
    """

    inputs: Inputs
    labels: torch.Tensor

    def __post_init__(self) -> None:
        if not len(self.inputs) or len(self.inputs) != len(self.labels):
            raise InputError(f"expected as many inputs as labels, at least one, got {len(self.inputs)} and {len(self.labels)}")

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, slots=True)
class Splits:
    """What is trained on, what decides between networks, and what is reported at the end."""

    train: Examples
    validation: Examples
    test: Examples


class Task(ABC):
    """One file and one class for each; classification unless `loss` and `score` say otherwise.

    A batch is taken from the examples, `augmented` if it is trained on, `prepared`, and given to the network; `answers` is what is kept of
    what comes out, and what `loss` and `score` judge.
    """

    metric: ClassVar[str] = "accuracy"
    """What `score` is; more is better."""
    published: ClassVar[PublishedSchedule | None] = None
    """How the task was trained in the literature, where it was."""
    needs_data: ClassVar[bool] = False
    """Whether files have to be downloaded first; they are in the folder `data`, or where HWCOST_DATA says."""
    data: Path | None = None

    @abstractmethod
    def network(self) -> nn.Module:
        """A new network, its weights drawn from torch's generator."""

    @abstractmethod
    def example_input(self) -> torch.Tensor:
        """One input, with a batch of 1."""

    @abstractmethod
    def splits(self) -> Splits:
        """The data; the same every time."""

    def augmented(self, inputs: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """A batch as it is trained on, in the shape and type that it is held in."""
        return inputs

    def prepared(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the network takes of a batch as it is held."""
        return inputs

    def answers(self, outputs: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """What is kept of the network's outputs on prepared inputs; a network that reproduces its input keeps the error alone."""
        return outputs

    def loss(self, answers: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """What training makes small; cross entropy of logits."""
        return nn.functional.cross_entropy(answers, labels)

    def score(self, answers: torch.Tensor, labels: torch.Tensor) -> float:
        """How good the answers to all examples of a part are, 0 to 1; the share of correct ones."""
        return float((answers.argmax(dim=1) == labels).double().mean())


TASKS: dict[str, type[Task]] = {}

Registered = TypeVar("Registered", bound=type[Task])


def task(name: str) -> Callable[[Registered], Registered]:
    """Make a task known under a name."""

    def keep(kind: Registered) -> Registered:
        TASKS[name] = kind
        return kind

    return keep


def task_named(name: str, data: str | Path | None = None) -> Task:
    """The task of that name, its files in the folder `data` if it has any; raises InputError with the nearest names if there is none."""
    if name not in TASKS:
        near = get_close_matches(name, TASKS, n=3, cutoff=0.4) or sorted(TASKS)
        raise InputError(f"there is no task {shown(name)}; expected {' or '.join(near)}, or FILE.py:CLASS for one of your own")
    return given_data(TASKS[name](), data)


def given_data(task: Task, data: str | Path | None) -> Task:
    """A task, told the folder its files are in; InputError for one that reads none."""
    if data is not None:
        if not task.needs_data:
            raise InputError(f"data: the task {type(task).__name__} reads no files, so leave out the folder {shown(str(data))}")
        task.data = Path(data)
    return task


def described() -> str:
    """All tasks as a table: name, metric, shape of the input, whether files must be downloaded, and what it is."""
    rows = [("task", "metric", "input", "data", "what")]
    for name, kind in TASKS.items():
        shape = "x".join(str(size) for size in kind().example_input().shape[1:])
        what = (kind.__doc__ or "").strip().split("\n")[0].rstrip(".")
        rows.append((name, kind.metric, shape, "to download" if kind.needs_data else "built in", what))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows)
