"""Writes docs/accuracy.md: how far off the shipped latency and energy figures are, computed from measurements/.

    python tools/generate_accuracy.py [--check]

With --check nothing is written, and the exit status is 1 if the page would change.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

from accuracy.page import section
from pricing.cmsis import EFR32
from pricing.comparisons import compare
from pricing.fits import Quality, cost_of, layers_of, networks_of
from pricing.least_squares import Errors
from pricing.recipes import derive

from hwcost.latency import AnalyticModel
from hwcost.records import Measurement, read_network, read_records
from hwcost.shipped import measurements_folder
from hwcost.target import Target

PAGE = Path(__file__).resolve().parent.parent / "docs" / "accuracy.md"

HEAD = """# Accuracy

Written by `python tools/generate_accuracy.py` from `measurements/`; a test fails when it is out of date.

**How to read it.** *MAPE* is the mean of |predicted / measured - 1|; *within 5 %* and *within 10 %* are shares of the rows. *Own rows* are
those the coefficients were fitted to. *Left out* means that each row was predicted by a fit of the others, which is what to expect on a
network like them; where there are too few rows to leave one out, nothing is stated. *One constant* is the baseline: a single number of
cycles per MAC for the core, also with the row left out. Rows are single layers or whole networks, as the title says.

Coefficients are fitted by non-negative least squares in relative error. Whole networks fix only a scale for each group of layers
(pointwise and depthwise, windowed convolutions, dense layers), held near one common scale, since four networks tell no more.

## Shipped figures
"""
OTHERS = """
## The same forms on other software

Not shipped as figures: these libraries cannot be checked against here, or the version is not the one described. The shape of CMSIS-NN's
prices, scaled by group, is held against whole networks of each. It carries over to libraries that run CMSIS-NN's kernels; to X-CUBE-AI it
does so less with every version, as its depthwise kernels became its own.
"""
KNOWN = """
## Shipped figures against published networks

What `hwcost` predicts for devices that were measured, next to the published figure. Rows marked *own* are among those the figures were
fitted to; another version or library on the same core is a comparison, not a test.
"""
UNSEEN = """
## Layers that nothing was fitted to

TFLM with CMSIS-NN on EFR32xG24 (Cortex-M33, without its engine; SiliconLabs/mltk, printed to 2 to 4 digits). The pools alone gave the
figures something: the cycles of a pooled value.
"""
ENERGY = """
## Energy

