"""Data sets that the user has downloaded: where they are looked for, what to do where they are missing, and which files are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hwcost.errors import InputError, shown
from hwcost.tasks.task import Task

VARIABLE = "HWCOST_DATA"
"""The environment variable that names the folder in which the folders of data sets are."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What to download for a task, from which page, and what it becomes when unpacked."""

    title: str
    file: str
    size: str
    page: str
    folder: str
    contents: tuple[str, ...]
    """What must be in the folder."""


class FolderTask(Task):
    """A task whose examples are in files of an official archive, which nothing here downloads."""

    needs_data = True
    archive: ClassVar[Archive]

    def __init__(self, data: str | Path | None = None) -> None:
        self.data = None if data is None else Path(data)

    def folder(self) -> Path:
        """The unpacked archive: the folder given or the one of its name in it, else the one of its name in HWCOST_DATA.

        Raises InputError, with what to download and where to put it, unless everything that must be there is.
        """
        given = self.data or (Path(os.environ[VARIABLE]) / self.archive.folder if os.environ.get(VARIABLE) else None)
        if given is None:
            raise InputError(f"{self._needed()}, and no folder was named; {self._advice()}")
        inner = given / self.archive.folder
        found = inner if inner.is_dir() else given
        missing = [name for name in self.archive.contents if not (found / name).exists()]
        if missing:
            got = f"{found} has no {', '.join(missing)}" if found.is_dir() else f"{found} is no folder"
            raise InputError(f"{self._needed()}, and {got}; {self._advice()}")
        return found

    def _needed(self) -> str:
        wanted = self.archive
        return f"the data of {wanted.title} is needed, a folder {wanted.folder} that holds {', '.join(wanted.contents)}"

    def _advice(self) -> str:
        wanted = self.archive
        return (
            f"download {wanted.file} ({wanted.size}) from {wanted.page}, unpack it so that a folder {wanted.folder} holds all that, "
            f"and set data = '.../{wanted.folder}' in the configuration or {VARIABLE} to the folder it is in"
        )


def files_in(folder: Path, root: Path, suffix: str) -> list[Path]:
    """The files of a folder that end in `suffix` (capitals or not), by name; raises InputError for none, and for one outside `root`."""
    _require_within(folder, root)
    try:
        found = sorted((each for each in os.scandir(folder) if each.name.lower().endswith(suffix)), key=lambda each: each.name)
    except OSError as error:
        raise InputError(f"{folder}: expected a folder with files {suffix}: {error.strerror}") from error
    if not found:
        raise InputError(f"{folder}: expected files that end in {suffix}, got none")
    for each in found:
        if not each.is_file(follow_symlinks=False):
            require_inside(Path(each.path), root)
    return [Path(each.path) for each in found]


def require_inside(path: Path, root: Path) -> None:
    """Raise InputError unless this is a file within `root`, all links followed."""
    if not path.is_file():
        raise InputError(f"{path}: expected a file, got {'something else' if path.exists() else 'nothing'}")
    _require_within(path, root)


def _require_within(path: Path, root: Path) -> None:
    if not path.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{path}: expected a part of the data set, got a link that leads out of {root}")


def bytes_of(path: Path, most: int) -> bytes:
    """The bytes of a file; raises InputError for one that is larger than `most` bytes or cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > most:
        raise InputError(f"{path}: expected at most {most:,} bytes, got more")
    return data


def lines_of(path: Path, most: int = 1 << 23) -> Iterator[str]:
    """The lines of a text file that are not empty; raises InputError for one that is no text."""
    try:
        text = bytes_of(path, most).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected text in UTF-8") from None
    return (line.strip() for line in text.splitlines() if line.strip())


def member(root: Path, name: str, listed_in: Path) -> Path:
    """A file of the data set that a list names; raises InputError for names that lead elsewhere and for files that are not there."""
    parts = name.split("/")
    if "\\" in name or "\0" in name or any(part in {"", ".", ".."} for part in parts):
        raise InputError(f"{listed_in}: expected names of files in {root}, such as folder/file, got {shown(name)}")
    path = root.joinpath(*parts)
    require_inside(path, root)
    return path


def shuffled(count: int, seed: int = 0) -> Any:
    """The numbers from 0 to `count` in an order that is the same every time and on every machine."""
    return np.random.default_rng(seed).permutation(count)
