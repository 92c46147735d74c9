"""The commands by name, each module imported when its command is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

import hwcost
from hwcost.cli.output import emit, examples
from hwcost.errors import InputError

__all__ = ["COMMANDS", "run"]

COMMANDS = {
    "check": "hwcost.cli.check",
    "cost": "hwcost.cli.cost",
    "search": "hwcost.cli.search",
    "explain": "hwcost.cli.explain",
    "deploy": "hwcost.cli.deploy",
    "profile": "hwcost.cli.profile",
    "quantize": "hwcost.cli.quantize",
    "import": "hwcost.cli.import_",
    "fit": "hwcost.cli.fit",
    "targets": "hwcost.cli.targets",
}
"""Where the typer app of each command lives, in the order of the help."""

_Refusal: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What the parser raises; it is click's own or typer's copy of it, depending on the version of typer."""


class Commands(TyperGroup):
    """The group of all commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every name, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, imported now; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command = get_command(import_module(COMMANDS[cmd_name]).app)
        command.name = cmd_name
        return command


EXAMPLES = examples(
    "hwcost check model.onnx --target stm32l4r5 --max-ram 64KiB --max-latency 200ms",
    "hwcost cost a.onnx b.onnx --target nano33ble,rp2040",
    "hwcost targets list",
)

app = typer.Typer(cls=Commands, name="hwcost", epilog=EXAMPLES, rich_markup_mode=None, add_completion=False, invoke_without_command=True)


def _print_version(asked: bool) -> None:
    if asked:
        emit(f"hwcost {hwcost.__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")] = False,
) -> None:
    """Does this network fit that microcontroller? Latency, RAM, flash and energy, with reasons.

    Exit codes: 0 done or within budget, 1 any other verdict, 2 bad input or usage, 3 a compiler or board failed, 130 interrupted.
    """
    if context.invoked_subcommand is None:
        raise InputError(f"expected a command, one of {', '.join(COMMANDS)}; 'hwcost --help' tells more")


def run(arguments: Sequence[str] | None = None) -> int:
    """Parse and run; the exit code. InputError for usage that cannot be parsed."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = get_command(app).main(given, prog_name="hwcost", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _Refusal as refusal:
        context = getattr(refusal, "ctx", None)
        path = context.command_path if context is not None else "hwcost"
        said = "expected a command" if type(refusal).__name__ == "NoArgsIsHelpError" else refusal.format_message().rstrip(".")
        raise InputError(f"{said}; '{path} --help' tells more") from None
    return code if isinstance(code, int) else 0
