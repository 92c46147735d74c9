"""What the search is compared with, and the search itself: each makes a trained network of the widths it found, under the same limits."""

from __future__ import annotations

import math
import random as numbers
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from searching.usage import own_usage
from torch import nn

from hwcost import Budget, Target, check, nas
from hwcost.cost import Cost
from hwcost.errors import InputError
from hwcost.nas.config import Config
from hwcost.nas.costs import Costs
from hwcost.nas.landing import landed
from hwcost.nas.search import Search
from hwcost.nas.shares import SharedBudget
from hwcost.tasks import Task, task_named
from reproducing.cells import DEVICE, RUNTIME, Cell, Row
from reproducing.training import Training, from_scratch, schedule_of

CANDIDATES = 5
"""Networks that random search trains, each for that share of the epochs of warm-up and search."""
SCALES = 128
"""Steps in which a multiplier of widths is tried."""
SUPERNETS = {
    **dict.fromkeys(("digits", "digits-32", "cifar10"), "resnet8-choice"),
    **dict.fromkeys(("tones", "speech-commands"), "dscnn-choice"),
    "visual-wake-words": "mobilenetv1-choice",
}
"""The network with published alternatives of each task that has one."""


@dataclass(frozen=True)
class Made:
    """A trained network: its test score, and what it costs."""

    score: float
    cost: Cost


@dataclass(frozen=True)
class Bench:
    """A cell with its task, data and target."""

    cell: Cell
    training: Training
    target: Target
    data: str | None

    @property
    def task(self) -> Task:
        return self.training.task

    def network(self) -> nn.Module:
        """The task's network with the weights of this seed."""
        torch.manual_seed(self.cell.seed)
        return self.task.network()

    def cost(self, network: nn.Module) -> Cost:
        """What a plain network costs, counted anew."""
        return check(network.cpu(), self.target, example_input=self.task.example_input()).cost

    def scored(self, network: nn.Module) -> Made:
        """A plain, trained network with its test score and cost."""
        return Made(self.training.test_score(network), self.cost(network))


def seed(bench: Bench) -> Made:
    """The network as it is, trained for all epochs."""
    network, schedule = bench.network(), bench.training.schedule
    bench.training.train(network, schedule.warmup_epochs + schedule.search_epochs)
    bench.training.finetune(network)
    return bench.scored(network)


def uniform(bench: Bench) -> Made:
    """The largest width multiplier under which all limits hold, trained from new weights for all epochs."""
    space, costs = _space(bench, bench.network())
    small, schedule = from_scratch(_narrowed(space, _largest(costs, [1.0] * len(space.free)))), bench.training.schedule
    bench.training.train(small, schedule.warmup_epochs + schedule.search_epochs)
    bench.training.finetune(small)
    return bench.scored(small)


def magnitude(bench: Bench) -> Made:
    """Trained through warm-up and search as it is, then cut at once by the projection, filters of small L1 norm first, and fine-tuned."""
    network, schedule = bench.network(), bench.training.schedule
    bench.training.train(network, schedule.warmup_epochs + schedule.search_epochs)
    space, costs = _space(bench, network.cpu())
    limits = nas.Limits(space, bench.target, costs.budget, steps=1)
    space.keep(landed(limits.costs, {group.name: _norms(network, group) for group in space.free}, limits.reach))
    small = space.export()
    bench.training.finetune(small)
    return bench.scored(small)


