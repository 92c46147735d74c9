"""From a model to a firmware that has run: lowered, planned, written, built, compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hwcost.checking import device_limits, is_quantised
from hwcost.deploy.build import Image, build
from hwcost.deploy.compilers import Compiler, found
from hwcost.deploy.emit import Project, calls, emit
from hwcost.deploy.emit.folder import BUILDS
from hwcost.deploy.lower import lower
from hwcost.deploy.planning import FirmwarePlan, FirmwareSize, firmware_size, plan, stated_sizes
from hwcost.deploy.program import Program
from hwcost.deploy.room import room_of
from hwcost.errors import InputError
from hwcost.frontends.from_onnx import from_onnx
from hwcost.kernels.generated import Objective
from hwcost.target import Target
from hwcost.verify.firmware_run import FirmwareRun, require_board, run_on
from hwcost.verify.oracle import answers, examples_of
from hwcost.verify.truth import Measured, Predicted, Truth, layers_of

__all__ = ["Order", "deployed"]

INT8_MODEL = "model.int8.onnx"
"""What a float model was quantised to, in the folder of the project."""

FLASHED = " (cycles and stack of what was flashed, bytes of a build here)"
"""What is said of a real board, whose firmware somebody's own tools may have built."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be deployed, and how."""

    model: Path
    target: Target
    output: Path
    calibration: Path | None = None
    optimise: Objective = "balanced"
    simplify: bool = True
    force: bool = False
    compiler: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A firmware on disk with all that was decided about it."""

    model: Path
    program: Program
    plan: FirmwarePlan
    size: FirmwareSize
    project: Project

    @property
    def arenas(self) -> dict[str, tuple[str, int]]:
        """Region and bytes of each block of memory, by its C name."""
        return {arena.name: (arena.region, arena.bytes) for arena in self.project.addresses.arenas}


def deployed(order: Order, *, board: str | None = None, inputs: Path | None = None, tell: Tell = lambda _: None) -> Truth:
    """Write the firmware of a model; with a `board` build it, run it on `inputs` (or seeded noise) and compare.

    Raises BudgetError before anything is written where it does not fit the device, BuildError or BoardError where tools fail.
    """
    if board is not None:
        require_board(board, order.target.core)
    written = write(order, tell)
    predicted = _predicted(written, order.target)
    if board is None:
        return Truth(predicted, None, None, layers_of(written.project.calls, written.plan, None), written.program.notes)
    examples = examples_of(written.model, written.program, inputs)
    tell("building")
    image = built(written, order)
    tell(f"running {len(examples)} examples on {board}")
    ran = run_on(board, image, written.program, written.project, order.target, examples, _compiler(order))
    agreement = answers(written.model, written.program, examples, ran.outputs)
    measured = _measured(ran, image, order.target, board)
    return Truth(predicted, measured, agreement, layers_of(written.project.calls, written.plan, ran.layers), written.program.notes)


def write(order: Order, tell: Tell = lambda _: None) -> Written:
    """Quantise where asked, lower, decide and write; nothing is built. A model that was quantised for it is in the folder, INT8_MODEL."""
    stated_sizes(order.target)
    with TemporaryDirectory() as folder:
        model = _int8_model(order, Path(folder))
        program = lower(from_onnx(model), simplify=order.simplify)
        planned = plan(program, order.target, order.optimise)
        size = firmware_size([call.emission for call in calls(program, planned.variants)], planned, order.target)
        _require_room(planned, size, order.target)
        beside = {} if model == order.model else {INT8_MODEL: model.read_bytes()}
        memory = planned.cost.ram.plan
        project = emit(program, order.target, memory, planned.variants, order.output, force=order.force, beside=beside)
    if beside:
        model = order.output / INT8_MODEL
        tell(f"quantised: {model}")
    return Written(model, program, planned, size, project)


def built(written: Written, order: Order) -> Image:
    """The image of a written firmware."""
    project = written.project
    room = room_of(order.target, written.arenas, written.size.stack_bytes)
    return build(project.sources, project.folder, project.folder / BUILDS, order.target.core, _compiler(order), room=room)


def _compiler(order: Order) -> Compiler | None:
    return None if order.compiler is None else found(order.compiler)


def _int8_model(order: Order, folder: Path) -> Path:
    """The quantised model: the file given, or one made of it in the folder."""
    if is_quantised(from_onnx(order.model)):
        return order.model
    if order.calibration is None:
        raise InputError(
            f"{order.model}: expected an int8 model, got one that computes in floats; give examples with --calibration DATA.npz "
            "(arrays named by model input, batch first), or quantise it first with hwcost quantize"
        )
    from hwcost.deploy.quantise import quantise

    made = folder / f"{order.model.stem}.onnx"
    quantise(order.model, order.calibration, made)
    return made


def _require_room(planned: FirmwarePlan, size: FirmwareSize, target: Target) -> None:
    """Raise BudgetError where the image, as it will be, is larger than the device."""
    in_ram = planned.cost.ram.arena_bytes + size.stack_bytes + planned.cost.ram.reserved_bytes
    image = replace(planned.cost, ram_bytes=in_ram, flash_bytes=size.flash_bytes)
    device_limits(target).require(image)


def _predicted(written: Written, target: Target) -> Predicted:
    latency_s = written.plan.cost.latency_s
    return Predicted(
        ram_bytes=written.project.arena_bytes + written.size.stack_bytes,
        flash_bytes=written.size.flash_bytes,
        cycles=None if latency_s is None else round(latency_s * target.clock_hz),
        latency_s=latency_s,
    )


def _measured(ran: FirmwareRun, image: Image, target: Target, board: str) -> Measured:
    return Measured(
        ram_bytes=ran.static_bytes + (ran.stack_bytes or 0),
        flash_bytes=ran.flash_bytes,
        stack_bytes=ran.stack_bytes,
        instructions=ran.instructions,
        cycles=ran.cycles,
        latency_s=None if ran.cycles is None else ran.cycles / (ran.clock_hz or target.clock_hz),
        board=f"{board} {target.core.name}" + FLASHED * (ran.clock_hz is not None),
        compiler=image.version,
        flags=image.flags,
    )
