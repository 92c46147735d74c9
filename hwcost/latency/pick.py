"""Which latency model a target gets."""

from __future__ import annotations

from hwcost.latency.analytic import AnalyticModel
from hwcost.latency.model import Absent, LatencyModel
from hwcost.target import Target
from hwcost.target.find import names, versions
from hwcost.target.load import load_runtime

__all__ = ["choose"]


def choose(target: Target) -> LatencyModel | Absent:
    """The best model there is for a target: the analytic one of its runtime's file, or none and the reason."""
    if target.latency is not None:
        return AnalyticModel.of(target.runtime, target.core.name)
    return Absent(_reason(target))


def _reason(target: Target) -> str:
    """Why there is none, and which runtimes do have figures on this core."""
    others = _priced_on(target.core.name)
    why = f"nobody published how long {target.runtime.reference} takes on {target.core.name}"
    return f"{why}; figures exist for {', '.join(others)}" if others else f"{why}, nor any other described runtime"


def _priced_on(core: str) -> list[str]:
    """Every described runtime with figures on a core; only read when there is something to explain."""
    described = (load_runtime(f"{name}@{version}", core) for name in names("runtimes") for version in versions(name))
    return [runtime.reference for runtime in described if core in runtime.latency]
