"""Plain training of a network on a task, in the phases of a search."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn

from hwcost.nas.config import Schedule
from hwcost.nas.training import Trainer, constant, cosine, device_named, score
from hwcost.tasks import Splits, Task

EPOCHS = (10, 15, 10)
"""Epochs of warm-up, search and fine-tuning of a task that nobody published any for."""


def published_epochs(task: type[Task]) -> tuple[int, int, int]:
    """The epochs of a task as published, or ours."""
    schedule = task.published
    return EPOCHS if schedule is None else (schedule.warmup_epochs, schedule.search_epochs, schedule.finetune_epochs)


def schedule_of(task: Task, epochs: tuple[int, int, int]) -> Schedule:
    """These epochs, everything else as published for the task where it was."""
    published = {} if task.published is None else task.published.settings()
    return Schedule(**{**published, **dict(zip(("warmup_epochs", "search_epochs", "finetune_epochs"), epochs, strict=True))})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Training:
    """A task with its data and a schedule; `seed` decides the order of batches."""

    task: Task
    splits: Splits
    schedule: Schedule
    seed: int

    @cached_property
    def trainer(self) -> Trainer:
        return Trainer(self.task, self.schedule, self.splits.train, device_named("auto"))

    def train(self, network: nn.Module, epochs: int, *, stream: int = 0) -> None:
        """Some epochs at a constant rate, as in warm-up and search."""
        optimizer, random = self._begun(network, stream)
        for _ in range(epochs):
            self.trainer.epoch(network, optimizer, random, rate=constant(self.schedule.learning_rate))

    def finetune(self, network: nn.Module, *, stream: int = 1) -> None:
        """The last epochs at a rate that falls to zero; the network is left at the epoch with the best validation score."""
        optimizer, random = self._begun(network, stream)
        epochs = self.schedule.finetune_epochs
        best, kept = -1.0, copy.deepcopy(network.state_dict())
        for epoch in range(epochs):
            self.trainer.epoch(network, optimizer, random, rate=cosine(self.schedule.learning_rate, epoch, epochs))
            found = self.validation_score(network)
            if found >= best:
                best, kept = found, copy.deepcopy(network.state_dict())
        network.load_state_dict(kept)

    def validation_score(self, network: nn.Module) -> float:
        """What decides between networks."""
        return score(self.task, network, self.splits.validation)

    def test_score(self, network: nn.Module) -> float:
        """What is reported."""
        return score(self.task, network, self.splits.test)

    def _begun(self, network: nn.Module, stream: int) -> tuple[torch.optim.Optimizer, torch.Generator]:
        network.to(self.trainer.device)
        return self.trainer.optimizer(network), torch.Generator().manual_seed(self.seed * 3 + stream)


def from_scratch(network: nn.Module) -> nn.Module:
    """The network with new weights, drawn for the widths it has."""
    for part in network.modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset):
            reset()
    return network
