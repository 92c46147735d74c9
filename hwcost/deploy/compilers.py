"""Compilers that can build a firmware, and what each must be told about a core."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hwcost.errors import BuildError
from hwcost.target import Core

__all__ = ["Compiler", "found"]

Kind = Literal["zig", "gcc", "clang"]

COMMON = ("-std=gnu11", "-ffreestanding", "-fomit-frame-pointer", "-ffunction-sections", "-fdata-sections", "-fno-pic")
"""What every object is compiled with: one function a section, so that the size of each is one known number."""

OWN: Mapping[Kind, tuple[str, ...]] = {
    "zig": ("-fno-sanitize=undefined", "-fno-stack-protector", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
    "gcc": ("-fno-tree-loop-distribute-patterns", "-fno-asynchronous-unwind-tables", "-fno-common"),
    "clang": ("-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
}

LINKED: Mapping[Kind, tuple[str, ...]] = {
    "zig": ("-Wl,-e,entry",),
    "gcc": ("-nostartfiles", "-nodefaultlibs", "-Wl,-e,entry", "-lgcc"),
    "clang": ("-fuse-ld=lld", "-nostdlib", "-Wl,-e,entry"),
}


LIBRARY_OF = (("armv", "arm-none-eabi-gcc"), ("rv32", "riscv64-unknown-elf-gcc"))
"""The gcc whose run-time library a clang without one is lent, by instruction set."""


def _arm(triple: str, cpu: str, features: str = "") -> dict[Kind, tuple[str, ...]]:
    """The flags for an Arm core. No floating-point unit is asked for: kernels compute in integers, and an image then runs anywhere."""
    return {
        "zig": ("-target", "thumb-freestanding-eabi", f"-mcpu={cpu.replace('-', '_')}{features}"),
        "gcc": ("-mthumb", f"-mcpu={cpu}", "-mfloat-abi=soft"),
        "clang": (f"--target={triple}", f"-mcpu={cpu}", "-mfloat-abi=soft"),
    }


CORES: Mapping[str, Mapping[Kind, tuple[str, ...]]] = {
    "cortex-m0plus": _arm("thumbv6m-none-eabi", "cortex-m0plus"),
    "cortex-m3": _arm("thumbv7m-none-eabi", "cortex-m3"),
    "cortex-m4": _arm("thumbv7em-none-eabi", "cortex-m4"),
    "cortex-m7": _arm("thumbv7em-none-eabi", "cortex-m7"),
    "cortex-m33": _arm("thumbv8m.main-none-eabi", "cortex-m33", "+dsp"),
    "rv32imc": {
        "zig": ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+c"),
        "gcc": ("-march=rv32imc", "-mabi=ilp32"),
        "clang": ("--target=riscv32-unknown-elf", "-march=rv32imc", "-mabi=ilp32"),
    },
}
"""What each sort of compiler must be told about a core, by the core's name."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A compiler that is installed: how it is started, which sort it is, and the version it says it has."""

    command: tuple[str, ...]
    kind: Kind
    version: str

    def flags(self, core: Core, optimise: str) -> tuple[str, ...]:
        """What a source file of a firmware for this core is compiled with; BuildError for a core no compiler here knows."""
        if core.name not in CORES:
            raise BuildError(f"no firmware can be built for {core.name} ({core.title}); cores with flags: {', '.join(CORES)}")
        return (*CORES[core.name][self.kind], optimise, *COMMON, *OWN[self.kind])

    def link_flags(self, core: Core) -> tuple[str, ...]:
        """What the objects are linked with, beside the linker script.

        A clang for other cores than this machine's often comes without the functions that compilers call (64-bit products on a
        Cortex-M0+, floats everywhere). Where a gcc for the core is installed, its library serves.
        """
        library = self._library(core) if self.kind == "clang" else None
        return ("-Wl,--gc-sections", *LINKED[self.kind], *([library] if library else []))

    def _library(self, core: Core) -> str | None:
        """The run-time library of this clang, else of a gcc that is installed, for a core; None where there is neither."""
        gcc = next((name for prefix, name in LIBRARY_OF if core.isa.startswith(prefix)), "")
        asked = [(*self.command, *CORES[core.name]["clang"], "--rtlib=compiler-rt"), (gcc, *CORES[core.name]["gcc"])]
        for command in asked:
            if shutil.which(command[0]) is None:
                continue
            answer = subprocess.run([*command, "-print-libgcc-file-name"], capture_output=True, text=True, timeout=60, check=False)
            if answer.returncode == 0 and Path(answer.stdout.strip()).is_file():
                return answer.stdout.strip()
        return None


def found(name: str | None = None) -> Compiler:
    """The compiler called `name` (a command or a path: arm-none-eabi-gcc, clang, zig), or the one that comes with hwcost[board].

    Raises BuildError where it is not installed or does not say its version.
    """
    command = _default() if name is None else _named(name)
    asked = [*command[:-1], "version"] if command[-1] == "cc" else [*command, "--version"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"{command[0]} did not say its version", command=asked, line=str(error)) from error
    kind: Kind = "zig" if command[-1] == "cc" else "clang" if "clang" in answer else "gcc"
    first = answer.strip().splitlines()[0] if answer.strip() else "unknown"
    return Compiler(command, kind, f"zig {first}" if kind == "zig" else first)


def _default() -> tuple[str, ...]:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or not spec.origin:
        raise BuildError(
            "no compiler: expected the package ziglang, which is not installed; pip install 'hwcost[board]', or name a compiler"
        )
    return (str(Path(spec.origin).parent / "zig"), "cc")


def _named(name: str) -> tuple[str, ...]:
    path = shutil.which(name)
    if path is None:
        raise BuildError(f"no compiler: expected the command {name!r}, which is not installed; install it, or leave it out to use zig")
    return (path, "cc") if Path(path).stem == "zig" else (path,)
