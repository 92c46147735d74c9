"""A folder of generated files: written whole or not at all, and never over somebody's own."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hwcost.errors import BuildError, InputError, listed

MANIFEST = "hwcost-files.txt"
"""Names and hashes of what was written: how a later run knows its own files, and which of them were edited since."""

BUILDS = "build"
"""A folder of this name is where projects are built; it is neither looked at nor touched."""


def write_folder(folder: Path, files: Mapping[str, str | bytes], *, force: bool = False) -> None:
    """Write the files, by path inside the folder, and forget the ones an earlier run wrote that are no longer among them.

    Raises InputError where the folder holds files hwcost did not write, or that were edited since, unless `force` is given, which
    replaces files of the same names and leaves all others, and always where a folder inside is a link to another; BuildError where the
    disk does not take them.
    """
    files = {**files, MANIFEST: _manifest(files)}
    written = _listed_in(folder)
    if not force:
        _require_own(folder, written)
    _require_no_links(folder, files)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            _write(made, files)
            _move(made, folder, files, written)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise BuildError(f"cannot write the project to {folder}: {error}") from error


def _content(file: str | bytes) -> bytes:
    return file.encode() if isinstance(file, str) else file


def _manifest(files: Mapping[str, str | bytes]) -> str:
    lines = [f"{_hash(_content(file))}  {name}\n" for name, file in sorted(files.items())]
    return "".join(["# Written by hwcost: sha256 and path. Files edited since are not overwritten unasked.\n", *lines])


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _listed_in(folder: Path) -> dict[str, str]:
    """Path and hash of each file an earlier run wrote; nothing that lies outside the folder."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    rows = [line.split("  ", 1) for line in text.splitlines() if "  " in line and not line.startswith("#")]
    return {name: digest for digest, name in rows if not Path(name).is_absolute() and ".." not in Path(name).parts}


def _require_own(folder: Path, written: Mapping[str, str]) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder} is not a folder: name another, or a new one")
    foreign = [name for name in _present(folder) if name != MANIFEST and not _is_own(folder / name, written.get(name))]
    if foreign:
        files = listed([f"{name}: {'edited since it was written' if name in written else 'not written by hwcost'}" for name in foreign])
        raise InputError(f"{folder} holds files that would not be ours to replace; name another folder, or add --force\n{files}")


def _require_no_links(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Not even asked to: what is written through a link lands in a folder nobody named."""
    inner = dict.fromkeys(parent for name in files for parent in Path(name).parents if parent != Path())
    links = [parent.as_posix() for parent in inner if (folder / parent).is_symlink()]
    if links:
        raise InputError(
            f"in {folder}, {', '.join(sorted(links))}: expected a folder, got a link to one; remove it, or name another folder"
        )


def _present(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    paths = sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    names = [path.relative_to(folder) for path in paths]
    return [name.as_posix() for name in names if name.parts[0] != BUILDS]


def _is_own(path: Path, digest: str | None) -> bool:
    return digest is not None and path.is_file() and not path.is_symlink() and _hash(path.read_bytes()) == digest


def _write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, file in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_content(file))


def _move(made: Path, folder: Path, files: Mapping[str, str | bytes], written: Mapping[str, str]) -> None:
    """Put the new files in place; into a folder that is there, one by one and the manifest last, those that changed."""
    if not folder.exists():
        made.chmod(0o755)
        made.rename(folder)
        return
    for name, digest in written.items():
        if name not in files and _is_own(folder / name, digest):
            (folder / name).unlink()
    for name in sorted(files, key=lambda name: name == MANIFEST):
        target = folder / name
        if not (target.is_file() and target.read_bytes() == _content(files[name])):
            target.parent.mkdir(parents=True, exist_ok=True)
            (made / name).replace(target)
