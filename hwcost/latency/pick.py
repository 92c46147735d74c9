"""Which latency model a target gets: the user's, else a shipped one, else the figures of the runtime's file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from hwcost.errors import MeasurementError
from hwcost.latency.analytic import AnalyticModel
from hwcost.latency.files import read_model
from hwcost.latency.fitted import FittedModel
from hwcost.latency.model import Absent, LatencyModel
from hwcost.shipped import measurements_folder
from hwcost.target import Target
from hwcost.target.find import names, versions
from hwcost.target.load import load_runtime

__all__ = ["FOLDER", "MODEL_FILE", "choose", "home_of"]

FOLDER = "HWCOST_MEASUREMENTS"
"""The environment variable that names the user's folder, where `hwcost fit --install` puts models."""

MODEL_FILE = "latency.json"


def choose(target: Target) -> LatencyModel | Absent:
    """The best model there is for a target, or none and the reason.

    A fitted one of the user's folder, one that is shipped, the analytic one of the runtime's file. A model for another version of the
    runtime is passed over, which the chosen one's remarks say. Raises MeasurementError for a file in the user's folder that is broken.
    """
    passed_over: list[str] = []
    for path in _files(target):
        model = _read(path, path.stat().st_mtime_ns)
        refusal = model.refusal(target)
        if refusal is None:
            return replace(model, notes=tuple(passed_over))
        if model.about.suits(target):
            passed_over.append(f"the latency model {path.name} of {model.about.device} is passed over: {refusal}")
    if target.latency is not None:
        return replace(AnalyticModel.of(target.runtime, target.core.name), notes=tuple(passed_over))
    return Absent("; ".join([_reason(target), *passed_over]))


def home_of(model: FittedModel) -> Path:
    """Where the user's folder keeps a model. Raises MeasurementError where no folder is named."""
    folder = _own_folder()
    if folder is None:
        raise MeasurementError(f"expected the environment variable {FOLDER} to name a folder to install models in, got none")
    return folder / model.about.device / model.about.runtime.partition("@")[0] / MODEL_FILE


def _own_folder() -> Path | None:
    text = os.environ.get(FOLDER, "")
    return Path(text) if text else None


def _files(target: Target) -> Iterator[Path]:
    """Models by device before those of its core emulated, the user's before those that are shipped."""
    for folder in (_own_folder(), measurements_folder()):
        for device in (target.device.name, f"emulated-{target.core.name}"):
            if folder is not None:
                yield from sorted((folder / device / target.runtime.name).glob("*.json"))


@lru_cache(maxsize=16)
def _read(path: Path, changed_ns: int) -> FittedModel:
    """A file is read again when it has changed."""
    return read_model(path)


def _reason(target: Target) -> str:
    """Why there is none, and which runtimes do have figures on this core."""
    others = _priced_on(target.core.name)
    why = f"nobody published how long {target.runtime.reference} takes on {target.core.name}"
    return f"{why}; figures exist for {', '.join(others)}" if others else f"{why}, nor any other described runtime"


def _priced_on(core: str) -> list[str]:
    """Every described runtime with figures on a core; only read when there is something to explain."""
    described = (load_runtime(f"{name}@{version}", core) for name in names("runtimes") for version in versions(name))
    return [runtime.reference for runtime in described if core in runtime.latency]
