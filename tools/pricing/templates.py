"""The forms of price that are fitted: which layers one is for, and which counts it has coefficients of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from hwcost.kernels import Kernel, facts
from hwcost.latency.counts import Counts, cycles
from hwcost.records import Layer
from hwcost.target import Condition, Lanes, LayerFacts, LinearPrice, Price
from pricing.least_squares import Array

INT8 = Condition(activation_bits=(8,))
CONV = ("conv2d", "conv1d")
DEPTHWISE_KINDS = ("depthwise_conv2d", "depthwise_conv1d")


@dataclass(frozen=True)
class Template:
    """Layers of `kinds` under a condition, priced by `terms`."""

    name: str
    kinds: tuple[str, ...]
    terms: tuple[str, ...]
    when: Condition = INT8
    lanes: Lanes = field(default_factory=Lanes)
    kernels: tuple[Literal["optimised", "reference"], ...] = ("optimised",)

    def price(self, coefficients: Iterable[float], source: str) -> LinearPrice:
        values = {term: float(value) for term, value in zip(self.terms, coefficients, strict=True)}
        return LinearPrice("linear", self.kinds, source, self.kernels, lanes=self.lanes, when=self.when, **values)

    def counts(self, layers: Sequence[Layer]) -> Array:
        """One column per term: what its coefficient is multiplied with, read off the formula itself at unit prices."""
        units = [replace(self.empty, **{term: 1.0}) for term in self.terms]
        return np.array([[float(cycles(unit, counts_of(layer))) for unit in units] for layer in layers])

    @property
    def empty(self) -> LinearPrice:
        return self.price([0.0] * len(self.terms), "no coefficients yet")


def counts_of(layer: Layer) -> Counts:
    step = layer.step
    return Counts.of(step, Kernel("optimised", None, "", facts(step)))


def first(prices: Iterable[Price], layer: LayerFacts, extensions: Sequence[str] = ("dsp",)) -> int | None:
    """Index of the price a layer pays: the first of its kind whose condition it meets."""
    return next((i for i, price in enumerate(prices) if layer.kind in price.kinds and price.when.holds(layer, extensions)), None)


POINTWISE = Template(
    "pointwise",
    CONV,
    ("per_mac", "per_output_element", "per_position", "per_weight_byte"),
    Condition(activation_bits=(8,), kernel=(1, 1), stride=(1, 1), max_padding=0),
)
WINDOWED = Template("windowed", CONV, ("per_mac", "per_output_element", "per_tap"), lanes=Lanes(patch_elements=4))
DEPTHWISE = Template("depthwise", DEPTHWISE_KINDS, ("per_mac", "per_tap"))
DENSE = Template("dense", ("dense",), ("per_mac", "per_output_element", "per_layer"))
CMSIS_NN = (POINTWISE, WINDOWED, DEPTHWISE, DENSE)

CMSIS_NN_M7 = (
    Template("conv", CONV, ("per_mac", "per_patch_element", "per_output_element", "per_weight_byte")),
    DEPTHWISE,
    Template("dense", ("dense",), ("per_mac",)),
    Template("pool", ("average_pool2d",), ("per_mac",)),
)
HELIUM = (
    Template("conv", CONV, ("per_mac", "per_patch_element", "per_output_element", "per_position", "per_weight_byte")),
    DEPTHWISE,
)
REFERENCE = (
    Template("conv", CONV, ("per_mac", "per_output_element")),
    Template("depthwise", DEPTHWISE_KINDS, ("per_mac",)),
)
ESP_S3 = (
    Template("conv", CONV, ("per_mac", "per_output_element", "per_tap")),
    Template("depthwise", DEPTHWISE_KINDS, ("per_mac",)),
    Template("dense", ("dense",), ("per_mac",)),
)
