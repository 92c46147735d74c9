"""Whole networks: the MLPerf Tiny submissions of processors whose software is described."""

from __future__ import annotations

from collections.abc import Iterator

from hwcost.records import Conditions, Measurement
from published.shapes import Set

MLPERF = Set(
    "data/mlperf_tiny",
    "MLPerf Tiny inference results, closed division, processors without accelerator: medians of the submission logs",
    "mlcommons/tiny_results_v0.5 @ d75aef6, tiny_results_v0.7 @ 64623f4, tiny_results_v1.0 @ c7761cf",
    "Apache-2.0; unofficial quotation of public submissions",
)
NETWORK_OF = {"ic": "resnet8", "kws": "ds_cnn", "vww": "mobilenet_v1_025_96", "ad": "autoencoder"}
SYSTEMS = {
    ("v0.5", "Nucleo-L4R5ZI"): ("stm32l4r5", "cortex-m4", "tflm-cmsis-nn", "2.3.1"),
    ("v0.7", "AndesCore_d25_tflite_micro_framework"): ("ae350-d25f", "andes-d25f", "tflm-andes", "a30942e"),
    ("v0.7", "AndesCore_d45_tflite_micro_framework"): ("ae350-d45", "andes-d45", "tflm-andes", "a30942e"),
    ("v0.7", "NUCLEO-H7A3ZI-Q"): ("stm32h7a3", "cortex-m7", "x-cube-ai", "7.1"),
    ("v0.7", "NUCLEO-U575ZI-Q"): ("stm32u575", "cortex-m33", "x-cube-ai", "7.1"),
    ("v0.7", "NUCLEO_L4R5ZI", "STMicroelectronics"): ("stm32l4r5", "cortex-m4", "x-cube-ai", "7.1"),
    ("v0.7", "EK-RA6M4"): ("ra6m4", "cortex-m33", "tflm-cmsis-nn", "2022"),
    ("v1.0", "NUCLEO-H7A3ZI-Q"): ("stm32h7a3", "cortex-m7", "x-cube-ai", "7.3"),
    ("v1.0", "NUCLEO-U575ZI-Q"): ("stm32u575", "cortex-m33", "x-cube-ai", "7.3"),
    ("v1.0", "NUCLEO_L4R5ZI", "STMicroelectronics"): ("stm32l4r5", "cortex-m4", "x-cube-ai", "7.3"),
    ("v1.0", "microtvm_cmsis_nn/NRF5340-DK"): ("nrf5340", "cortex-m33", "microtvm-cmsis-nn", "2022.11"),
    ("v1.0", "microtvm_cmsis_nn/NUCLEO_L4R5ZI"): ("stm32l4r5", "cortex-m4", "microtvm-cmsis-nn", "2022.11"),
    ("v1.0", "microtvm_native/NUCLEO_L4R5ZI"): ("stm32l4r5", "cortex-m4", "microtvm-native", "2022.11"),
    ("v0.7", "RX65N-Cloud-Kit"): ("rx65n", "rxv2", "tflm-rx", "2022"),
    ("v0.7", "DISCO_F746NG"): ("stm32f746", "cortex-m7", "plumerai", "mlperf-0.7"),
    ("v0.7", "NUCLEO_L4R5ZI", "plumerai"): ("stm32l4r5", "cortex-m4", "plumerai", "mlperf-0.7"),
    ("v0.7", "cy8cproto_062_4343w"): ("psoc62", "cortex-m4", "plumerai", "mlperf-0.7"),
    ("v1.0", "B_U585I_IOT02A"): ("stm32u585", "cortex-m33", "plumerai", "mlperf-1.0"),
    ("v1.0", "DISCO_F746NG"): ("stm32f746", "cortex-m7", "plumerai", "mlperf-1.0"),
    ("v1.0", "NUCLEO_L4R5ZI", "plumerai"): ("stm32l4r5", "cortex-m4", "plumerai", "mlperf-1.0"),
    ("v1.0", "cy8cproto_062_4343w"): ("psoc62", "cortex-m4", "plumerai", "mlperf-1.0"),
}
"""The submissions kept: every processor without an accelerator that ran all four networks."""


def mlperf_tiny() -> Iterator[Measurement]:
    for row in MLPERF.rows("mlperf_tiny_results.csv"):
        key = (row["round"], row["system"])
        system = SYSTEMS.get(key) or SYSTEMS.get((*key, row["submitter"]))  # type: ignore[call-overload]
        if system is None or row["accelerator"] or row["division"] != "closed":
            continue
        device, core, runtime, version = system
        board = f"{row['submitter']} {row['system']}"
        conditions = Conditions(
            device, core, float(row["clock_mhz"]) * 1e6, runtime, version, board=board, supply=_supply(row["notes"]), date=row["round"]
        )
        energy = float(row["energy_uj_per_inf"]) * 1e-6 if row["energy_uj_per_inf"] else None
        citation = f"mlcommons/tiny_results_{row['round']}: {row['source_path']}"
        name = NETWORK_OF[row["benchmark"]]
        latency_s = round(float(row["latency_ms"]) / 1e3, 9)
        yield Measurement(name, "", None, conditions, "published", citation, latency_s=latency_s, energy_j=energy and round(energy, 12))


