"""How long a network takes on a target: one model per file, `choose` picks by what is known."""

from hwcost.latency.analytic import AnalyticModel
from hwcost.latency.files import read_model, write_model
from hwcost.latency.fitted import FittedModel
from hwcost.latency.model import Absent, Basis, LatencyModel, Prediction
from hwcost.latency.pick import choose

__all__ = ["Absent", "AnalyticModel", "Basis", "FittedModel", "LatencyModel", "Prediction", "choose", "read_model", "write_model"]
