"""The kernel a layer takes: the first rule of the runtime's file that it meets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from hwcost.graph import Step
from hwcost.kernels.facts import facts
from hwcost.kernels.generated import Objective, pick
from hwcost.kernels.variant import Needs, WeightFacts
from hwcost.sizes import Size
from hwcost.target import Core, LayerFacts, Runtime

__all__ = ["Kernel", "choose", "kernel_of"]

Variant = Literal["optimised", "reference", "free", "unsupported"]


@dataclass(frozen=True, slots=True)
class Kernel:
    """How a runtime runs one layer, and why.

    `scratch_bytes` is the working memory it asks for while it runs: None where no rule of the file says, which is not zero.
    """

    variant: Variant
    scratch_bytes: Size | None
    why: str
    layer: LayerFacts
    implementation: str | None = None
    """Which of several kernels of one kind was picked (`dsp-tile`), where the runtime is our own generator."""
    needs: Needs | None = None
    """What that one asks for, where it is known."""

    @property
    def name(self) -> str:
        """How reports call it: `optimised conv2d`."""
        return f"{self.variant} {self.layer.kind}"

    @property
    def is_supported(self) -> bool:
        """Whether the runtime can run the layer at all."""
        return self.variant != "unsupported"

    @property
    def is_reference(self) -> bool:
        """Whether the layer falls to a plain kernel."""
        return self.variant == "reference"

    @property
    def is_free(self) -> bool:
        """Whether the runtime's file declares that nothing is done."""
        return self.variant == "free"


def choose(
    step: Step,
    runtime: Runtime,
    core: Core,
    *,
    weights: WeightFacts | None = None,
    objective: Objective = "balanced",
    without: Collection[str] = (),
) -> Kernel:
    """The kernel of `runtime` on `core` for a layer; a layer that no rule takes is unsupported, with the rules that refused it.

    A float layer of an int8 network takes the float kernel that the file gives its kind, or none. A runtime whose kernels we generate
    has several for one layer: `objective` decides, and `weights` is what is known of the layer's values, None while nothing is;
    `without` names those that are not to be taken.
    """
    return kernel_of(facts(step), runtime, core, weights=weights, objective=objective, without=without)


def kernel_of(
    layer: LayerFacts,
    runtime: Runtime,
    core: Core,
    *,
    weights: WeightFacts | None = None,
    objective: Objective = "balanced",
    without: Collection[str] = (),
) -> Kernel:
    """The same for the facts of a layer."""
    rule = runtime.kernel_for(layer, core.extensions)
    if rule is None:
        return Kernel("unsupported", None, _refusal(layer, runtime), layer)
    why = f"{runtime.reference}: {rule.source}"
    found = pick(layer, core.extensions, weights, objective, without) if runtime.generated and rule.kernel != "free" else None
    if found is None:
        return Kernel(rule.kernel, _scratch(rule.kernel, layer, runtime, core), why, layer)
    return Kernel(rule.kernel, found.needs.scratch_bytes, f"{runtime.reference}: {found.why}", layer, found.variant.name, found.needs)


def _scratch(variant: Variant, layer: LayerFacts, runtime: Runtime, core: Core) -> Size | None:
    if variant == "free":
        return 0
    rule = runtime.scratch_for(layer, core.extensions)
    return None if rule is None else sum(term.total(layer) for term in rule.terms)


def _refusal(layer: LayerFacts, runtime: Runtime) -> str:
    """What the runtime would have needed instead."""
    if layer.kind not in runtime.kinds:
        return f"{runtime.reference} has no kernel for {layer.kind}"
    widths = {bits for rule in runtime.kernels if layer.kind in rule.kinds for bits in rule.when.activation_bits or ()}
    if widths and layer.activation_bits not in widths:
        stored = "float" if layer.activation_bits == 32 else f"{layer.activation_bits}-bit"
        return f"{runtime.reference} has no {stored} kernel for {layer.kind}, only for {_in_words(widths)}"
    return f"{runtime.reference} has kernels for {layer.kind}, but none for its weights, window, channels or direction"


def _in_words(widths: Collection[int]) -> str:
    return " and ".join("float" if bits == 32 else f"{bits} bits" for bits in sorted(widths))
