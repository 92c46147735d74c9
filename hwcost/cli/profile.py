"""`hwcost profile`: layers measured on a board, as rows that a latency model is fitted from."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from hwcost.cli.deploy import require_board_extra
from hwcost.cli.output import emit, examples, talk
from hwcost.cli.search import require_torch
from hwcost.errors import InputError, shown
from hwcost.report.profiling import active_json, active_text, emitted_json, emitted_text, profile_json, profile_text, round_text
from hwcost.target import Target

if TYPE_CHECKING:
    from hwcost.graph import Graph
    from hwcost.measure.profiling import Profile
    from hwcost.records import Layer

__all__ = ["app", "profile"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLES = examples(
    "hwcost profile --target stm32l4r5 --sample prior --layers 300 --output m4.csv",
    "hwcost profile --target stm32l4r5 --model int8.onnx --output network.csv",
    "hwcost profile --target stm32l4r5 --sample space --config examples/digits.toml --layers 200 --output space.csv",
    "hwcost profile --target stm32l4r5 --sample prior --active 5% --output m4.csv",
    "hwcost profile --target nano33ble --sample prior --layers 30 --emit firmware",
    "hwcost profile --target nano33ble --sample prior --layers 30 --collect serial:/dev/ttyACM0 --condition caches=none --output board.csv",
    "hwcost profile --target stm32l4r5 --board host --model int8.onnx --output host.csv",
    "hwcost profile --target stm32l4r5 --sample prior --backend dask --scheduler tcp://10.0.0.1:8786 --output m4.csv",
)


LAYERS = 100
"""Of each kind, where nobody says."""

CANDIDATES = 400
"""Layers of each kind that --active chooses among."""

NETWORKS = 200
"""Networks of a search space whose layers are looked at."""


class Sample(StrEnum):
    """Where layers come from."""

    PRIOR = "prior"
    SPACE = "space"


class BackendName(StrEnum):
    """What spreads the work."""

    JOBLIB = "joblib"
    DASK = "dask"


@app.command(short_help="Measure layers on a board, for a latency model to be fitted.", epilog=EXAMPLES)
def profile(
    target: Annotated[str, typer.Option("--target", metavar="DEVICE", help="Device or board by name, or the path of a .toml file.")],
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE.csv", help="Where rows go; a file that is there is gone on with.")
    ] = None,
    runtime: Annotated[str, typer.Option(metavar="NAME[@VERSION]", help="Kernel library on the device.")] = "hwcost-c",
    board: Annotated[
        str, typer.Option(metavar="emulated|host", help="What layers are run on: an emulated core, or this machine.")
    ] = "emulated",
    model: Annotated[Path | None, typer.Option(metavar="MODEL.onnx", help="Measure the layers of this network.")] = None,
    sample: Annotated[Sample | None, typer.Option(help="Measure layers as real networks have them, or as a search may make them.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="CONFIG.toml", help="The search whose layers --sample space measures.")] = None,
    layers: Annotated[int | None, typer.Option(min=1, help="How many layers, of each kind with --sample prior (default 100).")] = None,
    active: Annotated[
        str | None,
        typer.Option(metavar="ERROR", help="Measure where a model is least sure, until its mean error there is below this: 5% or 0.05."),
    ] = None,
    kinds: Annotated[str, typer.Option(metavar="KIND,...", help="Kinds of layers that --sample prior draws.")] = (
        "conv2d,pointwise,depthwise,dense"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Of the sample and of the weights.")] = 0,
    backend: Annotated[
        BackendName, typer.Option(help="Spread over processes of this machine, or over a Dask cluster.")
    ] = BackendName.JOBLIB,
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the Dask cluster.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; as many as there are processors without this.")] = None,
    emit_to: Annotated[
        Path | None, typer.Option("--emit", metavar="DIR", help="Write one firmware with all these layers, to be built for a real board.")
    ] = None,
    collect: Annotated[
        str | None,
        typer.Option(metavar="serial:PORT|LOG.txt", help="Read what that firmware says; give the options that --emit was given."),
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Of a real board: compiler, flags, wait_states, caches, memory, board...; repeatable."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let --emit write into a folder that holds other files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was measured as JSON.")] = False,
) -> int:
    """Run layers one by one and write a row for each: cycles, instructions by class, the kernel, every condition.

    The file is whole after every batch: after Ctrl-C or a crash the same command goes on and no row is lost.
    """
    given = _Given(model, sample, config, layers, tuple(kinds.split(",")), seed)
    if emit_to is not None:
        return _emit(Target.load(target, runtime), given, emit_to, force, as_json)
    if output is None:
        raise InputError("expected --output FILE.csv: where the rows go")
    if collect is not None:
        return _collect(Target.load(target, runtime), given, collect, condition or (), output, as_json)
    chosen = Target.load(target, None if board == "host" else runtime)
    spreading = _Spreading(backend.value, scheduler, jobs)
    if active is not None:
        return _actively(_share(active), board, chosen, given, output, spreading, as_json)
    done = _measured(board, chosen, given, output, spreading)
    emit(profile_json(output, done) if as_json else profile_text(output, done))
    return 0


class _Given(NamedTuple):
    """Where layers come from, as the options said."""

    model: Path | None
    sample: Sample | None
    config: Path | None
    most: int | None
    kinds: tuple[str, ...]
    seed: int


class _Spreading(NamedTuple):
    """How the work is spread, as the options said."""

    backend: Literal["joblib", "dask"]
    scheduler: str | None
    jobs: int | None


def _measured(board: str, target: Target, given: _Given, output: Path, spreading: _Spreading) -> Profile:
    """What a board that is here took. InputError for one that is not."""
    if board not in ("emulated", "host"):
        raise InputError(f"expected the board 'emulated' or 'host', got '{board}'; a real board is told with --emit and --collect")
    wanted = _layers(target, given)
    if board == "host":
        require_host_extra()
        from hwcost.measure.profiling.host import profile_host

        talk(f"{len(wanted)} layers on this machine, by onnxruntime, one after another")
        with progress_bar() as tell:
            return _or_note(output, lambda: profile_host(wanted, output, seed=given.seed, progress=tell))
    require_board_extra(run=True)
    from hwcost.measure.profiling import Backend
    from hwcost.measure.profiling import profile as profile_emulated

    backend = Backend(spreading.backend, spreading.scheduler, spreading.jobs or os.cpu_count() or 1)
    talk(f"{len(wanted)} layers on an emulated {target.core.name}")
    with progress_bar() as tell:
        return _or_note(output, lambda: profile_emulated(wanted, target, output, backend=backend, seed=given.seed, progress=tell))


def _actively(error: float, board: str, target: Target, given: _Given, output: Path, spreading: _Spreading, as_json: bool) -> int:
    """Measure until a model is as good as was asked for; 1 where the layers ran out first."""
    if board != "emulated" or given.most is not None:
        raise InputError("--active chooses how many layers it measures, on the emulated board: leave out --layers and --board")
    require_board_extra(run=True)
    from hwcost.fit.active import profile_until
    from hwcost.measure.profiling import Backend

    backend = Backend(spreading.backend, spreading.scheduler, spreading.jobs or os.cpu_count() or 1)
    wide = given._replace(most=CANDIDATES)
    groups = (
        {kind: _layers(target, wide._replace(kinds=(kind,))) for kind in given.kinds}
        if given.sample is Sample.PRIOR
        else {"all": _layers(target, wide)}
    )
    found = profile_until(
        error, groups, target, output, backend=backend, seed=given.seed, tell=lambda kind, one: talk(round_text(kind, one))
    )
    emit(active_json(output, found) if as_json else active_text(output, found, error))
    return 0 if all(one.reached for one in found.values()) else 1


def _share(text: str) -> float:
    """`5%` or `0.05` as a number."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise InputError(f"--active: expected an error between 0 and 1, such as 5% or 0.05, got {shown(text)}")
    return share


