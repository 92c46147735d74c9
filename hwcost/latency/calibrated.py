"""A new board from few measurements: instructions by class are known of every layer, cycles per class are what a board adds.

How many instructions of each class a layer executes follows from its kernel and its sizes, and is the same on every board with these
instructions: it is fitted once, on tables of emulated cores. What an instruction of a class takes, wait states and caches included,
is fitted to the board. Nothing is emulated when a layer is priced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from hwcost.graph import Step
from hwcost.kernels import Kernel
from hwcost.latency.features import geometry, groups_of, steps_of
from hwcost.latency.fitted import MOST_COUNTS, FittedModel, Label
from hwcost.latency.linear import Share
from hwcost.latency.model import Unpriced
from hwcost.sizes import Size
from hwcost.target import Target
from hwcost.target.cited import Factor, Flag, Limits, Strict

__all__ = ["CalibratedModel", "CalibratedParameters", "Mix"]

Counts = Annotated[Mapping[Label, Factor], Limits(max_length=60)]


@dataclass(frozen=True, slots=True)
class Mix(Strict):
    """Instructions by class of each thing the kernels of a group do; `by_steps` as in linear models."""

    instructions: Annotated[Mapping[Label, Counts], Limits(max_length=MOST_COUNTS)]
    """By count (`features.features_of`), then by class."""
    by_steps: Flag = False


@dataclass(frozen=True, slots=True)
class CalibratedParameters(Strict):
    """Instructions of every group of layers, and cycles of every class on the board."""

    mixes: Annotated[Mapping[Label, Mix], Limits(min_length=1, max_length=1000)]
    cycles: Annotated[Mapping[Label, Factor], Limits(min_length=1, max_length=60)]
    counted_on: Label = "emulated"
    """The device whose table the instructions were fitted on."""

    def __post_init__(self) -> None:
        """Refuse classes without cycles."""
        used = {each for mix in self.mixes.values() for counts in mix.instructions.values() for each in counts}
        if used - self.cycles.keys():
            raise ValueError(f"expected cycles of {', '.join(sorted(used - self.cycles.keys()))}, got none")


@dataclass(frozen=True)
class CalibratedModel(FittedModel):
    """Instructions of a layer times what each takes on this board. Any gradient survives it."""

    parameters: CalibratedParameters

    kind: ClassVar[str] = "calibrated"
    Parameters: ClassVar[type] = CalibratedParameters

    @property
    def differentiable(self) -> bool:
        """Every term is a product of sizes."""
        return True

    def kernel_cycles(self, step: Step, kernel: Kernel, target: Target) -> Size | Unpriced:
        """The sum over what the kernel does of its instructions' cycles."""
        found = self._counts(kernel, target)
        if found is None:
            return Unpriced(step.node.name, f"{self.name} knows the instructions of no layer like this {kernel.name}")
        mix, counts = found
        each = {
            what: sum(number * self.parameters.cycles[kind] for kind, number in made.items()) for what, made in mix.instructions.items()
        }
        return sum(cycles * counts.get(what, 0) for what, cycles in each.items())

    def explain(self, step: Step, kernel: Kernel, target: Target) -> tuple[Share, ...] | Unpriced:
        """Instructions of each class and what they take; the lines add up to the layer's price."""
        found = self._counts(kernel, target)
        if found is None:
            return Unpriced(step.node.name, f"{self.name} knows the instructions of no layer like this {kernel.name}")
        mix, counts = found
        return tuple(Share(kind, number, self.parameters.cycles[kind]) for kind, number in instructions(mix, counts).items())

    def _counts(self, kernel: Kernel, target: Target) -> tuple[Mix, Mapping[str, Size]] | None:
        return closest(self.parameters.mixes, kernel, target)


def closest(mixes: Mapping[str, Mix], kernel: Kernel, target: Target) -> tuple[Mix, Mapping[str, Size]] | None:
    """The mix of the closest group a layer is in, and the counts it is to be multiplied with."""
    steps = steps_of(kernel, target)
    for group in groups_of(kernel):
        found = mixes.get(group)
        if found is not None and not (found.by_steps and steps is None):
            return found, steps if found.by_steps and steps is not None else geometry(kernel.layer)
    return None


def instructions(mix: Mix, counts: Mapping[str, Size]) -> dict[str, Size]:
    """Instructions of a layer by class."""
    found: dict[str, Size] = {}
    for what, made in mix.instructions.items():
        for kind, number in made.items():
            found[kind] = found.get(kind, 0) + number * counts.get(what, 0)
    return found
