"""A core in software: exact instruction counts, cycles by the core's table, the depth of the stack, and every bad access named."""

from __future__ import annotations

import math
from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hwcost.boards.base import FunctionRun, Run
from hwcost.boards.classes import BlockCost, Decoder
from hwcost.boards.counting import Counter, counter_for
from hwcost.boards.image import LoadedImage, read_image
from hwcost.errors import BoardError
from hwcost.target import Core

__all__ = ["EmulatedBoard"]

_PAGE = 4096
_RETURN = 0x1FFF_0000
"""A page of its own, where a called function returns to."""
_HOST = 0x6000_0000
"""Where buffers of the caller are: no memory of the firmware, so not counted as such."""
_REGIONS = 8
"""The most regions of RAM an image may have."""
_PAINT = b"\xa5\x5a\xc3\x3c"
_UNITS: Mapping[str, str] = {
    "armv6-m": "UC_CPU_ARM_CORTEX_M0",
    "armv7-m": "UC_CPU_ARM_CORTEX_M3",
    "armv7e-m": "UC_CPU_ARM_CORTEX_M7",
    "armv8-m.main": "UC_CPU_ARM_CORTEX_M33",
    "rv32imc": "UC_CPU_RISCV32_BASE32",
}
"""The emulator's processor for each instruction set it knows."""


class _Registers(NamedTuple):
    pc: int
    stack: int
    back: int
    arguments: tuple[int, ...]