Energy is predicted as the active power of a device times the latency. Mean power over the networks of one submission, and how far the
networks lie from it:
"""
HEADER = "| fit | rows | own rows: MAPE | left out: MAPE | within 5 % | within 10 % | one constant: MAPE | within 10 % |"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}".replace("%", " %")


def share(found: Errors | None, limit: float) -> str:
    return "-" if found is None else f"{found.within(limit):.0%}".replace("%", " %")


def row_of(quality: Quality) -> str:
    unseen, constant = quality.unseen, quality.constant
    tested = "" if unseen is None or unseen.rows == quality.rows else f", {unseen.rows} left out in turn"
    shares = [share(unseen, 0.05), share(unseen, 0.1), percent(constant and constant.mape), share(constant, 0.1)]
    cells = [quality.title, f"{quality.rows}{tested}", percent(quality.own.mape), percent(unseen and unseen.mape), *shares]
    return f"| {' | '.join(cells)} |"


def table(header: str, rows: Iterable[str]) -> str:
    columns = header.count("|") - 1
    return "\n".join([header, "|" + "---|" * columns, *rows]) + "\n"


def sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def shipped() -> str:
    parts, without = [], []
    for (reference, core), figures in derive().items():
        if not figures.qualities:
            without.append(f"- `{reference}` on {core}: {sentence(figures.latency.source)}")
            continue
        title = f"### `{reference}` on {core}{' (provisional)' if figures.latency.provisional else ''}"
        parts.append(f"{title}\n\n{sentence(figures.latency.source)}\n\n{table(HEADER, map(row_of, figures.qualities))}")
    return "\n".join(parts) + "\n### Taken over from the above, not measured\n\n" + "\n".join(without) + "\n"


PUBLISHED: tuple[tuple[str, str, str, str | None, bool], ...] = (
    ("stm32l4r5", "tflm-cmsis-nn", "stm32l4r5/microtvm-cmsis-nn/mlperf_tiny.csv", None, True),
    ("stm32l4r5", "tflm-cmsis-nn", "stm32l4r5/tflm-cmsis-nn/mlperf_tiny.csv", None, False),
    ("ra6m4", "tflm-cmsis-nn", "ra6m4/tflm-cmsis-nn/mlperf_tiny.csv", None, True),
    ("nrf5340", "tflm-cmsis-nn", "nrf5340/microtvm-cmsis-nn/mlperf_tiny.csv", None, True),
    ("ra8d1", "tflm-cmsis-nn", "ra8d1/tflm-cmsis-nn/mlperf_tiny_v1.2.csv", None, True),
    ("esp32s3", "esp-nn", "esp32s3/esp-nn/esp_nn.csv", None, True),
    ("esp32c3", "esp-nn", "esp32c3/esp-nn/esp_nn.csv", None, True),
    ("esp32", "esp-nn", "esp32/esp-nn/esp_nn.csv", None, True),
)


def predicted_s(target: Target, network: str) -> float | None:
    """Latency of a described network by the shipped figures, layer by layer."""
    model = AnalyticModel.of(target.runtime, target.core.name)
    cycles = 0.0
    for layer in read_network(network).values():
        found = model.predict(layer.graph(), target)
        if found.latency_s is None:
            return None
        cycles += found.nodes[0] or 0.0
    return cycles + model.per_inference_cycles / target.clock_hz


def against(device: str, runtime: str, path: str, version: str | None, own: bool) -> Iterable[str]:
    target = Target.load(device, runtime=runtime)
    for row in networks_of(path, version):
        seconds = predicted_s(target, row.network)
        if seconds is None:
            continue
        measured = cost_of(row) / target.clock_hz
        what = f"{row.conditions.runtime} {row.conditions.version}"
        yield (
            f"| {device} | {target.runtime.reference} | {row.network} | {seconds * 1e3:,.3g} | {measured * 1e3:,.3g} | {what} | "
            f"{seconds / measured - 1:+.0%} | {'own' if own else 'other'} |"
        )  # fmt: skip


def known() -> str:
    header = "| device | figures of | network | predicted ms | published ms | published for | off by | rows |"
    return table(header, (line for entry in PUBLISHED for line in against(*entry)))


def unseen_layers() -> str:
    header = "| layer | input | predicted cycles | published cycles | off by |"
    target = Target.load("efr32mg24", runtime="tflm-cmsis-nn")
    model = AnalyticModel.of(target.runtime, target.core.name)
    lines = []
    for row in layers_of(EFR32):
        assert row.layer is not None
        found = model.predict(row.layer.graph(), target)
        cycles = (found.nodes[0] or 0.0) * target.clock_hz
        shape = "x".join(map(str, row.layer.inputs[0].shape))
        lines.append(f"| {row.layer.op.kind} | {shape} | {cycles:,.0f} | {cost_of(row):,.0f} | {cycles / cost_of(row) - 1:+.0%} |")
    return table(header, lines)


def energy() -> str:
    header = "| device | software | supply | networks | mean power mW | nearest and farthest from it |"
    lines = []
    for path in sorted(measurements_folder().glob("*/*/mlperf_tiny*.csv")):
        rows = [row for row in read_records(path).rows if row.energy_j]
        versions = dict.fromkeys(row.conditions.version for row in rows)
        lines += [power_line([row for row in rows if row.conditions.version == version]) for version in versions]
    return table(header, lines)


def power_line(rows: Sequence[Measurement]) -> str:
    powers = [row.energy_j / (cost_of(row) / row.conditions.clock_hz) for row in rows if row.energy_j]
    mean = fmean(powers)
    spread = f"{min(powers) / mean - 1:+.0%} to {max(powers) / mean - 1:+.0%}".replace("%", " %")
    c = rows[0].conditions
    return f"| {c.device} | {c.runtime} {c.version} | {c.supply or '-'} | {len(rows)} | {mean * 1e3:.1f} | {spread} |"


def page() -> str:
    others = table(HEADER, map(row_of, compare()))
    return f"{HEAD}\n{shipped()}{section()}{OTHERS}\n{others}{KNOWN}\n{known()}{UNSEEN}\n{unseen_layers()}{ENERGY}\n{energy()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the page would change")
    text = page()
    current = PAGE.read_text() if PAGE.is_file() else ""
    if parser.parse_args().check:
        sys.exit(0 if text == current else "docs/accuracy.md is out of date: run python tools/generate_accuracy.py")
    PAGE.write_text(text)
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
