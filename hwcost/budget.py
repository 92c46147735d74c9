"""A budget judges a cost: smoothly while searching, strictly when checking.

Both readings come from one comparison, used against limit, so they cannot disagree: the penalty is zero exactly when there are no
violations.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from hwcost import quantities
from hwcost.errors import BudgetError, InputError, listed, shown
from hwcost.sizes import Size, is_tensor, largest
from hwcost.toml_files import read_toml

_MOST_KEYS = 64
_MOST = 2**63 - 1
"""Beyond any memory, and any number of seconds or joules."""

__all__ = ["METRICS", "Budget", "Judged", "Metric", "Violation"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One of the four figures a budget can limit: its field, its names for people, and how its quantities are read and written."""

    field: str
    label: str
    limit_key: str
    parse: Callable[[str], float]
    human: Callable[[float], str]
    whole: bool


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.field: metric
        for metric in (
            Metric("latency_s", "latency", "max_latency", quantities.parse_seconds, quantities.human_seconds, whole=False),
            Metric("ram_bytes", "RAM", "max_ram", quantities.parse_bytes, quantities.human_bytes, whole=True),
            Metric("flash_bytes", "flash", "max_flash", quantities.parse_bytes, quantities.human_bytes, whole=True),
            Metric("energy_j", "energy", "max_energy", quantities.parse_joules, quantities.human_joules, whole=False),
        )
    }
)
"""The metrics by field name, in the order every report lists them."""


