"""Recipes: TFLM, ExecuTorch and TinyEngine on Cortex-M cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hwcost.target import Cited, LinearPrice, Runtime, load_runtime
from pricing.cmsis import (
    INTERPRETER,
    REFERENCE_RATIO,
    TINYENGINE_MS,
    TINYENGINE_RATIO,
    beside,
    emulated_m4,
    m33_pool,
    plain_beside,
    relatives,
    scaled_groups,
    scaled_to,
    with_calls,
)
from pricing.fits import Figures, Scaling, basis_of, cost_of, fit_layers, fit_networks, layers_of, networks_of, scaled, section
from pricing.glue import glue, helium, optimised_elsewhere, plain
from pricing.templates import CMSIS_NN_M7, HELIUM, INT8

Recipe = Callable[[Runtime], Figures]

SHAPE = "the shape of each price is CMSIS-NN of July 2026 on an emulated Cortex-M4, 38 layers"


def tflm_m4(runtime: Runtime) -> Figures:
    groups, layers = emulated_m4()
    between = glue(runtime, "optimised", optimised_elsewhere(), m33_pool())
    rows = ["stm32l4r5/microtvm-cmsis-nn/mlperf_tiny.csv"]
    scaling = scaled_to("microTVM with CMSIS-NN, STM32L4R5, networks", rows, between, 0.0)
    own = scaled_groups(groups, scaling, "to reach microTVM with CMSIS-NN on STM32L4R5", INTERPRETER)
    source = (
        f"{SHAPE}; the scale is that of the four networks of MLPerf Tiny v1.0 with microTVM and CMSIS-NN on NUCLEO_L4R5ZI; "
        "nobody published figures of this version of TFLM on this core"
    )
    latency = section(
        runtime,
        "cortex-m4",
        beside(runtime, own),
        source,
        basis_of("published", layers.rows + scaling.quality.rows, scaling.quality),
        layers,
        device="stm32l4r5",
        clock_hz=Cited(120e6, "mlcommons/tiny_results_v1.0, system description"),
    )
    return Figures(latency, (layers, scaling.quality))


def tflm_m33(runtime: Runtime) -> Figures:
    groups, layers = emulated_m4()
    between = glue(runtime, "optimised", optimised_elsewhere(), m33_pool())
    rows = ["ra6m4/tflm-cmsis-nn/mlperf_tiny.csv", "nrf5340/microtvm-cmsis-nn/mlperf_tiny.csv"]
    scaling = scaled_to("TFLM on RA6M4 and microTVM on nRF5340, with CMSIS-NN, networks", rows, between, INTERPRETER)
    own = scaled_groups(groups, scaling, "to reach TFLM on RA6M4 and microTVM on nRF5340", INTERPRETER)
    source = (
        f"{SHAPE} (the Cortex-M33 executes the same instructions); the scale is that of the four networks of MLPerf Tiny on EK-RA6M4 "
        "(TFLM, 2022) and nRF5340-DK (microTVM, 2022), which differ by 4 to 22 % in cycles"
    )
    basis = basis_of("published", layers.rows + scaling.quality.rows, scaling.quality)
    return Figures(section(runtime, "cortex-m33", beside(runtime, own), source, basis, layers), (scaling.quality,))


def tflm_m7(runtime: Runtime) -> Figures:
    rows = layers_of("stm32h743/cmsis-nn-eees/mobilenet_layers.csv")
    what = "CMSIS-NN of early 2020 on STM32H7"
    (conv, depthwise, dense, pool), quality = fit_layers("CMSIS-NN of 2020, STM32H7, layers", CMSIS_NN_M7, rows, what)
    own = scaled((conv, depthwise, dense), 1.0, INTERPRETER)
    source = (
        "measured cycles of 29 layers of MobileNetV1 0.25 at 160 x 160 on STM32H7 at 400 MHz, with CMSIS-NN kernels of early 2020 "
        "(EEESlab/mobilenet_v1_stm32_cmsis_nn). Windowed convolutions rest on one layer of 3 channels, dense layers on one"
    )
    latency = section(
        runtime,
        "cortex-m7",
        beside(runtime, own, (pool.per_mac, pool.source)),
        source,
        basis_of("published", quality.rows, quality),
        quality,
        device="stm32h743",
        clock_hz=Cited(400e6, "EEESlab/mobilenet_v1_stm32_cmsis_nn, profiling_160_0_25.png"),
    )
    return Figures(latency, (quality,))


def tflm_m85(runtime: Runtime) -> Figures:
    rows = layers_of("corstone-300-fvp/tflm-cmsis-nn/person_detect_layers.csv")
    title = "TFLM with CMSIS-NN, Corstone-300 model, layers (instructions)"
    (conv, depthwise), layers = fit_layers(title, HELIUM, rows, "instructions on the Corstone-300 model")
    dense = LinearPrice("linear", ("dense",), "one cycle a weight", ("optimised",), per_mac=1.0, when=INT8)
    groups = {"conv": (conv,), "depthwise": (depthwise,), "dense": (dense,)}
    pool = next(row for row in rows if row.layer and row.layer.op.kind == "average_pool2d")
    per_element = cost_of(pool) / (3 * 3 * 256)
    between = glue(runtime, "optimised", helium(), (per_element, "instructions of the pool on the Corstone-300 model"))
    networks = networks_of("ra8d1/tflm-cmsis-nn/mlperf_tiny_v1.2.csv")
    scaling = fit_networks("TFLM with CMSIS-NN, RA8D1, networks", groups, between, networks, INTERPRETER)
    own = scaled_groups(groups, scaling, "to reach TFLM on RA8D1", INTERPRETER)
    prices = [*own, *relatives(own), *with_calls(between), *with_calls(glue(runtime, "reference", plain()))]
    unseen = scaling.quality.unseen
    source = (
        "the shape of each price is instructions of TFLM with CMSIS-NN on the Corstone-300 model (Cortex-M55, no timing), 28 layers; the "
        "three scales are those of the four networks of MLPerf Tiny v1.2 on EK-RA8D1: one left out is predicted "
        f"{unseen.mape if unseen else 1.0:.0%} off on average"
    )
    latency = section(
        runtime,
        "cortex-m85",
        prices,
        source,
        basis_of("published", layers.rows + scaling.quality.rows, scaling.quality),
        layers,
        device="ra8d1",
        clock_hz=Cited(480e6, "mlcommons/tiny_results_v1.2, EK-RA8D1.json"),
        provisional=True,
    )
    return Figures(latency, (layers, scaling.quality))


M0_SOURCE = (
    f"{SHAPE}; the scale is that of its emulated cycles on a Cortex-M0+ over the four MLPerf Tiny networks, without wait states: silicon "
    "takes more (1.1 to 1.3 times on the Cortex-M4)"
)


def m0_scaling() -> Scaling:
    rows = ["emulated-cortex-m0plus/cmsis-nn/mlperf_tiny_totals.csv"]
    return scaled_to("CMSIS-NN, emulated Cortex-M0+, networks", rows, (), 0.0)


def tflm_m0(runtime: Runtime) -> Figures:
    (groups, layers), scaling = emulated_m4(), m0_scaling()
    own = scaled_groups(groups, scaling, "to reach the emulated Cortex-M0+", INTERPRETER)
    between = [*with_calls(glue(runtime, "optimised", plain())), *with_calls(glue(runtime, "reference", plain()))]
    basis = basis_of("emulated", layers.rows + scaling.quality.rows, scaling.quality)
    prices = [*own, *relatives(own), *between]
    return Figures(section(runtime, "cortex-m0plus", prices, M0_SOURCE, basis, layers, provisional=True), (scaling.quality,))


def like_tflm(recipe: Recipe) -> Recipe:
    """A runtime that calls the same kernels and was never measured itself."""

    def figures(runtime: Runtime) -> Figures:
        found = recipe(runtime).latency
        source = f"calls the kernels of CMSIS-NN and is priced as TFLM is; nobody published figures of its own; {found.source}"
        return Figures(replace(found, source=source, provisional=True))

    return figures


def reference_cortex_m(core: str, tflm: Recipe) -> Recipe:
    """Plain kernels on a Cortex-M: CMSIS-NN's figures times a published ratio."""

    def figures(runtime: Runtime) -> Figures:
        library = tflm(load_runtime("tflm-cmsis-nn")).latency
        own = [price for price in library.prices if isinstance(price, LinearPrice) and price.kernels == ("optimised",)]
        source = (
            f"TFLM with CMSIS-NN times {REFERENCE_RATIO:.3g}, the mean ratio over nine networks on STM32H743 (mit-han-lab/tinyengine, "
            "README), taken over to this core; another build is reported 34 times slower (Samsung/ONE 7598, STM32F413)"
        )
        prices = [*plain_beside(own), *with_calls(glue(runtime, "reference", plain()))]
        return Figures(section(runtime, core, prices, source, basis_of("documented", len(TINYENGINE_MS)), provisional=True))

    return figures


def tinyengine_m7(runtime: Runtime) -> Figures:
    rows = layers_of("stm32h743/cmsis-nn-eees/mobilenet_layers.csv")
    (*own, pool), quality = fit_layers("", CMSIS_NN_M7, rows, "CMSIS-NN of early 2020 on STM32H7")
    what = f"times {TINYENGINE_RATIO:.3g}, TinyEngine over CMSIS-NN on nine networks"
    prices = [price for given in own for price in scaled([given], TINYENGINE_RATIO, 0.0, f"{given.source}, {what}")]
    prices += glue(runtime, "optimised", optimised_elsewhere(), (pool.per_mac, pool.source))
    source = (
        f"CMSIS-NN's measured layers on STM32H7 times {TINYENGINE_RATIO:.3g}, the mean over nine networks of mit-han-lab/tinyengine ("
        "README, STM32H743): a ratio of whole networks, the same for every kind of layer"
    )
    basis = basis_of("documented", quality.rows + len(TINYENGINE_MS))
    return Figures(section(runtime, "cortex-m7", prices, source, basis, quality, device="stm32h743", provisional=True))
