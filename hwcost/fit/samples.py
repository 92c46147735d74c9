"""Rows of measurements as a fit sees them: judged, and each with the kernel its sizes choose and what that kernel does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hwcost.errors import MeasurementError, shown
from hwcost.kernels import Kernel, choose
from hwcost.kernels.generated import VARIANTS
from hwcost.latency.features import geometry, groups_of, steps_of
from hwcost.latency.fitted import About, extent
from hwcost.records import Layer, Measurement, require_one_condition
from hwcost.records.merging import layer_key, merged
from hwcost.target import Target

__all__ = ["FEWEST", "Sample", "about", "kernel_that_ran", "samples_of"]

FEWEST = 5
"""Rows below which nothing is fitted: no row could be held out of so few."""


@dataclass(frozen=True)
class Sample:
    """A measured layer, its kernel, and how often that does what; `steps` is None where nobody says or another kernel ran."""

    row: Measurement
    layer: Layer
    kernel: Kernel
    steps: Mapping[str, float] | None
    geometry: Mapping[str, float]
    cycles: float
    size: float

    @property
    def group(self) -> str:
        """Its kind and kernel."""
        return groups_of(self.kernel)[0]

    @property
    def label(self) -> str:
        """Its kind."""
        return groups_of(self.kernel)[1]


def samples_of(rows: Sequence[Measurement], target: Target) -> tuple[Sample, ...]:
    """The layers with cycles among rows that are of one condition and of this target.

    MeasurementError for rows of another device, core, runtime or version of it, for too few, for none with cycles, and for rows
    that are all alike.
    """
    kept = merged(row for row in rows if row.layer is not None)
    if not kept:
        raise MeasurementError(f"expected rows of layers to fit a model to, got {len(rows)} rows and no layer among them")
    require_one_condition(kept)
    _require_target(kept[0], target)
    zero = next((row for row in kept if row.core_cycles is not None and row.core_cycles <= 0), None)
    if zero is not None:
        raise MeasurementError(f"expected cycles above 0, got {zero.core_cycles:g} for a layer {shown(zero.layer and zero.layer.op.kind)}")
    found = [_sample(row, row.layer, row.core_cycles, target) for row in kept if row.layer is not None and row.core_cycles is not None]
    priced = tuple(sample for sample in found if sample.kernel.is_supported and not sample.kernel.is_free)
    if len(priced) < FEWEST:
        raise MeasurementError(f"expected at least {FEWEST} different layers with cycles or a time, got {len(priced)}")
    for what, values in (("cycles", {s.cycles for s in priced}), ("the sizes of layers", {s.size for s in priced})):
        if len(values) == 1:
            raise MeasurementError(f"expected layers that differ, got {len(priced)} rows in which {what} are all {values.pop():g}")
    return priced


def about(samples: Sequence[Sample], target: Target) -> About:
    """What a model of these rows is of, without its errors."""
    rows = [sample.row for sample in samples]
    first = rows[0]
    said = ("compiler", "flags", "memory", "wait_states", "caches", "accelerator", "supply")
    texts: dict[str, Any] = {name: next((text for row in rows if (text := getattr(row.conditions, name))), "") for name in said}
    sizes: dict[str, list[float]] = {}
    for sample in samples:
        sizes.setdefault(sample.label, []).append(sample.size)
    return About(
        runtime=target.runtime.reference,
        core=target.core.name,
        device=first.conditions.device,
        clock_hz=first.conditions.clock_hz,
        source=first.source,
        rows=len(rows),
        data_sha256=data_hash(rows),
        ranges={label: (min(found), max(found)) for label, found in sorted(sizes.items())},
        **texts,
    )


def data_hash(rows: Sequence[Measurement]) -> str:
    """Equal for the same layers with the same cycles, whatever their order and file."""
    lines = sorted(f"{layer_key(row)} {row.core_cycles!r}" for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def kernel_that_ran(row: Measurement, layer: Layer, target: Target) -> Kernel:
    """The kernel that a row names, whose weights may have ruled out the one that sizes alone choose; that one where it names none."""
    others = [variant.name for variant in VARIANTS if variant.name != row.implementation]
    chosen = choose(layer.step, target.runtime, target.core)
    if not row.implementation or chosen.implementation in (None, row.implementation):
        return chosen
    ran = choose(layer.step, target.runtime, target.core, objective="time", without=others)
    return ran if ran.implementation == row.implementation else chosen


def _sample(row: Measurement, layer: Layer, cycles: float, target: Target) -> Sample:
    step = layer.step
    kernel = kernel_that_ran(row, layer, target)
    other = row.implementation and kernel.implementation and row.implementation != kernel.implementation
    steps = None if other else steps_of(kernel, target)
    known = None if steps is None else {name: float(count) for name, count in steps.items()}
    counts = {name: float(count) for name, count in geometry(kernel.layer).items()}
    return Sample(row, layer, kernel, known, counts, float(cycles), float(extent(step)))


def _require_target(row: Measurement, target: Target) -> None:
    conditions = row.conditions
    emulated = row.source == "emulated" and conditions.device == f"emulated-{target.core.name}"
    if conditions.core != target.core.name or not (emulated or conditions.device == target.device.name):
        raise MeasurementError(
            f"expected rows of {target.device.name} or of an emulated {target.core.name}, got rows of {shown(conditions.device)} "
            f"({shown(conditions.core)}): figures of one device do not hold for another"
        )
    if row.runtime != target.runtime.reference:
        raise MeasurementError(f"expected rows of {target.runtime.reference}, got rows of {shown(row.runtime)}; name it with --runtime")
