"""What every latency model is: cycles of a layer, and their sum over a network in seconds, node by node."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, final

from hwcost.errors import MeasurementError, shown
from hwcost.graph import Graph, Step
from hwcost.kernels import Kernel, choose
from hwcost.latency.columns import Pricing
from hwcost.sizes import Size
from hwcost.target import Target

__all__ = ["Absent", "Basis", "LatencyModel", "Prediction", "Unpriced"]

CONFIDENCE = 0.9
"""Of intervals that nobody asked to be wider or narrower."""

NOWHERE: Mapping[str, str] = MappingProxyType({})
"""No tensor placed by name: everything lies where the target puts it first."""


@dataclass(frozen=True, slots=True)
class Basis:
    """How a figure was found, and what stands behind it."""

    method: Literal["run", "lookup", "fitted", "analytic"]
    source: Literal["measured", "emulated", "published", "documented"]
    model: str


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no model for a target, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A layer that a model cannot price, and why."""

    node: str
    why: str


def total(parts: Sequence[Size]) -> Size:
    """The sum of figures; of plain numbers the same whatever their order, so that one network in two files costs the same."""
    return math.fsum(parts) if all(isinstance(part, int | float) for part in parts) else sum(parts)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Latency of a network: by node in execution order, plus what an inference costs whatever the network.

    `latency_s` is None where a layer has no price; `known_s` is then what the others take, a lower bound. `remarks` say what
    the model was not made for.
    """

    nodes: tuple[Size | None, ...]
    per_inference_s: Size
    unpriced: tuple[Unpriced, ...]
    basis: Basis
    interval_s: tuple[Size, Size] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def known_s(self) -> Size:
        """The sum of all that has a price."""
        return total([self.per_inference_s, *(seconds for seconds in self.nodes if seconds is not None)])

    @property
    def latency_s(self) -> Size | None:
        """The whole network, or None where a layer has no price."""
        return None if self.unpriced else self.known_s

    @property
    def reason(self) -> str | None:
        """Why there is no total, naming each layer; None where there is one."""
        if not self.unpriced:
            return None
        by_cause: dict[str, list[str]] = {}
        for missing in self.unpriced:
            by_cause.setdefault(missing.why, []).append(shown(missing.node))
        return "; ".join(f"{why} ({some(nodes)})" for why, nodes in by_cause.items())


def some(names: Sequence[str], most: int = 3) -> str:
    """The first names of a list, and how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


@dataclass(frozen=True)
class LatencyModel(ABC):
    """Prices layers of one runtime on one core; clock, memories and kernels are the target's it is asked for.

    A model is additive: a network takes what its layers take, plus `per_inference_cycles`. Subclasses are final.
    """

    name: str
    runtime: str
    core: str
    basis: Basis
    per_inference_cycles: float = field(default=0.0, kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    """What a reader should know of how it was chosen."""

    @property
    @abstractmethod
    def differentiable(self) -> bool:
        """Whether searched sizes keep their gradient through it."""

    @property
    def differentiable_part(self) -> LatencyModel | None:
        """The model whose gradients a loss follows in place of this one's: itself where sizes keep theirs, else none unless it says so."""
        return self if self.differentiable else None

    @abstractmethod
    def layer_cycles(self, step: Step, kernel: Kernel, target: Target, placed: Mapping[str, str] = NOWHERE) -> Size | Unpriced:
        """Core cycles of one layer, or why there is no figure for it."""

    def pricing(self, layers: Sequence[tuple[Step, Kernel]], target: Target, placed: Mapping[str, str] = NOWHERE) -> Pricing | None:
        """Cycles of all these layers at once, from columns of counts; None where each layer must be asked for itself.

        What it decides by size (which kernel, which price) it decides for the sizes the layers have now.
        """
        return None

    def remarks(self, steps: Sequence[Step], kernels: Sequence[Kernel], target: Target) -> tuple[str, ...]:
        """What about these layers lies outside of what the model was made from."""
        return ()

    def layer_error(self, step: Step, kernel: Kernel, confidence: float) -> tuple[float, float] | None:
        """Lowest and highest ratio of a layer's true cycles to its price, with this confidence; None where it is not known."""
        return None

    @final
    def node_cycles(self, step: Step, kernel: Kernel, target: Target, placed: Mapping[str, str] = NOWHERE) -> Size | Unpriced:
        """`layer_cycles`, with what every model shares: free layers cost nothing, unsupported ones have no price."""
        if kernel.is_free:
            return 0.0
        if not kernel.is_supported:
            return Unpriced(step.node.name, kernel.why)
        return self.layer_cycles(step, kernel, target, placed)

    @final
    def predict(
        self,
        graph: Graph,
        target: Target,
        placed: Mapping[str, str] = NOWHERE,
        *,
        chosen: Sequence[Kernel] | None = None,
        confidence: float | None = None,
    ) -> Prediction:
        """Latency of every node and of the whole at the target's clock; `placed` maps tensors and parameters to regions.

        Where the model knows its error, the interval adds up the bounds of all layers, as if each erred the same way.

        Raises MeasurementError for a target whose runtime or core is not the model's.
        """
        self.require(target)
        steps = graph.steps
        kernels = chosen or [choose(step, target.runtime, target.core) for step in steps]
        found = [self.node_cycles(step, kernel, target, placed) for step, kernel in zip(steps, kernels, strict=True)]
        seconds = tuple(None if isinstance(cycles, Unpriced) else cycles / target.clock_hz for cycles in found)
        unpriced = tuple(cycles for cycles in found if isinstance(cycles, Unpriced))
        per_inference_s = self.per_inference_cycles / target.clock_hz
        level = CONFIDENCE if confidence is None else confidence
        known = Prediction(seconds, per_inference_s, unpriced, self.basis, remarks=(*self.notes, *self.remarks(steps, kernels, target)))
        return known if unpriced else replace(known, interval_s=self._interval(known, steps, kernels, level))

    def _interval(self, known: Prediction, steps: Sequence[Step], kernels: Sequence[Kernel], confidence: float) -> tuple[Size, Size] | None:
        low, high = known.per_inference_s, known.per_inference_s
        for seconds, step, kernel in zip(known.nodes, steps, kernels, strict=True):
            if kernel.is_free or seconds is None:
                continue
            bounds = self.layer_error(step, kernel, confidence)
            if bounds is None:
                return None
            low, high = low + bounds[0] * seconds, high + bounds[1] * seconds
        return low, high

    def require(self, target: Target) -> None:
        """Raise MeasurementError unless the model is of this target's runtime and core."""
        if (self.runtime, self.core) != (target.runtime.reference, target.core.name):
            raise MeasurementError(
                f"latency model '{self.name}' is of {self.runtime} on {self.core}, and was asked for {target.runtime.reference} "
                f"on {target.core.name}: figures of one kernel library or core do not hold for another"
            )
