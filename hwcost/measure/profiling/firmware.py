"""One firmware that times many layers on a real board, and what the board said as rows.

The layers are the calls of one network whose tensors all lie at the same place: they use the arena one after another, so that the board
needs as much RAM as the largest of them. Flash holds the constants of all.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from hwcost.boards.lines import LayerCycles
from hwcost.deploy.emit import emit
from hwcost.deploy.program import Alias, Program, Tensor
from hwcost.errors import InputError, MeasurementError
from hwcost.graph import Graph, Node
from hwcost.kernels.generated import Objective
from hwcost.measure.profiling.one_layer import ReadyLayer, ready
from hwcost.memory.ram import PlacedTensor
from hwcost.ops import Identity
from hwcost.records import Conditions, Layer, Measurement
from hwcost.target import Target
from hwcost.tensor import int8

__all__ = ["Emitted", "collected", "emit_layers", "emitted_hash"]

_ALIGNMENT = 16
_CODE_BYTES = 96 << 10
"""Flash kept for the kernels, the protocol and what the board's own start-up takes."""
_STACK_BYTES = 8 << 10
_BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Emitted:
    """A firmware project: its layers in the order in which the board tells them, those that had no room, and the hash of its sources."""

    layers: tuple[ReadyLayer, ...]
    left_out: int
    model: str
    arena_bytes: int


def emit_layers(
    layers: Sequence[Layer], target: Target, folder: Path, *, objective: Objective = "balanced", seed: int = 0, force: bool = False
) -> Emitted:
    """Write the project into `folder`: as many of the layers as the device's flash holds, taken evenly from the list.

    InputError where the folder holds files that are not ours, or no layer fits the device.
    """
    held, left_out = _held(layers, target, objective, seed)
    program, plan = _program(held)
    project = emit(program, target, plan, _variants(held), folder, force=force)
    return Emitted(tuple(held), left_out, project.model_hash, project.arena_bytes)


def emitted_hash(layers: Sequence[Layer], target: Target, *, objective: Objective = "balanced", seed: int = 0) -> Emitted:
    """What `emit_layers` would write, without a folder: how a log is known to be of these layers."""
    with tempfile.TemporaryDirectory(prefix="hwcost-profile-") as folder:
        return emit_layers(layers, target, Path(folder) / "project", objective=objective, seed=seed)


def collected(
    emitted: Emitted, said: Sequence[LayerCycles], target: Target, clock_hz: float, conditions: Mapping[str, str]
) -> tuple[Measurement, ...]:
    """Rows from what the board said of each layer; the views between them are left out.

    Raises MeasurementError where layers are missing, or for a board whose counter stands still.
    """
    by_name = {layer.name: layer for layer in said}
    missing = [number for number in range(len(emitted.layers)) if _name(number) not in by_name]
    if missing:
        raise MeasurementError(f"expected {len(emitted.layers)} layers, and {len(missing)} of them were not told: ask the board again")
    found = [(layer, by_name[_name(number)]) for number, layer in enumerate(emitted.layers)]
    silent = sum(told.cycles <= 0 for _, told in found)
    if silent:
        raise MeasurementError(
            f"{silent} of {len(found)} layers took no cycles at all: the board's counter stands still, or overflowed; see hwc_cycles()"
        )
    held = Conditions(
        device=target.device.name,
        core=target.core.name,
        clock_hz=clock_hz,
        runtime=target.runtime.name,
        version=target.runtime.version,
        date=datetime.now(UTC).date().isoformat(),
    )
    conditions_held = replace(held, **conditions)  # type: ignore[arg-type]
    return tuple(_row(layer, conditions_held, told) for layer, told in found)


def _name(number: int) -> str:
    """What the board calls a layer."""
    return f"layer {number}"


def _row(layer: ReadyLayer, conditions: Conditions, told: LayerCycles) -> Measurement:
    """The least of the repeats: what interrupts added is not the layer's. The spread takes them as evenly distributed."""
    return Measurement(
        network="",
        name="",
        layer=layer.layer,
        conditions=conditions,
        source="measured",
        citation="hwcost profile --collect",
        cycles=float(told.cycles),
        spread=(told.most - told.cycles) / told.cycles / 12**0.5,
        repeats=told.repeats,
        implementation=layer.implementation,
    )


