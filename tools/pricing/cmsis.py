"""What the recipes of Cortex-M libraries share: the shape of CMSIS-NN's prices, its relatives, plain kernels beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from statistics import fmean

from hwcost.target import LinearPrice, Price, Runtime
from pricing.fits import Quality, Scaling, cost_of, fit_layers, fit_networks, layers_of, network_cycles, networks_of, scaled
from pricing.glue import glue, optimised_elsewhere, plain
from pricing.templates import CMSIS_NN, INT8, REFERENCE

Groups = Mapping[str, Sequence[LinearPrice]]

INTERPRETER = 2000.0
"""Cycles TFLM spends on a layer besides its kernel: what a reshape (2,300, copying 384 bytes) and a softmax of 3 (2,900) take on an
EFR32xG24 (SiliconLabs/mltk), less the work itself."""
EFR32 = "efr32mg24/tflm-cmsis-nn/mltk_layers.csv"

TINYENGINE_MS = (
    (587, 53, 27), (1120, 97, 51), (5310, 478, 234), (586, 51, 25), (1227, 103, 56), (6463, 642, 280), (7821, 770, 336), (3801, 380, 176),
    (467, 43, 23),
)  # fmt: skip
"""TFLM, TFLM with CMSIS-NN and TinyEngine on STM32H743: nine networks of mit-han-lab/tinyengine @ 47bb283, README (MIT)."""
REFERENCE_RATIO = fmean(plain_ms / cmsis_ms for plain_ms, cmsis_ms, _ in TINYENGINE_MS)
TINYENGINE_RATIO = fmean(engine_ms / cmsis_ms for _, cmsis_ms, engine_ms in TINYENGINE_MS)


@cache
def emulated_m4() -> tuple[Groups, Quality]:
    """Prices of CMSIS-NN's layers in emulated cycles, in the groups that networks can tell apart."""
    rows = layers_of("emulated-cortex-m4/cmsis-nn/mlperf_tiny_layers.csv")
    what = "CMSIS-NN of July 2026 on an emulated Cortex-M4"
    (pointwise, windowed, depthwise, dense), quality = fit_layers("CMSIS-NN, emulated Cortex-M4, layers", CMSIS_NN, rows, what)
    return {"separable": (pointwise, depthwise), "windowed": (windowed,), "dense": (dense,)}, quality


@cache
def reference_layers() -> tuple[tuple[LinearPrice, ...], Quality]:
    """Prices of TFLM's plain kernels in cycles of a VexRiscv core."""
    rows = layers_of("vexriscv-arty-a7/tflm-reference/person_detect_layers.csv")
    prices, quality = fit_layers("TFLM reference kernels, VexRiscv, layers", REFERENCE, rows, "TFLM reference kernels on VexRiscv")
    conv, depthwise = (replace(price, kernels=("reference",)) for price in prices)
    conv = replace(conv, kinds=(*conv.kinds, "conv_transpose2d", "conv_transpose1d"))
    dense = replace(conv, kinds=("dense", "matmul", "lstm"), source=f"as convolutions; {conv.source}")
    return (conv, depthwise, dense), quality


@cache
def m33_pool() -> tuple[float, str]:
    """Cycles per window element of TFLM's pools with CMSIS-NN, and where they were measured."""
    pools = [(row, row.layer.step.work) for row in layers_of(EFR32) if row.layer and row.layer.op.kind == "average_pool2d"]
    cycles = fmean(cost_of(row) / (work.out_elements * work.patch_elements) for row, work in pools)
    return cycles, f"average pools of TFLM with CMSIS-NN on EFR32xG24, {len(pools)} layers (SiliconLabs/mltk)"


def relatives(prices: Sequence[LinearPrice]) -> list[LinearPrice]:
    """Kinds whose inner loop is that of a fitted kind, in its most general price; nobody measured them."""
    by_kind = {kind: price for price in prices for kind in price.kinds}
    pairs = ((("matmul", "lstm"), "dense"), (("conv_transpose2d", "conv_transpose1d"), "conv2d"))
    return [
        replace(by_kind[like], kinds=kinds, when=INT8, source=f"as {like}, whose inner loop it shares; {by_kind[like].source}")
        for kinds, like in pairs
    ]


def scaled_groups(groups: Groups, scaling: Scaling, what: str, per_layer: float) -> list[LinearPrice]:
    """Every price at the scale of its group, saying so."""
    return [
        price
        for name, prices in groups.items()
        for given in prices
        for price in scaled([given], scaling.scales[name], per_layer, f"{given.source}, times {scaling.scales[name]:.3g} {what}")
    ]


def scaled_to(title: str, paths: Sequence[str], between: Sequence[Price], per_layer: float) -> Scaling:
    """Scales of CMSIS-NN's emulated groups that reach the networks in these files."""
    rows = [row for path in paths for row in networks_of(path)]
    return fit_networks(title, emulated_m4()[0], between, rows, per_layer)


def with_calls(prices: Sequence[LinearPrice]) -> list[LinearPrice]:
    return [replace(price, per_layer=INTERPRETER) for price in prices]


def beside(runtime: Runtime, own: Sequence[LinearPrice], pool: tuple[float, str] | None = None) -> list[LinearPrice]:
    """A library's own layers, then their relatives, everything between layers, and plain kernels."""
    between = with_calls(glue(runtime, "optimised", optimised_elsewhere(), pool or m33_pool()))
    return [*own, *relatives(own), *between, *plain_beside(own), *with_calls(glue(runtime, "reference", plain()))]


def plain_beside(own: Sequence[LinearPrice]) -> list[LinearPrice]:
    """Plain kernels where CMSIS-NN's stand beside them: slower by the ratio published for whole networks."""
    prices, _ = reference_layers()
    scale = REFERENCE_RATIO * _multiplying(own) / _multiplying(prices)
    what = f"TFLM took {REFERENCE_RATIO:.3g} times CMSIS-NN over nine networks on STM32H743 (mit-han-lab/tinyengine)"
    return [price for given in prices for price in scaled([given], scale, INTERPRETER, f"{what}; shape by {given.source}")]


def _multiplying(prices: Sequence[LinearPrice]) -> float:
    """Cycles of the layers of MobileNetV1 0.25 that these prices are of."""
    return float(network_cycles("mobilenet_v1_025_96", {"all": prices}, (), 0.0, whole=False)[0])