class EmulatedBoard:
    """A board without a board: `load` an image, `call` its functions, and read what each call took. Deterministic.

    `seconds` bounds a call by the clock on the wall, `instructions` by what it executes. `native=False` counts without C.
    """

    def __init__(self, core: Core, *, seconds: float = 300.0, instructions: int = 20_000_000_000, native: bool = True) -> None:
        if "mve" in core.extensions:
            raise BoardError(f"{core.name} cannot be emulated: the emulator has no core with the Helium vector extension")
        if core.isa not in _UNITS or core.timing is None:
            raise BoardError(f"{core.name} ({core.isa}) cannot be emulated; instruction sets that can be: {', '.join(_UNITS)}")
        self.core = core
        self._timing = core.timing
        self._seconds = seconds
        self._limit = instructions
        self._native = native
        self._arm = core.isa.startswith("armv")
        self._decoder = Decoder(core, core.timing)
        self._engine: Any = None
        self._image: LoadedImage | None = None
        self._counter: Counter | None = None
        self._costs: dict[tuple[int, int], BlockCost] = {}
        self._fault: str | None = None
        self._host_end = _HOST

    def load(self, elf: Path) -> None:
        """Put an image into fresh memory: code and constants that cannot be written, RAM cleared and set to its initial values."""
        self._image = read_image(elf)
        if "hwc_ram_bytes" not in self._image.symbols:
            raise BoardError(f"{elf}: expected an image linked with hwcost's script, got one without the symbol hwc_ram_bytes")
        self._engine = self._new_engine()
        self._registers = self._register_numbers()
        self._costs.clear()
        self._host_end = _HOST
        self._counter = counter_for(self._engine, native=self._native)
        self._engine.hook_add(_unicorn().unicorn_const.UC_HOOK_MEM_INVALID, self._trap)
        for address, data in self._image.segments:
            self._engine.mem_write(address, data)

    def buffer(self, data: bytes | int) -> int:
        """The address of new memory outside the firmware's, holding these bytes, or this many zeros."""
        content = bytes(data) if isinstance(data, int) else data
        address = self._host_end
        size = -(-max(len(content), 1) // _PAGE) * _PAGE
        self._loaded()
        self._engine.mem_map(address, size)
        self._engine.mem_write(address, content)
        self._host_end += size + _PAGE
        return address

    def write(self, place: int | str, data: bytes) -> None:
        """Put bytes at an address, or where a symbol is."""
        self._reach(lambda address: self._engine.mem_write(address, data), place, len(data))

    def read(self, place: int | str, size: int) -> bytes:
        """Bytes at an address, or from where a symbol is."""
        return bytes(self._reach(lambda address: self._engine.mem_read(address, size), place, size))

    def attach(self, address: int, size: int, read: Callable[[int, int], int], write: Callable[[int, int, int], None]) -> None:
        """Registers of a device, whole pages of them: `read(offset, bytes)` and `write(offset, bytes, value)` stand for each access."""

        def reads(_engine: object, offset: int, wide: int, _user: object) -> int:
            return read(offset, wide)

        def writes(_engine: object, offset: int, wide: int, value: int, _user: object) -> None:
            write(offset, wide, value)

        self._loaded()
        self._engine.mmio_map(address, size, reads, None, writes, None)

    def cycles_so_far(self) -> float:
        """What the call that runs took until now, for a device that counts cycles; to the block of instructions."""
        return self._totals()[1]

    def stop(self) -> None:
        """End the call that runs; it then raises BoardError. For devices, and other threads."""
        self._engine.emu_stop()

    def address(self, symbol: str) -> int:
        """Where a symbol of the image is."""
        return self._loaded().address(symbol)

    def call(self, symbol: str, args: Sequence[int] = ()) -> Run:
        """Call a function with integers or addresses. BoardError for an access to memory that is not there, with address and function."""
        image = self._loaded()
        assert self._counter is not None
        start = image.address(symbol)
        top, lowest = self._paint()
        self._set_up(top, args)
        self._fault = None
        self._counter.reset(self._limit)
        self._execute(start, symbol)
        instructions, cycles, classes, functions = self._totals()
        result = self._engine.reg_read(self._registers.arguments[0]) & 0xFFFF_FFFF
        return Run(instructions, cycles, result, self._stack_used(top, lowest, symbol), classes, functions)

    def _loaded(self) -> LoadedImage:
        if self._image is None:
            raise BoardError("the board has no image: call load() first")
        return self._image

    def _new_engine(self) -> Any:
        unicorn = _unicorn()
        from unicorn import arm_const, riscv_const

        image = self._loaded()
        unit = _UNITS[self.core.isa]
        if self._arm:
            engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
            engine.ctl_set_cpu_model(getattr(arm_const, unit))
        else:
            engine = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
            engine.ctl_set_cpu_model(getattr(riscv_const, unit))
        engine.mem_map(
            image.address("hwc_flash_start"), _pages(image.address("hwc_flash_bytes")), unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
        )
        for number in ("", *range(1, _REGIONS)):
            if f"hwc_ram{number}_start" in image.symbols:
                engine.mem_map(image.address(f"hwc_ram{number}_start"), _pages(image.address(f"hwc_ram{number}_bytes")))
        engine.mem_map(_RETURN, _PAGE)
        return engine

    def _register_numbers(self) -> _Registers:
        from unicorn import arm_const as arm
        from unicorn import riscv_const as riscv

        if self._arm:
            return _Registers(arm.UC_ARM_REG_PC, arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR, tuple(arm.UC_ARM_REG_R0 + i for i in range(4)))
        arguments = tuple(riscv.UC_RISCV_REG_A0 + i for i in range(8))
        return _Registers(riscv.UC_RISCV_REG_PC, riscv.UC_RISCV_REG_SP, riscv.UC_RISCV_REG_RA, arguments)

    def _set_up(self, top: int, args: Sequence[int]) -> None:
        """Arguments in registers, then on the stack; the return address leads to a page of its own."""
        write = self._engine.reg_write
        in_registers = self._registers.arguments
        words = [value & 0xFFFF_FFFF for value in args]
        rest = b"".join(word.to_bytes(4, "little") for word in words[len(in_registers) :])
        stack = top - (len(rest) + 7) // 8 * 8
        self._engine.mem_write(stack, rest)
        for register, word in zip(in_registers, words, strict=False):
            write(register, word)
        write(self._registers.stack, stack)
        write(self._registers.back, _RETURN | self._arm)

    def _execute(self, start: int, symbol: str) -> None:
        unicorn = _unicorn()
        assert self._counter is not None
        try:
            self._engine.emu_start(start | self._arm, _RETURN, timeout=math.ceil(self._seconds * 1e6))
        except unicorn.UcError as error:
            where = self._engine.reg_read(self._registers.pc)
            fault = self._fault or f"{error} at {where:#010x} in {self._loaded().function_at(where)}"
            raise BoardError(f"emulated {self.core.name}: {symbol} stopped: {fault}") from error
        where = self._engine.reg_read(self._registers.pc)
        if where & ~1 != _RETURN:
            reason = f"{self._limit} instructions" if self._counter.stopped else f"{self._seconds} s"
            place = self._loaded().function_at(where & ~1)
            raise BoardError(f"emulated {self.core.name}: {symbol} did not return within {reason}; it was at {where:#010x} in {place}")

    def _trap(self, engine: Any, access: int, address: int, size: int, _value: int, _user: object) -> bool:
        """Remember what was tried where; the emulator then stops."""
        from unicorn import unicorn_const as const

        kinds = {
            const.UC_MEM_READ_UNMAPPED: "read of",
            const.UC_MEM_WRITE_UNMAPPED: "write to",
            const.UC_MEM_WRITE_PROT: "write to read-only memory at",
        }
        where = engine.reg_read(self._registers.pc)
        what = f"{kinds.get(access, 'jump to')} {address:#010x} ({size} bytes)"
        self._fault = f"{what} from {where:#010x} in {self._loaded().function_at(where & ~1)}"
        return False

    def _totals(self) -> tuple[int, float, dict[str, int], dict[str, FunctionRun]]:
        assert self._counter is not None
        classes: Tally[str] = Tally()
        instructions: Tally[str] = Tally()
        cycles: Tally[str] = Tally()
        blocks = list(self._counter.blocks())
        sizes = {address: size for address, size, _, _ in blocks}
        for address, size, count, taken in blocks:
            cost = self._cost(address, size)
            name = self._loaded().function_at(address)
            instructions[name] += cost.instructions * count
            joined = self._joined(address, size, sizes.get(address + size)) if count > taken else 0.0
            cycles[name] += cost.cycles * count + self._timing.taken_branch * taken + joined * (count - taken)  # type: ignore[assignment]
            for kind, times in cost.classes.items():
                classes[kind] += times * count
        functions = {name: FunctionRun(instructions[name], float(cycles[name])) for name in sorted(instructions)}
        total = math.fsum(run.cycles for run in functions.values())
        return sum(instructions.values()), total, dict(sorted(classes.items())), functions

    def _joined(self, address: int, size: int, following: int | None) -> float:
        """Cycles that a block and the one it falls through into take together, over what each takes alone.

        The emulator cuts code where a page of memory ends. What is cut there runs as one: where an image has it must not matter.
        """
        if following is None:
            return 0.0
        alone = self._cost(address, size).cycles + self._cost(address + size, following).cycles
        return self._cost(address, size + following).cycles - alone

    def _cost(self, address: int, size: int) -> BlockCost:
        if (address, size) not in self._costs:
            self._costs[address, size] = self._decoder.cost(bytes(self._engine.mem_read(address, size)), address)
        return self._costs[address, size]

    def _paint(self) -> tuple[int, int]:
        """Fill the stack with a pattern; its top and its lowest address."""
        image = self._loaded()
        top, size = image.address("hwc_stack_top"), image.address("hwc_stack_bytes")
        self._engine.mem_write(top - size, _PAINT * (size // len(_PAINT)))
        return top, top - size

    def _stack_used(self, top: int, lowest: int, symbol: str) -> int:
        stack = bytes(self._engine.mem_read(lowest, top - lowest))
        clean = 0
        while stack[clean : clean + len(_PAINT)] == _PAINT:
            clean += len(_PAINT)
        if clean == 0:
            raise BoardError(f"emulated {self.core.name}: {symbol} used all {top - lowest} bytes of its stack; link with a larger one")
        return len(stack) - clean

    def _reach(self, access: Any, place: int | str, size: int) -> Any:
        unicorn = _unicorn()
        address = self._loaded().address(place) if isinstance(place, str) else place
        try:
            return access(address)
        except unicorn.UcError as error:
            raise BoardError(f"no memory for {size} bytes at {address:#010x} of the emulated {self.core.name}") from error


def _unicorn() -> Any:
    """The emulator's library; BoardError where it is not installed."""
    try:
        import capstone  # noqa: F401
        import unicorn
    except ImportError as error:
        raise BoardError("no emulator: expected the packages unicorn and capstone; pip install 'hwcost[board]'") from error
    return unicorn


def _pages(size: int) -> int:
    return -(-size // _PAGE) * _PAGE
