"""A size is an int, a scalar tensor being searched, or a column of candidates: the only place that asks which.

Arithmetic on sizes is written once, in `ops/`, `memory/` and `latency/`, and evaluated

- on Python ints when a network is checked (exact, unbounded),
- on float64 scalar torch tensors when it is searched (gradients flow through every function below),
- on numpy int64 arrays when thousands of candidates are priced at once,
- on columns of numbers with their slopes (`slopes.py`) when a search asks how all costs change with all widths at once.

Torch is never imported here; a value can only be a tensor when the caller already loaded it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from hwcost.slopes import Sloped

Size: TypeAlias = Any
"""`int | torch.Tensor (scalar, float64) | numpy.ndarray (int64) | Sloped`; arithmetic mixes them freely, so the alias stays open."""


def is_tensor(n: Size) -> bool:
    """Whether `n` is a torch tensor, asked without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(n, torch.Tensor)


def is_int(n: Size) -> bool:
    """Whether `n` is one plain number, so that checks which need a decision (an `if`) can be made."""
    return isinstance(n, int)


def ceil_div(n: Size, d: Size) -> Size:
    """Groups of `d` that cover `n`; searched sizes see the slope 1/d."""
    if is_tensor(n) or is_tensor(d):
        smooth = _ratio(n, d)
        return smooth.ceil().detach() + (smooth - smooth.detach())
    return -(-n // d)


def floor_div(n: Size, d: Size) -> Size:
    """Whole groups of `d` inside `n`; searched sizes see the slope 1/d."""
    if is_tensor(n) or is_tensor(d):
        smooth = _ratio(n, d)
        return smooth.floor().detach() + (smooth - smooth.detach())
    return n // d


def exact_div(n: Size, d: Size) -> Size:
    """`n / d` where `d` is known to divide `n`; no rounding hides a mistake: an int that does not divide raises ValueError."""
    if is_tensor(n) or is_tensor(d):
        return _ratio(n, d)
    if isinstance(n, Sloped) or isinstance(d, Sloped):
        return n / d
    if is_int(n) and is_int(d) and n % d:
        raise ValueError(f"{n} is not a multiple of {d}")
    return n // d


def _ratio(n: Size, d: Size) -> Size:
    """The quotient, correctly rounded: torch multiplies a plain number by the reciprocal of a tensor, which makes 103 / 103 less than 1."""
    return n / d if is_tensor(n) else sys.modules["torch"].as_tensor(n, dtype=d.dtype) / d


def round_up(n: Size, step: Size) -> Size:
    """The smallest multiple of `step` that is at least `n`; the slope of a searched size is 1."""
    return ceil_div(n, step) * step


def largest(first: Size, *others: Size) -> Size:
    """Elementwise maximum of sizes (and of plain numbers), whichever kind they are."""
    result = first
    for other in others:
        result = _larger(result, other)
    return result


def _larger(a: Size, b: Size) -> Size:
    if is_tensor(a) or is_tensor(b):
        torch = sys.modules["torch"]
        reference = a if is_tensor(a) else b
        return torch.maximum(torch.as_tensor(a, dtype=reference.dtype), torch.as_tensor(b, dtype=reference.dtype))
    if isinstance(a, Sloped) or isinstance(b, Sloped):
        return a.larger(b) if isinstance(a, Sloped) else b.larger(a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.maximum(a, b)
    return max(a, b)


def prod(sizes: Iterable[Size]) -> Size:
    """Product of sizes; of none, 1."""
    return math.prod(sizes)


def equal(a: Size, b: Size) -> bool:
    """Whether two sizes have the same value (in every candidate, for columns)."""
    same = a == b
    return bool(same.all()) if hasattr(same, "all") else bool(same)


def value(n: Size) -> int:
    """The integer a size stands for; a searched size is rounded to the nearest.

    Raises ValueError for a column of several candidates.
    """
    if is_tensor(n):
        return round(float(n.detach()))
    if isinstance(n, Sloped):
        return round(float(n.value))
    if isinstance(n, np.ndarray):
        if n.size != 1:
            raise ValueError(f"one size was expected, got a column of {n.size} candidates")
        return int(n.reshape(()))
    return int(n)
