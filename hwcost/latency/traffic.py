"""What a slow memory adds: cycles of moving weights and tensors to and from regions slower than those of the measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from hwcost.graph import Step
from hwcost.kernels import Kernel
from hwcost.sizes import Size, ceil_div, largest
from hwcost.target import Latency, LinearPrice, Memory, Price, Target

__all__ = ["Transfer", "extra_cycles", "transfers", "unknown_speeds"]

Way = Literal["weights", "read", "write"]

WORD_BYTES = 4
"""What one access of a 32-bit core moves."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bytes a layer moves to or from one region; `memory` is None where the target describes no region for them.

    `by_default` says that it is the region the target puts such things in first.
    """

    bytes: Size
    way: Way
    memory: Memory | None
    by_default: bool


def transfers(step: Step, kernel: Kernel, price: Price, target: Target, placed: Mapping[str, str]) -> Iterator[Transfer]:
    """What a layer moves, and where.

    `placed` maps parameters and tensors to the regions they lie in; what it leaves out lies where the target puts such things
    first. Through a cache each byte is moved once. Without one, weights are read again for every group of positions that the
    kernel computes together, and inputs for every window they are in.
    """
    regions = {memory.name: memory for memory in target.memories}
    flash, ram = (next((memory for memory in regions.values() if memory.kind == kind), None) for kind in ("flash", "ram"))
    for (_, name), (_, parameter) in zip(step.node.parameters, step.parameters, strict=True):
        memory = regions.get(placed.get(name, ""), flash)
        yield Transfer(parameter.bytes * _weight_passes(step, price, memory), "weights", memory, memory is flash)
    for index, (name, spec) in enumerate(zip(step.node.inputs, step.inputs, strict=True)):
        memory = regions.get(placed.get(name, ""), ram)
        yield Transfer(spec.bytes if index else _input_bytes(step, kernel, memory), "read", memory, memory is ram)
    for name, spec in zip(step.node.outputs, step.outputs, strict=True):
        memory = regions.get(placed.get(name, ""), ram)
        yield Transfer(spec.bytes, "write", memory, memory is ram)


def extra_cycles(transfer: Transfer, target: Target, figures: Latency) -> Size:
    """Cycles of a transfer beyond those already in the figures, which were measured with memories of their own."""
    if transfer.memory is None or _in_figures(transfer, transfer.memory, target, figures):
        return 0
    rate = _rate(transfer.memory, transfer.way)
    if rate is None:
        return 0
    measured = figures.flash_read_bytes_per_cycle if transfer.way == "weights" else figures.ram_read_bytes_per_cycle
    slower = 1 / rate - (1 / measured.value if measured else 0.0)
    return transfer.bytes * max(0.0, slower)


def unknown_speeds(moved: Iterator[Transfer], target: Target, figures: Latency) -> Iterator[str]:
    """External regions among them whose speed nobody described: what they cost cannot be known, and is not nothing."""
    for transfer in moved:
        memory = transfer.memory
        if memory is None or not memory.external or _rate(memory, transfer.way) is not None:
            continue
        if not _in_figures(transfer, memory, target, figures):
            yield memory.name


def _rate(memory: Memory, way: Way) -> float | None:
    """Bytes per core cycle: writes at the speed of reads, and words at the stated wait states, where nobody states more."""
    stated = memory.write_bytes_per_cycle if way == "write" else None
    rate = stated or memory.read_bytes_per_cycle
    if rate is not None:
        return rate.value
    return None if memory.wait_states is None else WORD_BYTES / (1 + memory.wait_states.value)


def _in_figures(transfer: Transfer, memory: Memory, target: Target, figures: Latency) -> bool:
    """Whether the figures already contain this region: those of this very device do, and others were made with internal memory.

    Where the measured memory's speed is stated, regions are compared by speed instead.
    """
    if transfer.by_default and figures.device == target.device.name:
        return True
    stated = figures.flash_read_bytes_per_cycle if transfer.way == "weights" else figures.ram_read_bytes_per_cycle
    return not memory.external and stated is None


def _weight_passes(step: Step, price: Price, memory: Memory | None) -> Size:
    if memory is None or memory.cached:
        return 1
    if isinstance(price, LinearPrice):
        return ceil_div(step.work.positions, price.lanes.positions)
    return ceil_div(step.work.positions, price.tile.height * price.tile.width)


def _input_bytes(step: Step, kernel: Kernel, memory: Memory | None) -> Size:
    spec, work = step.inputs[0], step.work
    if memory is None or memory.cached or kernel.layer.kernel == (1, 1):
        return spec.bytes
    windows = work.positions * kernel.layer.kernel[0] * kernel.layer.kernel[1] * work.in_channels
    return largest(spec.bytes, ceil_div(windows * spec.bits, 8))
