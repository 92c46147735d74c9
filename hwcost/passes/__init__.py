"""Rewrites that bring every way of writing a network to one form; `normalise` is their sequence."""

from __future__ import annotations

from hwcost.passes.normalising import normalise

__all__ = ["normalise"]