def _supply(notes: str) -> str:
    return notes.removeprefix("Operating at ") if notes.startswith("Operating") else ""


ROUND_12 = Set(
    "",
    "MLPerf Tiny inference results v1.2, closed division: STMicroelectronics with X-CUBE-AI 9.0, Renesas with TFLM and CMSIS-NN",
    "mlcommons/tiny_results_v1.2 @ b448c5c: medians of results/*/performance/results.txt, software and clock of systems/*.json",
    "Apache-2.0; unofficial quotation of public submissions",
)
RENESAS_12 = Conditions(
    "ra8d1",
    "cortex-m85",
    480e6,
    "tflm-cmsis-nn",
    "2024",
    "LLVM Embedded Toolchain for Arm 17.0.1",
    board="EK-RA8D1",
    supply="3.3 V",
    date="v1.2",
)
"""The processor has Helium, and the submission's build uses it."""


def _st_12(device: str, core: str, clock_hz: float) -> Conditions:
    return Conditions(device, core, clock_hz, "x-cube-ai", "9.0", "gcc-arm-none-eabi-10.3-2021.10", board=f"NUCLEO, {device}", date="v1.2")


ROUND_12_S = (
    (
        _st_12("stm32l4r5", "cortex-m4", 120e6),
        {"autoencoder": 5.26e-3, "ds_cnn": 43.19e-3, "resnet8": 165.1e-3, "mobilenet_v1_025_96": 88.9e-3},
    ),
    (
        _st_12("stm32u575", "cortex-m33", 160e6),
        {"autoencoder": 3.43e-3, "ds_cnn": 29.06e-3, "resnet8": 111.1e-3, "mobilenet_v1_025_96": 59.3e-3},
    ),
    (
        _st_12("stm32h7a3", "cortex-m7", 280e6),
        {"autoencoder": 1.23e-3, "ds_cnn": 11.32e-3, "resnet8": 40.84e-3, "mobilenet_v1_025_96": 23.8e-3},
    ),
    (RENESAS_12, {"autoencoder": 1 / 1884.138, "ds_cnn": 1 / 288.611, "resnet8": 1 / 117.948, "mobilenet_v1_025_96": 1 / 74.665}),
)


def round_12() -> Iterator[Measurement]:
    for conditions, seconds in ROUND_12_S:
        for network, latency_s in seconds.items():
            yield Measurement(network, "", None, conditions, "published", "mlcommons/tiny_results_v1.2", latency_s=round(latency_s, 9))


CMSIS_M0 = Set(
    "",
    "CMSIS-NN of July 2026 on an emulated Cortex-M0+: convolution, depthwise and dense layers of the MLPerf Tiny networks together",
    "ARM-software/CMSIS-NN built with zig cc 0.17.1 -O3, run on unicorn 2.1.4; fast multiplier, loads 2, taken branches 2, others 1",
    "Apache-2.0 (the library); own runs",
)
MULTIPLYING = "multiplying layers"
"""Name of rows that leave out pools, additions and softmax."""

CMSIS_M0_COUNTS = {
    "resnet8": (144e6, 93.9e6), "mobilenet_v1_025_96": (103e6, 70.0e6), "ds_cnn": (34.4e6, 23.4e6), "autoencoder": (2.77e6, 1.82e6)
}  # fmt: skip


def cmsis_nn_m0() -> Iterator[Measurement]:
    conditions = Conditions(
        "emulated-cortex-m0plus", "cortex-m0plus", 64e6, "cmsis-nn", "2026.7", compiler="zig cc 0.17.1 -O3",
        memory="no wait states; loads 2, taken branches 2, others 1", board="unicorn 2.1.4",
    )  # fmt: skip
    for network, (cycles, instructions) in CMSIS_M0_COUNTS.items():
        citation = "own run of CMSIS-NN on an emulated Cortex-M0+"
        yield Measurement(network, MULTIPLYING, None, conditions, "emulated", citation, cycles=cycles, instructions=instructions)


TRIAL = Set(
    "",
    "A trial of one generated C function per layer, plain C, on an emulated Cortex-M4: multiplying layers of the MLPerf Tiny networks",
    "own trial: zig cc 0.17.1 -O3, unicorn 2.1.4; CMSIS-NN's cycles over the trial's ratio, three digits",
    "Apache-2.0; own runs",
)
TRIAL_CYCLES = {"resnet8": 16.4e6, "mobilenet_v1_025_96": 11.7e6, "ds_cnn": 4.02e6, "autoencoder": 0.405e6}


def generated_trial() -> Iterator[Measurement]:
    conditions = Conditions(
        "emulated-cortex-m4", "cortex-m4", 120e6, "generated-c-trial", "2026", compiler="zig cc 0.17.1 -O3", memory="no wait states",
        board="unicorn 2.1.4",
    )  # fmt: skip
    for network, cycles in TRIAL_CYCLES.items():
        yield Measurement(network, MULTIPLYING, None, conditions, "documented", "own trial of generated kernels", cycles=cycles)
