"""What stored integers mean."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from hwcost.graph import Parameter

Array: TypeAlias = "np.ndarray[Any, Any]"


def numbers(parameter: Parameter) -> Array:
    """The real numbers of a constant, stored as floats or as integers with scales."""
    stored, quantisation = parameter.array(), parameter.quantisation
    if quantisation is None:
        return np.asarray(stored, dtype=np.float64)
    along = () if quantisation.axis is None else tuple(-1 if i == quantisation.axis else 1 for i in range(stored.ndim))
    scale = np.reshape(np.asarray(quantisation.scale, dtype=np.float64), along)
    zero = np.reshape(np.asarray(quantisation.zero_point or (0,) * scale.size, dtype=np.float64), along)
    return np.asarray((stored.astype(np.float64) - zero) * scale)
