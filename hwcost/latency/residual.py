"""What a sum does not tell, by boosted trees on the ratio of measured cycles to it: steps and corners of sizes, learnt from rows.

Trees are constant between their thresholds, so nothing can be followed downhill through them: a search follows the sum below them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from hwcost.errors import NotDifferentiableError
from hwcost.graph import Step
from hwcost.kernels import Kernel
from hwcost.latency.features import groups_of
from hwcost.latency.fitted import FittedModel, Label
from hwcost.latency.linear import LinearModel, LinearParameters
from hwcost.latency.model import LatencyModel, Unpriced
from hwcost.sizes import Size, is_tensor, value
from hwcost.slopes import Sloped
from hwcost.target import LayerFacts, Target
from hwcost.target.cited import Limits, Strict

__all__ = ["Forest", "ResidualModel", "ResidualParameters", "Tree", "attributes"]

Index = Annotated[int, Limits(strict=True, ge=-1, le=10_000)]
Real = Annotated[float, Limits(strict=True, ge=-1e12, le=1e12)]
_LONG = Limits(min_length=1, max_length=2_000)


@dataclass(frozen=True, slots=True)
class Tree(Strict):
    """Nodes in step: at a node with an attribute, `left` where it is at most the threshold; a leaf has attribute -1 and its value."""

    attribute: Annotated[tuple[Index, ...], _LONG]
    threshold: Annotated[tuple[Real, ...], _LONG]
    left: Annotated[tuple[Index, ...], _LONG]
    right: Annotated[tuple[Index, ...], _LONG]

    def __post_init__(self) -> None:
        """Refuse branches that lead nowhere or back: children come after their parent."""
        count = len(self.attribute)
        if {len(self.threshold), len(self.left), len(self.right)} != {count}:
            raise ValueError("expected trees whose columns have one length")
        for at, (attribute, left, right) in enumerate(zip(self.attribute, self.left, self.right, strict=True)):
            if attribute >= _ATTRIBUTES or (attribute >= 0 and not (at < left < count and at < right < count)):
                raise ValueError(f"expected trees whose branches lead onward, got node {at} that does not")

    def at(self, given: tuple[float, ...]) -> float:
        """The value of the leaf that these attributes lead to."""
        node = 0
        while (attribute := self.attribute[node]) >= 0:
            node = self.left[node] if given[attribute] <= self.threshold[node] else self.right[node]
        return self.threshold[node]


@dataclass(frozen=True, slots=True)
class Forest(Strict):
    """Trees whose values add up to the logarithm of truth over sum."""

    base: Real
    trees: Annotated[tuple[Tree, ...], Limits(min_length=1, max_length=1000)]

    def ratio(self, given: tuple[float, ...]) -> float:
        """Truth over sum."""
        return math.exp(self.base + sum(tree.at(given) for tree in self.trees))


@dataclass(frozen=True, slots=True)
class ResidualParameters(Strict):
    """A linear model, and trees for those groups of layers where they help on rows that were held out."""

    linear: LinearParameters
    forests: Annotated[Mapping[Label, Forest], Limits(max_length=1000)]


@dataclass(frozen=True)
class ResidualModel(FittedModel):
    """A sum, corrected by trees. Not differentiable; `differentiable_part` is the sum."""

    parameters: ResidualParameters

    kind: ClassVar[str] = "residual"
    Parameters: ClassVar[type] = ResidualParameters

    @property
    def differentiable(self) -> bool:
        """Trees have no slopes."""
        return False

    @property
    def differentiable_part(self) -> LatencyModel:
        """The sum below the trees."""
        return LinearModel.of(self.about, self.parameters.linear)

    def kernel_cycles(self, step: Step, kernel: Kernel, target: Target) -> Size | Unpriced:
        """The sum of the closest group, times what the trees of the layer's own group say. NotDifferentiableError for searched sizes."""
        cycles = LinearModel.of(self.about, self.parameters.linear).kernel_cycles(step, kernel, target)
        forest = self.parameters.forests.get(groups_of(kernel)[0])
        if isinstance(cycles, Unpriced) or forest is None:
            return cycles
        if is_tensor(cycles) or isinstance(cycles, Sloped):
            raise NotDifferentiableError(f"{self.name} has no gradient: follow its differentiable_part, the sum below its trees")
        return cycles * forest.ratio(attributes(kernel.layer))


_ATTRIBUTES = 13


def attributes(layer: LayerFacts) -> tuple[float, ...]:
    """Sizes as trees see them: logarithms of what is large, remainders of what is done in groups."""
    inputs, outputs = value(layer.in_channels), value(layer.out_channels)
    height, width = value(layer.output_height), value(layer.output_width)
    sizes = (inputs, outputs, height, width, value(layer.input_width), *layer.kernel, *layer.stride)
    logarithms = tuple(math.log(max(1, size)) for size in sizes)
    return (*logarithms, float(inputs % 4), float(outputs % 8), float(width % 4), float(sum(layer.padding)))
