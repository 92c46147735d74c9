"""The arithmetic every layer shares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.program import Range

UNBOUNDED = Range()
Whole = NDArray[np.int64]


def rescale(a: Whole, multiplier: Any, shift: int) -> Whole:
    """`floor((a * multiplier + 2**(shift - 1)) / 2**shift)`; |a| and the multiplier are below 2**31, so int64 holds the product."""
    return (np.asarray(a, np.int64) * np.asarray(multiplier, np.int64) + (1 << (shift - 1))) >> shift


def clamped(value: Whole, zero_point: int, limits: Range = UNBOUNDED) -> NDArray[np.int8]:
    """The zero point added, held to the range."""
    return np.clip(value + zero_point, limits.low, limits.high).astype(np.int8)
