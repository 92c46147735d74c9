"""One seed of a search from warm-up to checked file, phase by phase; each epoch ends with a checkpoint from which it goes on."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hwcost.budget import Budget
from hwcost.checking import Report
from hwcost.nas import checkpoint
from hwcost.nas.config import Config
from hwcost.nas.costs import Costs
from hwcost.nas.delivery import ONNX, delivered
from hwcost.nas.limits import Limits
from hwcost.nas.networks import network_of
from hwcost.nas.selection import with_chosen
from hwcost.nas.space import Space, prunable
from hwcost.nas.training import Trainer, constant, cosine, device_named, score
from hwcost.target import Target
from hwcost.tasks import Splits, Task

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True, slots=True)
class Progress:
    """An epoch that is done: where the run is, how it does, and, while searching, how much of each limit is used."""

    seed: int
    phase: str
    epoch: int
    epochs: int
    loss: float
    score: float
    usage: dict[str, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed of a search found; times leave out what a run that was cut off had to do again.

    `chosen` names the alternative of every choice. `seed_score` is that of the network as it was given, with the first alternatives,
    trained as long; None where it was not asked for.
    """

    seed: int
    widths: dict[str, int]
    chosen: dict[str, str]
    validation_score: float
    test_score: float
    seed_score: float | None
    search_time_s: float
    training_time_s: float | None
    onnx: Path
    report: Report


Tell = Callable[[Progress], None]


class Session:
    """The run of one seed; what it has done is in `folder`, and doing it again goes on from there to the same result."""

    def __init__(self, task: Task, splits: Splits, target: Target, config: Config, seed: int, folder: Path, tell: Tell) -> None:
        self.task, self.splits, self.target = task, splits, target
        self.config, self.seed, self.folder, self.tell = config, seed, folder, tell
        self.trainer = Trainer(task, config.schedule, splits.train, device_named(config.device))
        self.teacher = Trainer(task, config.schedule, splits.validation, self.trainer.device)
        self._made_for = repr((config, seed))
        self.state: dict[str, Any] = checkpoint.load(folder / CHECKPOINT, self._made_for) or {"done": {}}

    def run(self) -> Outcome:
        """Warm up, search, fine-tune, export and check; the generators of torch are as they were afterwards."""
        with torch.random.fork_rng(devices=[]):
            return self._run()

    def _run(self) -> Outcome:
        schedule = self.config.schedule
        torch.manual_seed(self.seed)
        network = network_of(self.task, self.config.network)
        limits = self.limits(network)
        limits.space.release()
        network.to(self.trainer.device)  # it is read, and its budget judged, on the CPU
        limits.space.choose(limits.space.first)  # others join when there is something to compare them with
        self._phase("warm-up", network, schedule.warmup_epochs, offset=0)
        seed_score = self._baseline(network, limits.space) if self.config.baseline else None
        limits.space.choose(None)
        limits.space.attach()
        self._phase("search", network, schedule.search_epochs, offset=1, limits=limits)
        small = limits.export()
        self._phase("fine-tuning", small, schedule.finetune_epochs, offset=2, keeps_best=True)
        report = delivered(small.cpu(), self.task.example_input(), limits, self.folder)
        return Outcome(
            seed=self.seed,
            widths=limits.space.widths,
            chosen=limits.space.chosen,
            validation_score=score(self.task, small, self.splits.validation),
            test_score=score(self.task, small, self.splits.test),
            seed_score=seed_score,
            search_time_s=self._seconds("warm-up", "search", "fine-tuning"),
            training_time_s=self._training_time_s(limits.space) if self.config.baseline else None,
            onnx=self.folder / ONNX,
            report=report,
        )

    def _baseline(self, network: nn.Module, space: Space) -> float:
        """The test score of the network as it is, trained for as many epochs.

        With choices it is that of the first alternatives, new and trained for the epochs of the warm-up as well: in that the alternatives
        were trained as parts of a mixture.
        """
        schedule = self.config.schedule
        if space.blocks:
            torch.manual_seed(self.seed)
            whole = with_chosen(network_of(self.task, self.config.network), space.blocks, space.first).to(self.trainer.device)
        else:
            whole = copy.deepcopy(network)
        self._phase("seed", whole, schedule.search_epochs + (schedule.warmup_epochs if space.blocks else 0), offset=1)
        self._phase("seed fine-tuning", whole, schedule.finetune_epochs, offset=2, keeps_best=True)
        return score(self.task, whole, self.splits.test)

    def limits(self, network: nn.Module) -> Limits:
        """The limits of the configuration on a network, which is masked from now on; InputError where they are out of reach."""
        space = prunable(network, self.task.example_input(), granularity=self.config.granularity, freeze=self.config.freeze)
        steps = self.config.schedule.search_epochs * (self.trainer.steps + (self.teacher.steps if self.alternates(space) else 0))
        budget = budget_of(space, self.target, self.config)
        how = {"strategy": self.config.strategy, "confidence": self.config.confidence, "choosing": self.config.choice}
        return Limits(space, self.target, budget, steps=steps, **how)  # type: ignore[arg-type]

    def alternates(self, space: Space) -> bool:
        """Whether alpha is taught on the validation data, between epochs of the weights."""
        return self.config.choice.updates == "alternating" and bool(space.blocks)

    def _phase(
        self, name: str, network: nn.Module, epochs: int, *, offset: int, limits: Limits | None = None, keeps_best: bool = False
    ) -> None:
        """Train a network for some epochs, or what is left of them, and leave it at its last or, where that is kept, best epoch.

        Of a search only epochs after its channels are settled count: those networks meet every limit.
        """
        run = _PhaseRun(self, name, network, limits, epochs, self.seed * 3 + offset)
        if name not in self.state["done"]:
            run.resume(self.state.get(name))
            run.train(keeps_best or limits is not None)
            self.state["done"][name] = run.result()
            self.state.pop(name, None)
            self.save()
        run.restore(self.state["done"][name])

    def save(self) -> None:
        """Write the checkpoint."""
        checkpoint.save(self.folder / CHECKPOINT, self._made_for, self.state)

    def _training_time_s(self, space: Space) -> float:
        return self._seconds("seed", "seed fine-tuning", *(() if space.blocks else ("warm-up",)))

    def _seconds(self, *phases: str) -> float:
        return float(sum(self.state["done"][name]["seconds"] for name in phases))


