"""Tiny programs built for a core, each once per test run."""

from __future__ import annotations

from pathlib import Path

from hwcost.deploy.build import Image, Room, build
from hwcost.target import load_core


def built(folder: Path, text: str, core: str = "cortex-m4", room: Room | None = None, roots: tuple[str, ...] = ("f",)) -> Image:
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "program.c"
    source.write_text(text, encoding="utf-8")
    return build([source], folder, folder / "out", load_core(core), roots=roots, room=room)
