"""Does a network keep to its limits once it is firmware? Searched, quantised, deployed, run: believed beside measured.

Each run searches a task under limits on latency, RAM and flash, priced by the models that ship for the core, quantises the network found
on validation data, makes firmware of it, and runs that on the emulated core with the examples of the test split. No step is told the
outcome of another but by its file. Devices of three cores on digits (8x8); with --full also the 32x32 form on the first of them.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure, arguments, machine, report

import hwcost
from hwcost.budget import Budget
from hwcost.deploy.quantise import quantise
from hwcost.nas.config import Config
from hwcost.nas.search import Search
from hwcost.target import Target
from hwcost.tasks import Task, task_named
from hwcost.verify.deployment import Order, deployed
from hwcost.verify.truth import Truth

RUNTIME = "hwcost-c"
LIMITS = {"max_flash": "50%", "max_latency": "30%", "max_ram": "60%"}
"""Shares of the whole network's bytes and latency: tight enough that each cuts."""
CONFIDENCE = 0.9
"""The upper end of the model's interval keeps the limit on latency, since the model is a little off."""
SCHEDULE = {"warmup_epochs": 10, "search_epochs": 15, "finetune_epochs": 10}
RUNS = (("digits", "stm32l4r5"), ("digits", "rp2040"), ("digits", "esp32c3"))
LONG_RUNS = (("digits-32", "stm32l4r5"),)
CALIBRATION = 200
GOAL_APART = 3.0
"""Per cent between what the search believed and what was measured."""
METRICS = {"latency": "latency_s", "RAM": "ram_bytes", "flash": "flash_bytes"}


@dataclass(frozen=True)
class Loop:
    """One network, from its limits to its firmware; figures by field name, accuracies in per cent."""

    task: str
    device: str
    limits: Mapping[str, float]
    believed: Mapping[str, float]
    truth: Truth
    whole_accuracy: float
    float_accuracy: float
    int8_accuracy: float

    def measured(self, field: str) -> float:
        assert self.truth.measured is not None
        return float(getattr(self.truth.measured, field))

    def apart(self, field: str) -> float:
        """Per cent that the measured figure is above what the search believed."""
        return 100 * (self.measured(field) / self.believed[field] - 1)

    @property
    def within_every_limit(self) -> bool:
        return all(self.measured(field) <= self.limits[field] for field in METRICS.values())

    @property
    def answers_are_the_programs(self) -> bool:
        return self.truth.agreement is not None and self.truth.agreement.bit_exact


def closed(name: str, device: str, folder: Path) -> Loop:
    """Search, quantise, deploy and run; everything made lies in the folder."""
    order = {"task": name, "target": device, "runtime": RUNTIME, "budget": dict(LIMITS), "confidence": CONFIDENCE, "schedule": SCHEDULE}
    config = Config.from_tables(order, "close_loop")
    best = Search(config, folder / "found").run().best
    floats, target, task = folder / "found" / "network.onnx", Target.load(device, RUNTIME), task_named(name)
    limits = tomllib.loads((folder / "found" / "budget.toml").read_text())
    cost = hwcost.check(floats, target, Budget(**limits)).cost
    int8 = folder / "int8.onnx"
    validation, (images, labels) = task.splits().validation, _examples(task)
    quantise(floats, {_input_name(floats): task.prepared(validation.inputs[:CALIBRATION]).numpy()}, int8)
    np.savez(folder / "test.npz", **{_input_name(int8): images})
    firmware = Order(model=int8, target=target, output=folder / "firmware")
    truth = deployed(firmware, board="emulated", inputs=folder / "test.npz", tell=_silent)
    assert best.seed_score is not None
    believed = {field: float(getattr(cost, field)) for field in METRICS.values()}
    accuracies = (_accuracy(path, images, labels) for path in (floats, int8))
    return Loop(name, device, limits, believed, truth, 100 * best.seed_score, *accuracies)


def _examples(task: Task) -> tuple[Any, Any]:
    """Inputs and labels of the test split, as arrays."""
    test = task.splits().test
    return task.prepared(test.inputs).numpy(), test.labels.numpy()


def _input_name(model: Path) -> str:
    import onnx

    return str(onnx.load(model).graph.input[0].name)


def _accuracy(model: Path, images: Any, labels: Any) -> float:
    """Per cent of examples that onnxruntime classifies as labelled, one at a time as the file has it."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    answers = [int(np.argmax(session.run(None, {name: image[None]})[0])) for image in images]
    return float(100 * np.mean(np.array(answers) == labels))


def _silent(line: str) -> None:
    """What deploying says on the way is not a figure."""


def figures(loops: list[Loop]) -> list[Figure]:
    """Every loop's figures, and how many kept every limit as measured."""
    found = []
    for loop in loops:
        title = f"{loop.task} on {loop.device}"
        for metric, field in METRICS.items():
            found.append(Figure(f"{title}: {metric} measured, off what the search believed", abs(loop.apart(field)), "%", GOAL_APART))
            found.append(Figure(f"{title}: {metric} measured, of its limit", 100 * loop.measured(field) / loop.limits[field], "%", 100))
        found.append(Figure(f"{title}: test accuracy, whole network", loop.whole_accuracy, "%"))
        found.append(Figure(f"{title}: test accuracy, found, float", loop.float_accuracy, "%"))
        found.append(Figure(f"{title}: test accuracy, found, int8", loop.int8_accuracy, "%"))
    exact = 100 * np.mean([loop.answers_are_the_programs for loop in loops])
    kept = 100 * np.mean([loop.within_every_limit for loop in loops])
    found.append(Figure("firmware that answers every test example bit for bit as its program", float(exact), "%", 100, "higher"))
    found.append(Figure("firmware within every limit, as measured", float(kept), "%", 100, "higher"))
    return found


def main() -> int:
    given = arguments(__doc__ or "").parse_args()
    runs = RUNS + (LONG_RUNS if given.full else ())
    with tempfile.TemporaryDirectory() as folder:
        loops = [closed(task, device, Path(folder) / f"{task}-{device}") for task, device in runs]
    return report(figures(loops), machine() | {"limits": LIMITS, "confidence": CONFIDENCE, "seed": 0}, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
