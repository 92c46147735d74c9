"""Ways to bring a network under its limits while it trains, one class in one file each.

Every strategy ends with the same exact projection (`landing.py`), so what is exported meets every limit whichever is chosen.
"""

from __future__ import annotations

from hwcost.errors import InputError, shown
from hwcost.nas.strategies.base import Strategy
from hwcost.nas.strategies.dual import DualPrices
from hwcost.nas.strategies.projection import AnnealedProjection
from hwcost.nas.strategies.ramp import Ramp, SoftRamp

STRATEGIES: dict[str, type[Strategy]] = {"projection": AnnealedProjection, "dual": DualPrices, "ramp": Ramp, "ramp-soft": SoftRamp}
"""The strategies by the name that configurations use."""

__all__ = ["STRATEGIES", "AnnealedProjection", "DualPrices", "Ramp", "SoftRamp", "Strategy", "strategy_named"]


def strategy_named(name: str) -> type[Strategy]:
    """The class of a strategy; raises InputError with the names there are if it is none."""
    if name not in STRATEGIES:
        raise InputError(f"expected a strategy out of {', '.join(STRATEGIES)}, got {shown(name)}")
    return STRATEGIES[name]
