"""From rows of measurements to latency models, with their errors."""

from hwcost.fit.fitting import Fitted, Kind, fit

__all__ = ["Fitted", "Kind", "fit"]
