"""Layers that chip vendors published with their own libraries: Espressif and Silicon Labs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from hwcost.measure.importers.mltk import layer_of
from hwcost.ops import Add, AveragePool2d, HardSwish, MaxPool2d, Mul, Op, ReduceMean, Softmax, relu6
from hwcost.records import Conditions, Layer, Measurement
from hwcost.tensor import int8
from published.shapes import Set, conv, dense, depthwise

ESP = Set(
    "data/esp_nn",
    "Kernels of ESP-NN and of plain C on ESP32-S3 and ESP32-P4, and person detection on four chips",
    "espressif/esp-nn @ d45b843, README.md",
    "Apache-2.0",
)
CHIPS = {
    "ESP32-S3": ("esp32s3", "xtensa-lx7", 240e6, "QPI flash 80 MHz, data cache 64 KB"),
    "ESP32-P4": ("esp32p4", "esp32p4-rv32", 360e6, "SPI RAM 200 MHz, L2 cache 128 KB"),
    "ESP32": ("esp32", "xtensa-lx6", 240e6, "not stated"),
    "ESP32-C3": ("esp32c3", "rv32imc", 160e6, "not stated"),
}


def esp_nn() -> Iterator[Measurement]:
    for row in ESP.rows("esp_nn_kernels.csv"):
        device, core, clock_hz, memory = CHIPS[row["chip"]]
        layer = _esp_layer(row["function"], row["shape"])
        conditions = Conditions(device, core, clock_hz, "esp-nn", "1.1", memory=f"{memory}; operands {row['memory'].lower()}")
        plain = replace(conditions, runtime="esp-nn-ansi")
        for ticks, kept in ((row["ticks_optimized"], conditions), (row["ticks_ansi_c"], plain)):
            notes = "stride not stated, 1 assumed" if "pool" in row["function"] else ""
            yield Measurement(
                "", row["function"], layer, kept, "published", "espressif/esp-nn, README.md", cycles=float(ticks), notes=notes
            )
    for row in ESP.rows("esp_nn_models.csv"):
        if not row["model"].startswith("person_detection"):
            continue
        device, core, clock_hz, memory = CHIPS[row["chip"]]
        for column, runtime in (("latency_ms_with_esp_nn", "esp-nn"), ("latency_ms_without_esp_nn", "tflm-reference")):
            conditions = Conditions(device, core, clock_hz, runtime, "1.1" if runtime == "esp-nn" else "2024", memory=memory)
            latency_s = round(float(row[column]) / 1e3, 9)
            yield Measurement("person_detect", "", None, conditions, "published", "espressif/esp-nn, README.md", latency_s=latency_s)


def _esp_layer(function: str, shape: str) -> Layer:
    numbers = [int(n) for n in re.findall(r"\d+", shape)]
    if function == "convolution":
        h, w, c_out, kh, kw, c_in, pad = numbers[:7]
        return conv(c_in, (h, w), c_out, (kh, kw), numbers[8], pad)
    if function == "depthwise conv":
        h, w, pad, _, stride, _, multiplier, kh, kw, channels = [*numbers[:6], *numbers[6:]]
        return depthwise(channels, (h, w), (kh, kw), stride, pad, multiplier)
    if function in ("max pool", "avg pool"):
        h, w, _, kh, kw, channels = numbers
        return Layer((MaxPool2d if function == "max pool" else AveragePool2d)((kh, kw)), (int8(channels, h, w),))
    if function == "fully connected":
        return dense(numbers[0], numbers[1])
    if function == "mean":
        h, w, channels = numbers
        return Layer(ReduceMean((1, 2)), (int8(channels, h, w),))
    vector: dict[str, Op] = {"prelu (relu6)": relu6(), "hard_swish": HardSwish(), "softmax": Softmax()}
    binary: dict[str, Op] = {"elementwise_add": Add(), "elementwise_mul": Mul()}
    spec = int8(*numbers) if function == "softmax" else int8(numbers[0])
    return Layer(binary[function], (spec, spec)) if function in binary else Layer(vector[function], (spec,))


SILABS = Set(
    "data/silabs_mltk_layers",
    "Layers of the models of the Silicon Labs MLTK on an EFR32xG24 board (Cortex-M33 at 78 MHz), TFLM, most with the MVP engine",
    "SiliconLabs/mltk @ a071446, the source files named in the notes; values printed to 2 to 4 digits, times in steps of about 30 us",
    "Zlib",
)


EARLIER = ("mltk/tutorials/model_optimization.ipynb", "mltk/tutorials/image_classification.ipynb")
"""Logs of an earlier release of the engine's kernels: layers that other files have too took 1.9 to 2.4 times as long, and a pointwise
layer 3,000 processor cycles beside the engine in place of 5,300."""


def silabs() -> Iterator[Measurement]:
    seen = set()
    for row in SILABS.rows("silabs_mltk_layers.csv"):
        layer = layer_of(row["op"], row["input_shape"], row["output_shape"], row["options"]) if row["mode"] == "physical" else None
        engine = "MVP" if row["accelerator"] else ""
        key = (row["model"], row["source_file"], engine, repr(layer), row["time_s"])
        if layer is None or key in seen or float(row["time_s"] or 0) <= 0:
            continue
        seen.add(key)
        version = "mltk-earlier" if row["source_file"] in EARLIER else "mltk-0.20"
        conditions = Conditions(
            "efr32mg24", "cortex-m33", float(row["clock_hz"]), "tflm-cmsis-nn", version, board="BRD2601", accelerator=engine
        )
        citation = f"SiliconLabs/mltk, {row['source_file']}"
        cpu = row["cpu_cycles"].removesuffix(".0")
        # Beside an engine the processor's own cycles are less than the time at the clock, so only rows without one keep them.
        figures = {"latency_s": float(f"{float(row['time_s']):.6g}"), "cycles": float(cpu) if cpu and not engine else None}
        notes = f"processor cycles {cpu}" if cpu and engine else ""
        yield Measurement(row["model"], row["layer"], layer, conditions, "published", citation, notes=notes, **figures)
