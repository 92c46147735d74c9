"""Which patterns of taps a runtime runs, and at what price: a dilated kernel can be slower than a dense one, or not be there at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hwcost import latency
from hwcost.channels import TapsGroup
from hwcost.cost import placement
from hwcost.graph import Graph, Step
from hwcost.kernels import choose
from hwcost.latency import Absent, LatencyModel
from hwcost.latency.model import Unpriced
from hwcost.nas.groups import Group
from hwcost.nas.taps import Kernel
from hwcost.ops.conv import Taps
from hwcost.target import Target

NEAR = 1.05
"""Patterns of equally many taps are alike if none takes longer than this times the shortest; of the others only the quickest are kept."""


@dataclass(frozen=True, slots=True)
class Runnable:
    """The patterns of one kernel that a search may take on a target, and the group by which each number of them is priced."""

    patterns: tuple[Taps, ...]
    priced: TapsGroup


@dataclass(frozen=True, slots=True)
class _Price:
    """What a pattern costs besides its weights, which are those of every pattern of as many taps."""

    cycles: float
    scratch_bytes: int


def runnable(graph: Graph, groups: Sequence[Group], target: Target, model: LatencyModel | None) -> dict[str, Runnable]:
    """What is runnable of every kernel under search in a network, by group.

    Of equally many taps the dearest that is kept stands for all, so that no candidate takes more than it was priced at. The whole kernel
    is always kept: whether the network runs at all is told elsewhere.
    """
    there = {node.name for node in graph.nodes}
    kernels = {group.name: group.kernel for group in groups if group.kernel is not None and group.kernel.node in there}
    prices: dict[str, dict[Taps, _Price]] = {name: {} for name in kernels}
    for name, pattern, price in _priced(graph, kernels, target, model) if kernels else ():
        prices[name][pattern] = price
    return {name: _runnable(name, kernel, prices[name]) for name, kernel in kernels.items()}


def _priced(graph: Graph, kernels: Mapping[str, Kernel], target: Target, model: LatencyModel | None) -> Iterator[tuple[str, Taps, _Price]]:
    """Every pattern that runs; all kernels are walked together, one pattern of each at a time."""
    chosen = model if model is not None else latency.choose(target)
    placed = {} if isinstance(chosen, Absent) else placement(graph, target)
    for turn in range(max(len(kernel.patterns) for kernel in kernels.values())):
        patterns = {name: kernel.patterns[turn] for name, kernel in kernels.items() if turn < len(kernel.patterns)}
        steps = {step.node.name: step for step in graph.rebind({}, {kernels[name].node: taps for name, taps in patterns.items()}).steps}
        for name, pattern in patterns.items():
            price = _price(steps[kernels[name].node], target, None if isinstance(chosen, Absent) else chosen, placed)
            if price is not None:
                yield name, pattern, price


def _price(step: Step, target: Target, model: LatencyModel | None, placed: Mapping[str, str]) -> _Price | None:
    """None where the runtime has no kernel for it, or the model no figure."""
    kernel = choose(step, target.runtime, target.core)
    cycles = 0.0 if model is None else model.node_cycles(step, kernel, target, placed)
    if not kernel.is_supported or isinstance(cycles, Unpriced):
        return None
    return _Price(float(cycles), int(kernel.scratch_bytes or 0))


def _runnable(name: str, kernel: Kernel, prices: Mapping[Taps, _Price]) -> Runnable:
    whole = kernel.patterns[-1]
    kept: list[Taps] = []
    dearest: dict[int, Taps] = {}
    for count in kernel.counts:
        alike = [pattern for pattern in kernel.patterns if pattern.count == count and pattern in prices]
        quickest = min((prices[pattern].cycles for pattern in alike), default=0.0)
        near = [pattern for pattern in alike if prices[pattern].cycles <= NEAR * quickest]
        kept += near
        if near:
            dearest[count] = max(near, key=lambda pattern: (prices[pattern].cycles, prices[pattern].scratch_bytes))
    if whole.count not in dearest:
        kept, dearest = [*kept, whole], dearest | {whole.count: whole}
    # A number of taps of which nothing runs is priced as the next larger one that does, and never taken.
    stands = {count: dearest[min(known for known in dearest if known >= count)] for count in kernel.counts}
    return Runnable(tuple(kept), TapsGroup(name, kernel.node, kernel.size, stands))
