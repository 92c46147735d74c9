"""What is soldered down: memories, cores, devices and the boards they come on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from hwcost.target.cited import Bytes, Cited, Count, Factor, Flag, Hertz, Name, Positive, Strict, Text, check_unique

__all__ = ["Board", "Core", "Device", "Memory", "Power", "Timing"]

Extension = Literal["dsp", "mve", "fpu", "fpu-double", "fast-multiply", "xpulp", "esp-simd", "rv-m", "rv-c", "rv-f"]

INSTRUCTION_CLASSES = frozenset(
    (
        *("arithmetic", "multiply", "multiply-add", "multiply-long", "dsp", "divide", "float", "branch", "call", "other"),
        *("load", "load-pair", "load-many", "store", "store-pair", "store-many"),
    )
)


def _nothing_reserved() -> Cited[int]:
    return Cited(0, "nothing is reserved until a board or the user's own file says so")


@dataclass(frozen=True, slots=True)
class Memory(Strict):
    """One region that tensors, weights or code can be placed in.

    Banks that follow one another without a gap and are equally fast are one region, since a buffer may span them.
    """

    name: Name
    kind: Literal["ram", "flash"]
    size_bytes: Cited[Bytes]
    reserved_bytes: Cited[Bytes] = field(default_factory=_nothing_reserved)
    """Taken before the network comes: frame buffers, the user's application. Counted on the used side."""
    wait_states: Cited[Bytes] | None = None
    """Core cycles an uncached access waits at the device's clock."""
    read_bytes_per_cycle: Cited[Positive] | None = None
    """Sustained sequential reads in bytes per core cycle; absent where nobody states them, which is not infinitely fast."""
    write_bytes_per_cycle: Cited[Positive] | None = None
    external: Flag = False
    """Outside the chip, behind a serial or parallel bus."""
    cached: Flag = False
    """The core reads it through a cache."""

    def __post_init__(self) -> None:
        """A region cannot hold back more than it has."""
        if self.reserved_bytes.value > self.size_bytes.value:
            raise ValueError(f"expected reserved_bytes of at most {self.size_bytes.value}, the size, got {self.reserved_bytes.value}")


@dataclass(frozen=True, slots=True)
class Power(Strict):
    """Mean power of the whole device while it computes, and the supply, clock and software it was measured with."""

    active_w: Cited[Positive]
    conditions: Text


@dataclass(frozen=True, slots=True)
class Timing(Strict):
    """How many cycles each class of instruction takes, memory without wait states: what an emulated run is counted in."""

    cycles: Mapping[str, Positive]
    """By class: arithmetic, multiply, multiply-add, multiply-long, dsp, divide, load, load-pair, load-many, store, store-pair,
    store-many, branch, call, float, other. A multiple transfer takes this and `register` for each register."""
    sources: tuple[Text, ...]
    confirmed: Flag
    """Whether a maker's document states these numbers; else they are approximations, and `approximations` says which."""
    taken_branch: Factor
    """Cycles on top where execution does not go on at the next instruction."""
    register: Factor = 1.0
    into_pc: Factor = 0.0
    """Cycles on top of a multiple load whose registers include the program counter."""
    load_behind_memory: Positive | None = None
    """Cycles of a load directly behind a load or store of one word; absent where that makes no difference."""
    dual_issue: Flag = False
    """Whether two neighbours that do not depend on each other count as one, unless both go to memory or both multiply."""
    approximations: tuple[Text, ...] = ()

    def __post_init__(self) -> None:
        """Nothing that is not known counts as zero."""
        missing = INSTRUCTION_CLASSES - self.cycles.keys()
        unknown = self.cycles.keys() - INSTRUCTION_CLASSES
        if missing or unknown:
            raise ValueError(f"expected cycles of every class; missing {sorted(missing)}, unknown {sorted(unknown)}")


@dataclass(frozen=True, slots=True)
class Core(Strict):
    """A processor core: what its instruction set offers to a kernel library."""

    name: Name
    title: Text
    isa: Name
    extensions: tuple[Extension, ...]
    multiply: Text
    """How int8 products are made here, in words."""
    sources: tuple[Text, ...]
    parallel_cores: Count = 1
    """Cores that share the work of one layer; others on the chip do not count."""
    endianness: Literal["little", "big"] = "little"
    timing: Timing | None = None
    """Absent where no instruction times were written down: such a core is not emulated in cycles."""

    def __post_init__(self) -> None:
        """The source of the words above is not optional."""
        if not self.sources:
            raise ValueError("expected at least one source, got none")


@dataclass(frozen=True, slots=True)
class Device(Strict):
    """A microcontroller: one core that computes, at one clock, with its memories in the order tensors prefer them."""

    name: Name
    title: Text
    vendor: Text
    core: Name
    clock_hz: Cited[Hertz]
    memories: tuple[Memory, ...]
    default_runtime: Name
    power: Power | None = None
    """Absent where nobody published a figure; energy is then absent too."""
    accelerators: tuple[Text, ...] = ()
    """Engines on the chip that no described runtime uses here; listed so that a report can say so."""
    notes: Text | None = None

    def __post_init__(self) -> None:
        """Tensors must go somewhere."""
        check_unique("memories", tuple(memory.name for memory in self.memories))
        if not any(memory.kind == "ram" for memory in self.memories):
            raise ValueError("expected at least one memory of kind 'ram', got none")


@dataclass(frozen=True, slots=True)
class Board(Strict):
    """A device as people buy it: with external memories, and with parts of its memory already in use."""

    name: Name
    title: Text
    device: Name
    memories: tuple[Memory, ...] = ()
    """External memories; one with the name of a region of the device takes its place."""
    reserved_bytes: Mapping[str, Cited[Bytes]] = field(default_factory=dict)
    """Per region: what the board's software always takes, in the place of what the device says."""
    clock_hz: Cited[Hertz] | None = None
    """The clock the board runs the device at, where it is not the device's."""
    default_runtime: Name | None = None
    notes: Text | None = None

    def __post_init__(self) -> None:
        """One name, one region."""
        check_unique("memories", tuple(memory.name for memory in self.memories))

    def memories_on(self, device: Device) -> tuple[Memory, ...]:
        """The device's memories and the board's own, reserved bytes included; the device's come first."""
        own = {memory.name: memory for memory in self.memories}
        inner = [own.pop(memory.name, memory) for memory in device.memories]
        return tuple(self._with_reserved(memory) for memory in (*inner, *own.values()))

    def _with_reserved(self, memory: Memory) -> Memory:
        reserved = self.reserved_bytes.get(memory.name)
        return memory if reserved is None else replace(memory, reserved_bytes=reserved)
