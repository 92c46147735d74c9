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
    ("v0.7", "NUCLEO-H7A3ZI-Q"): ("stm32h7a3", "cortex-m7", "x-cube-ai", "7.1.0"),
    ("v0.7", "NUCLEO-U575ZI-Q"): ("stm32u575", "cortex-m33", "x-cube-ai", "7.1.0"),
    ("v0.7", "NUCLEO_L4R5ZI", "STMicroelectronics"): ("stm32l4r5", "cortex-m4", "x-cube-ai", "7.1.0"),
    ("v0.7", "EK-RA6M4"): ("ra6m4", "cortex-m33", "tflm-cmsis-nn", "2022"),
    ("v1.0", "NUCLEO-H7A3ZI-Q"): ("stm32h7a3", "cortex-m7", "x-cube-ai", "7.3.0"),
    ("v1.0", "NUCLEO-U575ZI-Q"): ("stm32u575", "cortex-m33", "x-cube-ai", "7.3.0"),
    ("v1.0", "NUCLEO_L4R5ZI", "STMicroelectronics"): ("stm32l4r5", "cortex-m4", "x-cube-ai", "7.3.0"),
    ("v1.0", "microtvm_cmsis_nn/NRF5340-DK"): ("nrf5340", "cortex-m33", "microtvm-cmsis-nn", "2022"),
    ("v1.0", "microtvm_cmsis_nn/NUCLEO_L4R5ZI"): ("stm32l4r5", "cortex-m4", "microtvm-cmsis-nn", "2022"),
}
"""The submissions kept: systems whose software is described here or stands close to one that is."""


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


ST_12 = Set(
    "facts",
    "MLPerf Tiny v1.2, closed division, STMicroelectronics: X-CUBE-AI 9.0",
    "mlcommons/tiny_results_v1.2; latency as 1000 over the inferences per second, three digits",
    "Apache-2.0; unofficial quotation of public submissions",
)
ST_12_MS = {
    ("stm32l4r5", "cortex-m4", 120e6): {"autoencoder": 5.26, "ds_cnn": 43.19, "resnet8": 165.1, "mobilenet_v1_025_96": 88.9},
    ("stm32u575", "cortex-m33", 160e6): {"autoencoder": 3.43, "ds_cnn": 29.06, "resnet8": 111.1, "mobilenet_v1_025_96": 59.3},
    ("stm32h7a3", "cortex-m7", 280e6): {"autoencoder": 1.23, "ds_cnn": 11.32, "resnet8": 40.84, "mobilenet_v1_025_96": 23.8},
}


def st_round_12() -> Iterator[Measurement]:
    for (device, core, clock_hz), figures in ST_12_MS.items():
        conditions = Conditions(device, core, clock_hz, "x-cube-ai", "9.0.0", board=f"STMicroelectronics {device}", date="v1.2")
        for network, ms in figures.items():
            yield Measurement(network, "", None, conditions, "published", "mlcommons/tiny_results_v1.2", latency_s=round(ms / 1e3, 9))
