"""Layers on boards: an emulated core, this host, or a real board that was flashed once with all of them."""

from hwcost.measure.profiling.session import Profile, measure, profile
from hwcost.measure.profiling.spreading import Backend

__all__ = ["Backend", "Profile", "measure", "profile"]
