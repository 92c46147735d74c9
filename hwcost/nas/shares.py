"""Limits as shares of the network under search: "25%" of its own bytes, of its arena, of its latency."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from hwcost.budget import METRICS, Budget
from hwcost.cost import Cost
from hwcost.errors import InputError, listed, shown

_SHARE = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{0,9})?)\s*%\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class SharedBudget:
    """A budget in which limits may be shares of what the seed takes.

    A share of flash is one of weights, biases and quantisation, a share of RAM one of the placed arena: the code, the runtime and the
    stack, which no search changes, are taken as they are. So a limit stays a limit on the whole image.
    """

    budget: Budget = field(default_factory=Budget)
    shares: Mapping[str, Fraction] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: str) -> SharedBudget:
        """Limits such as `max_flash = "25%"` or `max_ram = "40KiB"`; every fault is listed."""
        shares: dict[str, Fraction] = {}
        faults: list[str] = []
        keys = {metric.limit_key: metric.field for metric in METRICS.values()}
        for key in (key for key in keys if key in table):  # in one order always: a checkpoint knows its configuration by its text
            given = table[key]
            if isinstance(given, str) and "%" in given:
                found = _SHARE.fullmatch(given)
                share = None if found is None else Fraction(found[1]) / 100
                if share and share <= 1:
                    shares[keys[key]] = share
                else:
                    faults.append(f"{where}: {key}: expected a share above 0 and up to 100%, such as '25%', got {shown(given)}")
        if faults:
            raise InputError(listed(sorted(faults)))
        rest = {key: given for key, given in table.items() if keys.get(key) not in shares}
        budget = Budget() if shares and not rest else Budget.from_table(rest, where=where)
        twice = [METRICS[metric].label for metric in budget.limits() if metric in shares]
        if twice:
            raise InputError(f"{where}: {', '.join(twice)}: limited twice, as a share and as a quantity")
        return cls(budget, MappingProxyType(shares))

    def of(self, seed: Cost) -> Budget:
        """The budget on a network whose seed costs this; InputError for a share of a metric that nobody can price."""
        absent = [f"{METRICS[metric].label}: {seed.absent.get(metric, '')}" for metric in self.shares if getattr(seed, metric) is None]
        if absent:
            raise InputError(f"there is no share of what is absent: {'; '.join(absent)}")
        shared = {metric: _limit(metric, share, seed) for metric, share in self.shares.items()}
        return self.budget.with_defaults(Budget(**shared))


def _limit(metric: str, share: Fraction, seed: Cost) -> Any:
    if metric == "flash_bytes":
        return seed.flash_bytes - seed.flash.network_bytes + int(share * seed.flash.network_bytes)
    if metric == "ram_bytes":
        return seed.ram_bytes - seed.ram.arena_bytes + int(share * seed.ram.arena_bytes)
    return float(share) * getattr(seed, metric)
