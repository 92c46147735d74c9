"""Prices of layers that multiply nothing, or for which no library has figures of its own: per element, from the nearest that has.

They are a few per cent of a network's time; a rough price is better than none, and each says where it was taken from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from hwcost.target import Condition, LinearPrice, Runtime
from pricing.fits import cost_of, rows_of
from pricing.templates import INT8

Variant = Literal["optimised", "reference"]

POOLS = (
    "max_pool2d", "max_pool1d", "average_pool2d", "average_pool1d", "adaptive_average_pool", "global_average_pool", "global_max_pool",
)  # fmt: skip
SUMS = ("add", "sub")
PRODUCTS = ("mul",)
SELECTIONS = ("minimum", "maximum", "clip", "abs", "neg", "sign", "not", "compare", "logical", "where", "cast")
REQUANTISED = ("relu", "leaky_relu", "prelu", "hard_swish", "hard_sigmoid", "resize")
CONVERSIONS = ("quantize", "dequantize")
EXPONENTIALS = ("softmax", "log_softmax", "sigmoid", "tanh", "elu", "selu", "silu", "gelu", "exp", "softplus", "mish", "erf")
MOVES = ("concat", "split", "slice", "pad", "transpose", "gather", "embedding", "expand", "depth_to_space", "space_to_depth")
REDUCTIONS = ("reduce_mean", "reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_l2", "arg_max", "arg_min")

BYTE_LOOP = 7.0
"""A byte loaded, stored, counted and the loop taken: 2 + 1 + 1 + 3 cycles by the table of the emulated Cortex-M4."""


@dataclass(frozen=True)
class Elementwise:
    """Cycles per element of one library: sums, products, requantised maps, exponentials; per window element of pools and means."""

    name: str
    add: float
    mul: float
    requantised: float
    exponential: float
    pool: float
    mean: float


def _per_element(folders: Iterable[str], name: str) -> float:
    """Mean over chips of cycles per output element, of pools and means per window element."""
    found = []
    for folder in folders:
        for row in rows_of(f"{folder}/esp_nn.csv"):
            if row.name == name and row.layer is not None:
                work = row.layer.step.work
                found.append(cost_of(row) / (work.out_elements * max(work.patch_elements, 1)))
    return fmean(found)


def _esp(name: str, chips: Sequence[str], library: str) -> Elementwise:
    folders = [f"{chip}/{library}" for chip in chips]
    other = [f"esp32p4/{library}"]  # which alone timed hard swish and means
    return Elementwise(
        name=name,
        add=_per_element(folders, "elementwise_add"),
        mul=_per_element(folders, "elementwise_mul"),
        requantised=_per_element(other, "hard_swish"),
        exponential=_per_element(folders, "softmax"),
        pool=fmean((_per_element(folders, "max pool"), _per_element(folders, "avg pool"))),
        mean=_per_element(other, "mean"),
    )


def plain() -> Elementwise:
    return _esp("plain C on ESP32-S3 and ESP32-P4 (espressif/esp-nn)", ("esp32s3", "esp32p4"), "esp-nn-ansi")


def esp_optimised() -> Elementwise:
    return _esp("ESP-NN on ESP32-S3, hard swish and means on ESP32-P4", ("esp32s3",), "esp-nn")


def optimised_elsewhere() -> Elementwise:
    return _esp(
        "optimised kernels on ESP32-S3 and ESP32-P4 (espressif/esp-nn), for want of figures of this library",
        ("esp32s3", "esp32p4"),
        "esp-nn",
    )


def helium() -> Elementwise:
    """A quarter of what kernels without vectors take: int8 sums are made in vectors of four 32-bit lanes."""
    of = optimised_elsewhere()
    return Elementwise(
        f"a quarter, for vectors of four lanes, of {of.name}",
        *(n / 4 for n in (of.add, of.mul, of.requantised, of.exponential, of.pool, of.mean)),
    )


def glue(runtime: Runtime, variant: Variant, of: Elementwise, pool: tuple[float, str] | None = None) -> list[LinearPrice]:
    """Prices of the kinds that `runtime` runs with kernels of this variant; `pool` replaces the library's own pooling."""
    own = {kind for rule in runtime.kernels if rule.kernel == variant for kind in rule.kinds}
    per_pool, from_pool = pool or (of.pool, of.name)
    table = (
        (POOLS, {"per_mac": per_pool}, from_pool, INT8),
        (SUMS, {"per_output_element": of.add}, of.name, INT8),
        (PRODUCTS, {"per_output_element": of.mul}, of.name, INT8),
        (("batch_norm",), {"per_output_element": of.add + of.mul}, f"a product and a sum; {of.name}", INT8),
        (REQUANTISED, {"per_output_element": of.requantised}, f"as hard swish; {of.name}", INT8),
        (CONVERSIONS, {"per_output_element": of.requantised}, f"as hard swish; {of.name}", Condition()),
        (EXPONENTIALS, {"per_output_element": of.exponential}, f"as softmax; {of.name}", INT8),
        (REDUCTIONS, {"per_mac": of.mean}, f"as a mean over places; {of.name}", INT8),
        (MOVES, {"per_output_element": BYTE_LOOP}, "a loop over bytes, counted by the table of the emulated Cortex-M4", INT8),
        (SELECTIONS, {"per_output_element": BYTE_LOOP}, "a loop over bytes, counted by the table of the emulated Cortex-M4", INT8),
    )
    rows = [(tuple(kind for kind in kinds if kind in own), terms, source, when) for kinds, terms, source, when in table]
    return [LinearPrice("linear", kinds, source, (variant,), when=when, **terms) for kinds, terms, source, when in rows if kinds]
