"""Annealed projection: every few steps the channels that are worth most under limits that tighten from the seed's cost to the budget."""

from __future__ import annotations

from hwcost.nas.landing import Saliency, projected
from hwcost.nas.masks import Kept
from hwcost.nas.strategies.base import Tightening


class AnnealedProjection(Tightening):
    """The default: no strength, no multiplier, no learning rate of masks.

    Each projection starts from all channels, so channels that went can come back. Limits above the seed's cost are never skipped.
    """

    def chosen(self, step: int, saliency: Saliency) -> Kept | None:
        """The channels worth most under the limits of this step."""
        return projected(self.costs, saliency, self.limits(step)) if self.is_due(step) else None
