"""How ATen writes numbers that belong to axes: one for all of them, or one each."""

from __future__ import annotations

from collections.abc import Sequence

from hwcost.ops.reading import Call


def per_axis(call: Call, name: str, rank: int) -> tuple[int, ...]:
    """The attribute as one number per axis."""
    given = call.attribute(name)
    numbers = tuple(given) if isinstance(given, Sequence) else (given,)
    return tuple(int(n) for n in (numbers * rank if len(numbers) == 1 else numbers))


def symmetric(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """As many elements after as before, for each axis."""
    return tuple((n, n) for n in numbers)
