"""QEMU as a second opinion: another emulator runs the same sources, linked for one of its machines, and is asked over its UART.

It counts no cycles of the core. Its machines are Arm's MPS2 boards and RISC-V's virt; QEMU's documentation of each says where its
memories and devices are (system/arm/mps2, system/riscv/virt).
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hwcost.boards.serial import SerialBoard
from hwcost.errors import BoardError
from hwcost.target import Core

__all__ = ["MACHINES", "Machine", "machine_for", "qemu_board"]

_MIB = 1 << 20
_WAIT_S = 0.02


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that QEMU has: how it is started, where an image for it goes, and what its hooks are compiled with (ports/qemu.c)."""

    program: str
    package: str
    arguments: tuple[str, ...]
    flash_origin: int
    flash_bytes: int
    ram_origin: int
    ram_bytes: int
    defines: Mapping[str, object] = field(default_factory=dict)


def _mps2(name: str) -> Machine:
    """A board with code in 4 MiB of RAM at 0, and a counter of 25 MHz in its FPGA."""
    defines = {"HWC_UART": "0x40004000", "HWC_CMSDK": 1, "HWC_CYCLES_AT": "0x40028018", "HWC_CLOCK_HZ": "25000000u"}
    return Machine("qemu-system-arm", "qemu-system-arm", ("-M", name), 0, 4 * _MIB, 0x2000_0000, 4 * _MIB, defines)


_AN505 = Machine(
    "qemu-system-arm",
    "qemu-system-arm",
    ("-M", "mps2-an505"),
    0x1000_0000,
    4 * _MIB,
    0x3800_0000,
    4 * _MIB,
    {"HWC_UART": "0x50200000", "HWC_CMSDK": 1, "HWC_CYCLES_AT": "0x50302018", "HWC_CLOCK_HZ": "20000000u"},
)
"""Addresses of its secure side, in which the core starts. Its counter has 20 MHz."""

_VIRT = Machine(
    "qemu-system-riscv32",
    "qemu-system-misc",
    ("-M", "virt", "-bios", "none"),
    0x8000_0000,
    16 * _MIB,
    0x8100_0000,
    16 * _MIB,
    {"HWC_UART": "0x10000000", "HWC_CYCLES_AT": "0x0200BFF8", "HWC_CLOCK_HZ": "10000000u"},
)

MACHINES: Mapping[str, Machine] = {
    "cortex-m0plus": _mps2("mps2-an385"),
    "cortex-m3": _mps2("mps2-an385"),
    "cortex-m4": _mps2("mps2-an386"),
    "cortex-m7": _mps2("mps2-an500"),
    "cortex-m33": _AN505,
    "rv32imc": _VIRT,
}
"""A machine for each core. There is none with a Cortex-M0+ and memory enough: a Cortex-M3 runs all of its instructions."""


def machine_for(core: Core) -> Machine:
    """The machine that stands for a core; BoardError where QEMU has none, or is not installed."""
    machine = MACHINES.get(core.name)
    if machine is None:
        raise BoardError(f"QEMU has no machine for {core.name}; it has for {', '.join(MACHINES)}: use --board emulated or serial:PORT")
    if shutil.which(machine.program) is None:
        raise BoardError(
            f"{machine.program} is not installed: install the package {machine.package}, or use --board emulated, which pip brings"
        )
    return machine


def qemu_board(machine: Machine, elf: Path, *, seconds: float = 20.0, run_seconds: float = 300.0) -> SerialBoard:
    """QEMU with an image, ready to be asked. Closing the board ends QEMU. BoardError where it does not start."""
    command = (machine.program, *machine.arguments, "-nographic", "-monitor", "none", "-serial", "stdio", "-kernel", str(elf))
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
    except OSError as error:
        raise BoardError("QEMU does not start", command=command, line=str(error)) from error
    return SerialBoard(_Pipes(process), f"qemu ({machine.arguments[1]})", seconds=seconds, run_seconds=run_seconds)


class _Pipes:
    """The two ends of a program's standard input and output, as a line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout

    def read(self, size: int) -> bytes:
        """What has come; OSError where the program ended."""
        if not select.select([self._from], [], [], _WAIT_S)[0]:
            return b""
        data = os.read(self._from.fileno(), size)
        if not data:
            raise OSError(f"it ended with status {self._process.wait()}")
        return data

    def write(self, data: bytes) -> object:
        """Send bytes."""
        return self._to.write(data)

    def close(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.wait()
        self._to.close()
        self._from.close()
