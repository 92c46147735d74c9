"""What the firmware will be, decided before it is built: the kernel of every layer, the plan of its memory, its predicted cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hwcost import kernels
from hwcost.cost import Cost, estimate
from hwcost.deploy.emission import Emission, Placed
from hwcost.deploy.program import Convolution, Layer, Program
from hwcost.errors import TargetError
from hwcost.graph import Step
from hwcost.kernels import Kernel
from hwcost.kernels.generated import Objective, pick
from hwcost.kernels.variant import WeightFacts
from hwcost.target import Functions, Target

INT8_LARGEST = 128
"""The largest magnitude an int8 activation has."""


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """One call of the firmware: the layer where it is placed, and its kernel."""

    placed: Placed
    kernel: Kernel

    @property
    def variant(self) -> str:
        """The kernel's name; layers that have one kernel only are portable."""
        return self.kernel.implementation or "portable"


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


def plan_layers(program: Program, target: Target, objective: Objective = "balanced") -> tuple[tuple[PlannedLayer, ...], Cost]:
    """The kernel of every layer of a program, and what the network costs with these kernels on the target."""
    chosen = [_kernel(step, layer, target, objective) for step, layer in zip(program.graph.steps, program.layers, strict=True)]
    cost = estimate(program.graph, target, chosen=chosen)
    return tuple(_planned(program, chosen)), cost


def _planned(program: Program, chosen: Sequence[Kernel]) -> list[PlannedLayer]:
    """One call for each output of each node, in order."""
    calls: list[PlannedLayer] = []
    for step, layers, kernel in zip(program.graph.steps, program.layers, chosen, strict=True):
        inputs = tuple(program.tensors[name] for name in step.node.inputs)
        several = layers if isinstance(layers, tuple) else (layers,)
        for layer, output in zip(several, step.node.outputs, strict=True):
            placed = Placed(len(calls), step.node.name, layer, inputs, program.tensors[output])
            calls.append(PlannedLayer(placed, kernel))
    return calls


def _kernel(step: Step, layer: Layer | tuple[Layer, ...], target: Target, objective: Objective) -> Kernel:
    general = kernels.choose(step, target.runtime, target.core)
    if not isinstance(layer, Convolution):
        return replace(general, scratch_bytes=0, implementation="portable")
    found = pick(general.layer, target.core.extensions, weight_facts(layer), objective)
    if found is None:
        return replace(general, scratch_bytes=0, implementation="portable")
    why = "; ".join(found.passed_over) or general.why
    return replace(general, scratch_bytes=found.needs.scratch_bytes, implementation=found.variant.name, needs=found.needs, why=why)


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


def firmware_size(emissions: Sequence[Emission], planned: Sequence[PlannedLayer], target: Target) -> FirmwareSize:
    """What an image with these layers takes, by the sizes its runtime's file states for the core.

    Raises TargetError where a function or struct has no stated size: nothing unknown counts as zero.
    """
    table = target.runtime.functions.get(target.core.name)
    if table is None:
        raise TargetError(
            f"{target.runtime.reference} states no sizes of its functions on {target.core.name}; "
            f"they are stated for {', '.join(target.runtime.functions) or 'no core'}"
        )
    sources = dict.fromkeys(source for emission in emissions for source in emission.sources)
    _require_stated(sources, emissions, table)
    units = {name: size for layer in planned if layer.kernel.needs for name, size in layer.kernel.needs.unit_bytes.items()}
    functions = [table.functions[source] for source in sources]
    return FirmwareSize(
        constant_bytes=sum(_aligned(array.bytes) for emission in emissions for array in emission.arrays),
        struct_bytes=sum(table.structs[emission.struct] for emission in emissions),
        code_bytes=table.base_code_bytes
        + table.call_bytes * len(emissions)
        + sum(_aligned(function.code_bytes) for function in functions)
        + sum(_aligned(size) for size in units.values()),
        stack_bytes=table.base_stack_bytes + max((function.stack_bytes for function in functions), default=0),
    )


def _require_stated(sources: dict[str, None], emissions: Sequence[Emission], table: Functions) -> None:
    unknown = [source for source in sources if source not in table.functions]
    unknown += [emission.struct for emission in emissions if emission.struct not in table.structs]
    if unknown:
        raise TargetError(
            f"the sizes of {', '.join(dict.fromkeys(unknown))} on {table.core} are not stated; tools/refresh_hwcost_c.py measures them"
        )


def _aligned(size: int) -> int:
    return -(-size // 4) * 4