def _emit(target: Target, given: _Given, folder: Path, force: bool, as_json: bool) -> int:
    """Write the firmware, and say what to do with it."""
    require_board_extra(run=False)
    from hwcost.measure.profiling.firmware import emit_layers

    emitted = emit_layers(_layers(target, given), target, folder, seed=given.seed, force=force)
    emit(emitted_json(folder, emitted) if as_json else emitted_text(folder, emitted, target))
    return 0


def _collect(target: Target, given: _Given, place: str, condition: Sequence[str], output: Path, as_json: bool) -> int:
    """Rows of a real board, added to the file."""
    from hwcost.measure.profiling import Profile
    from hwcost.measure.profiling.collecting import collect
    from hwcost.measure.profiling.firmware import emitted_hash
    from hwcost.records import append_records

    require_board_extra(run=False)
    emitted = emitted_hash(_layers(target, given), target, seed=given.seed)
    rows = collect(place, emitted, target, _conditions(condition))
    table = append_records(output, rows, provenance={"title": f"hwcost profile: layers on {target.name}"})
    done = Profile(table.rows, len(rows), ())
    emit(profile_json(output, done) if as_json else profile_text(output, done))
    return 0


def _conditions(texts: Sequence[str]) -> dict[str, str]:
    """KEY=VALUE pairs."""
    pairs = [text.partition("=") for text in texts]
    wrong = [shown("".join(pair)) for pair in pairs if not pair[0] or not pair[2]]
    if wrong:
        raise InputError(f"--condition: expected KEY=VALUE, got {', '.join(wrong)}")
    return {key: value for key, _, value in pairs}


def require_host_extra() -> None:
    """Raise InputError unless onnxruntime can be imported."""
    from importlib.util import find_spec

    if find_spec("onnxruntime") is None:
        raise InputError("--board host runs layers by onnxruntime: pip install onnxruntime")


def _or_note(output: Path, work: Callable[[], Profile]) -> Profile:
    """What the work gives; interrupted, it says how to go on."""
    try:
        return work()
    except KeyboardInterrupt:
        talk(f"stopped; what was measured is in {output}, and the same command goes on from there")
        raise


def _layers(target: Target, given: _Given) -> list[Layer]:
    """The layers asked for. InputError unless exactly one place was named where they come from."""
    from hwcost.measure.sampling import Limits, sample_network, sample_prior, sample_space

    if (given.model is None) == (given.sample is None):
        raise InputError("expected either --model MODEL.onnx or --sample prior|space: where the layers come from")
    if (given.config is not None) != (given.sample is Sample.SPACE):
        raise InputError("--sample space and --config CONFIG.toml go together: the configuration says what the search may visit")
    limits = Limits.of(target)
    if given.model is not None:
        from hwcost.frontends.from_onnx import from_onnx

        return sample_network(from_onnx(given.model), replace(limits, macs=sys.maxsize), given.most)
    if given.config is not None:
        return sample_space(visited_networks(given.config, given.seed), limits, given.most or LAYERS)
    return sample_prior(given.most or LAYERS, limits, seed=given.seed, kinds=given.kinds)


def visited_networks(config: Path, seed: int) -> Iterator[Graph]:
    """Networks that a search may visit, at random widths; the search lists them, and measuring knows nothing of searches."""
    require_torch()
    from hwcost.nas.visiting import visited

    return visited(config, NETWORKS, seed)


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error with the time that is left; nothing where nobody looks at a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("layers"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("layers", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
