"""How close to the bound arenas are placed, and how fast: the MLPerf Tiny networks, and hard problems made for the purpose.

The networks are placed as `check` does it, without a time limit; the generated families, of near-zero slack, within 10 s each, and
beside them the greedy that takes buffers by size, which most runtimes use. Gaps are to the lower bound, the worst of the seeds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence

from figures import Figure, arguments, machine, report
from placement_instances import FAMILIES

from hwcost.frontends.from_torch import from_torch
from hwcost.memory.buffers import Buffer, Plan
from hwcost.memory.placement import greedy_by_size, place
from hwcost.memory.ram import arena_buffers
from hwcost.memory.validate import validate
from hwcost.target import Target
from hwcost.tasks import reference_network

OPTIMA = {"autoencoder": 768, "dscnn": 16_000, "resnet8": 49_152, "mobilenetv1": 55_296}
TIME_LIMIT_S = 10.0
GOAL_PERCENT = 3.0


def timed(run: Callable[[], Plan], buffers: Sequence[Buffer]) -> tuple[Plan, float]:
    """A plan that was checked, and the seconds it took."""
    start = time.perf_counter()
    plan = run()
    seconds = time.perf_counter() - start
    validate(buffers, plan)
    return plan, seconds


def networks() -> list[Figure]:
    """The reference networks: height above the proven optimum, whether that was proven, and the time."""
    target = Target.load("stm32l4r5", runtime="tflm-reference")
    figures = []
    for name, optimum in OPTIMA.items():
        network = reference_network(name)
        graph = from_torch(network, network.example_input()).as_int8()
        buffers = arena_buffers(graph, target, [0] * len(graph.steps))
        runs = [timed(lambda b=buffers: place(b), buffers) for _ in range(5)]
        plan = runs[0][0]
        figures.append(Figure(f"{name}_bytes_over_optimum", plan.height_bytes - optimum, "B", 0))
        figures.append(Figure(f"{name}_proven", float(plan.optimal), "", 1.0, "higher"))
        figures.append(Figure(f"{name}_ms", statistics.median(seconds for _, seconds in runs) * 1e3, "ms", 100))
    return figures


def families(counts: Sequence[int], seeds: Sequence[int]) -> list[Figure]:
    """Generated families: the worst gap to the bound in per cent."""
    figures = []
    for name, make in FAMILIES.items():
        for count in counts:
            problems = [make(count, seed) for seed in seeds]
            gaps = [timed(lambda b=b: place(b, time_limit_s=TIME_LIMIT_S), b)[0].gap * 100 for b in problems]
            greedy = [greedy_by_size(buffers).gap * 100 for buffers in problems]
            figures.append(Figure(f"{name}_{count}_gap", max(gaps), "%", GOAL_PERCENT))
            figures.append(Figure(f"{name}_{count}_greedy_by_size", max(greedy), "%"))
    return figures


def main() -> int:
    options = arguments(__doc__ or "").parse_args()
    counts, seeds = ((100, 150, 200, 300), (0, 1, 2, 3, 4)) if options.full else ((100, 200), (0, 1))
    figures = networks() + families(counts, seeds)
    conditions = {"time limit": f"{TIME_LIMIT_S} s", "problems": len(FAMILIES) * len(counts) * len(seeds), "seeds": len(seeds), **machine()}
    return report(figures, conditions, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
