"""Where values lie in the firmware: the plan of memory as C expressions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hwcost.deploy.program import Tensor
from hwcost.errors import BuildError
from hwcost.memory.ram import PlacedTensor


@dataclass(frozen=True, slots=True)
class Arena:
    """One block of memory of the firmware: its C name, its bytes, the region it lies in and whether that is the only one."""

    name: str
    bytes: int
    region: str
    is_only: bool


@dataclass(frozen=True, slots=True)
class Addresses:
    """The plan, by name; `parameters` are the network's inputs and outputs that lie outside it, by their C names."""

    plan: dict[str, PlacedTensor]
    arenas: tuple[Arena, ...]
    parameters: dict[str, str]

    @classmethod
    def of(cls, plan: Sequence[PlacedTensor], parameters: dict[str, str]) -> Addresses:
        """Addresses under a plan; `parameters` names every input and output, of which those in the plan lie in the arena."""
        regions = list(dict.fromkeys(item.region for item in plan))
        heights = {region: max(item.offset + item.size for item in plan if item.region == region) for region in regions}
        only = len(regions) == 1
        arenas = tuple(Arena(_arena_name(region, only), heights[region], region, only) for region in regions)
        placed = {item.tensor: item for item in plan}
        return cls(placed, arenas, {name: word for name, word in parameters.items() if name not in placed})

    def of_name(self, name: str) -> str | None:
        """`arena + 768`; None where the plan has no such name."""
        item = self.plan.get(name)
        if item is None:
            return None
        arena = next(arena for arena in self.arenas if arena.region == item.region)
        return f"{arena.name} + {item.offset}"

    def pointer(self, tensor: Tensor) -> str:
        """A tensor as an argument of a kernel. BuildError where it is nowhere."""
        if tensor.name in self.parameters:
            return self.parameters[tensor.name]
        place = self.of_name(tensor.name)
        if place is None:
            raise BuildError(f"the plan of memory has no place for '{tensor.name}'; plan the very graph of the program")
        return place if tensor.bits == 8 else f"({c_type(tensor)} *)(void *)({place})"

    def scratch(self, node: str) -> str:
        """The working memory of a node, or 0."""
        return self.of_name(f"{node} (scratch)") or "0"


def c_type(tensor: Tensor) -> str:
    """The C type of a tensor's elements."""
    if tensor.bits == 8:
        return "int8_t"
    return "float" if tensor.kind == "float" else "int32_t"


def _arena_name(region: str, only: bool) -> str:
    return "arena" if only else f"arena_{re.sub(r'[^0-9A-Za-z]', '_', region).lower()}"
