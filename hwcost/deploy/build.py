"""C sources become an image for a core: objects kept by content, a linker script for its memory, sizes read back from the ELF."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwcost.deploy.compilers import Compiler, found
from hwcost.deploy.room import Room
from hwcost.errors import BuildError
from hwcost.target import Core

__all__ = ["BOARD_SOURCES", "Image", "Room", "Sections", "build", "sections"]

_BOARD = Path(__file__).parent / "c" / "board"
BOARD_SOURCES = (_BOARD / "startup.c", _BOARD / "memory.c")
"""Linked into every image: what runs before the first function, and the copying that compilers ask for."""

_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Image:
    """A firmware that was built, and with what: figures of another compiler or other flags are other figures."""

    elf: Path
    compiler: str
    version: str
    flags: tuple[str, ...]
    log: Path


@dataclass(frozen=True, slots=True)
class Sections:
    """What an image takes: `flash_bytes` is code, constants and initial values; RAM is `data_bytes + bss_bytes`, the stack apart."""

    flash_bytes: int
    data_bytes: int
    bss_bytes: int
    functions: Mapping[str, int]
    """Bytes of code by function."""

    @property
    def ram_bytes(self) -> int:
        """Bytes of RAM in use before the first call: everything but the stack."""
        return self.data_bytes + self.bss_bytes


def build(
    sources: Sequence[Path],
    include: Path,
    out_dir: Path,
    core: Core,
    compiler: Compiler | None = None,
    optimise: str = "-O3",
    *,
    roots: Sequence[str] = ("model_run",),
    room: Room | None = None,
    defines: Mapping[str, object] | None = None,
) -> Image:
    """The image `out_dir/firmware.elf` of these sources for the core; the board's own are added.

    Objects stay in `out_dir/objects` under the hash of what they were made of, so a second build compiles what changed. `roots` are
    the functions that must be there to be called from outside, `defines` macros for every source. BuildError carries the command, the
    line that matters and the log.
    """
    compiler = compiler or found()
    log = _Log(out_dir / "build.log")
    flags = (*compiler.flags(core, optimise), *(f"-D{name}={value}" for name, value in (defines or {}).items()))
    _prepared(out_dir, log)
    every = [*sources, *BOARD_SOURCES]
    with ThreadPoolExecutor(_WORKERS) as pool:
        made = _Objects(compiler, flags, include, out_dir / "objects", log)
        objects = list(pool.map(made.object_of, every))
    made.forget_others(objects)
    elf = _linked(objects, out_dir, (*compiler.command, *flags), compiler.link_flags(core), (room or Room()).script(roots), log)
    log.write()
    if not sections(elf).flash_bytes:
        raise BuildError(f"the linker left nothing in {elf}: expected the functions {', '.join(roots)}", log=log.path)
    return Image(elf, compiler.kind, compiler.version, flags, log.path)


def sections(elf: Path) -> Sections:
    """What the image takes of flash and RAM, and the size of each of its functions; BuildError where the file is no ELF."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with elf.open("rb") as file:
            image = ELFFile(file)
            sizes = {section.name: section["sh_size"] for section in image.iter_sections() if section["sh_flags"] & 2}
            table: Any = image.get_section_by_name(".symtab")
            functions = _functions(table.iter_symbols() if table else ())
    except (OSError, ELFError) as error:
        raise BuildError(f"{elf}: expected an ELF image, got a file that cannot be read as one: {error}") from error
    sizes.pop(".stack", None)
    data, bss = sizes.pop(".data", 0), sum(sizes.pop(name) for name in list(sizes) if name.startswith(".bss"))
    return Sections(sum(sizes.values()) + data, data, bss, functions)


def _functions(symbols: Iterable[Any]) -> dict[str, int]:
    """Sizes by name; of several names for one address the public one that comes first."""
    named: dict[int, tuple[bool, str, int]] = {}
    for symbol in symbols:
        if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_size"]:
            entry = (symbol["st_info"]["bind"] == "STB_LOCAL", symbol.name, symbol["st_size"])
            named[symbol["st_value"]] = min(named.get(symbol["st_value"], entry), entry)
    return {name: size for _, name, size in sorted(named.values(), key=lambda entry: entry[1])}


class _Log:
    """Every command of a build and what it said, in the order of the commands' text."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._said: dict[str, str] = {}

    def run(self, command: Sequence[str], what: str, folder: Path | None = None) -> None:
        """Run a command in a folder; BuildError unless it succeeds."""
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False, cwd=folder
            )
        except OSError as error:
            raise BuildError(f"{what}: {command[0]} could not be started", command=command, line=str(error)) from error
        self._said[" ".join(command)] = done.stdout
        if done.returncode:
            self.write()
            raise BuildError(what, command=command, line=_line_that_matters(done.stdout), log=self.path)

    def write(self) -> None:
        """The log as a file."""
        said = sorted(self._said.items())
        _written(self.path, "\n".join(f"$ {command}\n{text}" for command, text in said))


SIGNS = ("error:", "undefined", "overflowed", "overlap", "No space")


def _line_that_matters(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if any(sign in line for sign in SIGNS)]
    return next(iter(telling or lines), "nothing")


class _Objects:
    """Compiles sources, each once: an object's name is the hash of its source, all headers, the compiler and the flags."""

    def __init__(self, compiler: Compiler, flags: Sequence[str], include: Path, folder: Path, log: _Log) -> None:
        self._start = (*compiler.command, *flags, "-I", str(include.resolve()))
        self._folder = folder
        self._log = log
        headers = sorted(include.rglob("*.h"))
        self._key = _hash(compiler.version, *flags, *(f"{path.relative_to(include)}\n{path.read_text('utf-8')}" for path in headers))

    def object_of(self, source: Path) -> Path:
        """The object of a source, compiled unless it is there."""
        made = self._folder / f"{source.stem}-{_hash(self._key, source.name, source.read_text('utf-8'))[:20]}.o"
        if not made.is_file():
            part = made.with_suffix(".part.o").resolve()
            # Compilers write the name of the source into the object: the bare name, so that equal sources make equal images.
            command = (*self._start, "-c", source.name, "-o", str(part))
            self._log.run(command, f"{source.name} does not compile", source.resolve().parent)
            part.replace(made)
        return made

    def forget_others(self, kept: Sequence[Path]) -> None:
        """Drop the objects of sources that are gone or were changed."""
        for path in set(self._folder.glob("*.o")) - set(kept):
            path.unlink(missing_ok=True)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _linked(objects: Sequence[Path], out_dir: Path, command: Sequence[str], link_flags: Sequence[str], script: str, log: _Log) -> Path:
    """The image of the objects, linked anew only where one of them or the script changed."""
    elf, layout, mark = out_dir / "firmware.elf", out_dir / "firmware.ld", out_dir / "objects" / "linked"
    key = _hash(*command, *link_flags, script, *(path.name for path in objects))
    if elf.is_file() and mark.is_file() and mark.read_text("utf-8") == key:
        return elf
    _written(layout, script)
    names = [str(path) for path in dict.fromkeys(objects)]
    log.run((*command, "-T", str(layout), *names, *link_flags, "-o", str(elf)), "the firmware does not link")
    _written(mark, key)
    return elf


def _prepared(out_dir: Path, log: _Log) -> None:
    try:
        (out_dir / "objects").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(f"cannot make the folder {out_dir} to build in: {error}", log=log.path) from error


def _written(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BuildError(f"cannot write {path}: {error}") from error
