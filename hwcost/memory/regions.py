"""How full each memory is, and which memory holds which weights: the same network in slower memory is another verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwcost.graph import Graph
from hwcost.memory.flash import Flash
from hwcost.memory.ram import Ram, free_bytes
from hwcost.target import Memory, Target


@dataclass(frozen=True, slots=True)
class Region:
    """One memory and what stands in it; `reserved_bytes` is part of neither the network nor the runtime, and counts as used."""

    name: str
    kind: str
    used_bytes: int
    reserved_bytes: int
    limit_bytes: int

    @property
    def overflow_bytes(self) -> int:
        """Bytes that do not fit; 0 where all do."""
        return max(0, self.used_bytes + self.reserved_bytes - self.limit_bytes)


@dataclass(frozen=True, slots=True)
class FlashPlacement:
    """Region of each parameter by name, and the bytes used in each region, code and metadata included."""

    region_of: Mapping[str, str]
    by_region: Mapping[str, int]


def place_flash(graph: Graph, content: Flash, target: Target) -> FlashPlacement:
    """All that is no parameter (code, metadata, quantisation) first, then weights in order, each in the first region that has room.

    What no region has room for is counted in the largest one, whose overflow then says by how much it does not fit.
    """
    memories = target.flash_regions
    used = {memory.name: 0 for memory in memories}
    if not memories:
        return FlashPlacement({}, {})
    shared = content.total_bytes - sum(parameter.bytes for _, parameter in graph.used_parameters.values())
    used[_home(memories, used, shared)] += shared
    homes: dict[str, str] = {}
    for name, (_, parameter) in graph.used_parameters.items():
        homes[name] = _home(memories, used, parameter.bytes)
        used[homes[name]] += parameter.bytes
    return FlashPlacement(homes, used)


def _home(memories: tuple[Memory, ...], used: Mapping[str, int], size: int) -> str:
    fitting = (memory.name for memory in memories if used[memory.name] + size <= free_bytes(memory))
    return next(fitting, max(memories, key=free_bytes).name)


def regions(target: Target, in_ram: Ram, in_flash: FlashPlacement) -> tuple[Region, ...]:
    """Every memory of the target with its use, in the order of its description."""
    used = {**in_flash.by_region, **in_ram.by_region}
    return tuple(
        Region(memory.name, memory.kind, used.get(memory.name, 0), memory.reserved_bytes.value, memory.size_bytes.value)
        for memory in target.memories
    )
