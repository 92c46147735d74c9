"""Networks that a search may visit, for layers of all the widths it may ask the price of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from hwcost.graph import Graph
from hwcost.nas.config import Config
from hwcost.nas.networks import network_of
from hwcost.nas.space import Space, prunable
from hwcost.nas.user_code import made
from hwcost.tasks import Task, given_data, task_named


def visited(config: Path, count: int, seed: int = 0) -> Iterator[Graph]:
    """The widest network of a search, the narrowest, and others at random widths and alternatives: `count` float networks.

    Nothing is trained. Raises InputError for a configuration that cannot be used, as a search does.
    """
    settings = Config.load(config)
    own = ".py:" in settings.task
    task: Task = given_data(made(settings.task, "a task", Task), settings.data) if own else task_named(settings.task, settings.data)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        space = prunable(network_of(task, settings.network), task.example_input(), granularity=settings.granularity, freeze=settings.freeze)
    space.release()
    return networks(space, count, seed)


def networks(space: Space, count: int, seed: int = 0) -> Iterator[Graph]:
    """Networks of a space: the widest, the narrowest, then at random."""
    rng = np.random.default_rng(seed)
    alternatives = [len(choice.names) for choice in space.choices.values()]
    for number in range(count):
        selection = space.first if number < 2 else tuple(int(rng.integers(n)) for n in alternatives)
        yield space.network({group.name: _width(group.widths, number, rng) for group in space.free}, selection)


def _width(widths: tuple[int, ...], number: int, rng: np.random.Generator) -> int:
    """The largest in the first network, the smallest in the second, any in others."""
    return max(widths) if number == 0 else min(widths) if number == 1 else int(rng.choice(widths))
