"""Names and files into targets: only the files of the one asked for are opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hwcost.errors import TargetError
from hwcost.target.device import Board, Core, Device, Memory
from hwcost.target.find import find, find_runtime, looks_like_path, part_of
from hwcost.target.latency import Latency
from hwcost.target.read import label, parse, read_table
from hwcost.target.runtime import Functions, Runtime

__all__ = ["Target", "load_board", "load_core", "load_device", "load_runtime"]


@dataclass(frozen=True, slots=True)
class Target:
    """A device and the runtime on it: what a network is priced for."""

    device: Device
    core: Core
    runtime: Runtime
    board: Board | None = None

    @classmethod
    def load(cls, name_or_path: str | Path, runtime: str | None = None) -> Target:
        """A described device or board by name, or the user's own by the path of its file.

        `runtime` is `name` or `name@version`; without it the board's or device's default is taken, and without a version
        the newest described. Raises TargetError with every fault of the file, or with the nearest names.
        """
        path = _path_of(name_or_path)
        table = read_table(path)
        board = parse(Board, table, path) if part_of(table) == "boards" else None
        device, core = load_device(board.device, path.parent) if board else _device_in(table, path)
        wanted = (board and board.default_runtime) or device.default_runtime if runtime is None else runtime
        target = cls(device, core, load_runtime(wanted, core.name, path.parent), board)
        target._check(path)
        return target

    @property
    def name(self) -> str:
        """The board's name where there is one, else the device's."""
        return self.board.name if self.board else self.device.name

    @property
    def memories(self) -> tuple[Memory, ...]:
        """Every region, in the order tensors prefer them, the board's replacements and reserved bytes included."""
        return self.board.memories_on(self.device) if self.board else self.device.memories

    @property
    def ram_regions(self) -> tuple[Memory, ...]:
        """Regions that can be written."""
        return tuple(memory for memory in self.memories if memory.kind == "ram")

    @property
    def flash_regions(self) -> tuple[Memory, ...]:
        """Regions that keep weights and code."""
        return tuple(memory for memory in self.memories if memory.kind == "flash")

    @property
    def ram_bytes(self) -> int:
        """All RAM, reserved bytes included: they stand on the used side."""
        return sum(memory.size_bytes.value for memory in self.ram_regions)

    @property
    def flash_bytes(self) -> int:
        """All flash, reserved bytes included."""
        return sum(memory.size_bytes.value for memory in self.flash_regions)

    @property
    def reserved(self) -> Mapping[str, int]:
        """Bytes taken before the network comes, by region; regions with none are left out."""
        return {memory.name: memory.reserved_bytes.value for memory in self.memories if memory.reserved_bytes.value}

    @property
    def clock_hz(self) -> float:
        """The clock the core runs at."""
        clock = self.board.clock_hz if self.board and self.board.clock_hz else self.device.clock_hz
        return clock.value

    @property
    def latency(self) -> Latency | None:
        """What the runtime costs on this core; None where nobody measured or described it."""
        return self.runtime.latency.get(self.core.name)

    def _check(self, path: Path) -> None:
        """Names that must exist in another file: the core in the runtime's list, reserved regions in the memories."""
        if self.core.name not in self.runtime.cores:
            raise TargetError(
                f"expected a runtime described for core '{self.core.name}', got {self.runtime.reference}, "
                f"which is described for {', '.join(self.runtime.cores)}",
                file=label(path),
            )
        regions = [memory.name for memory in self.memories]
        unknown = [name for name in (self.board.reserved_bytes if self.board else ()) if name not in regions]
        if unknown:
            raise TargetError(
                f"expected regions out of {', '.join(regions)}, got {', '.join(unknown)}", file=label(path), key="reserved_bytes"
            )


def load_device(name: str, beside: Path | None = None) -> tuple[Device, Core]:
    """A device by name, and its core."""
    path = find(("devices",), name, beside)
    return _device_in(read_table(path), path)


def load_core(name: str, beside: Path | None = None) -> Core:
    """A core by name."""
    path = find(("cores",), name, beside)
    return parse(Core, read_table(path), path)


def load_board(name: str, beside: Path | None = None) -> Board:
    """A board by name."""
    path = find(("boards",), name, beside)
    return parse(Board, read_table(path), path)


def load_runtime(name: str, core: str | None = None, beside: Path | None = None) -> Runtime:
    """A runtime by `name` or `name@version`, with its prices on `core` if it has any (every core's where none is named)."""
    path = find_runtime(name, beside)
    runtime = parse(Runtime, read_table(path), path)
    latency = {file.stem: parse(Latency, read_table(file), file) for file in _by_core(path, "latency", core)}
    functions = {file.stem: parse(Functions, read_table(file), file) for file in _by_core(path, "functions", core)}
    return replace(runtime, latency={**runtime.latency, **latency}, functions={**runtime.functions, **functions})


def _by_core(runtime: Path, folder: str, core: str | None) -> list[Path]:
    """The files beside a runtime's own that are of one core, or of every core."""
    beside = runtime.parent / folder
    files = sorted(beside.glob("*.toml")) if core is None else [beside / f"{core}.toml"]
    return [file for file in files if file.is_file()]


def _path_of(name_or_path: str | Path) -> Path:
    name = str(name_or_path)
    if isinstance(name_or_path, Path) or looks_like_path(name):
        return Path(name_or_path)
    return find(("boards", "devices"), name)


def _device_in(table: dict[str, Any], path: Path) -> tuple[Device, Core]:
    """A device and its core, which the file may hold as a table of its own instead of naming it."""
    embedded = table.get("core")
    if not isinstance(embedded, dict):
        device = parse(Device, table, path)
        return device, load_core(device.core, path.parent)
    core = parse(Core, embedded, path, prefix="core")
    return parse(Device, {**table, "core": core.name}, path), core
