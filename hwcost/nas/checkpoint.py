"""Where a run stands, on disk: written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from hwcost.errors import InputError

FORMAT = 1


def write_atomically(path: Path, content: bytes) -> None:
    """Put a file in place in one step: a reader, or a run that goes on after a kill, finds the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def save(path: Path, made_for: str, state: dict[str, Any]) -> None:
    """Write a checkpoint."""
    import io

    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "made_for": made_for, "state": state}, buffer)
    write_atomically(path, buffer.getvalue())


def load(path: Path, made_for: str) -> dict[str, Any] | None:
    """The state in a checkpoint, None where there is none; InputError if it was made for something else or cannot be read."""
    if not path.is_file():
        return None
    try:
        found = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:
        raise InputError(f"{path}: the checkpoint cannot be read ({type(error).__name__}); remove it to start again") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT or found.get("made_for") != made_for:
        raise InputError(
            f"{path}: this checkpoint was made for another configuration; choose another --output, or remove it to start again"
        )
    state: dict[str, Any] = found["state"]
    return state
