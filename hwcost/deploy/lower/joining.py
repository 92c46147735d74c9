"""Concatenation, and the border between integers and floats."""

from __future__ import annotations

from hwcost.deploy.lower.site import Site
from hwcost.deploy.lower.tables import table
from hwcost.deploy.program import Concat, Dequantise, Int8, Lookup, Quantise, Tensor


def concat(site: Site) -> Concat:
    """Inputs side by side, each brought to the output's scale."""
    return Concat(site.y.order.index(site.op.axis), tuple(_rescaled(x, site.y) for x in site.inputs))


def _rescaled(x: Tensor, y: Tensor) -> Int8 | None:
    if (x.scale, x.zero_point) == (y.scale, y.zero_point):
        return None
    return table(lambda values: values, x, y)


def quantise(site: Site) -> Quantise | Lookup:
    """Floats to integers, or integers to those of another scale."""
    if site.x.kind == "int":
        return Lookup(table(lambda values: values, site.x, site.y)[None])
    return Quantise(site.y.scale, site.y.zero_point)


def dequantise(site: Site) -> Dequantise:
    """Integers to floats."""
    return Dequantise(site.x.scale, site.x.zero_point)
