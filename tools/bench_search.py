"""Whether searches land on every limit, what they cost in accuracy and in time: the claims of docs/search.md, measured.

Twelve searches of three networks by default, 60 with --full; the digits are searched whole. Times are of one torch thread on the CPU:
processor time for steps and parts of steps, since what else the machine does is no part of them, wall time for the whole run. The
runs that only count bytes, and the digits of the accuracy figures, use two processes beside each other; what is timed runs alone.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded, here and in every process started

import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from figures import Figure, arguments, machine, report

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # of the tests; processes started from here inherit it

from searching import digits, landings, steps, zoo
from searching.landings import Landing
from searching.networks import NETWORKS

WORKERS = 2


def landing_figures(found: Sequence[Landing]) -> list[Figure]:
    """Shares of the runs, in per cent."""
    meets = 100 * statistics.fmean(landing.meets for landing in found)
    full = 100 * statistics.fmean(landing.meets and landing.used >= 0.97 for landing in found)
    return [
        Figure("exported networks that meet every limit, counted from the file", meets, "%", 100.0, "higher"),
        Figure("of them with 97 % or more of the binding limit used", full, "%", 95.0, "higher"),
        Figure("least use of a binding limit", 100 * min(landing.used for landing in found), "%"),
    ]


def lost_figures(found: Sequence[digits.Lost]) -> list[Figure]:
    """Mean points of test accuracy, and the worst seed."""
    headline, with_ram = ([getattr(each, name) for each in found] for name in ("headline", "with_ram"))
    return [
        Figure("headline cut on digits, under the network trained as long", statistics.fmean(headline), "pts", 1.5),
        Figure("the same, worst seed", max(headline), "pts"),
        Figure("with RAM limited to 35 % as well", statistics.fmean(with_ram), "pts", 2.5),
        Figure("the same, worst seed with RAM", max(with_ram), "pts"),
    ]


def step_figures(rounds: int) -> list[Figure]:
    """Overheads of a step, and the parts of a search that are run in it."""
    resnet8, _, mobilenet = NETWORKS
    width, choice = steps.width_overhead(resnet8, rounds), steps.choice_overhead(resnet8, rounds)
    small, large = steps.loss_ms(resnet8, 300), steps.loss_ms(mobilenet, 300)
    return [
        Figure("step of a search of widths, four limits, over the plain step", width.median, "x", 1.10),
        Figure("the same, fastest over fastest", width.of_minima, "x"),
        Figure("plain step of ResNet-8, batch 32", width.plain_ms, "ms"),
        Figure("step of a choice of four, sampled, over the plain step", choice.median, "x", 2.2),
        Figure("the same, fastest over fastest, choice", choice.of_minima, "x"),
        Figure("loss of four limits, ResNet-8", small[0], "ms", 0.3),
        Figure("the same with its gradient, ResNet-8", small[1], "ms"),
        Figure("loss of four limits, MobileNetV1", large[0], "ms", 1.0),
        Figure("the same with its gradient, MobileNetV1", large[1], "ms"),
        Figure("projection onto four limits, ResNet-8", steps.projection_ms(resnet8, 50), "ms", 20.0),
        Figure("projection onto four limits, MobileNetV1", steps.projection_ms(mobilenet, 20), "ms"),
    ]


def run_figures(found: digits.Timed) -> list[Figure]:
    return [
        Figure("whole run on digits-32 over training as long", found.search_s / found.training_s, "x", 1.15),
        Figure("training the network of digits-32", found.training_s, "s", 60.0, "higher"),
    ]


def measured(folder: Path, *, full: bool) -> tuple[list[Figure], dict[str, object]]:
    """All figures, what is timed first and alone."""
    runs = landings.runs(5 if full else 1)
    seeds = range(5)
    timed = [*step_figures(60 if full else 20), *run_figures(digits.timed(folder))]
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        found, exact = list(pool.map(landings.landed, runs)), list(pool.map(zoo.is_exact, zoo.NAMES))
        cut = list(pool.map(digits.lost, seeds, [folder] * len(seeds)))
    for landing in found:
        if not landing.meets or landing.used < 0.97:
            print(f"bench_search: {landing.run}: {landing.said or f'used {landing.used:.4f}'}", file=sys.stderr)
    zoo_figure = Figure("users' modules that search and export exactly, of 14", sum(exact), "", 12.0, "higher")
    figures = [*landing_figures(found), *lost_figures(cut), *timed, zoo_figure]
    conditions = {
        "runs": len(runs),
        "seeds of the headline cut": len(seeds),
        "target": landings.DEVICE,
        "runtime": landings.RUNTIME,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "load at the end": round(os.getloadavg()[0], 1),
        **machine(),
    }
    return figures, conditions


def main() -> int:
    options = arguments(__doc__ or "").parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        figures, conditions = measured(Path(folder), full=options.full)
    return report(figures, conditions, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
