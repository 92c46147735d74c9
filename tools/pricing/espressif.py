"""Recipes: ESP-NN and TFLM's plain kernels on Espressif's chips, from one network each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hwcost.target import Cited, LinearPrice, Runtime
from pricing.cmsis import INTERPRETER, reference_layers, scaled_groups, with_calls
from pricing.fits import Figures, basis_of, fit_layers, fit_networks, layers_of, networks_of, section
from pricing.glue import Variant, esp_optimised, glue, plain
from pricing.templates import ESP_S3

README = "espressif/esp-nn, README.md"


def esp_s3(runtime: Runtime) -> Figures:
    rows = layers_of("esp32s3/esp-nn/esp_nn.csv")
    prices, layers = fit_layers("ESP-NN, ESP32-S3, kernels", ESP_S3, rows, "ESP-NN on ESP32-S3")
    between = glue(runtime, "optimised", esp_optimised())
    networks = networks_of("esp32s3/esp-nn/esp_nn.csv")
    scaling = fit_networks("ESP-NN, ESP32-S3, person detection", {"all": prices}, between, networks, INTERPRETER)
    own = scaled_groups({"all": prices}, scaling, "to reach person detection", INTERPRETER)
    source = (
        f"kernel timings of {README} on ESP32-S3 (3 convolutions, 2 depthwise, 1 dense), scaled to its person detection (54 ms): one "
        "network, so nothing is left to test the figures on"
    )
    latency = section(
        runtime,
        "xtensa-lx7",
        [*own, *with_calls(between), *_plain(runtime)],
        source,
        basis_of("published", layers.rows + 1),
        layers,
        device="esp32s3",
        clock_hz=Cited(240e6, README),
        conditions="QPI flash at 80 MHz, data cache 64 KB",
        provisional=True,
    )
    return Figures(latency, (layers, scaling.quality))


def _plain(runtime: Runtime) -> list[LinearPrice]:
    """Plain kernels that stand beside optimised ones, as on another core: for want of figures."""
    own = [replace(price, source=f"{price.source}, unscaled", per_layer=INTERPRETER) for price in reference_layers()[0]]
    return [*own, *with_calls(glue(runtime, "reference", plain()))]


def one_network(core: str, device: str, library: str, variant: Variant) -> Callable[[Runtime], Figures]:
    """Figures from one published network: the shape of plain kernels, scaled."""

    def figures(runtime: Runtime) -> Figures:
        shapes = {"all": tuple(replace(price, kernels=(variant,)) for price in reference_layers()[0])}
        between = glue(runtime, variant, plain())
        rows = networks_of(f"{device}/{library}/esp_nn.csv")
        scaling = fit_networks(f"{library}, {device}, person detection", shapes, between, rows, INTERPRETER)
        own = scaled_groups(shapes, scaling, "to reach person detection", INTERPRETER)
        rest = _plain(runtime) if variant == "optimised" else []
        source = (
            f"person detection on {device} with {library} ({README}), one network; what its layers take of it is that of TFLM's reference "
            "kernels on a VexRiscv core"
        )
        latency = section(
            runtime,
            core,
            [*own, *with_calls(between), *rest],
            source,
            basis_of("published", 1),
            scaling.quality,
            device=device,
            clock_hz=Cited(rows[0].conditions.clock_hz, README),
            provisional=True,
        )
        return Figures(latency, (scaling.quality,))

    return figures
