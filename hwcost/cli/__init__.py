"""The command line, `hwcost COMMAND`: it parses, calls and prints. Data goes to standard output, talk to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from hwcost.errors import HwcostError

__all__ = ["main"]

INTERRUPTED = 130
BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; whatever goes wrong is one sentence on standard error, never a traceback.

    0 done or within budget, 1 any other verdict, 2 bad input or usage, 3 a compiler or board failed, 130 interrupted.
    """
    try:
        from hwcost.cli.commands import run

        return run(arguments)
    except HwcostError as error:
        return _refuse(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _refuse("interrupted", INTERRUPTED)
    except RecursionError:
        return _refuse("the input is nested too deeply to be read", BAD_INPUT)
    except MemoryError:
        return _refuse("there is not enough memory for this input", BAD_INPUT)
    except Exception as error:  # noqa: BLE001 -- the last resort: a user gets a sentence, a maintainer asks for the traceback
        return _own_fault(error)


def _refuse(message: str, exit_code: int) -> int:
    from hwcost.cli.output import talk

    talk(f"hwcost: error: {message}")
    return exit_code


def _own_fault(error: Exception) -> int:
    """An exception nobody meant to raise: ours to mend, and said so."""
    if os.environ.get("HWCOST_TRACEBACK"):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return _refuse(f"this is a bug in hwcost, please report it: {said} (HWCOST_TRACEBACK=1 shows where)", BAD_INPUT)
