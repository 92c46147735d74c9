"""Real factors as whole multipliers and one shift: `rescale(a, m, s)` is a times m / 2**s, rounded once, halves upwards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.program import SHIFT, Int32

MULTIPLIER_BITS = 31
"""A multiplier of a product of 64 bits is a positive int32."""

ADDEND_BITS = 22
"""A multiplier of a sum: 255 times two of them stays below 2**31."""

Factors = NDArray[np.float64]


class FactorError(Exception):
    """A factor too large for any multiplier and shift."""


def shift_for(largest: float, bits: int = MULTIPLIER_BITS) -> int:
    """The largest shift, at most 32, with which a factor's multiplier stays below 2**bits. Raises FactorError below a shift of 1."""
    for shift in range(SHIFT, 0, -1):
        if np.isfinite(largest) and np.rint(largest * 2.0**shift) < 2**bits:
            return shift
    raise FactorError(f"the factor {largest:g} between its scales is too large for a {bits}-bit multiplier: calibrate again")


def fixed(factors: Factors, bits: int = MULTIPLIER_BITS) -> tuple[Int32, int]:
    """Multipliers and their shift for real factors, signs kept; the error of each is at most half a step of 2**-shift."""
    shift = shift_for(float(np.max(np.abs(factors), initial=0.0)), bits)
    return np.rint(factors * 2.0**shift).astype(np.int32), shift


def fixed_one(factor: float) -> tuple[int, int]:
    """Multiplier and shift for one factor."""
    multipliers, shift = fixed(np.asarray([factor]))
    return int(multipliers[0]), shift