def budget_of(space: Space, target: Target, config: Config) -> Budget:
    """The budget of a configuration, its shares taken of the space's network as it is."""
    return config.budget.of(Costs(space, target, Budget()).seed.cost)


class _PhaseRun:
    """One phase: a network, its optimiser, where it stands and the best it has seen."""

    def __init__(self, session: Session, name: str, network: nn.Module, limits: Limits | None, epochs: int, stream: int) -> None:
        self.session, self.name, self.network, self.limits, self.epochs = session, name, network, limits, epochs
        self.optimizer = session.trainer.optimizer(network)
        self.random = torch.Generator().manual_seed(stream)
        torch.manual_seed(stream)
        self.epoch, self.seconds = 0, 0.0
        self.best: dict[str, Any] | None = None

    def train(self, keeps_best: bool) -> None:
        """The epochs that are left; without any, the network is what it was."""
        while self.epoch < self.epochs and not self._has_waited_enough():
            self._one_epoch(keeps_best)
            self.session.state[self.name] = self._standing()
            self.session.save()

    def _has_waited_enough(self) -> bool:
        """Whether no epoch was better for as long as patience lasts; a search goes on to its end."""
        patience = self.session.config.schedule.patience
        return bool(patience) and self.limits is None and self.best is not None and self.epoch - self.best["rose"] >= patience

    def _one_epoch(self, keeps_best: bool) -> None:
        session, started = self.session, time.perf_counter()
        rate = session.config.schedule.learning_rate
        alternates = self.limits is not None and session.alternates(self.limits.space)
        loss = session.trainer.epoch(
            self.network,
            self.optimizer,
            self.random,
            rate=cosine(rate, self.epoch, self.epochs) if "fine-tuning" in self.name else constant(rate),
            penalty=None if self.limits is None else self.limits.loss,
            after_step=None if self.limits is None else partial(self.limits.step, learn_choices=not alternates),
            place=f"seed {session.seed}, {self.name}, epoch {self.epoch + 1} of {self.epochs}",
        )
        if alternates and self.limits is not None and not self.limits.settled:
            session.teacher.epoch(
                self.network, None, self.random, rate=constant(rate), penalty=self.limits.loss, after_step=self.limits.step
            )
        if self.limits is not None and self.epoch + 1 == self.epochs and not self.limits.settled:
            self.limits.settle()
        found = score(session.task, self.network, session.splits.validation)
        self.epoch += 1
        counts = keeps_best and (self.limits is None or self.limits.settled)
        if counts and (self.best is None or found >= self.best["score"]):
            # Of equal epochs the last is kept, after which rates are lower; patience counts from the first.
            rose = self.epoch if self.best is None or found > self.best["score"] else self.best["rose"]
            self.best = {"score": found, "rose": rose, **self._values()}
        self.seconds += time.perf_counter() - started
        usage = {} if self.limits is None else dict(self.limits.report().usage)
        session.tell(Progress(session.seed, self.name, self.epoch, self.epochs, loss, found, usage))

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {"network": copy.deepcopy(self.network.state_dict())}
        return values if self.limits is None else {**values, "limits": self.limits.state_dict()}

    def _standing(self) -> dict[str, Any]:
        return {
            **self._values(),
            "optimizer": copy.deepcopy(self.optimizer.state_dict()),
            "random": self.random.get_state(),
            "torch": torch.get_rng_state(),
            "epoch": self.epoch,
            "seconds": self.seconds,
            "best": self.best,
        }

    def resume(self, standing: dict[str, Any] | None) -> None:
        """Go on from an epoch that was done."""
        if standing is None:
            return
        self.restore(standing)
        self.optimizer.load_state_dict(standing["optimizer"])
        self.random.set_state(standing["random"])
        torch.set_rng_state(standing["torch"])
        self.epoch, self.seconds, self.best = standing["epoch"], standing["seconds"], standing["best"]

    def result(self) -> dict[str, Any]:
        """What the phase ends with."""
        return {**(self.best or self._values()), "seconds": self.seconds}

    def restore(self, values: dict[str, Any]) -> None:
        """Bring the network, and the limits on it, to values they had."""
        self.network.load_state_dict(values["network"])
        if self.limits is not None:
            self.limits.load_state_dict(values["limits"])
