"""What an inference takes from the battery: active power of the device times latency."""

from __future__ import annotations

from hwcost.latency import Absent, Basis
from hwcost.sizes import Size
from hwcost.target import Target

__all__ = ["basis_of", "energy_j"]


def energy_j(target: Target, latency_s: Size | None) -> Size | Absent:
    """Joules of one inference, or why there is no figure.

    On devices where one processor computes, power hardly depends on the network: over the four MLPerf Tiny networks it stays
    within 8 % of its mean on each of four microcontrollers (docs/accuracy.md). Sleep between inferences is not counted.
    """
    if target.device.power is None:
        return Absent(f"nobody published the active power of {target.device.name}")
    if latency_s is None:
        return Absent("energy is active power times latency, and the latency is absent")
    return latency_s * target.device.power.active_w.value


def basis_of(target: Target, latency: Basis) -> Basis:
    """Where an energy figure comes from: no better than the latency it was multiplied with."""
    return Basis("analytic", latency.source, f"active power of {target.device.name} times {latency.model}")
