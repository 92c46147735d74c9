"""`hwcost profile`: layers measured on a board, as rows that a latency model is fitted from."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwcost.cli.deploy import require_board_extra
from hwcost.cli.output import emit, examples, talk
from hwcost.cli.search import require_torch
from hwcost.errors import InputError
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
    "hwcost profile --target stm32l4r5 --sample prior --backend dask --scheduler tcp://10.0.0.1:8786 --output m4.csv",
)


LAYERS = 100
"""Of each kind, where nobody says."""

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
    output: Annotated[Path, typer.Option("--output", metavar="FILE.csv", help="Where rows go; a file that is there is gone on with.")],
    runtime: Annotated[str, typer.Option(metavar="NAME[@VERSION]", help="Kernel library on the device.")] = "hwcost-c",
    board: Annotated[str, typer.Option(metavar="emulated|host", help="What layers are run on.")] = "emulated",
    model: Annotated[Path | None, typer.Option(metavar="MODEL.onnx", help="Measure the layers of this network.")] = None,
    sample: Annotated[Sample | None, typer.Option(help="Measure layers as real networks have them, or as a search may make them.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="CONFIG.toml", help="The search whose layers --sample space measures.")] = None,
    layers: Annotated[int | None, typer.Option(min=1, help="How many layers, of each kind with --sample prior (default 100).")] = None,
    kinds: Annotated[str, typer.Option(metavar="KIND,...", help="Kinds of layers that --sample prior draws.")] = (
        "conv2d,pointwise,depthwise,dense"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Of the sample and of the weights.")] = 0,
    backend: Annotated[
        BackendName, typer.Option(help="Spread over processes of this machine, or over a Dask cluster.")
    ] = BackendName.JOBLIB,
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the Dask cluster.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; as many as there are processors without this.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was measured as JSON.")] = False,
) -> int:
    """Run layers one by one and write a row for each: cycles, instructions by class, the kernel, every condition.

    The file is whole after every batch: after Ctrl-C or a crash the same command goes on and no row is lost.
    """
    require_board_extra(run=True)
    from hwcost.measure.profiling import Backend
    from hwcost.measure.profiling import profile as measured
    from hwcost.report.profiling import profile_json, profile_text

    if board != "emulated":
        raise InputError(f"expected the board 'emulated' or 'host', got '{board}'")
    chosen = Target.load(target, runtime)
    wanted = _layers(chosen, model, sample, config, layers, kinds.split(","), seed)
    spreading = Backend(backend.value, scheduler, jobs or os.cpu_count() or 1)
    talk(f"{len(wanted)} layers on an emulated {chosen.core.name}")
    with progress_bar() as tell:
        done = _or_note(output, lambda: measured(wanted, chosen, output, backend=spreading, seed=seed, progress=tell))
    emit(profile_json(output, done) if as_json else profile_text(output, done))
    return 0


def _or_note(output: Path, work: Callable[[], Profile]) -> Profile:
    """What the work gives; interrupted, it says how to go on."""
    try:
        return work()
    except KeyboardInterrupt:
        talk(f"stopped; what was measured is in {output}, and the same command goes on from there")
        raise


def _layers(
    target: Target, model: Path | None, sample: Sample | None, config: Path | None, count: int | None, kinds: Sequence[str], seed: int
) -> list[Layer]:
    """The layers asked for. InputError unless exactly one place was named where they come from."""
    from hwcost.measure.sampling import Limits, sample_network, sample_prior, sample_space

    if (model is None) == (sample is None):
        raise InputError("expected either --model MODEL.onnx or --sample prior|space: where the layers come from")
    if (config is not None) != (sample is Sample.SPACE):
        raise InputError("--sample space and --config CONFIG.toml go together: the configuration says what the search may visit")
    limits = Limits.of(target)
    if model is not None:
        from hwcost.frontends.from_onnx import from_onnx

        return sample_network(from_onnx(model), limits, count)
    if config is not None:
        return sample_space(visited_networks(config, seed), limits, count or LAYERS)
    return sample_prior(count or LAYERS, limits, seed=seed, kinds=kinds)


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
