"""Which files of hwcost/deploy/c/ a project takes with it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from hwcost.errors import BuildError

KERNELS = Path(__file__).parents[1] / "c"
BOARD = "board"
SERIAL = "serial"
INCLUDED = re.compile(r'^#include "([\w.]+)"', re.MULTILINE)


def kernel_files(sources: Iterable[str], texts: Iterable[str] = ()) -> dict[str, str]:
    """The named sources and every header that they, or generated `texts`, include; sorted by name. BuildError where one is missing."""
    found: dict[str, str] = {}
    waiting = sorted({"hwc.h", *sources, *_headers(texts)})
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _kernel(name)
            waiting += _headers([found[name]])
    return dict(sorted(found.items()))


def board_files() -> dict[str, str]:
    """What runs the model as a firmware of its own: start-up in board/, the line protocol with its hooks in serial/."""
    paths = sorted(path for folder in (BOARD, SERIAL) for path in (KERNELS / folder).rglob("*") if path.is_file())
    return {path.relative_to(KERNELS).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def _headers(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in INCLUDED.findall(text)}


def _kernel(name: str) -> str:
    try:
        return (KERNELS / name).read_text(encoding="utf-8")
    except OSError as error:
        raise BuildError(f"the kernel file {name} is not in this installation: {error}") from error
