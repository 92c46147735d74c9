"""Which of our own generator's kernels a layer takes: the first in order of speed that it meets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from hwcost.kernels.dsp_depthwise import DspDepthwise
from hwcost.kernels.dsp_tile import DspTile
from hwcost.kernels.plain_depthwise import PlainDepthwise
from hwcost.kernels.plain_pairs import PlainPairs
from hwcost.kernels.portable import Portable
from hwcost.kernels.variant import Needs, Variant, WeightFacts
from hwcost.kernels.winograd import Winograd
from hwcost.target import LayerFacts

Objective = Literal["time", "flash", "balanced"]

VARIANTS: tuple[Variant, ...] = (DspDepthwise(), Winograd(), DspTile(), PlainPairs(), PlainDepthwise(), Portable())
"""Fastest first, by measured cycles; the last takes everything."""


@dataclass(frozen=True, slots=True)
class Pick:
    """The kernel of a layer, what it asks for, and why faster ones were passed over."""

    variant: Variant
    needs: Needs
    passed_over: tuple[str, ...]
    assumed: bool = False
    """Whether the choice would also ask for the values of weights, which are not known."""

    @property
    def why(self) -> str:
        """The kernel, what it rests on, and why faster ones do not run the layer."""
        taken = f"{self.variant.name}, assuming that its weights allow it" if self.assumed else self.variant.name
        return "; ".join((taken, *self.passed_over))


def pick(
    layer: LayerFacts,
    extensions: Sequence[str],
    weights: WeightFacts | None,
    objective: Objective = "balanced",
    without: Collection[str] = (),
) -> Pick | None:
    """The fastest kernel that may run a layer; None for kinds that have none.

    Where the values of weights are not known, they are assumed to fit.

    `balanced` passes over kernels that expand weights; `flash` takes the one with the fewest bytes of weights and of code that is generated
    for the layer. What functions take is a matter of the whole network: who knows that names kernels that it should do `without`.
    """
    candidates, passed_over = _candidates(layer, extensions, weights, objective, without)
    if not candidates:
        return None
    chosen = min(candidates, key=lambda variant: _flash_bytes(variant.needs(layer))) if objective == "flash" else candidates[0]
    assumed = weights is None and layer.weight_bits is not None and chosen is not VARIANTS[-1]
    return Pick(chosen, chosen.needs(layer), tuple(passed_over), assumed)


def _candidates(
    layer: LayerFacts, extensions: Sequence[str], weights: WeightFacts | None, objective: Objective, without: Collection[str]
) -> tuple[list[Variant], list[str]]:
    able, passed_over = list[Variant](), list[str]()
    for variant in VARIANTS:
        if layer.kind not in variant.kinds:
            continue
        refusal = variant.refusal(layer, extensions, weights)
        if refusal is None and variant.expands_weights and objective != "time":
            refusal = "it expands weights"
        if refusal is None and variant.name in without:
            refusal = "the network is smaller without it"
        if refusal is None:
            able.append(variant)
        else:
            passed_over.append(f"{variant.name}: {refusal}")
    return able, passed_over


def _flash_bytes(needs: Needs) -> int:
    """Weights and the code generated for them; functions are shared, so they do not decide."""
    return int(needs.packed_bytes) + sum(needs.unit_bytes.values())
