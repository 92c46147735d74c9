"""`hwcost search`: one training run that ends with a network within every limit."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwcost.cli.output import emit, examples, talk
from hwcost.errors import InputError

if TYPE_CHECKING:
    from hwcost.nas.session import Progress

__all__ = ["app", "require_torch", "search"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


EXAMPLES = examples(
    "hwcost search examples/digits.toml --output found",
    "hwcost search examples/digits.toml --output found --set budget.max_ram=24KiB --set schedule.search_epochs=30",
    "hwcost search examples/digits.toml --output found --json",
)


def _print_tasks(asked: bool) -> None:
    if asked:
        require_torch()
        from hwcost.tasks import described

        emit(described() + "\n")
        raise typer.Exit


@app.command(short_help="Search channel widths while training, until every limit is met.", epilog=EXAMPLES)
def search(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="Task, target, runtime, budget, strategy, schedule, seeds.")],
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where the network and the checkpoints go.")],
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Over a key of the file; repeatable.")] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write curves into the output folder, for TensorBoard.")] = False,
    tasks: Annotated[bool, typer.Option("--tasks", is_eager=True, callback=_print_tasks, help="List the tasks there are.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the report of check on the file, and what the search adds.")] = False,
) -> int:
    """Train, search and fine-tune on a task; write network.onnx and network.pt, and check the file.

    Started again with the same configuration and folder, a run that was cut off goes on to the same result. A budget that no widths
    meet is refused before anything is trained.
    """
    require_torch()
    from hwcost.nas.config import Config
    from hwcost.nas.logbook import Logbook
    from hwcost.nas.search import Search
    from hwcost.report.searching import found_json, found_text, progress_line

    with contextlib.ExitStack() as closing:
        curves = closing.enter_context(Logbook(output / "tensorboard")) if tensorboard else None

        def tell(progress: Progress) -> None:
            talk(progress_line(progress))
            if curves is not None:
                curves(progress)

        run = Search(Config.load(config, settings or ()), output, tell=tell)
        try:
            found = run.run()
        except KeyboardInterrupt:
            talk("stopped; the same command goes on from the last whole epoch")
            raise
    emit(found_json(found) if as_json else found_text(found, run.task.metric))
    return max(outcome.report.exit_code for outcome in found.outcomes)


def require_torch() -> None:
    """Raise InputError unless torch can be imported."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise InputError("this command trains networks, which needs torch: pip install 'hwcost[nas]'")
