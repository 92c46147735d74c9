"""All that is described: every device with its boards, and any one file by name or path, checked in full."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwcost.errors import TargetError
from hwcost.target.device import Board, Core, Device
from hwcost.target.find import Part, find_runtime, looks_like_path, names, part_of, versions
from hwcost.target.latency import Latency
from hwcost.target.load import Target, load_board, load_device, load_runtime
from hwcost.target.read import label, read_table, validate
from hwcost.target.runtime import Functions, Runtime

__all__ = ["Entry", "Noun", "catalogue", "described", "priced_on", "validate_file"]

Noun = Device | Board | Core | Runtime | Latency | Functions

_NOUNS: dict[Part, type[Noun]] = {
    "devices": Device,
    "boards": Board,
    "cores": Core,
    "runtimes": Runtime,
    "latency": Latency,
    "functions": Functions,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One device and the boards it comes on."""

    device: Device
    core: Core
    boards: tuple[str, ...]


def catalogue() -> tuple[list[Entry], list[TargetError]]:
    """Every described device, own folders included, by name; and what is wrong with the files that cannot be read."""
    faults: list[TargetError] = []
    entries: list[Entry] = []
    boards = _boards(faults)
    for name in names("devices"):
        try:
            device, core = load_device(name)
        except TargetError as error:
            faults.append(error)
        else:
            entries.append(Entry(device, core, tuple(boards.get(device.name, ()))))
    return entries, faults


def _boards(faults: list[TargetError]) -> dict[str, list[str]]:
    """Board names by device."""
    found: dict[str, list[str]] = {}
    for name in names("boards"):
        try:
            board = load_board(name)
        except TargetError as error:
            faults.append(error)
        else:
            found.setdefault(board.device, []).append(board.name)
    return found


def described(name: str, runtime: str | None = None) -> Target | Runtime:
    """What a name stands for: a board or device with its runtime, or a runtime with its prices on every core."""
    bare = name.partition("@")[0]
    if not looks_like_path(name) and bare in names("runtimes"):
        return load_runtime(name)
    return Target.load(name, runtime)


def priced_on(core: str) -> tuple[str, ...]:
    """Runtimes, as `name@version`, that say what they cost on a core."""
    references = [f"{name}@{version}" for name in names("runtimes") for version in versions(name)]
    return tuple(reference for reference in references if _has_prices(reference, core))


def _has_prices(reference: str, core: str) -> bool:
    """Whether there is a file of prices; a runtime that is a single file may hold them itself."""
    path = find_runtime(reference)
    return (path.parent / "latency" / f"{core}.toml").is_file() or (path.name != "runtime.toml" and core in load_runtime(reference).latency)


def validate_file(path: Path) -> Noun:
    """One file held against all the rules: its own faults first, then the names it uses. Raises TargetError."""
    table = read_table(path)
    part = part_of(table)
    noun: Noun = validate(_NOUNS[part], table if part != "devices" else _named_core(table, path), path)
    if isinstance(noun, Device | Board):
        Target.load(path)
    if isinstance(noun, Latency | Runtime | Functions):
        _check_cores(noun.cores if isinstance(noun, Runtime) else (noun.core,), path)
    return noun


def _check_cores(cores: tuple[str, ...], path: Path) -> None:
    unknown = [core for core in cores if core not in names("cores", path.parent)]
    if unknown:
        raise TargetError(f"expected described cores, got {', '.join(unknown)}; a core of your own goes into cores/", file=label(path))


def _named_core(table: dict[str, object], path: Path) -> dict[str, object]:
    """A device whose file holds its core as a table, with the core checked and named instead."""
    embedded = table.get("core")
    if not isinstance(embedded, dict):
        return table
    return {**table, "core": validate(Core, embedded, path, prefix="core").name}
