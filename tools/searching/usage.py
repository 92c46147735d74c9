"""How much of each limit a network uses, of what a search can change at all."""

from __future__ import annotations

from collections.abc import Iterable

from hwcost.budget import METRICS, Budget
from hwcost.cost import Cost


def own_usage(cost: Cost, seed: Cost, budget: Budget, keys: Iterable[str]) -> dict[str, float]:
    """Used / limit by key of configurations (`max_flash`), for the limits asked for.

    Code, runtime and stack, which no search changes, count on neither side: they would flatter.
    """
    fixed = {
        "flash_bytes": seed.flash_bytes - seed.flash.network_bytes,
        "ram_bytes": seed.ram_bytes - seed.ram.arena_bytes,
    }
    limits, asked = budget.limits(), set(keys)
    metrics = {metric.limit_key: metric.field for metric in METRICS.values() if metric.limit_key in asked}
    return {
        key: (getattr(cost, metric) - fixed.get(metric, 0)) / (limits[metric] - fixed.get(metric, 0)) for key, metric in metrics.items()
    }
