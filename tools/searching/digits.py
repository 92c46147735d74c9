"""Whole searches on the digits: how much accuracy the headline cut costs, and how much time a whole run takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwcost.nas.config import Config
from hwcost.nas.search import Search
from hwcost.nas.session import Progress
from searching.landings import DEVICE, RUNTIME
from searching.networks import HALF, HEADLINE, WITH_RAM, Limits

SCHEDULE = {"warmup_epochs": 10, "search_epochs": 15, "finetune_epochs": 10}
"""Of the headline cut: 35 epochs in all, as the unpruned network gets."""
LONG = {"warmup_epochs": 12, "search_epochs": 24, "finetune_epochs": 16}
"""Of the timed run: long enough that training alone takes a minute."""


@dataclass(frozen=True)
class Lost:
    """Test accuracy in points that each cut costs one seed."""

    seed: int
    headline: float
    with_ram: float


@dataclass(frozen=True)
class Timed:
    """Seconds of a run from a network to its checked file, and of training that network for as many epochs."""

    search_s: float
    training_s: float


def lost(seed: int, folder: Path) -> Lost:
    """What the cuts cost a seed, in a process of one thread."""
    whole = Search(_config("digits", HEADLINE, SCHEDULE, seed), folder / f"headline-{seed}").run().best
    small = Search(_config("digits", WITH_RAM, SCHEDULE, seed, baseline=False), folder / f"with-ram-{seed}").run().best
    assert whole.seed_score is not None
    return Lost(seed, *(100 * (whole.seed_score - found.test_score) for found in (whole, small)))


def timed(folder: Path) -> Timed:
    """One whole run on the 32x32 form under four limits; the network itself is trained in the midst of it, on the same machine.

    Everything counts for the search that is not its training: masks, limits, checkpoints, export, three counts.
    """
    told: list[tuple[str, float]] = []

    def tell(progress: Progress) -> None:
        told.append((progress.phase, time.perf_counter()))

    start = time.perf_counter()
    outcome = Search(_config("digits-32", HALF, LONG, 0), folder / "timed", tell=tell).run().best
    total_s = time.perf_counter() - start
    assert outcome.training_time_s is not None
    warmed = max(at for phase, at in told if phase == "warm-up")
    trained = max(at for phase, at in told if phase.startswith("seed"))
    return Timed(total_s - (trained - warmed), outcome.training_time_s)


def _config(task: str, limits: Limits, schedule: dict[str, int], seed: int, *, baseline: bool = True) -> Config:
    tables: dict[str, Any] = {"task": task, "target": DEVICE, "runtime": RUNTIME, "budget": dict(limits), "schedule": schedule}
    return Config.from_tables({**tables, "seeds": [seed], "baseline": baseline}, "bench_search")
