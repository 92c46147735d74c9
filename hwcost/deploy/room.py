"""The memory an image is linked for: flash, the RAM that holds numbers and stack, and other regions of a device that hold an arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwcost.errors import BuildError
from hwcost.target import Memory, Target

__all__ = ["OtherRam", "Room", "room_of"]

SCRIPT = Path(__file__).parent / "c" / "board" / "firmware.ld"

MOST_STACK_BYTES = 16 << 10
"""What an image has for its stack where the device has that much left; how much of it is used is measured."""

ALIGNED = 16
OTHERS_ORIGIN, OTHERS_APART = 0x2400_0000, 0x0200_0000
"""Where regions beside the first are linked to. Nobody states the addresses of a device's memories; only their sizes are judged."""


@dataclass(frozen=True, slots=True)
class OtherRam:
    """A region of RAM beside the first: nothing but arenas is in it, by the names of their C variables."""

    name: str
    bytes: int
    arenas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """The memory an image is linked for. Without a device: more than any has, so that sizes can be read before they are judged."""

    flash_bytes: int = 16 << 20
    ram_bytes: int = 16 << 20
    stack_bytes: int = MOST_STACK_BYTES
    flash_origin: int = 0x0800_0000
    ram_origin: int = 0x2000_0000
    others: tuple[OtherRam, ...] = ()

    def script(self, roots: Sequence[str]) -> str:
        """The linker script: these sizes, and what must be kept although nothing calls it."""
        text = SCRIPT.read_text(encoding="utf-8")
        placed = list(enumerate(self.others, 1))
        words: dict[str, object] = {
            "ROOTS": "\n".join(f"EXTERN({root})" for root in roots),
            "FLASH_ORIGIN": hex(self.flash_origin),
            "FLASH_BYTES": self.flash_bytes,
            "RAM_ORIGIN": hex(self.ram_origin),
            "RAM_BYTES": self.ram_bytes,
            "STACK_BYTES": self.stack_bytes,
            "OTHER_REGIONS": "\n".join(f"  RAM{i} (rw) : ORIGIN = {_origin(i):#x}, LENGTH = {other.bytes}" for i, other in placed),
            "OTHER_SYMBOLS": "\n".join(f"hwc_ram{i}_start = {_origin(i):#x} ;\nhwc_ram{i}_bytes = {o.bytes} ;" for i, o in placed),
            "OTHER_SECTIONS": "\n".join(_section(i, other) for i, other in placed),
        }
        for name, value in words.items():
            text = text.replace(f"@{name}@", str(value))
        return text


def _origin(number: int) -> int:
    return OTHERS_ORIGIN + (number - 1) * OTHERS_APART


def _section(number: int, other: OtherRam) -> str:
    """Arenas in another region. They are not cleared at the start: a network reads nothing that it has not written."""
    names = " ".join(f"*(.bss.{arena})" for arena in other.arenas)
    return f"  .bss_{number} (NOLOAD) : ALIGN({ALIGNED}) {{ {names} }} > RAM{number}"


def room_of(target: Target, arenas: Mapping[str, tuple[str, int]], stack_bytes: int) -> Room:
    """The memories of a device: `arenas` are C name: (region, bytes), as planned; `stack_bytes` is the least the stack must have.

    Numbers and stack are in the first region that has room for the stack beside its arena. Raises BuildError where none has.
    """
    free = {memory.name: _free(memory) for memory in target.ram_regions}
    left = dict(free)
    for region, size in arenas.values():
        left[region] -= -(-size // ALIGNED) * ALIGNED
    home = next((name for name, size in left.items() if size >= stack_bytes), None)
    if home is None:
        most = max(left.values(), default=0)
        raise BuildError(f"no RAM of {target.name} has {stack_bytes} bytes left for the stack beside the arena: at most {max(most, 0)}")
    others = tuple(
        OtherRam(name, free[name], tuple(arena for arena, (region, _) in arenas.items() if region == name))
        for name in dict.fromkeys(region for region, _ in arenas.values())
        if name != home
    )
    # Networks have a few words in .data and .bss beside their arenas, if any; the linker says so where they meet the stack.
    stack = max(stack_bytes, min(MOST_STACK_BYTES, left[home] - ALIGNED)) // 8 * 8
    return Room(flash_bytes=sum(_free(memory) for memory in target.flash_regions), ram_bytes=free[home], stack_bytes=stack, others=others)


def _free(memory: Memory) -> int:
    return memory.size_bytes.value - memory.reserved_bytes.value
