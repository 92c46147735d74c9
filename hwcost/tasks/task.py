"""A task: a network to train, the data to train it on, and how its answers are scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

import torch
from torch import nn

from hwcost.errors import InputError, shown


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs and what a network should make of them, batch first; raises InputError where there are none, or not as many of each."""

    inputs: torch.Tensor
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
    """One file and one class for each; classification unless `loss` and `score` say otherwise."""

    metric = "accuracy"
    """What `score` is; more is better."""

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
        """A batch as it is trained on."""
        return inputs

    def loss(self, outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """What training makes small; cross entropy of logits."""
        return nn.functional.cross_entropy(outputs, labels)

    def score(self, outputs: torch.Tensor, labels: torch.Tensor) -> float:
        """How good answers are, 0 to 1; the share of correct ones."""
        return float((outputs.argmax(dim=1) == labels).double().mean())


TASKS: dict[str, type[Task]] = {}

Registered = TypeVar("Registered", bound=type[Task])


def task(name: str) -> Callable[[Registered], Registered]:
    """Make a task known under a name."""

    def keep(kind: Registered) -> Registered:
        TASKS[name] = kind
        return kind

    return keep


def task_named(name: str) -> Task:
    """The task of that name; raises InputError with the nearest names if there is none."""
    if name not in TASKS:
        near = get_close_matches(name, TASKS, n=3, cutoff=0.4) or sorted(TASKS)
        raise InputError(f"there is no task {shown(name)}; expected {' or '.join(near)}, or FILE.py:CLASS for one of your own")
    return TASKS[name]()
