"""Which file a name means: the user's own folders first, then what hwcost ships."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from hwcost.errors import TargetError, shown
from hwcost.shipped import targets_folder

__all__ = ["Part", "find", "find_runtime", "folders", "looks_like_path", "names", "nearest", "versions"]

Part = Literal["devices", "boards", "cores", "runtimes", "latency", "functions"]

_SINGULAR: dict[str, str] = {
    "devices": "device",
    "boards": "board",
    "cores": "core",
    "runtimes": "runtime",
    "latency": "latency",
    "functions": "functions",
}

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What may be looked for as a file: nothing that leads out of a folder or is too long for one."""


def folders(beside: Path | None = None) -> tuple[Path, ...]:
    """Where targets are looked for, in order: beside the file that asks, HWCOST_TARGETS, shipped."""
    own = [Path(entry) for entry in os.environ.get("HWCOST_TARGETS", "").split(os.pathsep) if entry]
    if missing := [str(folder) for folder in own if not folder.is_dir()]:
        raise TargetError(f"expected HWCOST_TARGETS to name folders, got {', '.join(map(shown, missing))}")
    near = [] if beside is None else [beside.parent, beside] if beside.name in _SINGULAR else [beside]
    return tuple(dict.fromkeys([*near, *own, targets_folder()]))


def looks_like_path(name: str) -> bool:
    """Whether a target is given as a file and not as a name."""
    return name.endswith(".toml") or "/" in name or os.sep in name


def find(parts: tuple[Part, ...], name: str, beside: Path | None = None) -> Path:
    """The file that describes `name`; TargetError with the nearest names where there is none."""
    for folder in folders(beside):
        for part in parts:
            if (path := _described(folder, part, name)) is not None:
                return path
    raise _missing(" or ".join(_SINGULAR[part] for part in parts), name, (known for part in parts for known in names(part, beside)))


def find_runtime(name: str, beside: Path | None = None) -> Path:
    """The file of `name` or `name@version`; without a version the newest described in the first folder that knows the name."""
    bare, _, version = name.partition("@")
    for folder in folders(beside):
        known = _versions(folder, bare)
        if known and not version:
            return known[-1][1]
        if path := dict(known).get(version):
            return path
    described = versions(bare, beside)
    if described:
        raise TargetError(f"expected one of the versions described of runtime '{bare}', {', '.join(described)}, got {shown(version)}")
    raise _missing("runtime", bare, names("runtimes", beside))


def names(part: Part, beside: Path | None = None) -> tuple[str, ...]:
    """Every name of a part, own folders included, in alphabetical order."""
    return tuple(sorted({name for folder in folders(beside) for name in _names(folder, part)}))


def versions(runtime: str, beside: Path | None = None) -> tuple[str, ...]:
    """The versions described of a runtime, oldest first."""
    found = {version for folder in folders(beside) for version, _ in _versions(folder, runtime)}
    return tuple(sorted(found, key=_natural))


def nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Known names that `name` may have been meant to be, best first."""
    every = tuple(dict.fromkeys(known))
    close = get_close_matches(name.lower(), every, n=3, cutoff=0.5)
    return tuple(close) or tuple(other for other in every if name.lower() in other)[:3]


def _missing(what: str, name: str, known: Iterable[str]) -> TargetError:
    near = nearest(name, known)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "'hwcost targets list' prints the names"
    return TargetError(f"expected the name of a described {what} or the path of a .toml file, got {shown(name)}; {hint}")


def _described(folder: Path, part: Part, name: str) -> Path | None:
    """The file in `folder/devices` and the like, or in the folder itself where nobody sorted it."""
    if not NAME.fullmatch(name):
        return None
    candidates = (folder / part / f"{name.lower()}.toml", folder / f"{name.lower()}.toml")
    return next((path for path in candidates if path.is_file() and (path.parent.name == part or _is_part(path, part))), None)


def _is_part(path: Path, part: Part) -> bool:
    """Whether an unsorted file describes this part, read off the keys that only such files have."""
    head, _, tables = _start_of(path).partition("\n[")
    return part_of(re.findall(r"^([a-z_]+)", head, re.MULTILINE) + re.findall(r"^\[+([a-z_]+)", f"[{tables}", re.MULTILINE)) == part


def _start_of(path: Path) -> str:
    """As much of a file as a target may have; nothing of one that cannot be read, which opening it will say."""
    try:
        with path.open("rb") as file:
            return file.read(1_000_000).decode("utf-8", errors="replace")
    except OSError:
        return ""


def part_of(keys: Iterable[str]) -> Part:
    """What a file with these top-level keys describes."""
    present = set(keys)
    if "prices" in present or "basis" in present:
        return "latency"
    if "base_code_bytes" in present:
        return "functions"
    if "isa" in present:
        return "cores"
    if present & {"kernels", "data_only"} or {"version", "cores"} <= present:
        return "runtimes"
    return "boards" if "device" in present else "devices"


def _names(folder: Path, part: Part) -> Iterator[str]:
    if part == "runtimes":
        yield from (path.parent.parent.name for path in folder.glob("runtimes/*/*/runtime.toml"))
    else:
        yield from (path.stem for path in folder.glob(f"{part}/*.toml"))
    yield from (path.stem for path in folder.glob("*.toml") if path.is_file() and _is_part(path, part))


def _versions(folder: Path, runtime: str) -> list[tuple[str, Path]]:
    """Versions with their files, oldest first; a lone file in the folder is a runtime of one version."""
    if not NAME.fullmatch(runtime):
        return []
    found = [(path.parent.name, path) for path in (folder / "runtimes" / runtime).glob("*/runtime.toml")]
    lone = folder / f"{runtime}.toml"
    if not found and lone.is_file() and _is_part(lone, "runtimes"):
        stated = re.search(r'^version\s*=\s*"([^"]*)"', _start_of(lone), re.MULTILINE)
        found = [(stated[1] if stated else "", lone)]
    return sorted(found, key=lambda item: _natural(item[0]))


def _natural(version: str) -> list[tuple[int, int, str]]:
    """10.2 after 9.0: digits count as numbers."""
    return [(1, int(piece), "") if piece.isdigit() else (0, 0, piece) for piece in re.findall(r"\d+|[^\d.]+", version)]
