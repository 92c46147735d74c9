"""How long a network takes on a target: one model per file, `choose` picks by what is known."""

from hwcost.latency.analytic import AnalyticModel
from hwcost.latency.model import Absent, Basis, LatencyModel, Prediction
from hwcost.latency.pick import choose

__all__ = ["Absent", "AnalyticModel", "Basis", "LatencyModel", "Prediction", "choose"]
