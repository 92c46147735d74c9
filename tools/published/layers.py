"""Single layers: measured on silicon, on soft cores and on emulated ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hwcost.ops import Reshape, Softmax
from hwcost.records import Conditions, Layer, Measurement
from hwcost.tensor import int8
from published.shapes import SHARED, Set, average, conv, dense, depthwise

STM32H7 = Set(
    "data/stm32h7_mobilenet_layers",
    "MobileNetV1 0.25 at 160x160x3, uint8, layer by layer on a Cortex-M7 at 400 MHz, extended CMSIS-NN of early 2020",
    "EEESlab/mobilenet_v1_stm32_cmsis_nn @ 401f0bb, docs/imgs/profiling_160_0_25.png, transcribed by hand",
    "Apache-2.0",
)


def stm32h7() -> Iterator[Measurement]:
    conditions = Conditions("stm32h743", "cortex-m7", 400e6, "cmsis-nn-eees", "2020.1", board="STM32H7, not named", date="2020")
    for row in STM32H7.rows("mobilenet_v1_025_160_stm32h7_layers.csv"):
        layer = _square(row["op"], row, int(row["hw_in"]))
        if layer is None:  # the top-5 search, which is no operator of the network
            continue
        citation = "EEESlab/mobilenet_v1_stm32_cmsis_nn, profiling_160_0_25.png"
        yield Measurement("mobilenet_v1_025_160", f"{row['layer']}", layer, conditions, "published", citation, cycles=float(row["cycles"]))


def _square(op: str, row: dict[str, str], size: int) -> Layer | None:
    c_in, c_out, kernel, stride = (int(row[key]) for key in ("c_in", "c_out", "kernel", "stride"))
    window = (kernel, kernel)
    if op == "conv":
        return conv(c_in, (size, size), c_out, window, stride)
    if op == "dwconv":
        return depthwise(c_in, (size, size), window, stride)
    if op == "avgpool":
        return average(c_in, size, kernel)
    return dense(c_in, c_out) if op == "fc" else None


GAP8 = Set(
    "data/gap8_dory_layers",
    "MobileNetV1 1.0 at 128x128x3, int8, layer by layer on the 8-core cluster of GAP8 at 100 MHz, DORY with PULP-NN",
    "pulp-platform/dory @ be3d6dd, images/network_power.PNG, transcribed by hand; times printed to 0.01 ms",
    "Apache-2.0",
)


def gap8() -> Iterator[Measurement]:
    memory = "tiled by DMA from L2; weights beyond it streamed from L3"
    conditions = Conditions("gap8", "gap8-cluster", 100e6, "pulp-nn", "2021", memory=memory, board="GAP8 v3", supply="1 V")
    for row in GAP8.rows("mobilenet_v1_10_128_gap8_layers.csv"):
        layer = _square(row["op"], row, int(row["hw_in"]))
        time_s = round(float(row["time_ms"]) / 1e3, 9)
        energy_j = round(float(row["avg_power_mw"]) / 1e3 * time_s, 12)
        yield Measurement(
            "mobilenet_v1_100_128", row["layer"], layer, conditions, "published", "pulp-platform/dory, README figure 2",
            latency_s=time_s, energy_j=energy_j,
        )  # fmt: skip


CFU = Set(
    "data/cfu_playground",
    "TFLM person detection, int8, layer by layer with reference kernels on a VexRiscv RV32IM soft core",
    "google/CFU-Playground @ 7f8ec41, docs/source/step-by-step.rst; ticks of 1,024 cycles",
    "Apache-2.0",
)


def vexriscv() -> Iterator[Measurement]:
    conditions = Conditions("vexriscv-arty-a7", "rv32im", 100e6, "tflm-reference", "2021", memory="soft core in an FPGA, external DRAM")
    for row in CFU.rows("pdti8_vexriscv_layers.csv"):
        yield _person_detect(row, conditions, "published", "google/CFU-Playground, step-by-step.rst", cycles=float(row["cycles"]))


FVP = Set(
    "data/tflm_corstone300_fvp",
    "TFLM person detection, int8, layer by layer on the Corstone-300 model (Cortex-M55 with CMSIS-NN): instructions, not cycles",
    "tensorflow/tflite-micro, generic benchmark README",
    "Apache-2.0",
)


def corstone300() -> Iterator[Measurement]:
    conditions = Conditions(
        "corstone-300-fvp", "cortex-m55", 25e6, "tflm-cmsis-nn", "2023", memory="functional model without memory timing"
    )
    for row in FVP.rows("person_detect_layers.csv"):
        citation = "tensorflow/tflite-micro, generic benchmark README"
        yield _person_detect(row, conditions, "emulated", citation, instructions=float(row["ticks"]))


def _person_detect(row: dict[str, str], conditions: Conditions, source: Any, citation: str, **figure: float) -> Measurement:
    height, c_in, c_out, kernel, stride = (int(row[key]) for key in ("h_in", "c_in", "c_out", "kernel", "stride"))
    size, window = (height, height), (kernel, kernel)
    layers: dict[str, Any] = {
        "CONV_2D": lambda: conv(c_in, size, c_out, window, stride),
        "DEPTHWISE_CONV_2D": lambda: depthwise(c_in, size, window, stride, multiplier=c_out // c_in),
        "AVERAGE_POOL_2D": lambda: average(c_in, height, kernel),
        "RESHAPE": lambda: Layer(Reshape.between((c_in, 1, 1), (c_in,)), (int8(c_in, 1, 1),)),
        "SOFTMAX": lambda: Layer(Softmax(), (int8(c_in),)),
    }
    return Measurement("person_detect", row["layer"], layers[row["op"]](), conditions, source, citation, **figure)


CMSIS = Set(
    "trials/kernels",
    "CMSIS-NN of July 2026 (int8 wrappers) on an emulated Cortex-M4, layer by layer: instructions, and cycles by a table",
    "ARM-software/CMSIS-NN built with zig cc 0.17.1 -O3, run on unicorn 2.1.4; the better of two builds per layer",
    "Apache-2.0 (the library); own runs",
)
CLASS_TABLE = "no wait states; LDR 2, behind a load 1, LDM 1+N, MUL, SMLAD, SXTB16 1, MLA 2, taken branch +2"


def cmsis_nn() -> Iterator[Measurement]:
    conditions = Conditions(
        "emulated-cortex-m4",
        "cortex-m4",
        120e6,
        "cmsis-nn",
        "2026.7",
        compiler="zig cc 0.17.1 -O3",
        memory=CLASS_TABLE,
        board="unicorn 2.1.4",
    )
    rows = json.loads((SHARED / CMSIS.folder / "cmsis_nn_m4_layers.json").read_text())
    for index, ((op, h, w, c_in, c_out, kh, kw, stride, *_), (instructions, cycles)) in enumerate(rows, 1):
        if op == 2:
            layer = dense(c_in, c_out)
        else:
            layer = depthwise(c_in, (h, w), (kh, kw), stride) if op else conv(c_in, (h, w), c_out, (kh, kw), stride)
        citation = "own run of CMSIS-NN on an emulated Cortex-M4"
        yield Measurement("", f"{index}", layer, conditions, "emulated", citation, cycles=cycles, instructions=instructions)
