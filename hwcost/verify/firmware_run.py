"""A firmware on a board: whole inferences, then every layer on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.build import Image, sections
from hwcost.deploy.compilers import Compiler
from hwcost.deploy.emit import Call, Project
from hwcost.deploy.interpret.border import given, taken
from hwcost.deploy.program import Program, Tensor
from hwcost.errors import InputError, shown
from hwcost.target import Core, Target
from hwcost.verify.agreement import Values

if TYPE_CHECKING:
    from hwcost.boards.emulated import EmulatedBoard

Arrays = dict[str, NDArray[Any]]

SERIAL = "serial:"
"""Before the port of a real board."""


@dataclass(frozen=True, slots=True)
class LayerRun:
    """What one call of the firmware took; a real board counts no instructions."""

    instructions: int | None
    cycles: int


@dataclass(frozen=True, slots=True)
class FirmwareRun:
    """Outputs of every example, and what one inference took; figures are of the first example.

    `static_bytes` is .data and .bss, read from the image; `layers` has an entry for each call, None for those without code.
    `clock_hz` is what a real board runs at; None where the target's own clock is meant.
    """

    outputs: Sequence[Mapping[str, Values]]
    static_bytes: int
    flash_bytes: int
    stack_bytes: int | None
    instructions: int | None
    cycles: int | None
    layers: tuple[LayerRun | None, ...]
    clock_hz: int | None = None


def require_board(board: str, core: Core) -> None:
    """Raise InputError for a board nobody knows, BoardError for one that is not installed, before anything is written."""
    from hwcost.boards.qemu import machine_for
    from hwcost.boards.serial import port_and_baud

    if board == "qemu":
        machine_for(core)
    elif board.startswith(SERIAL):
        port_and_baud(board.removeprefix(SERIAL))
    elif board != "emulated":
        raise InputError(f"expected the board 'emulated', 'qemu' or 'serial:PORT[@BAUD]', got {shown(board)}")


def run_on(
    board: str,
    image: Image,
    program: Program,
    project: Project,
    target: Target,
    examples: Sequence[Mapping[str, Values]],
    compiler: Compiler | None = None,
) -> FirmwareRun:
    """Run every example on the board of that name. InputError for a board nobody knows, BoardError where it fails."""
    require_board(board, target.core)
    from hwcost.verify.asked_run import run_in_qemu, run_over_line

    if board == "qemu":
        return run_in_qemu(image, program, project, target, examples, compiler)
    if board.startswith(SERIAL):
        return run_over_line(board.removeprefix(SERIAL), image, program, project, target, examples)
    return _run_emulated(image, program, project, target, examples)


def _run_emulated(
    image: Image, program: Program, project: Project, target: Target, examples: Sequence[Mapping[str, Values]]
) -> FirmwareRun:
    from hwcost.boards.emulated import EmulatedBoard

    emulated = EmulatedBoard(target.core)
    emulated.load(image.elf)
    runs = [_inference(emulated, program, taken(program, example)) for example in examples]
    first = runs[0][1]
    sizes = sections(image.elf)
    return FirmwareRun(
        outputs=[outputs for outputs, _ in runs],
        static_bytes=sizes.ram_bytes,
        flash_bytes=sizes.flash_bytes,
        stack_bytes=first.stack_bytes,
        instructions=first.instructions,
        cycles=round(first.cycles),
        layers=_layers(emulated, program, project, taken(program, examples[0])),
    )


def _inference(board: EmulatedBoard, program: Program, inputs: Arrays) -> tuple[Arrays, Any]:
    """One call of model_run, with the application's own buffers for inputs and outputs."""
    addresses = [board.buffer(np.ascontiguousarray(inputs[name]).tobytes()) for name in program.graph.inputs]
    results = [board.buffer(program.tensors[name].bytes) for name in program.graph.outputs]
    ran = board.call("model_run", (*addresses, *results))
    outputs = {
        name: given(program, name, _read(board, address, program.tensors[name]))
        for name, address in zip(program.graph.outputs, results, strict=True)
    }
    return outputs, ran


def _read(board: EmulatedBoard, address: int, tensor: Tensor) -> NDArray[Any]:
    return np.frombuffer(board.read(address, tensor.bytes), dtype=element(tensor)).reshape(tensor.shape)


def element(tensor: Tensor) -> type[np.generic]:
    """How numpy calls the elements of a tensor on the board."""
    return np.int8 if tensor.bits == 8 else np.float32 if tensor.kind == "float" else np.int32


def _layers(board: EmulatedBoard, program: Program, project: Project, inputs: Arrays) -> tuple[LayerRun | None, ...]:
    """Every call made on its own, in order, so that each has its own count; the arena goes from one to the next."""
    places = _Places(board, project, inputs)
    return tuple(_layer(board, call, places) for call in project.calls)


def _layer(board: EmulatedBoard, call: Call, places: _Places) -> LayerRun | None:
    if not call.emission.function:
        return None
    inputs = [places.of(tensor) for tensor in call.placed.inputs]
    if call.emission.gathers:
        inputs = [board.buffer(b"".join(address.to_bytes(4, "little") for address in inputs))]
    arguments = (board.address(call.struct_name), *inputs, places.of(call.placed.output), places.scratch(call.placed.node))
    ran = board.call(call.emission.function, arguments)
    return LayerRun(ran.instructions, round(ran.cycles))


class _Places:
    """Addresses of tensors on the board: in the arena as planned, or buffers for those outside it."""

    def __init__(self, board: EmulatedBoard, project: Project, inputs: Arrays) -> None:
        self._board = board
        self._addresses = project.addresses
        self._outside: dict[str, int] = {}
        for name, value in inputs.items():
            data = np.ascontiguousarray(value).tobytes()
            address = self._planned(name)
            if address is None:
                self._outside[name] = board.buffer(data)
            else:
                board.write(address, data)

    def of(self, tensor: Tensor) -> int:
        """Where a tensor lies."""
        address = self._planned(tensor.name)
        if address is not None:
            return address
        if tensor.name not in self._outside:
            self._outside[tensor.name] = self._board.buffer(tensor.bytes)
        return self._outside[tensor.name]

    def scratch(self, node: str) -> int:
        """Where a node's working memory lies; 0 where it has none."""
        return self._planned(f"{node} (scratch)") or 0

    def _planned(self, name: str) -> int | None:
        item = self._addresses.plan.get(name)
        if item is None:
            return None
        arena = next(arena for arena in self._addresses.arenas if arena.region == item.region)
        return self._board.address(arena.name) + item.offset
