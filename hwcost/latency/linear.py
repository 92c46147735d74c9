"""Cycles as a sum of what a kernel does: so many cycles for each MAC, each output, each call of a tile, never negative ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from hwcost.graph import Step
from hwcost.kernels import Kernel
from hwcost.latency.features import geometry, steps_of, sums_of
from hwcost.latency.fitted import MOST_COUNTS, FittedModel, Label
from hwcost.latency.model import Unpriced
from hwcost.sizes import Size
from hwcost.target import Target
from hwcost.target.cited import Factor, Flag, Limits, Strict

__all__ = ["LinearModel", "LinearParameters", "Share", "Sum"]


@dataclass(frozen=True, slots=True)
class Sum(Strict):
    """Cycles for each count of one group of layers; counts left out cost nothing.

    `by_steps` says that they are the kernel's own steps and not the geometry of the layer.
    """

    cycles: Annotated[Mapping[Label, Factor], Limits(max_length=MOST_COUNTS)]
    by_steps: Flag = False


@dataclass(frozen=True, slots=True)
class LinearParameters(Strict):
    """One sum for each group of layers; a layer takes that of the closest group it is in."""

    sums: Annotated[Mapping[Label, Sum], Limits(min_length=1, max_length=1000)]


@dataclass(frozen=True, slots=True)
class Share:
    """One line of what a layer is made of: a count, cycles for each, and their product."""

    what: str
    count: Size
    cycles_each: float

    @property
    def cycles(self) -> Size:
        """What it adds to the layer."""
        return self.cycles_each * self.count


@dataclass(frozen=True)
class LinearModel(FittedModel):
    """Non-negative cycles for each thing a kernel does. Any gradient survives it, and every prediction can be read as a table."""

    parameters: LinearParameters

    kind: ClassVar[str] = "linear"
    Parameters: ClassVar[type] = LinearParameters

    @property
    def differentiable(self) -> bool:
        """Every term is a product of sizes."""
        return True

    def kernel_cycles(self, step: Step, kernel: Kernel, target: Target) -> Size | Unpriced:
        """The sum of the closest group the layer is in."""
        shares = self.explain(step, kernel, target)
        return shares if isinstance(shares, Unpriced) else sum(share.cycles for share in shares)

    def explain(self, step: Step, kernel: Kernel, target: Target) -> tuple[Share, ...] | Unpriced:
        """What the cycles of a layer are made of; the lines add up to its price."""
        steps = steps_of(kernel, target)
        for group in sums_of(kernel):
            found = self.parameters.sums.get(group)
            if found is None or (found.by_steps and steps is None):
                continue
            counts = steps if found.by_steps and steps is not None else geometry(kernel.layer)
            return tuple(Share(what, counts.get(what, 0), each) for what, each in found.cycles.items())
        return Unpriced(step.node.name, f"{self.name} was made from no layer like this {kernel.name}")
