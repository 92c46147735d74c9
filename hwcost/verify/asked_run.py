"""A firmware that is asked over a line: a real board with it flashed, or QEMU with an image made for one of its machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import numpy as np

from hwcost.boards.lines import LayerCycles
from hwcost.boards.qemu import machine_for, qemu_board
from hwcost.boards.serial import AskedRun, SerialBoard, open_port, port_and_baud
from hwcost.deploy.build import Image, build, sections
from hwcost.deploy.compilers import Compiler
from hwcost.deploy.emit import Project
from hwcost.deploy.emit.folder import BUILDS
from hwcost.deploy.interpret.border import given, taken
from hwcost.deploy.program import Program
from hwcost.deploy.room import Room
from hwcost.target import Core, Target
from hwcost.verify.agreement import Values
from hwcost.verify.firmware_run import FirmwareRun, LayerRun, element

__all__ = ["run_in_qemu", "run_over_line", "serial_image"]

REPEATS = 5
"""Inferences that the cycles of layers are taken from."""

PORT = "serial/ports/qemu.c"


def serial_image(
    project: Project, core: Core, name: str, defines: Mapping[str, object], *, room: Room | None = None, compiler: Compiler | None = None
) -> Image:
    """The project as firmware that answers over a UART, in a folder of this name under the project's builds.

    `defines` are the macros of the hooks in serial/ports/qemu.c: where the UART is and how fast the counter counts.
    """
    return build(
        [*project.sources, *project.serial_sources, project.folder / PORT],
        project.folder,
        project.folder / BUILDS / name,
        core,
        compiler,
        roots=("hwc_serve",),
        room=room,
        defines={"MODEL_PROFILE": 1, **defines},
    )


def run_over_line(
    place: str, image: Image, program: Program, project: Project, target: Target, examples: Sequence[Mapping[str, Values]]
) -> FirmwareRun:
    """Every example on the board at `place` (PORT or PORT@BAUD), which must have this project flashed and an honest clock.

    Bytes are those of `image`, built here from the same sources; cycles, stack and clock are the board's. BoardError where it fails.
    """
    port, baud = port_and_baud(place)
    with SerialBoard(open_port(port, baud), port) as board:
        clock_hz = board.require_model(project.model_hash, str(project.folder)).clock_hz
        board.require_clock()
        runs = _inferences(board, program, examples)
        layers = board.layers(REPEATS)
    return _told(runs, image, program, layers=_layer_runs(project, layers), cycles=runs[0].cycles, clock_hz=clock_hz)


def run_in_qemu(
    image: Image,
    program: Program,
    project: Project,
    target: Target,
    examples: Sequence[Mapping[str, Values]],
    compiler: Compiler | None = None,
) -> FirmwareRun:
    """Every example in QEMU: the same sources by the same compiler, linked for its machine. No cycles; bytes are those of `image`."""
    machine = machine_for(target.core)
    room = Room(machine.flash_bytes, machine.ram_bytes, flash_origin=machine.flash_origin, ram_origin=machine.ram_origin)
    made = serial_image(project, target.core, "qemu", machine.defines, room=room, compiler=compiler)
    with ExitStack() as stack:
        board = stack.enter_context(qemu_board(machine, made.elf))
        board.require_model(project.model_hash, str(project.folder))
        runs = _inferences(board, program, examples)
    return _told(runs, image, program, layers=(None,) * len(project.calls), cycles=None, clock_hz=None)


def _inferences(board: SerialBoard, program: Program, examples: Sequence[Mapping[str, Values]]) -> list[AskedRun]:
    stored = [taken(program, example) for example in examples]
    return [board.run([np.ascontiguousarray(each[name]).tobytes() for name in program.graph.inputs]) for each in stored]


def _told(
    runs: Sequence[AskedRun],
    image: Image,
    program: Program,
    *,
    layers: tuple[LayerRun | None, ...],
    cycles: int | None,
    clock_hz: int | None,
) -> FirmwareRun:
    sizes = sections(image.elf)
    return FirmwareRun(
        outputs=[_outputs(program, run) for run in runs],
        static_bytes=sizes.ram_bytes,
        flash_bytes=sizes.flash_bytes,
        stack_bytes=runs[0].stack_bytes,
        instructions=None,
        cycles=cycles,
        layers=layers,
        clock_hz=clock_hz,
    )


def _outputs(program: Program, run: AskedRun) -> dict[str, Values]:
    names = program.graph.outputs
    arrays = {n: np.frombuffer(data, element(program.tensors[n])) for n, data in zip(names, run.outputs, strict=True)}
    return {name: given(program, name, array.reshape(program.tensors[name].shape)) for name, array in arrays.items()}


def _layer_runs(project: Project, layers: Sequence[LayerCycles]) -> tuple[LayerRun | None, ...]:
    """One for each call, None for those that are no code."""
    pairs = zip(project.calls, layers, strict=True)
    return tuple(LayerRun(None, layer.cycles) if call.emission.function else None for call, layer in pairs)
