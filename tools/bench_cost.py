"""How long one candidate of a search takes to price: four metrics of ResNet-8, walked and compiled.

One thread, one process, the network as int8 on stm32l4r5. Each figure is the median of its repeats; `walked` prices the resized
network as `check` does, `compiled` evaluates its columns, alone and for a thousand candidates at once.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from figures import Figure, arguments, machine, report

from hwcost.compiled import CompiledCost
from hwcost.cost import estimate
from hwcost.frontends.from_torch import from_torch
from hwcost.target import Target
from hwcost.tasks import reference_network

TARGET = "stm32l4r5"
CANDIDATES = 1000


def median_s(run: Callable[[], object], repeats: int) -> float:
    """Median seconds of a call, the first ones left out."""
    for _ in range(5):
        run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> int:
    options = arguments(__doc__ or "").parse_args()
    repeats = 2000 if options.full else 500
    network, target = reference_network("resnet8"), Target.load(TARGET)
    graph = from_torch(network, network.example_input()).as_int8()
    compiled = CompiledCost(graph, target)
    smaller = compiled.base - 4 * np.array([group.frozen is None for group in compiled.groups])
    widths = {node: int(width) for group, width in zip(compiled.groups, smaller, strict=True) for node in group.nodes}
    many = np.broadcast_to(smaller, (CANDIDATES, len(smaller)))
    walked_s = median_s(lambda: estimate(graph.rebind(widths), target), 50)
    one_s = median_s(lambda: compiled(smaller), repeats)
    many_s = median_s(lambda: compiled(many), 20)
    same = compiled(smaller).flash_bytes == estimate(graph.rebind(widths), target).flash_bytes
    figures = [
        Figure("compiled_ms", one_s * 1e3, "ms", 0.3),
        Figure("compiled_per_candidate_of_1000_us", many_s / CANDIDATES * 1e6, "us"),
        Figure("walked_ms", walked_s * 1e3, "ms"),
        Figure("walked_over_compiled", walked_s / one_s, "times"),
        Figure("same_bytes", float(same), "", 1.0, "higher"),
    ]
    conditions = {"network": "ResNet-8 as int8", "target": TARGET, "runtime": target.runtime.reference, "runs": repeats, **machine()}
    return report(figures, conditions, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
