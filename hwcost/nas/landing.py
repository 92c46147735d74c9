"""The projection that decides: onto the figures `check` will find, placed arena and whole image included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hwcost.checking import Report
from hwcost.nas.costs import Costs
from hwcost.nas.groups import Group
from hwcost.nas.masks import Kept
from hwcost.nas.projection import Ladder, Projection
from hwcost.nas.reach import Reach

Array = np.ndarray[Any, Any]
Saliency = Mapping[str, Array]

ROUNDS = 8
"""Times the quick figures are corrected by the exact ones before the narrowest network is grown instead."""


def projected(costs: Costs, saliency: Saliency, limits: Mapping[str, float]) -> Kept:
    """The channels to keep under these limits by the quick figures."""
    projection = Projection(ladders(costs, saliency), costs.usage(limits))
    return _kept(costs, projection, projection.best())


def landed(costs: Costs, saliency: Saliency, found: Reach) -> Kept:
    """The channels to keep so that the exact figures meet every limit, and no group can grow any further."""
    projection = Projection(ladders(costs, saliency), costs.usage(costs.limits))
    rungs = _within(costs, projection)
    if rungs is None:
        # Its taps may be a number of which fewer are worth more.
        projection = Projection(ladders(costs, saliency, every=True), costs.usage(costs.limits))
        names = (group.name for group in costs.space.free)
        rungs = np.array([ladder.rung(found.widths[name]) for name, ladder in zip(names, projection.ladders, strict=True)], dtype=np.int64)
    return _kept(costs, projection, _filled(costs, projection, rungs))


def ladders(costs: Costs, saliency: Saliency, *, every: bool = False) -> list[Ladder]:
    """The widths of every free group with what they keep; `every` number of taps, or those that are worth more than fewer."""
    return [_ladder(costs, group, saliency[group.name], every) for group in costs.space.free]


def _ladder(costs: Costs, group: Group, saliency: Array, every: bool) -> Ladder:
    if group.kernel is None:
        return Ladder.of(group.widths, saliency)
    runs = costs.runnable.get(group.name)
    return Ladder.of_taps(group.kernel.patterns if runs is None else runs.patterns, saliency, every=every)


def _within(costs: Costs, projection: Projection) -> Array | None:
    """Rungs that fit by the exact figures: projected with margins that grow until they do; None if they never do."""
    margins = dict.fromkeys(costs.limits, 1.0)
    for _ in range(ROUNDS):
        careful = Projection(projection.ladders, costs.usage(costs.limits, margins))
        rungs = careful.best()
        if not careful.fits(rungs):
            return None
        rungs = careful.swapped(rungs)
        report = _report(costs, projection, rungs)
        if report.verdict == "fits":
            return rungs
        exact = costs.margins(report, projection.widths(rungs))
        # A region that overflows passes no limit: then everything has to shrink a little.
        step = 1.0 if report.violations else 1.02
        margins = {metric: max(margin, exact[metric]) * step for metric, margin in margins.items()}
    return None


def _filled(costs: Costs, projection: Projection, rungs: Array) -> Array:
    """Rungs raised one move at a time, the best first, while the exact figures fit; a move that did not fit once is not tried again."""
    spent: set[tuple[int, ...]] = set()
    while True:
        for higher in projection.growth(rungs):
            move = tuple((higher - rungs).tolist())
            if move in spent:
                continue
            if _report(costs, projection, higher).verdict == "fits":
                rungs = higher
                break
            spent.add(move)
        else:
            return rungs


def _report(costs: Costs, projection: Projection, rungs: Array) -> Report:
    return costs.exact(costs.named(projection.widths(rungs)), _kept(costs, projection, rungs))


def _kept(costs: Costs, projection: Projection, rungs: Array) -> Kept:
    groups = zip(costs.space.free, projection.ladders, rungs, strict=True)
    return {group.name: ladder.kept(int(rung)) for group, ladder, rung in groups}
