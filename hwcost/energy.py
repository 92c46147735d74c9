"""What an inference takes from the battery: active power of the device times latency."""

from __future__ import annotations

from hwcost.latency import Absent, Basis
from hwcost.sizes import Size
from hwcost.target import Target

__all__ = ["BASIS", "of"]

BASIS = Basis("analytic", "published", "active power of the device times latency")


def of(latency_s: Size | None, target: Target) -> Size | Absent:
    """Joules of one inference, or why there is no figure.

    Where one processor computes, power hardly depends on the network: over the four MLPerf Tiny networks it stays within 8 % of
    its mean on each of four microcontrollers (docs/accuracy.md). Sleep between inferences is not counted.
    """
    if target.device.power is None:
        return Absent(f"nobody published the active power of {target.device.name}")
    if latency_s is None:
        return Absent("energy is active power times latency, and the latency is absent")
    return latency_s * target.device.power.active_w.value
