"""One measurement: a layer or a whole network, its figures, and the conditions they hold under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from hwcost.graph import BIAS_BITS, Graph, Node, Parameter, Step
from hwcost.ops import Op
from hwcost.tensor import Quantisation, TensorSpec

__all__ = ["Conditions", "Layer", "Measurement", "Source"]

Source: TypeAlias = Literal["measured", "emulated", "published", "documented"]
"""Run by whoever wrote the file, run on an emulated core, run and published by others, or only stated in a document."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One operator with the tensors it read: what a profiler ran, as a network of one node.

    Without quantisation of its own, a weight has a scale per output channel, as `Graph.as_int8` gives it.
    """

    op: Op
    inputs: tuple[TensorSpec, ...]
    weight_bits: int = 8

    def graph(self) -> Graph:
        """The network of this one layer. Raises ShapeError where the inputs do not fit the operator."""
        names = tuple(f"input{i}" for i in range(len(self.inputs)))
        outputs = tuple(f"output{i}" for i in range(len(self.op.outputs(*self.inputs))))
        roles = self.op.parameters(*self.inputs)
        node = Node(self.op.kind, self.op, names, outputs, tuple((role, role) for role in roles))
        parameters = {role: self._parameter(role, shape) for role, shape in roles.items()}
        return Graph(dict(zip(names, self.inputs, strict=True)), outputs, (node,), parameters, name=self.op.kind)

    @property
    def step(self) -> Step:
        """The layer with its shapes inferred and its work counted."""
        return self.graph().steps[0]

    def _parameter(self, role: str, shape: tuple[int, ...]) -> Parameter:
        if self.weight_bits == 32:
            return Parameter(role, shape)
        if role == "bias":
            return Parameter(role, shape, BIAS_BITS, kind="int")
        return Parameter(role, shape, self.weight_bits, Quantisation(axis=self.op.scale_axis(role)), "int")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a figure depends on besides the layer: two rows with other conditions are not comparable.

    `flags` are the compiler's, `memory` says where weights and tensors lay and how fast that is, `wait_states` and `caches` how the
    core reached it; `accelerator` names an engine that did part of the work.
    """

    device: str
    core: str
    clock_hz: float
    runtime: str
    version: str
    compiler: str = ""
    flags: str = ""
    memory: str = ""
    wait_states: str = ""
    caches: str = ""
    board: str = ""
    accelerator: str = ""
    supply: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row. `layer` is None where a whole network was run.

    At least one of `cycles`, `latency_s` and `instructions` is given; instructions stand for cycles nowhere. `spread` is the
    standard deviation of the repeats relative to their mean. `implementation` names the kernel that ran, of several that a runtime
    has for the operator; `classes` are executed instructions by class (`hwcost.target.INSTRUCTION_CLASSES`), which add up to
    `instructions`.
    """

    network: str
    name: str
    layer: Layer | None
    conditions: Conditions
    source: Source
    citation: str
    cycles: float | None = None
    instructions: float | None = None
    latency_s: float | None = None
    energy_j: float | None = None
    spread: float | None = None
    repeats: int | None = None
    notes: str = ""
    implementation: str = ""
    classes: Mapping[str, float] = field(default_factory=dict)

    @property
    def core_cycles(self) -> float | None:
        """Core cycles, as counted or from the time at the stated clock; None where only instructions are known."""
        if self.cycles is not None or self.latency_s is None:
            return self.cycles
        return self.latency_s * self.conditions.clock_hz

    @property
    def runtime(self) -> str:
        """`name@version` of the kernel library."""
        return f"{self.conditions.runtime}@{self.conditions.version}"