def _held(layers: Sequence[Layer], target: Target, objective: Objective, seed: int) -> tuple[list[ReadyLayer], int]:
    """Layers that fit together, in their order; every kind loses as many where not all do."""
    flash = sum(memory.size_bytes.value - memory.reserved_bytes.value for memory in target.flash_regions) - _CODE_BYTES
    ram = max((memory.size_bytes.value - memory.reserved_bytes.value for memory in target.ram_regions), default=0) - _STACK_BYTES
    held: list[ReadyLayer] = []
    for one in _evenly(list(_able(layers, target, objective, seed))):
        if one.flash_bytes <= flash and one.ram_bytes + 4 * _ALIGNMENT <= ram:
            held.append(replace(one, placed=replace(one.placed, number=len(held))))
            flash -= one.flash_bytes
    if not held:
        raise InputError(f"none of the {len(layers)} layers fits {target.name}: ask for smaller ones, or name a larger device")
    return held, len(layers) - len(held)


def _able(layers: Sequence[Layer], target: Target, objective: Objective, seed: int) -> Iterator[ReadyLayer]:
    """The layers that our own kernels run."""
    for layer in layers:
        with contextlib.suppress(MeasurementError):
            yield ready(layer, 0, target.core, objective=objective, seed=seed)


def _evenly(layers: Sequence[ReadyLayer]) -> list[ReadyLayer]:
    """The first of each kind, then the second of each: what is cut off at the end is a share of every kind."""
    kinds: dict[str, list[ReadyLayer]] = {}
    for layer in layers:
        kinds.setdefault(layer.layer.op.kind, []).append(layer)
    longest = max(map(len, kinds.values()), default=0)
    return [group[i] for i in range(longest) for group in kinds.values() if i < len(group)]


def _variants(layers: Sequence[ReadyLayer]) -> list[str]:
    return [name for layer in layers for name in ("portable", layer.implementation)]


def _program(layers: Sequence[ReadyLayer]) -> tuple[Program, list[PlacedTensor]]:
    """A network of a view of the block and a layer that reads it, for each layer; everything starts at the same address.

    A layer of two inputs reads the same bytes twice: its time is the same.
    """
    nodes: list[Node] = []
    block = max(tensor.bytes for layer in layers for tensor in layer.placed.inputs)
    tensors = {_BLOCK: Tensor(_BLOCK, (block,), (0,))}
    spans = {_BLOCK: (0, block)}
    for number, layer in enumerate(layers):
        read, made, node = f"read {number}", f"made {number}", _name(number)
        inputs = tuple(f"{read} {i}" for i in range(len(layer.placed.inputs)))
        nodes += [Node(read, Identity(), (_BLOCK,), inputs), Node(node, layer.layer.op, inputs, (made,))]
        start = _aligned(max(tensor.bytes for tensor in layer.placed.inputs))
        places = (
            *((name, tensor, 0) for name, tensor in zip(inputs, layer.placed.inputs, strict=True)),
            (made, layer.placed.output, start),
        )
        for name, tensor, offset in places:
            tensors[name] = replace(tensor, name=name)
            spans[name] = (offset, tensor.bytes)
        if layer.scratch_bytes:
            spans[f"{node} (scratch)"] = (_aligned(start + layer.placed.output.bytes), layer.scratch_bytes)
    graph = Graph({_BLOCK: int8(block)}, (f"made {len(layers) - 1}",), tuple(nodes), name=f"{len(layers)} layers")
    lowered = tuple(one for layer in layers for one in (_views(layer), layer.placed.layer))
    plan = [PlacedTensor(name, "ram", offset, size, 0, len(nodes)) for name, (offset, size) in spans.items()]
    return Program(graph, lowered, tensors), plan


def _views(layer: ReadyLayer) -> Alias | tuple[Alias, ...]:
    count = len(layer.placed.inputs)
    return Alias() if count == 1 else (Alias(),) * count


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
