"""An emulated core behind a pseudo-terminal: firmware that is asked over a serial line, without a board.

It counts cycles as ever while it computes; while it waits for a question, its counter runs by this machine's clock, as a board's does.

The core has a UART (the registers of Arm's CMSDK, as hwcost/deploy/c/serial/ports/qemu.c drives it) and the cycle counter of Arm's DWT,
which other cores reach with HWC_CYCLES_AT. Needs a system with pseudo-terminals: Linux, macOS.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from hwcost.boards.emulated import EmulatedBoard
from hwcost.errors import BoardError
from hwcost.target import Core

__all__ = ["WIRED", "WiredBoard"]

_UART = 0x4000_4000
_DWT = 0xE000_1000
_SYSTEM = 0xE000_E000
_PAGE = 4096
_COUNTER = 4
_WAIT_S = 0.05
_YEAR_S = 3.0e7

WIRED: Mapping[str, object] = {"HWC_UART": hex(_UART), "HWC_CMSDK": 1}
"""Macros for the firmware's hooks, ports/qemu.c."""


class WiredBoard:
    """Runs an image's `hwc_serve` on an emulated core; `port` is the terminal to talk to. Leaving `with` stops it."""

    def __init__(self, core: Core, elf: Path, clock_hz: float) -> None:
        import tty

        self._board = EmulatedBoard(core, seconds=_YEAR_S, instructions=2**60)
        self._board.load(elf)
        self._board.attach(_UART, _PAGE, self._uart, self._sent)
        self._board.attach(_DWT, _PAGE, self._dwt, lambda *_: None)
        self._board.attach(_SYSTEM, _PAGE, lambda *_: 0, lambda *_: None)
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        self.port = os.ttyname(self._near)
        self._clock_hz = clock_hz
        self._used_s = time.monotonic()
        self._asked = False
        self._waiting: deque[int] = deque()
        self._closed = False
        self._failed: BoardError | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @staticmethod
    def defines(core: Core, clock_hz: float) -> dict[str, object]:
        """Macros to build the firmware with, for a core whose counter claims this speed."""
        counter = {} if core.isa in ("armv7-m", "armv7e-m", "armv8-m.main") else {"HWC_CYCLES_AT": hex(_DWT + _COUNTER)}
        return {**WIRED, **counter, "HWC_CLOCK_HZ": f"{round(clock_hz)}u"}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.unplug()
        self._thread.join(timeout=10)
        os.close(self._near)
        if self._failed is not None and error is None:
            raise self._failed

    def unplug(self) -> None:
        """Take the cable out: whoever is talking loses the line."""
        if not self._closed:
            self._closed = True
            os.close(self._far)

    def wait(self) -> None:
        """Serve until the firmware ends or is interrupted."""
        while self._thread.is_alive():
            self._thread.join(timeout=1)

    def _serve(self) -> None:
        try:
            self._board.call("hwc_serve")
        except BoardError as error:
            self._failed = None if self._closed else error

    def _uart(self, offset: int, _size: int) -> int:
        """The data register takes a byte; who reads the state register again and again is waiting for one, so it is waited for."""
        if offset == 0:
            return self._waiting.popleft() if self._waiting else 0
        if offset == 4 and not self._waiting:
            self._receive(_WAIT_S if self._asked else 0)
            self._asked = True
        self._used_s = time.monotonic()
        return 2 * bool(self._waiting) if offset == 4 else 0

    def _receive(self, seconds: float) -> None:
        try:
            if select.select([self._far], [], [], seconds)[0]:
                self._waiting.extend(os.read(self._far, _PAGE))
        except (OSError, ValueError):
            self._over()

    def _sent(self, offset: int, _size: int, value: int) -> None:
        self._asked = False
        self._used_s = time.monotonic()
        if offset == 0:
            try:
                os.write(self._far, bytes([value & 0xFF]))
            except OSError:
                self._over()

    def _over(self) -> None:
        self._closed = True
        self._board.stop()

    def _dwt(self, offset: int, _size: int) -> int:
        """Cycles until now; the time of this machine until the UART was last used stands for waiting, which layers never do."""
        if offset != _COUNTER:
            return 0
        return round(self._board.cycles_so_far() + self._used_s * self._clock_hz) % 2**32
