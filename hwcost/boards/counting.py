"""Counting executed blocks: in C where this machine has a compiler, in Python elsewhere; the counts are the same."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

__all__ = ["Counter", "counter_for"]

_SOURCE = Path(__file__).parent / "blocks.c"
_ENTRIES = 65536
_BYTES_A_INSTRUCTION = 4
"""The longest instruction: a limit in instructions is kept in bytes of code, so up to twice as many may run."""


class Counter(Protocol):
    """Counts the blocks an emulator executes from `reset` on."""

    def reset(self, limit: int) -> None:
        """Forget everything; stop the emulator after at least `limit` instructions."""

    def blocks(self) -> Iterator[tuple[int, int, int, int]]:
        """Address, bytes, executions and taken branches of each block, in the order of addresses."""

    @property
    def stopped(self) -> bool:
        """Whether the limit was reached."""


def counter_for(engine: Any, *, native: bool = True) -> Counter:
    """A counter hooked into an emulator. That must happen before any code runs: later hooks are never called."""
    library = _library() if native else None
    return _PythonCounter(engine) if library is None else _NativeCounter(engine, library)


class _Entry(ctypes.Structure):
    _fields_ = (("count", ctypes.c_uint64), ("taken", ctypes.c_uint64), ("address", ctypes.c_uint32), ("size", ctypes.c_uint32))


_ROW = np.dtype([("count", "u8"), ("taken", "u8"), ("address", "u4"), ("size", "u4")])
"""An entry as numpy reads it: going through the table in Python takes longer than most runs."""


class _Counts(ctypes.Structure):
    _fields_ = (
        ("bytes", ctypes.c_uint64),
        ("most_bytes", ctypes.c_uint64),
        ("overflowed", ctypes.c_uint32),
        ("stopped", ctypes.c_uint32),
        ("next", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("last", ctypes.POINTER(_Entry)),
        ("stop", ctypes.c_void_p),
        ("entries", _Entry * _ENTRIES),
    )


class _NativeCounter:
    """The hook of blocks.c, called by the emulator without Python in between."""

    def __init__(self, engine: Any, library: ctypes.CDLL) -> None:
        from unicorn import unicorn_const
        from unicorn.unicorn_py3.unicorn import uclib

        self._counts = _Counts()
        self._library = library
        self._stop = ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p).value
        handle = ctypes.c_size_t()
        add = uclib.uc_hook_add
        status = add(
            engine._uch,
            ctypes.byref(handle),
            unicorn_const.UC_HOOK_BLOCK,
            ctypes.cast(library.hwcost_block, ctypes.c_void_p),
            ctypes.cast(ctypes.byref(self._counts), ctypes.c_void_p),
            ctypes.c_uint64(1),
            ctypes.c_uint64(0),
        )
        if status:
            raise RuntimeError(f"the emulator refused the block hook: error {status}")

    def reset(self, limit: int) -> None:
        ctypes.memset(ctypes.byref(self._counts), 0, ctypes.sizeof(self._counts))
        self._counts.most_bytes = limit * _BYTES_A_INSTRUCTION
        self._counts.stop = self._stop

    def blocks(self) -> Iterator[tuple[int, int, int, int]]:
        if self._counts.overflowed:
            raise RuntimeError(f"more than {_ENTRIES} blocks of code ran; the table of blocks.c is too small for this image")
        if self._counts.last:
            self._counts.last.contents.taken += 1
            self._counts.last = None
        table = np.frombuffer(self._counts.entries, dtype=_ROW)
        found = np.sort(table[table["size"] > 0], order=("address", "size"))
        yield from found[["address", "size", "count", "taken"]].tolist()

    @property
    def stopped(self) -> bool:
        return bool(self._counts.stopped)


class _PythonCounter:
    """The same in Python, a tenth as fast."""

    def __init__(self, engine: Any) -> None:
        from unicorn import unicorn_const

        self._found: dict[tuple[int, int], list[int]] = {}
        self._last: list[int] | None = None
        self._next = 0
        self._left = 0
        engine.hook_add(unicorn_const.UC_HOOK_BLOCK, self._block)

    def _block(self, engine: Any, address: int, size: int, _user: object) -> None:
        if self._last is not None and address != self._next:
            self._last[1] += 1
        self._last = self._found.setdefault((address, size), [0, 0])
        self._last[0] += 1
        self._next = address + size
        self._left -= size
        if self._left < 0:
            engine.emu_stop()

    def reset(self, limit: int) -> None:
        self._found.clear()
        self._last = None
        self._left = limit * _BYTES_A_INSTRUCTION

    def blocks(self) -> Iterator[tuple[int, int, int, int]]:
        if self._last is not None:
            self._last[1] += 1
            self._last = None
        yield from ((address, size, count, taken) for (address, size), (count, taken) in sorted(self._found.items()))

    @property
    def stopped(self) -> bool:
        return self._left < 0


@cache
def _library() -> ctypes.CDLL | None:
    """The compiled hook, made once per machine and kept in the user's cache folder; None without a compiler."""
    compiler = _host_compiler()
    if compiler is None:
        return None
    key = hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:16]
    for folder in _folders():
        made = folder / f"blocks-{key}.so"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not made.is_file():
                part = folder / f"{made.stem}-{os.getpid()}.part"
                command = (*compiler, "-O2", "-shared", "-fPIC", str(_SOURCE), "-o", str(part))
                subprocess.run(command, check=True, capture_output=True, timeout=120)
                part.replace(made)
            return ctypes.CDLL(str(made))
        except (OSError, subprocess.SubprocessError):
            continue
    return None


def _host_compiler() -> tuple[str, ...] | None:
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return (path,)
    spec = importlib.util.find_spec("ziglang")
    return (str(Path(spec.origin).parent / "zig"), "cc") if spec and spec.origin else None


def _folders() -> Iterator[Path]:
    cache_folder = os.environ.get("XDG_CACHE_HOME")
    yield (Path(cache_folder) if cache_folder else Path.home() / ".cache") / "hwcost"
    yield Path(tempfile.mkdtemp(prefix="hwcost-"))
