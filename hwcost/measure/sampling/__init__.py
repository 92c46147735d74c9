"""Which layers to measure: those of a network, of real networks scaled down, or of every network a search may visit."""

from hwcost.measure.sampling.kinds import KINDS, MAIN_KINDS
from hwcost.measure.sampling.limits import MOST_MACS, Limits
from hwcost.measure.sampling.networks import sample_network, sample_space
from hwcost.measure.sampling.prior import sample_kind, sample_prior

__all__ = ["KINDS", "MAIN_KINDS", "MOST_MACS", "Limits", "sample_kind", "sample_network", "sample_prior", "sample_space"]
