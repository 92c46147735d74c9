"""What a layer's kernel does how often: the counts that fitted models price, whichever runtime they are of.

A generator that says how often each piece of its loops runs (`Needs.steps`) is taken at its word. Of any other runtime the geometry
is known and its loops are not; what loops usually depend on is counted then.
"""

from __future__ import annotations

from collections.abc import Mapping

from hwcost.kernels import Kernel
from hwcost.kernels.generated import pick
from hwcost.kernels.portable import Portable
from hwcost.latency.rests import rests_of
from hwcost.latency.windows import whole
from hwcost.sizes import Size, ceil_div, round_up
from hwcost.target import LayerFacts, Target

__all__ = ["FOUR", "features_of", "geometry", "groups_of", "label_of", "steps_of", "sums_of"]

FOUR = 4
"""Lanes of 8 bits in a word, and the channels that kernels mostly compute together."""

POOLED = "*"
"""The group of all layers."""


def label_of(layer: LayerFacts) -> str:
    """The kind of a layer as errors are told by: a convolution of single places is called pointwise."""
    return "pointwise" if layer.kind == "conv2d" and layer.kernel == (1, 1) else layer.kind


def groups_of(kernel: Kernel) -> tuple[str, str, str]:
    """The groups a layer belongs to, the closest first: its kind and kernel, its kind, all layers.

    The plain variant is many kernels, each a C function of its own; they are told apart by it.
    """
    label, name, needs = label_of(kernel.layer), kernel.implementation or kernel.variant, kernel.needs
    return f"{label}/{name if needs is None or name != Portable.name else needs.functions[0]}", label, POOLED


def sums_of(kernel: Kernel) -> tuple[str, ...]:
    """The groups that a sum may be of, the closest first: one more, of all kinds that the kernel's C function runs."""
    own, label, every = groups_of(kernel)
    return (own, label, every) if kernel.needs is None else (own, f"*/{kernel.needs.functions[0]}", label, every)


def features_of(kernel: Kernel, target: Target) -> Mapping[str, Size]:
    """The kernel's own steps where it states them, else the geometry of the layer."""
    return steps_of(kernel, target) or geometry(kernel.layer)


def steps_of(kernel: Kernel, target: Target) -> Mapping[str, Size] | None:
    """How often each piece of the kernel's loops runs, remainders included; None where nobody says."""
    if kernel.needs is not None:
        return {**kernel.needs.steps, **rests_of(kernel.implementation, kernel.layer, kernel.needs)}
    if not target.runtime.functions:
        return None
    chosen = pick(kernel.layer, target.core.extensions, None)
    return None if chosen is None else {**chosen.needs.steps, **rests_of(chosen.variant.name, kernel.layer, chosen.needs)}


def geometry(layer: LayerFacts) -> dict[str, Size]:
    """What any kernel of a layer has to do: each MAC, patch element, output, position, weight, and a few idle lanes more."""
    positions = ceil_div(layer.output_elements, layer.out_channels)
    lanes = round_up(layer.out_channels, FOUR) * round_up(layer.patch_elements, FOUR)
    return {
        "layer": 1,
        "mac": layer.output_elements * layer.patch_elements,
        "mac with idle lanes": positions * lanes,
        "patch element": positions * layer.patch_elements,
        "tap": positions * (layer.kernel[0] * layer.kernel[1]),
        "input": layer.input_elements,
        "output": layer.output_elements,
        "position": positions,
        "border position": positions - whole(layer, 0) * whole(layer, 1) if max(layer.padding) else 0,
        "weight": layer.weight_elements,
    }
