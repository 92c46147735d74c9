"""The same forms held against software whose figures are not shipped: how far they carry."""

from __future__ import annotations

from hwcost.target import load_runtime
from pricing.cmsis import emulated_m4, m33_pool, reference_layers, scaled_to
from pricing.fits import Quality, fit_networks, networks_of
from pricing.glue import glue, optimised_elsewhere

X_CUBE_AI = (("stm32l4r5", "Cortex-M4"), ("stm32u575", "Cortex-M33"), ("stm32h7a3", "Cortex-M7"))


def compare() -> list[Quality]:
    between = glue(load_runtime("tflm-cmsis-nn"), "optimised", optimised_elsewhere(), m33_pool())
    found = [
        scaled_to(f"{what}, {core}, networks", [path], between, 0.0).quality
        for what, core, path in (
            ("microTVM 2022.11 with CMSIS-NN, nRF5340", "Cortex-M33", "nrf5340/microtvm-cmsis-nn/mlperf_tiny.csv"),
            ("TFLM of 2022 with CMSIS-NN, RA6M4", "Cortex-M33", "ra6m4/tflm-cmsis-nn/mlperf_tiny.csv"),
            ("TFLM 2.3.1 with CMSIS-NN, STM32L4R5", "Cortex-M4", "stm32l4r5/tflm-cmsis-nn/mlperf_tiny.csv"),
            ("TFLM of 2022 for Andes, D25F", "RV32 with P", "ae350-d25f/tflm-andes/mlperf_tiny.csv"),
            ("TFLM of 2022 for Andes, D45", "RV32 with P", "ae350-d45/tflm-andes/mlperf_tiny.csv"),
        )
    ]
    for version, name in (("7.1", "mlperf_tiny"), ("7.3", "mlperf_tiny"), ("9.0", "mlperf_tiny_v1.2")):
        for device, core in X_CUBE_AI:
            rows = networks_of(f"{device}/x-cube-ai/{name}.csv", version)
            title = f"X-CUBE-AI {version}, {device.upper()}, {core}, networks"
            found.append(fit_networks(title, emulated_m4()[0], between, rows, 0.0).quality)
    return [*found, reference_layers()[1]]
