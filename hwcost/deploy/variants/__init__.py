"""C of each variant of a kernel: the name of the variant, as `kernels/` picks it, to the function that emits a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from hwcost.deploy.emission import Emission, Placed
from hwcost.errors import BuildError

MODULES: Mapping[str, str] = {
    "portable": "hwcost.deploy.variants.portable",
    "dsp-depthwise": "hwcost.deploy.variants.dsp_depthwise",
    "plain-depthwise": "hwcost.deploy.variants.plain_depthwise",
    "plain-pairs": "hwcost.deploy.variants.plain_pairs",
    "dsp-tile": "hwcost.deploy.variants.dsp_tile",
    "winograd": "hwcost.deploy.variants.winograd",
}
"""The file of each variant, which has a function `emit`."""


def emitter(variant: str) -> Callable[[Placed], Emission]:
    """The function that emits layers of a variant. Raises BuildError for a name nobody emits."""
    if variant not in MODULES:
        raise BuildError(f"no kernel is called '{variant}': {', '.join(sorted(MODULES))} are")
    found: Callable[[Placed], Emission] = import_module(MODULES[variant]).emit
    return found
