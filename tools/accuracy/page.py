"""The part of docs/accuracy.md about fits that are held against what they have not seen."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pricing.least_squares import Errors

from accuracy import cortex_m7, efr32, mlperf
from hwcost.latency import read_model
from hwcost.latency.fitted import Accuracy
from hwcost.shipped import measurements_folder

HEAD = """
## Fitted models, held against what they have not seen

`python tools/bench_accuracy.py` computes these figures and those of the emulated tables, each with its goal; how every set is fitted is
in `tools/accuracy/`. They are fits of the named software on the named board, and hold for no other.
"""
M7 = """
### Cortex-M7 layer by layer

MobileNetV1 0.25 at 160 x 160, uint8, STM32H7 at 400 MHz, extended CMSIS-NN of early 2020 (EEESlab/mobilenet_v1_stm32_cmsis_nn), the 28
layers with MACs. Convolutions and the dense layer share three coefficients: a factor on the multiplying part of what CMSIS-NN takes on an
emulated Cortex-M4, one on the rest of it (the core issues two instructions a cycle and gains more there), and cycles for each byte of
weights that misses the data cache of 16 KiB. Depthwise layers have a price per MAC and per window place. *Shape left out* leaves out all
layers of the same shape: five are near repeats of each other.
"""
EFR32 = """
### EFR32xG24 with its engine

Layers of the models of the Silicon Labs MLTK on BRD2601 (Cortex-M33 at 78 MHz beside the MVP). Equal shapes of several models are merged
to their median, then whole models are held out, with every shape they have. Counted are MACs inside the image with input channels in
pairs, output elements, and the layer; for depthwise layers MACs inside the image, output elements, positions and the layer. Times are
printed with two digits in steps of 30 us, which is 5 % of a layer of 0.15 ms by itself. Two tutorials were recorded with an earlier
release whose kernels take 1.9 to 2.4 times as long on the same layers; they are other conditions, and *mixed* shows what ignoring that
does.
"""
MLPERF = """
### MLPerf Tiny, from two networks to the other two

Closed division of rounds v0.5 to v1.0, every processor without accelerator that ran all four networks: {submissions} submissions, six
splits each, both other networks predicted. Four groups of layers have a factor each on what CMSIS-NN takes on an emulated Cortex-M4; the
factors are held near what the other submissions say of them, the common one is free. In *other software only* the prior holds no
submission of the same software, on whatever board. The results are quotations of public submissions; predictions are ours and are no
MLPerf results.
"""


EMULATED = """
### Our own kernels on emulated cores

The models that ship for `hwcost-c`, made by `python tools/fit_boards.py`, on layers held out a fifth at a time: the share within 5 % and
within 10 %, and how many rows. A layer is given with the kernel that ran it. `conv2d` holds windows of every sort, grouped, dilated and
transformed ones (`--optimise time`) among them; every kind has rows of shapes as they occur in real networks.
"""


def emulated_table() -> str:
    """Every kind by every core, from what the shipped models say of themselves."""
    models = {path.parent.parent.name.removeprefix("emulated-"): read_model(path) for path in shipped_models()}
    kinds = sorted({kind for model in models.values() for kind in model.about.accuracy if kind != "*"})
    header = f"| kind | {' | '.join(models)} |"
    rows = ([name, *(_shares(model.about.accuracy.get(kind)) for model in models.values())] for kind, name in _named(kinds))
    return lines(header, rows)


def shipped_models() -> list[Path]:
    return sorted(measurements_folder().glob("emulated-*/hwcost-c/latency.json"))


def _named(kinds: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield from ((kind, kind) for kind in kinds)
    yield "*", "all layers"


def _shares(found: Accuracy | None) -> str:
    if found is None:
        return "-"
    return f"{100 * found.within_5_percent:.1f} / {100 * found.within_10_percent:.1f} % ({found.rows})"


def percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"


def section() -> str:
    """All of it, in the order of the page."""
    return f"{HEAD}{M7}\n{cortex_m7_table()}{EFR32}\n{efr32_table()}{mlperf_text()}{EMULATED}\n{emulated_table()}"


def lines(header: str, rows: Iterable[Sequence[str]]) -> str:
    rule = "|" + "---|" * (header.count("|") - 1)
    return "\n".join([header, rule, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def cortex_m7_table() -> str:
    header = "| rows predicted | rows | MAPE | within 5 % | within 10 % | worst | sum of the network |"
    return lines(header, ([name, *_cells(far), f"{100 * of_sum:+.1f} %"] for name, (far, of_sum) in cortex_m7.results().items()))


def _cells(far: Errors) -> list[str]:
    worst = max(far.values, key=abs)
    return [f"{far.rows}", percent(far.mape), percent(far.within(0.05), 0), percent(far.within(0.1), 0), f"{100 * worst:+.0f} %"]


def efr32_table() -> str:
    header = "| layers | releases | shapes | MAPE | within 5 % | within 10 % | worst |"
    found = [(mixed, kind, far) for mixed in (False, True) for kind, (far, _) in efr32.results(mixed=mixed).items()]
    return lines(header, ([kind, "mixed" if mixed else "one", *_cells(far)] for mixed, kind, far in found))


def mlperf_text() -> str:
    header = "| held out | predictions | median error | other software only |"
    found = {same: mlperf.predictions(same_software=same) for same in (True, False)}
    rows = [
        _median_row(name, {same: [each for each in every if each.network == name] for same, every in found.items()})
        for name in mlperf.NETWORKS
    ]
    worst = max(found[True], key=lambda each: abs(each.error))
    told = (
        f"\nWorst: {worst.network} of {worst.submission.board} with {worst.submission.runtime}, calibrated on "
        f"{' and '.join(worst.calibrated_on)}: {100 * worst.error:+.0f} %.\n"
    )
    return MLPERF.format(submissions=len(mlperf.submissions())) + "\n" + lines(header, [*rows, _median_row("all", found)]) + told


def _median_row(name: str, found: dict[bool, list[mlperf.Prediction]]) -> list[str]:
    medians = [percent(statistics.median(abs(each.error) for each in found[same])) for same in (True, False)]
    return [name, f"{len(found[True])}", *medians]
