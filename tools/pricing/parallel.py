"""GAP8: the published model of its eight cores, and the movement of data that it leaves out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwcost.latency.counts import cycles
from hwcost.records import Measurement
from hwcost.target import Cited, LinearPrice, ParallelPrice, Price, Runtime, Tile
from pricing.fits import Figures, basis_of, cost_of, layers_of, quality_of, section
from pricing.glue import POOLS
from pricing.least_squares import Array, Errors, errors, left_out, relative_fit, together
from pricing.templates import INT8, counts_of

PUBLISHED = "Burrello et al., IEEE TETC 2023, as released with PLiNIO"
MOVED = "MobileNetV1 1.0 at 128 x 128 on GAP8 (pulp-platform/dory)"
BYTES = ("per_weight_byte", "per_tensor_byte")

CONV = ParallelPrice(
    "parallel", ("conv2d", "conv1d"), f"computation: {PUBLISHED}; bytes fitted to 10 layers of {MOVED}", Tile(8, 2, 4, 4),
    per_patch_element=2.0, per_block=15.0, per_turn=14.0, when=INT8,
)  # fmt: skip
DEPTHWISE = ParallelPrice(
    "parallel",
    ("depthwise_conv2d", "depthwise_conv1d"),
    f"form: {PUBLISHED}; all terms fitted to 9 layers of {MOVED}",
    Tile(1, 1, 4, 1),
    when=INT8,
)
DENSE = ParallelPrice(
    "parallel",
    ("dense",),
    f"computation: {PUBLISHED}; bytes from the one dense layer of {MOVED}",
    Tile(1, 1, 4, 2),
    per_turn=1.0,
    when=INT8,
)


def gap8(runtime: Runtime) -> Figures:
    rows = layers_of("gap8/pulp-nn/mobilenet_layers.csv")
    fits = [_fit(price, terms, rows) for price, terms in ((CONV, BYTES), (DEPTHWISE, ("per_turn", *BYTES)), (DENSE, BYTES[:1]))]
    prices: list[Price] = [price for price, _, _ in fits]
    quality = quality_of(
        "PULP-NN, GAP8, layers",
        [row for row in rows if _kind(row) != "average_pool2d"],
        together([own for _, own, _ in fits]),
        together([unseen for _, _, unseen in fits if unseen]),
    )
    pool = next(row for row in rows if _kind(row) == "average_pool2d")
    prices += _between(runtime, cost_of(pool) / (1024 * 4 * 4))
    latency = section(
        runtime,
        "gap8-cluster",
        prices,
        f"computation by {PUBLISHED}; data movement and depthwise layers fitted to 20 measured layers of {MOVED}",
        basis_of("published", quality.rows + 1, quality),
        quality,
        device="gap8",
        clock_hz=Cited(100e6, "pulp-platform/dory, README figure 2"),
    )
    return Figures(latency, (quality,))


def _kind(row: Measurement) -> str:
    assert row.layer is not None
    return row.layer.op.kind


def _fit(price: ParallelPrice, terms: tuple[str, ...], rows: tuple[Measurement, ...]) -> tuple[ParallelPrice, Errors, Errors | None]:
    """The terms that bring the layers of a price to their measured cycles; its other constants stay as published."""
    mine = [row for row in rows if _kind(row) in price.kinds]
    counts = [counts_of(row.layer) for row in mine if row.layer]
    known: Array = np.array([float(cycles(price, count)) for count in counts])
    X: Array = np.array([[float(cycles(replace(price, **{term: 1.0}), count)) for term in terms] for count in counts]) - known[:, None]
    y = np.array([cost_of(row) for row in mine])

    found = relative_fit(X, y, known)
    unseen = left_out(X, y, relative_fit, known) if len(mine) > len(terms) else None
    return replace(price, **dict(zip(terms, found.tolist(), strict=True))), errors(X @ found + known, y), unseen


def _between(runtime: Runtime, per_element: float) -> list[Price]:
    """Pools as measured; sums and clips at the same price for an element, for want of figures."""
    own = {kind for rule in runtime.kernels for kind in rule.kinds}
    pools = tuple(kind for kind in POOLS if kind in own)
    others = tuple(kind for kind in ("add", "relu", "clip") if kind in own)
    return [
        LinearPrice("linear", pools, f"the pool of {MOVED}", per_mac=per_element, when=INT8),
        LinearPrice("linear", others, f"as the pool of {MOVED}, for want of figures", per_output_element=per_element, when=INT8),
    ]
