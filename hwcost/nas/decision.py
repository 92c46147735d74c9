"""Which alternatives a search ends with: the most probable ones of which some widths meet every limit, by check's own figures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from hwcost.nas.costs import Costs
from hwcost.nas.reach import Reach, narrowest, reach_of
from hwcost.nas.selection import Selection, by_probability

MOST_TRIED = 32
"""Selections that are tried in the order of their probability, before the cheapest is made more probable block by block instead."""

HOPELESS = 1.5
"""Use of a limit by the narrowest widths beyond which no other widths are tried: kernels that are quicker at four channels than at one
save less than that."""


class Decision:
    """Decides between the selections of a space by probability and reach; what is known of the reach of a selection is kept."""

    def __init__(self, costs: Costs, found: Reach) -> None:
        self.costs = costs
        self._known: dict[Selection, Reach] = {found.selection: found}
        self._sure = found

    def reach_of(self, selection: Selection) -> Reach:
        """The reach with these alternatives; that of the narrowest widths where those are enough."""
        if selection not in self._known:
            self._known[selection] = self._reach_of(self.costs.on(selection))
        return self._known[selection]

    def _reach_of(self, view: Costs) -> Reach:
        widths = view.named(narrowest(view))
        report = view.exact(widths)
        hopeless = max(report.usage.values(), default=0.0) > HOPELESS
        if report.verdict in ("fits", "unsupported") or hopeless:
            return Reach(view.figures(report), widths, report, view.selection)
        return reach_of(view)

    def best(self, thetas: Sequence[Sequence[float]]) -> Reach:
        """The most probable alternatives that can meet every limit, with widths that do."""
        for selection in itertools.islice(by_probability(thetas), MOST_TRIED):
            found = self.reach_of(selection)
            if found.is_enough:
                return found
        return self._improved(thetas)

    def _improved(self, thetas: Sequence[Sequence[float]]) -> Reach:
        """From the selection known to meet every limit, one block after the other changed to what is more probable, as long as it does."""
        best = self._sure
        improved = True
        while improved:
            improved = False
            for gain, selection in sorted(_neighbours(best.selection, thetas), reverse=True):
                if gain <= 0:
                    break
                found = self.reach_of(selection)
                if found.is_enough:
                    best, improved = found, True
                    break
        return best


def _neighbours(selection: Selection, thetas: Sequence[Sequence[float]]) -> list[tuple[float, Selection]]:
    """Selections that differ in one block, with the log of how much more probable they are."""
    return [
        (math.log(max(p, 1e-300)) - math.log(max(theta[chosen], 1e-300)), (*selection[:at], index, *selection[at + 1 :]))
        for at, (theta, chosen) in enumerate(zip(thetas, selection, strict=True))
        for index, p in enumerate(theta)
    ]
