"""Recipes: the project's own generated C, provisionally, from a trial of its kernels."""

from __future__ import annotations

from dataclasses import replace

from hwcost.target import LinearPrice, Runtime
from pricing.cmsis import emulated_m4, relatives, scaled_groups
from pricing.cortex_m import M0_SOURCE, m0_scaling
from pricing.fits import Figures, basis_of, fit_networks, networks_of, section
from pricing.glue import BYTE_LOOP, glue, optimised_elsewhere, plain
from pricing.templates import CONV, DEPTHWISE_KINDS, INT8

TRIAL = "a trial of generated kernels in plain C on an emulated Cortex-M4"
TRANSPOSED = ("conv_transpose2d", "conv_transpose1d")
CONVOLUTION = LinearPrice(
    "linear",
    (*CONV, *TRANSPOSED),
    f"{TRIAL}: 1.24 to 1.36 cycles a MAC, 1.5 to 2.1 in layers of few inputs",
    ("optimised",),
    per_mac=1.2,
    per_output_element=10.0,
    when=INT8,
)
STRIDED = LinearPrice(
    "linear", DEPTHWISE_KINDS, f"{TRIAL}: 4.08 cycles a MAC at stride 2", ("optimised",), per_mac=4.08, when=replace(INT8, stride=(2, 2))
)
DEPTHWISE = LinearPrice("linear", DEPTHWISE_KINDS, f"{TRIAL}: 2.59 cycles a MAC at stride 1", ("optimised",), per_mac=2.59, when=INT8)
DENSE = LinearPrice("linear", ("dense", "matmul"), f"{TRIAL}: 1.53 cycles a MAC", ("optimised",), per_mac=1.53, when=INT8)


def generated_m4(runtime: Runtime) -> Figures:
    groups = {"conv": (CONVOLUTION,), "depthwise": (STRIDED, DEPTHWISE), "dense": (DENSE,)}
    rows = networks_of("emulated-cortex-m4/generated-c-trial/mlperf_tiny_totals.csv")
    scaling = fit_networks("generated C, emulated Cortex-M4, networks", groups, (), rows, 0.0)
    own = scaled_groups(groups, scaling, "to reach its networks", 0.0)
    between = glue(runtime, "optimised", optimised_elsewhere(), (BYTE_LOOP, "a loop over bytes, counted by the same table"))
    source = f"provisional, until the generated code can be run: {TRIAL}, without wait states"
    basis = basis_of("documented", len(rows), scaling.quality)
    latency = section(runtime, "cortex-m4", [*own, *between], source, basis, scaling.quality, provisional=True)
    return Figures(latency, (scaling.quality,))


def generated_m33(runtime: Runtime) -> Figures:
    found = generated_m4(runtime).latency
    return Figures(replace(found, core="cortex-m33", source=f"as on the Cortex-M4, whose instructions it executes; {found.source}"))


def generated_m0(runtime: Runtime) -> Figures:
    (groups, layers), scaling = emulated_m4(), m0_scaling()
    own = scaled_groups(groups, scaling, "to reach the emulated Cortex-M0+", 0.0)
    source = f"provisional: as CMSIS-NN, over which a trial of plain C gained nothing on the one layer tried. {M0_SOURCE}"
    basis = basis_of("emulated", layers.rows + scaling.quality.rows, scaling.quality)
    prices = [*own, *relatives(own), *glue(runtime, "optimised", plain())]
    return Figures(section(runtime, "cortex-m0plus", prices, source, basis, layers, provisional=True))
