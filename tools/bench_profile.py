"""How fast layers are profiled on the emulated Cortex-M4: the claim of docs/profile.md, measured.

720 layers of at most 2 million MACs, 180 of each main kind, on two processes, from a new folder, compilers included; with --full 3,000.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import sys
import tempfile
import time
from pathlib import Path

from figures import Figure, arguments, machine, report

from hwcost.measure.profiling import Backend, profile
from hwcost.measure.sampling import MAIN_KINDS, Limits, sample_prior
from hwcost.target import Target

MOST_MACS = 2_000_000
GOAL = 3000
MINUTES = 10
PROCESSES = 2


def main() -> int:
    given = arguments(__doc__ or "").parse_args()
    each = GOAL // len(MAIN_KINDS) if given.full else 180
    target = Target.load("stm32l4r5", "hwcost-c")
    start = time.perf_counter()
    layers = sample_prior(each, Limits.of(target, MOST_MACS), seed=7)
    sampled_s = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        done = profile(layers, target, Path(folder) / "rows.csv", backend=Backend(workers=PROCESSES))
        seconds = time.perf_counter() - start
    macs = [int(row.layer.step.work.macs) for row in done.rows if row.layer is not None]
    rate = len(done.rows) / seconds * 60 * MINUTES
    figures = [
        Figure(f"layers in {MINUTES} minutes on {PROCESSES} processes", rate, "", float(GOAL), "higher"),
        Figure("layers that could not be run", float(len(done.refused)), "", 0.0),
        Figure("time to choose the layers", sampled_s, "s", 60.0),
    ]
    conditions = {**machine(), "layers": len(done.rows), "mean_macs": round(sum(macs) / len(macs)), "seconds": round(seconds, 1)}
    return report(figures, conditions, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
