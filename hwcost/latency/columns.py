"""Prices of many layers at once: coefficients become columns, one entry for each layer, and each form is evaluated once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np

from hwcost.latency.counts import Counts, cycles
from hwcost.sizes import Size
from hwcost.target import LayerFacts, Price

__all__ = ["VARYING", "Pricing", "column_pricing"]

ABOUT = ("kinds", "kernels", "when", "source")
"""What a price is of and where it was read: decided before, and no part of the sum."""

Pricing: TypeAlias = Callable[[Counts, LayerFacts], Size]
"""Cycles of layers from columns of their counts and of their facts; the last axis is that of layers."""

VARYING = ("in_channels", "out_channels", "patch_elements", "weight_elements", "input_elements", "output_elements", "axis_entries")
"""What widths change of a layer's facts."""


def column_pricing(prices: Sequence[Price]) -> Pricing:
    """The price of each layer, for columns of counts in the same order."""
    shapes: dict[Any, list[int]] = {}
    for index, price in enumerate(prices):
        shapes.setdefault(_shape(price), []).append(index)
    if len(shapes) == 1:
        return _alike(prices)
    parts = [(np.array(indices), _alike([prices[i] for i in indices])) for indices in shapes.values()]
    back = np.argsort(np.concatenate([indices for indices, _ in parts]))

    def mixed(counts: Counts, facts: LayerFacts) -> Size:
        values = dict(zip(_names(counts), np.broadcast_arrays(*_columns(counts)), strict=True))
        chosen = (Counts(**{name: column[..., indices] for name, column in values.items()}) for indices, _ in parts)
        return np.concatenate([pricing(some, facts) for some, (_, pricing) in zip(chosen, parts, strict=True)], axis=-1)[..., back]

    return mixed


def _alike(prices: Sequence[Price]) -> Pricing:
    """Layers whose prices have the same form and leave out the same things."""
    stacked = _stack(prices)
    return lambda counts, facts: cycles(stacked, counts)


def _shape(price: Price) -> tuple[Any, ...]:
    """What must be alike for prices to be stacked: the form, and which of its terms are absent or words."""
    return (type(price), *((f.name, _word(getattr(price, f.name))) for f in fields(price) if f.name not in ABOUT))


def _word(term: Any) -> Any:
    return "a number" if isinstance(term, int | float) else term if term is None or isinstance(term, str) else type(term)


def _stack(terms: Sequence[Any]) -> Any:
    """One object of columns in place of many objects of numbers."""
    first = terms[0]
    if is_dataclass(first):
        return SimpleNamespace(**{f.name: _stack([getattr(term, f.name) for term in terms]) for f in fields(first) if f.name not in ABOUT})
    return np.array(terms) if isinstance(first, int | float) and len(set(terms)) > 1 else first


def _names(counts: Counts) -> list[str]:
    return [f.name for f in fields(counts)]


def _columns(counts: Counts) -> list[Size]:
    return [getattr(counts, name) for name in _names(counts)]