class Judged(Protocol):
    """What a budget asks of a cost: the four figures, None where nobody can price one, and then the reason in `absent`.

    A figure is an int or float, a scalar tensor while searching, or an array with one entry for each candidate.
    """

    @property
    def latency_s(self) -> Any: ...
    @property
    def ram_bytes(self) -> Any: ...
    @property
    def flash_bytes(self) -> Any: ...
    @property
    def energy_j(self) -> Any: ...
    @property
    def absent(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Violation:
    """One limit that was passed; seconds, bytes or joules by the metric's unit."""

    metric: str
    used: float
    limit: float

    @property
    def ratio(self) -> float:
        """Used over limit."""
        return self.used / self.limit

    def __str__(self) -> str:
        metric = METRICS[self.metric]
        used, limit = metric.human(self.used), metric.human(self.limit)
        if used == limit:  # over by less than the digits shown
            used, limit = f"{self.used} {self.unit}", f"{self.limit} {self.unit}"
        return f"{metric.label} {used}, limit {limit} ({self.ratio:.2f} times)"

    @property
    def unit(self) -> str:
        """The unit `used` and `limit` are in."""
        return {"s": "s", "bytes": "B", "j": "J"}[self.metric.rpartition("_")[2]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits on what a network may cost; a metric left at None is not limited.

    Seconds, bytes and joules; each limit is positive and finite, and bytes are whole, else InputError names every fault at once.
    """

    latency_s: float | None = None
    ram_bytes: int | None = None
    flash_bytes: int | None = None
    energy_j: float | None = None

    def __post_init__(self) -> None:
        faults = [f"{field}: {fault}" for field, limit in self.limits().items() if (fault := _fault_of(METRICS[field], limit))]
        if faults:
            raise InputError(listed(faults))

    @classmethod
    def load(cls, path: str | Path) -> Budget:
        """The budget in a TOML file: `max_latency = "50ms"`, or `latency_s = 0.05`; at the top or in a table `[budget]`.

        InputError lists every fault of the file at once.
        """
        tables = read_toml(path, "a budget in TOML")
        inner = tables.get("budget")
        if not isinstance(inner, dict):
            return cls.from_table(tables, where=str(path))
        strangers = [f"{path}: key '{key}' beside [budget]; expected the limits inside it" for key in tables if key != "budget"]
        if strangers:
            raise InputError(listed(strangers))
        return cls.from_table(inner, where=f"{path}: [budget]")

    @classmethod
    def from_table(cls, table: Mapping[str, Any], *, where: str = "budget") -> Budget:
        """The budget in a table of `max_*` texts with units, or SI numbers under the field names; `where` opens each message."""
        if not 0 < len(table) <= _MOST_KEYS:
            raise InputError(f"{where}: {len(table)} keys; expected at least one of {_accepted()}")
        limits: dict[str, Any] = {}
        faults: list[str] = []
        for key, given in table.items():
            try:
                field, limit = _limit_of(key, given)
            except InputError as error:
                faults.append(f"{where}: {error}")
                continue
            if field in limits:
                faults.append(f"{where}: {METRICS[field].label} is limited twice; keep one of {METRICS[field].limit_key} and {field}")
            limits[field] = limit
        if faults:
            raise InputError(listed(faults))
        return cls(**limits)

    @classmethod
    def from_texts(
        cls, *, max_latency: str | None = None, max_ram: str | None = None, max_flash: str | None = None, max_energy: str | None = None
    ) -> Budget:
        """The budget of command line limits such as `--max-ram 64KiB`; every refusal is listed under the option it is about."""
        texts = {"max_latency": max_latency, "max_ram": max_ram, "max_flash": max_flash, "max_energy": max_energy}
        limits: dict[str, Any] = {}
        faults: list[str] = []
        for metric in METRICS.values():
            text = texts[metric.limit_key]
            try:
                limits[metric.field] = None if text is None else metric.parse(text)
            except InputError as error:
                faults.append(f"--{metric.limit_key.replace('_', '-')}: {error}")
        if faults:
            raise InputError(listed(faults))
        return cls(**limits)

    def as_toml(self) -> str:
        """The budget as a file that `load` reads back exactly."""
        return "".join(f"{field} = {limit!r}  # {METRICS[field].human(limit)}\n" for field, limit in self.limits().items())

    def limits(self) -> dict[str, float]:
        """The limits that are set, by field name, in the order of METRICS."""
        return {field.name: limit for field in fields(self) if (limit := getattr(self, field.name)) is not None}

    def with_defaults(self, defaults: Budget) -> Budget:
        """This budget, with the limits of `defaults` where it has none of its own."""
        return Budget(**(defaults.limits() | self.limits()))  # type: ignore[arg-type]  # byte limits are ints in both

    def usage(self, cost: Judged) -> dict[str, Size]:
        """Used over limit for each limited metric; 1 is exactly full. InputError where a limited metric is absent."""
        return {field: used / limit for field, used, limit in self._compared(cost)}

    def penalty(self, cost: Judged) -> Size:
        """The overshoot of every limit as a share of that limit, summed: 0 within budget, unitless, differentiable.

        It is written (used - limit) / limit, since used / limit - 1 rounds the last byte of a large memory away.
        """
        return sum((largest(used - limit, 0) / limit for _, used, limit in self._compared(cost)), start=0.0)

    def violations(self, cost: Judged) -> tuple[Violation, ...]:
        """The limits that one cost passes, in the order of METRICS; a cost of several candidates is refused with ValueError."""
        judged = ((field, _number(field, used), limit) for field, used, limit in self._compared(cost))
        return tuple(Violation(field, used, limit) for field, used, limit in judged if used > limit)

    def require(self, cost: Judged) -> None:
        """Nothing within budget; BudgetError, with every violation, otherwise."""
        violations = self.violations(cost)
        if violations:
            raise BudgetError(violations)

    def _compared(self, cost: Judged) -> list[tuple[str, Size, float]]:
        """Field, used and limit for each limit; a limit nobody can judge is never passed over in silence."""
        rows = [(field, getattr(cost, field), limit) for field, limit in self.limits().items()]
        absent = [f"{METRICS[field].label}: {cost.absent.get(field, 'no reason given')}" for field, used, _ in rows if used is None]
        if absent:
            raise InputError(f"a limit cannot be judged, because its metric is absent: {'; '.join(absent)}")
        return rows


def _limit_of(key: str, given: Any) -> tuple[str, Any]:
    """Field and limit of one line of a budget file."""
    metric = next((metric for metric in METRICS.values() if key in (metric.field, metric.limit_key)), None)
    if metric is None:
        near = difflib.get_close_matches(key[:60], [*METRICS, *(metric.limit_key for metric in METRICS.values())], n=1)
        raise InputError(f"unknown key {shown(key)}; expected one of {_accepted()}" + (f"; did you mean '{near[0]}'?" if near else ""))
    if key == metric.field:
        limit = given
        fault = _fault_of(metric, limit)
        if fault:
            raise InputError(f"{key}: {fault}")
        return metric.field, limit
    try:
        return metric.field, metric.parse(given)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None


def _accepted() -> str:
    return ", ".join([metric.limit_key for metric in METRICS.values()] + list(METRICS))


def _fault_of(metric: Metric, limit: object) -> str | None:
    """What is wrong with a limit given as a number."""
    kind = "whole number of bytes" if metric.whole else "number"
    if isinstance(limit, bool) or not isinstance(limit, int | float) or (metric.whole and not isinstance(limit, int)):
        return f"expected a positive {kind}, got {shown(limit)}; quantities with units go under {metric.limit_key}"
    if not 0 < limit <= _MOST:
        return f"expected a positive {kind} up to 2^63 - 1, got {shown(limit)}"
    return None


def _number(field: str, used: Size) -> float:
    """The one figure in a number, a scalar tensor or an array of one candidate; nothing compares with a NaN, so it is refused."""
    if not isinstance(used, int | float):
        if (used.numel() if is_tensor(used) else used.size) != 1:
            raise ValueError(f"{field} holds several candidates; violations judge one cost at a time")
        used = used.item()
    if not math.isfinite(used):
        raise InputError(f"a limit cannot be judged, because {METRICS[field].label} is {used}")
    number: float = used
    return number
