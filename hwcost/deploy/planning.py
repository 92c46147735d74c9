"""What the firmware will be, decided before it is built: the kernel of every layer, the plan of its memory, its predicted cost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePath

import numpy as np

from hwcost import kernels
from hwcost.cost import Cost, estimate
from hwcost.deploy.emission import Emission
from hwcost.deploy.program import Convolution, Program
from hwcost.errors import TargetError
from hwcost.kernels import Kernel
from hwcost.kernels.generated import VARIANTS, Objective
from hwcost.kernels.variant import WeightFacts
from hwcost.memory.flash import flash_of
from hwcost.target import Functions, Target

PORTABLE = "portable"

INT8_LARGEST = 128
"""The largest magnitude an int8 activation has."""


@dataclass(frozen=True, slots=True)
class FirmwarePlan:
    """The kernel of every node of a program, and what the network costs with these kernels."""

    kernels: tuple[Kernel, ...]
    cost: Cost

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the kernels; layers that have one kernel only are portable."""
        return tuple(kernel.implementation or PORTABLE for kernel in self.kernels)

    @property
    def unit_bytes(self) -> dict[str, int]:
        """Code generated for shapes, each once however many layers have it."""
        return {name: size for kernel in self.kernels if kernel.needs for name, size in kernel.needs.unit_bytes.items()}


@dataclass(frozen=True, slots=True)
class FirmwareSize:
    """Bytes of an image by what they hold, as its parts add up before anything is built."""

    constant_bytes: int
    struct_bytes: int
    code_bytes: int
    stack_bytes: int

    @property
    def flash_bytes(self) -> int:
        """Everything that lies in flash."""
        return self.constant_bytes + self.struct_bytes + self.code_bytes


def plan(program: Program, target: Target, objective: Objective = "balanced") -> FirmwarePlan:
    """The kernel of every layer of a program, and what the network costs with these kernels on the target."""
    chosen = _smallest(program, target) if objective == "flash" else _chosen(program, target, objective)
    return FirmwarePlan(tuple(chosen), estimate(program.graph, target, chosen=chosen))


def _smallest(program: Program, target: Target) -> list[Kernel]:
    """The kernels whose image is the smallest: functions and generated code count once, however many layers share them.

    Every set of kernels is tried that the fastest are picked from; of equal ones that with the most kernels, which is no slower.
    """
    names = [variant.name for variant in VARIANTS if not variant.expands_weights and variant.name != PORTABLE]
    sets = (without for count in range(len(names) + 1) for without in combinations(names, count))
    tried = [_chosen(program, target, "balanced", without) for without in sets]
    return min(tried, key=lambda chosen: flash_of(program.graph, target, chosen).total_bytes)


def _chosen(program: Program, target: Target, objective: Objective, without: Collection[str] = ()) -> list[Kernel]:
    weights = [weight_facts(layer) if isinstance(layer, Convolution) else None for layer in program.layers]
    return [
        kernels.choose(step, target.runtime, target.core, weights=known, objective=objective, without=without)
        for step, known in zip(program.graph.steps, weights, strict=True)
    ]


def weight_facts(layer: Convolution) -> WeightFacts:
    """What kernels ask about the values of a layer; the sum that could be reached is bounded channel by channel."""
    weights = layer.weights.astype(np.int64).reshape(len(layer.weights), -1)
    reach = np.abs(layer.bias.astype(np.int64)) + INT8_LARGEST * np.abs(weights).sum(axis=1)
    return WeightFacts(
        accumulator_bound=int(reach.max(initial=0)),
        lowest=int(weights.min(initial=0)),
        highest=int(weights.max(initial=0)),
        shift=layer.shift,
        clamps=layer.range.low > np.iinfo(np.int8).min or layer.range.high < np.iinfo(np.int8).max,
    )


def firmware_size(emissions: Sequence[Emission], planned: FirmwarePlan, target: Target) -> FirmwareSize:
    """What an image with these layers takes, by the sizes its runtime's file states for the core.

    Raises TargetError where a function or struct has no stated size: nothing unknown counts as zero.
    """
    table = stated_sizes(target)
    calls = [emission for emission in emissions if emission.function]
    sources = dict.fromkeys(PurePath(source).stem for emission in calls for source in emission.sources)
    _require_stated(sources, calls, table)
    return FirmwareSize(
        constant_bytes=sum(_aligned(array.bytes) for emission in calls for array in emission.arrays),
        struct_bytes=sum(table.structs[emission.struct] for emission in calls),
        code_bytes=table.base_code_bytes
        + table.call_bytes * len(calls)
        + table.code_of(list(sources))
        + sum(_aligned(size) for size in planned.unit_bytes.values()),
        stack_bytes=planned.cost.ram.stack_bytes,
    )


def stated_sizes(target: Target) -> Functions:
    """What the functions of the target's runtime take on its core; TargetError where nobody measured them."""
    table = target.runtime.functions.get(target.core.name)
    if table is None:
        raise TargetError(
            f"{target.runtime.reference} makes no firmware for {target.name} so far: nobody measured its functions on {target.core.name}; "
            "choose a device with one of the cores in docs/boards.md"
        )
    return table


def _require_stated(sources: dict[str, None], emissions: Sequence[Emission], table: Functions) -> None:
    unknown = [source for source in sources if source not in table.functions]
    unknown += [emission.struct for emission in emissions if emission.struct not in table.structs]
    if unknown:
        raise TargetError(
            f"the sizes of {', '.join(dict.fromkeys(unknown))} on {table.core} are not stated; tools/refresh_hwcost_c.py measures them"
        )


def _aligned(size: int) -> int:
    return -(-size // 4) * 4