def random(bench: Bench) -> Made:
    """Some random widths that fill the limits, each trained from new weights for its share of the epochs; the best is fine-tuned."""
    schedule, draw = bench.training.schedule, numbers.Random(bench.cell.seed)
    space, costs = _space(bench, bench.network())
    epochs = max(1, (schedule.warmup_epochs + schedule.search_epochs) // CANDIDATES)
    best, best_score = None, -1.0
    for _ in range(CANDIDATES):
        shares = [math.exp(draw.uniform(math.log(0.25), 0.0)) for _ in space.free]
        network = from_scratch(_narrowed(space, _largest(costs, shares)))
        bench.training.train(network, epochs)
        found = bench.training.validation_score(network)
        if found > best_score:
            best, best_score = network, found
    assert best is not None
    bench.training.finetune(best)
    return bench.scored(best)


def searched(bench: Bench, **settings: Any) -> Made:
    """A whole search by this project, from warm-up to checked file."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = Search(_config(bench, settings), folder).run().best
    return Made(outcome.test_score, outcome.report.cost)


def _config(bench: Bench, settings: Mapping[str, Any]) -> Config:
    """The configuration of a search; one that is not accepted is a mistake here, not an outcome."""
    cell, schedule = bench.cell, asdict(bench.training.schedule)
    tables: dict[str, Any] = {"task": cell.task, "target": DEVICE, "runtime": RUNTIME, "budget": cell.limits, "schedule": schedule}
    data = {} if bench.data is None else {"data": bench.data}
    try:
        return Config.from_tables({**tables, **data, "seeds": [cell.seed], "baseline": False, **settings}, "reproduce_paper")
    except InputError as error:
        raise RuntimeError(str(error)) from error


def _space(bench: Bench, network: nn.Module) -> tuple[nas.Space, Costs]:
    """The widths of a network under the limits of the cell; InputError where no widths meet them."""
    space = nas.prunable(network, bench.task.example_input())
    budget = budget_of(bench.cell.limits, Costs(space, bench.target, Budget()).seed.cost)
    return space, nas.Limits(space, bench.target, budget, steps=1).costs


def budget_of(limits: Mapping[str, str], whole: Cost) -> Budget:
    """Limits given as shares of what the whole network costs; none where none are given."""
    if not limits:
        return Budget()
    return SharedBudget.from_table(limits, "limits").of(whole)


def _largest(costs: Costs, shares: Sequence[float]) -> dict[str, int]:
    """The widths in these proportions that fit and are largest."""
    for scale in range(SCALES, -1, -1):
        found = {
            group.name: max(width for width in group.widths if width <= max(group.widths[0], share * scale / SCALES * group.size))
            for group, share in zip(costs.space.free, shares, strict=True)
        }
        if costs.exact(found).verdict == "fits":
            return found
    raise InputError("no widths in these proportions meet the limits")


def _narrowed(space: nas.Space, widths: Mapping[str, int]) -> nn.Module:
    space.keep({group.name: np.arange(group.size) < widths[group.name] for group in space.free})
    return space.export()


def _norms(network: nn.Module, group: nas.Group) -> np.ndarray[Any, Any]:
    """L1 norm of the filters of each channel, over all layers of the group, each layer's mean being 1: so layers compare."""
    total = np.zeros(group.size)
    for node in group.nodes:
        norms = network.get_submodule(node).weight.detach().abs().flatten(1).sum(1).double().numpy()
        total += norms / norms.mean()
    return total


def chosen(bench: Bench, **settings: Any) -> Made:
    """A search between the published alternatives of every block; InputError for a task that has no such network."""
    if bench.cell.task not in SUPERNETS:
        raise InputError("nobody published alternatives for the blocks of this network")
    return searched(bench, network=SUPERNETS[bench.cell.task], **settings)


METHODS: dict[str, Callable[[Bench], Made]] = {
    "seed": seed,
    "width": searched,
    "choice": lambda bench: chosen(bench, freeze=["*"]),
    "both": chosen,
    "uniform": uniform,
    "magnitude": magnitude,
    "ramp": lambda bench: searched(bench, strategy="ramp"),
    "random": random,
}


def run(cell: Cell, data: str | None) -> Row:
    """The row of a cell: score, what is used of each limit, and processor time; or why there is no such network."""
    torch.set_num_threads(1)
    task = task_named(cell.task, data)
    training = Training(task, task.splits(), schedule_of(task, cell.epochs), cell.seed)
    bench = Bench(cell, training, Target.load(DEVICE, runtime=RUNTIME), data)
    clock = time.perf_counter if training.trainer.device.type == "cuda" else time.process_time
    start = clock()
    try:
        made = METHODS[cell.method](bench)
    except InputError as error:
        return cell.row(refused="; ".join(line.strip() for line in str(error).splitlines()), metric=task.metric)
    seconds = clock() - start
    whole = bench.cost(bench.network())
    used = own_usage(made.cost, whole, budget_of(cell.limits, whole), cell.limits)
    return cell.row(score=made.score, used=used, seconds=seconds, metric=task.metric)
