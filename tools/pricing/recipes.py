"""Which recipe makes the figures of which runtime on which core; what is not listed has no figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from hwcost.target import Runtime, load_runtime
from pricing.cortex_m import like_tflm, reference_cortex_m, tflm_m0, tflm_m4, tflm_m7, tflm_m33, tflm_m85, tinyengine_m7
from pricing.espressif import esp_s3, one_network
from pricing.fits import Figures
from pricing.generated import generated
from pricing.parallel import gap8

RECIPES: Mapping[tuple[str, str], Callable[[Runtime], Figures]] = {
    ("tflm-cmsis-nn@2026.10", "cortex-m0plus"): tflm_m0,
    ("tflm-cmsis-nn@2026.10", "cortex-m4"): tflm_m4,
    ("tflm-cmsis-nn@2026.10", "cortex-m7"): tflm_m7,
    ("tflm-cmsis-nn@2026.10", "cortex-m33"): tflm_m33,
    ("tflm-cmsis-nn@2026.10", "cortex-m85"): tflm_m85,
    ("executorch-cortex-m@1.5", "cortex-m4"): like_tflm(tflm_m4),
    ("executorch-cortex-m@1.5", "cortex-m7"): like_tflm(tflm_m7),
    ("executorch-cortex-m@1.5", "cortex-m33"): like_tflm(tflm_m33),
    ("executorch-cortex-m@1.5", "cortex-m85"): like_tflm(tflm_m85),
    ("tflm-reference@2026.10", "cortex-m4"): reference_cortex_m("cortex-m4", tflm_m4),
    ("tflm-reference@2026.10", "cortex-m7"): reference_cortex_m("cortex-m7", tflm_m7),
    ("tflm-reference@2026.10", "cortex-m33"): reference_cortex_m("cortex-m33", tflm_m33),
    ("tflm-reference@2026.10", "xtensa-lx6"): one_network("xtensa-lx6", "esp32", "tflm-reference", "reference"),
    ("tflm-reference@2026.10", "xtensa-lx7"): one_network("xtensa-lx7", "esp32s3", "tflm-reference", "reference"),
    ("tflm-reference@2026.10", "rv32imc"): one_network("rv32imc", "esp32c3", "tflm-reference", "reference"),
    ("esp-nn@1.1", "xtensa-lx7"): esp_s3,
    ("esp-nn@1.1", "xtensa-lx6"): one_network("xtensa-lx6", "esp32", "esp-nn", "optimised"),
    ("esp-nn@1.1", "rv32imc"): one_network("rv32imc", "esp32c3", "esp-nn", "optimised"),
    ("tinyengine@2022", "cortex-m7"): tinyengine_m7,
    ("pulp-nn@2021", "gap8-cluster"): gap8,
    **{
        ("hwcost-c@0.1", core): generated(core)
        for core in ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "rv32imc")
    },
}


@cache
def derive() -> dict[tuple[str, str], Figures]:
    """Every shipped section, by runtime and core."""
    return {(reference, core): recipe(load_runtime(reference)) for (reference, core), recipe in RECIPES.items()}
