"""How far off fitted latency models are on layers, networks and cores that were held out of the fit.

Published silicon (Cortex-M7, EFR32xG24 with its engine, MLPerf Tiny) and the emulated tables of our own kernels, from measurements/; how
each is fitted is told in tools/accuracy/. A table that is missing fails its figures: nothing unknown counts as passed. Networks are
emulated anew, which needs the extra `board`; the rest needs the extra `fit`.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec

import fit_boards
from accuracy import cortex_m7, efr32, emulated, mlperf
from figures import Figure, arguments, machine, report

from hwcost.errors import HwcostError

PERCENT = "%"
FEWEST_ROWS = 200
"""Of a kind; a table with fewer is not the one the goals are about."""
NAMES = {"conv2d": "conv", "pointwise": "pointwise", "depthwise_conv2d": "depthwise", "dense": "dense"}
WITHIN_5 = 99.0
WITHIN_10 = 99.8
FEW_WITHIN_10 = 95.0


def share(value: float) -> float:
    """A part of one in percent, with the digits that mean something."""
    return round(100 * value, 3)


def silicon() -> Iterator[Figure]:
    for name, (far, of_sum) in cortex_m7.results().items():
        goals = name == "one left out"
        yield Figure(f"Cortex-M7 layers within 10 %, {name}", far.within(0.1) * far.rows, "rows", 27 if goals else None, "higher")
        yield Figure(f"Cortex-M7 layers, MAPE, {name}", share(far.mape), PERCENT, 2.4 if goals else None)
        yield Figure(f"Cortex-M7, sum of the network, {name}", share(abs(of_sum)), PERCENT, 1.0 if goals else None)


def engine(notes: list[str]) -> Iterator[Figure]:
    for kind, (far, worst) in efr32.results().items():
        yield Figure(f"EFR32xG24 {NAMES[kind]}, models held out, MAPE ({far.rows} shapes)", share(far.mape), PERCENT, 10.0)
        yield Figure(f"EFR32xG24 {NAMES[kind]}, models held out, within 10 %", share(far.within(0.1)), PERCENT, None, "higher")
        notes.append(f"worst EFR32xG24 {NAMES[kind]}: {worst}")
    for kind, (far, _) in efr32.results(mixed=True).items():
        yield Figure(f"EFR32xG24 {NAMES[kind]}, two releases mixed, MAPE ({far.rows} shapes)", share(far.mape), PERCENT)


def tiny(notes: list[str]) -> Iterator[Figure]:
    for same_software, goal in ((True, 8.0), (False, None)):
        found = mlperf.predictions(same_software=same_software)
        far = [abs(each.error) for each in found]
        prior = "" if same_software else ", prior of other software only"
        yield Figure(f"MLPerf Tiny, networks held out, median error{prior} ({len(found)})", share(statistics.median(far)), PERCENT, goal)
        if not same_software:
            continue
        for network in mlperf.NETWORKS:
            mine = [abs(each.error) for each in found if each.network == network]
            yield Figure(f"MLPerf Tiny, {network} held out, median error", share(statistics.median(mine)), PERCENT)
        worst = max(found, key=lambda each: abs(each.error))
        of, on = worst.submission, " and ".join(worst.calibrated_on)
        notes.append(f"worst MLPerf Tiny network: {worst.network} of {of.board}, {of.runtime}, calibrated on {on}: {worst.error:+.0%}")


def held_out(core: str) -> Iterator[Figure]:
    """Of the shipped model, the kinds that take most time; the goals are the Cortex-M4's, whose tables are larger."""
    found, goals = emulated.held_out(core), core == "cortex-m4"
    for label, told in NAMES.items():
        far, name = found[label], f"emulated {core} {told}"
        yield Figure(f"{name}, within 5 % ({far.rows} rows)", share(far.within(0.05)), PERCENT, WITHIN_5 if goals else None, "higher")
        yield Figure(f"{name}, within 10 %", share(far.within(0.1)), PERCENT, WITHIN_10 if goals else None, "higher")
        yield Figure(f"{name}, MAPE", share(far.mape), PERCENT)


def tables() -> Iterator[Figure]:
    rows = emulated.rows_of("cortex-m4")
    counts = {label: sum(row.label == label for row in rows) for label in emulated.LABELS}
    if min(counts.values()) < FEWEST_ROWS:
        raise LookupError(f"measurements/emulated-cortex-m4/{emulated.RUNTIME} has too few rows: {counts}")
    for core in fit_boards.tables():
        yield from held_out(core)
    for told in (True, False):
        for label, far in emulated.with_few(rows, told=told).items():
            name = f"emulated Cortex-M4 {NAMES[label]}, {emulated.FEW} rows {'that tell most' if told else 'at random'}, within 10 %"
            yield Figure(name, share(far.within(0.1)), PERCENT, FEW_WITHIN_10 if told else None, "higher")
    yield Figure("prediction of 30 layers", 1e3 * emulated.prediction_s(rows, "cortex-m4"), "ms", 1.0)
    yield Figure("fit of 5,000 rows", emulated.fit_s(rows), "s", 60.0)


def whole_networks() -> Iterator[Figure]:
    if find_spec("unicorn") is None or find_spec("ziglang") is None:
        raise LookupError("the extra `board` (unicorn, ziglang) is not installed")
    found = emulated.networks(emulated.rows_of("cortex-m4"), "cortex-m4")
    yield Figure("emulated Cortex-M4, whole networks held out, MAPE", share(statistics.fmean(map(abs, found.values()))), PERCENT, 1.0)
    yield Figure("emulated Cortex-M4, worst network held out", share(max(map(abs, found.values()))), PERCENT)


def new_board() -> Iterator[Figure]:
    rows, others = emulated.rows_of("cortex-m4"), emulated.rows_of("cortex-m7")
    if min(len(rows), len(others)) < FEWEST_ROWS:
        raise LookupError(f"measurements/emulated-cortex-m7/{emulated.RUNTIME} has too few rows: {len(others)}")
    far = emulated.calibrated(rows, others, "cortex-m7")
    yield Figure(f"Cortex-M7 by ten layers, within 10 % ({far.rows} rows)", share(far.within(0.1)), PERCENT, FEW_WITHIN_10, "higher")
    yield Figure("Cortex-M7 by ten layers, MAPE", share(far.mape), PERCENT)


def collected(parts: Sequence[tuple[str, Callable[[], Iterator[Figure]]]], notes: list[str]) -> tuple[list[Figure], bool]:
    """The figures of each part, and whether all of them could be found."""
    figures, whole = [], True
    for name, part in parts:
        start = time.perf_counter()
        try:
            figures += list(part())
        except (HwcostError, LookupError, ImportError, OSError) as error:
            notes.append(f"missing, not passed: {name}: {error}")
            whole = False
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return figures, whole


def main() -> int:
    given = arguments(__doc__ or "").parse_args()
    notes: list[str] = []
    parts: list[tuple[str, Callable[[], Iterator[Figure]]]] = [
        ("Cortex-M7 silicon", silicon),
        ("EFR32xG24", lambda: engine(notes)),
        ("MLPerf Tiny", lambda: tiny(notes)),
        ("emulated tables", tables),
        ("a new board", new_board),
        ("whole networks", whole_networks),
    ]
    figures, whole = collected(parts, notes)
    code = report(figures, {**machine(), "notes": notes}, as_json=given.json)
    return code if whole else 1


if __name__ == "__main__":
    sys.exit(main())
