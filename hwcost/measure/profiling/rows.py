"""What a run took, as a row of measurements with its conditions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from hwcost.deploy.build import Image
from hwcost.measure.profiling.one_layer import ReadyLayer
from hwcost.records import Conditions, Measurement
from hwcost.target import Target

if TYPE_CHECKING:
    from hwcost.boards.base import Run

__all__ = ["COMMON", "emulated_device", "emulated_row"]

COMMON = ("source", "compiler", "flags", "memory", "wait_states", "caches", "board", "supply", "date", "citation")
"""Columns that a file of one profile says once, in its head."""


def emulated_device(core: str) -> str:
    """The name under which rows of an emulated core go: it has the core's timing and no device's memories."""
    return f"emulated-{core}"


def emulated_row(layer: ReadyLayer, run: Run, image: Image, target: Target) -> Measurement:
    """A layer that ran on an emulated core."""
    classes: Mapping[str, float] = {name: float(times) for name, times in run.classes.items()}
    return Measurement(
        network="",
        name="",
        layer=layer.layer,
        conditions=_conditions(target, image),
        source="emulated",
        citation="hwcost profile",
        cycles=run.cycles,
        instructions=float(run.instructions),
        repeats=1,
        implementation=layer.implementation,
        classes=classes,
    )


def _conditions(target: Target, image: Image) -> Conditions:
    return Conditions(
        device=emulated_device(target.core.name),
        core=target.core.name,
        clock_hz=target.clock_hz,
        runtime=target.runtime.name,
        version=target.runtime.version,
        compiler=image.version,
        flags=" ".join(image.flags),
        wait_states="none",
        caches="none",
        board=f"unicorn {_version('unicorn')}",
        date=datetime.now(UTC).date().isoformat(),
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"
