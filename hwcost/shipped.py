"""Where the data that comes with hwcost is: inside an installed package, or beside the package in a source checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def targets_folder() -> Path:
    """The described devices, cores, boards and runtimes."""
    return _folder("targets")


def measurements_folder() -> Path:
    """The recorded measurements and the models fitted from them."""
    return _folder("measurements")


def _folder(name: str) -> Path:
    """The installed copy, else the checkout's; the installed one first, since a folder beside site-packages may be anybody's."""
    installed = _PACKAGE / "_data" / name
    checkout = _PACKAGE.parent
    if installed.is_dir() or not (checkout / "pyproject.toml").is_file():
        return installed
    return checkout / name
