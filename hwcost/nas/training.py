"""One epoch of training, and the score of a network: plain PyTorch, the same numbers for the same generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import nn

from hwcost.errors import InputError
from hwcost.nas.config import Schedule
from hwcost.tasks import Examples, Task

SCORED_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Trainer:
    """Trains networks on a task as a schedule says."""

    task: Task
    schedule: Schedule
    examples: Examples
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Adam over the parameters of a network."""
        return torch.optim.Adam(network.parameters(), self.schedule.learning_rate, weight_decay=self.schedule.weight_decay)

    @property
    def steps(self) -> int:
        """Steps of an epoch: whole batches, at least one."""
        return max(1, len(self.examples) // self.schedule.batch_size)

    def epoch(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer | None,
        random: torch.Generator,
        *,
        rate: Callable[[float], float],
        penalty: Callable[[torch.Tensor], torch.Tensor] | None = None,
        after_step: Callable[[], None] | None = None,
        place: str = "",
    ) -> float:
        """Train on every batch once; the mean loss of the task. `rate` is the learning rate as a function of the share of the epoch done.

        `penalty` is what is added to the loss, which it is told. Without an optimiser the weights stay, and only what `after_step` does
        with the gradients is learned. Raises InputError for a loss that is not finite, which says where: `place`, and the step.
        """
        network.train()
        total = 0.0
        for number, (inputs, labels) in enumerate(self._batches(random)):
            for group in () if optimizer is None else optimizer.param_groups:
                group["lr"] = rate(number / self.steps)
            loss = self.task.loss(self.task.answers(network(inputs), inputs), labels)
            total += _finite(loss, f"{place}, step {number + 1} of {self.steps}".lstrip(", "), self.schedule.learning_rate)
            network.zero_grad(set_to_none=True)
            (loss if penalty is None else loss + penalty(loss)).backward()  # type: ignore[no-untyped-call]
            if optimizer is not None:
                optimizer.step()
            if after_step is not None:
                after_step()
        return total / self.steps

    def _batches(self, random: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Batches in a new order; what does not fill the last one is left out this time."""
        order = torch.randperm(len(self.examples), generator=random)
        for part in torch.split(order[: self.steps * self.schedule.batch_size], self.schedule.batch_size):
            inputs = self.task.prepared(self.task.augmented(self.examples.inputs[part], random))
            yield inputs.to(self.device), self.examples.labels[part].to(self.device)


def _finite(loss: torch.Tensor, place: str, rate: float) -> float:
    value = float(loss.detach())
    if not math.isfinite(value):
        raise InputError(
            f"the loss is {value} ({place}): training has diverged; try a learning_rate below {rate:g} and another --output, "
            "or look for numbers in the data that are not finite"
        )
    return value


def device_named(name: str) -> torch.device:
    """The device of that name, a GPU for "auto" where there is one; raises InputError for one that this machine lacks."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    found = torch.device(name)
    missing = found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count()
    if missing or (found.type == "mps" and not torch.backends.mps.is_available()):
        raise InputError(f"device: torch finds no {name} on this machine; expected cpu or auto")
    return found


def score(task: Task, network: nn.Module, examples: Examples) -> float:
    """How good a network is on examples, evaluated where the network is."""
    network.eval()
    device = next((values.device for values in network.parameters()), torch.device("cpu"))
    with torch.no_grad():
        batches = (task.prepared(examples.inputs[part]) for part in torch.split(torch.arange(len(examples)), SCORED_AT_ONCE))
        answers = [task.answers(network(batch), batch).cpu() for batch in (inputs.to(device) for inputs in batches)]
    return task.score(torch.cat(answers), examples.labels)


def constant(rate: float) -> Callable[[float], float]:
    """The same rate at every step."""
    return lambda _share: rate


def cosine(rate: float, epoch: int, epochs: int) -> Callable[[float], float]:
    """From `rate` to zero over all epochs, as half a wave of a cosine; for the steps of one epoch."""
    return lambda share: rate / 2 * (1 + math.cos(math.pi * (epoch + share) / epochs))
