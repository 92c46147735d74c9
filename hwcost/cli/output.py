"""Where a command's words go: data to standard output, talk to standard error."""

from __future__ import annotations

import io
import os
import sys

from hwcost.errors import InputError
from hwcost.report.names import escaped

__all__ = ["Paper", "emit", "examples", "talk"]


class Paper(io.StringIO):
    """What is written on before it is emitted at once; it can carry what standard output can, colours included."""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # of a file in memory it is None
        """Of standard output."""
        return getattr(sys.stdout, "encoding", None) or "ascii"

    def isatty(self) -> bool:
        """Whether standard output is a terminal."""
        return sys.stdout is not None and sys.stdout.isatty()


def emit(text: str) -> None:
    """Write data at once. A reader who has gone (`hwcost ... | head`) changes nothing about the verdict."""
    stream = sys.stdout
    if stream is None:  # started with it closed
        raise InputError("the report cannot be written: standard output is closed")
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _discard_the_rest()
    except OSError as error:
        _discard_the_rest()
        raise InputError(f"the report cannot be written: {error.strerror or error}") from None


def _discard_the_rest() -> None:
    """Let Python's own flush at exit go nowhere, or it would complain once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def talk(message: str) -> None:
    """Write a sentence to standard error; names from files cannot steer the terminal."""
    if sys.stderr is None:  # started with it closed
        return
    try:
        sys.stderr.write(escaped(message, keep="\n") + "\n")
        sys.stderr.flush()
    except OSError:
        return  # nobody listens


def examples(*commands: str) -> str:
    """The end of a help text: commands on lines of their own, which the parser keeps as they are below a backspace."""
    return "\b\n" + "\n".join(["Examples:", *(f"  {command}" for command in commands)])
