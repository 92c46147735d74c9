"""One piece of the work that is spread over processes: a batch of layers, prepared, built and run."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hwcost.errors import MeasurementError
from hwcost.kernels.generated import Objective
from hwcost.measure.profiling.batch import LARGEST_IMAGE_BYTES, build_batch
from hwcost.measure.profiling.emulated import run_batch
from hwcost.measure.profiling.one_layer import ReadyLayer, ready
from hwcost.measure.profiling.rows import emulated_row
from hwcost.records import Layer, Measurement
from hwcost.target import Target

__all__ = ["Done", "Job", "run_job"]


@dataclass(frozen=True, slots=True)
class Job:
    """A batch of layers and what they are to be run on; small enough to be sent anywhere."""

    layers: tuple[Layer, ...]
    target: Target
    objective: Objective = "balanced"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """The rows of a batch, and the layers that could not be run with why."""

    rows: tuple[Measurement, ...]
    refused: tuple[tuple[Layer, str], ...] = ()


def run_job(job: Job) -> Done:
    """Measure a batch on the emulated core. BuildError or BoardError where the tools fail."""
    prepared: list[ReadyLayer] = []
    refused: list[tuple[Layer, str]] = []
    for layer in job.layers:
        try:
            prepared.append(ready(layer, len(prepared), job.target.core, objective=job.objective, seed=job.seed))
        except MeasurementError as error:
            refused.append((layer, str(error)))
    rows = [row for part in _images(prepared) for row in _rows(part, job.target)]
    return Done(tuple(rows), tuple(refused))


def _rows(layers: Sequence[ReadyLayer], target: Target) -> list[Measurement]:
    image = build_batch(layers, _folder(os.getpid()) / target.core.name, target.core)
    runs = run_batch(layers, image, target.core)
    return [emulated_row(layer, run, image, target) for layer, run in zip(layers, runs, strict=True)]


def _images(layers: Sequence[ReadyLayer]) -> list[list[ReadyLayer]]:
    """Layers in as few images as hold their constants."""
    parts: list[list[ReadyLayer]] = []
    room = 0
    for layer in layers:
        if not parts or layer.flash_bytes > room:
            parts.append([])
            room = LARGEST_IMAGE_BYTES
        parts[-1].append(layer)
        room -= layer.flash_bytes
    return parts


@cache
def _folder(process: int) -> Path:
    """Where this process builds; gone when it ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"hwcost-profile-{process}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
