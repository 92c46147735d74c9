"""Arithmetic on two operands: sums and products as integers, by table where one operand is a single constant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.lower.fixed_point import ADDEND_BITS, fixed, fixed_one
from hwcost.deploy.lower.site import RefusedError, Site, int8
from hwcost.deploy.lower.tables import channel_tables, table
from hwcost.deploy.program import Extreme, Int8, Lookup, Product, Sum, Tensor

Reals = NDArray[np.float64]
Binary = Callable[[Any, Any], Any]

REAL: dict[str, Binary] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "pow": np.power,
}


def pair_of_operands(site: Site) -> Sum | Product | Extreme | Lookup:
    """Two activations, or an activation and a constant."""
    kind = site.op.kind
    if site.op.constant is None:
        return _activations(site)
    operand = site.constant("operand")
    if operand.values.size == 1 or kind not in ("add", "sub", "mul"):
        return _by_table(site, operand.real)
    values, scale, zero = _one_scale(operand.values, operand.scale, operand.zero_point)
    aligned = _in_memory(values, site.x)
    if kind == "mul":
        return _product(site, scale, zero, aligned)
    signs = (-1.0, 1.0) if site.op.constant_first and kind == "sub" else (1.0, -1.0 if kind == "sub" else 1.0)
    return _sum(site, (site.x.scale * signs[0], scale * signs[1]), zero, aligned)


def _activations(site: Site) -> Sum | Product | Extreme:
    kind, (a, b) = site.op.kind, site.inputs
    _require_aligned(site)
    if kind in ("add", "sub"):
        return _sum(site, (a.scale, -b.scale if kind == "sub" else b.scale), b.zero_point, None)
    if kind == "mul":
        return _product(site, b.scale, b.zero_point, None)
    if kind in ("minimum", "maximum"):
        site.same_scale(a, b)
        return Extreme(kind == "maximum")
    raise RefusedError(f"{kind} of two activations has no integer form: compute it outside the integer part or replace it")


def _require_aligned(site: Site) -> None:
    for tensor in site.inputs:
        natural = tuple(range(len(site.y.order)))
        if len(tensor.shape) != len(site.y.shape) and site.y.order != natural:
            raise RefusedError(f"'{tensor.name}' has {len(tensor.shape)} axes and the output {len(site.y.shape)}: reshape it to as many")


def _sum(site: Site, scales: tuple[float, float], zero: int, operand: Int8 | None) -> Sum:
    multipliers, shift = fixed(np.asarray(scales) / site.y.scale, ADDEND_BITS)
    zeros = (site.x.zero_point, zero)
    return Sum((int(multipliers[0]), int(multipliers[1])), shift, zeros, site.y.zero_point, operand, site.range())


def _product(site: Site, scale: float, zero: int, operand: Int8 | None) -> Product:
    multiplier, shift = fixed_one(site.x.scale * scale / site.y.scale)
    return Product(multiplier, shift, (site.x.zero_point, zero), site.y.zero_point, operand, site.range())


def _one_scale(values: NDArray[np.int64], scale: Reals, zero: NDArray[np.int64]) -> tuple[NDArray[np.int64], float, int]:
    if np.ndim(scale):
        raise RefusedError("its constant has a scale per channel: quantise it with one scale")
    offset = 128 if values.max() > 127 else 0
    return values - offset, float(scale), int(zero) - offset


def _in_memory(values: NDArray[np.int64], x: Tensor) -> Int8:
    """A constant in the memory order of the activation, axes of one element kept."""
    return np.ascontiguousarray(int8(values, "its constants").transpose(x.order))


def _by_table(site: Site, operand: Reals) -> Lookup:
    """A table over the activation's 256 values: one, or one per channel."""
    function = REAL[site.op.kind]

    def result(x: Reals, constant: Reals) -> Reals:
        value = function(constant, x) if site.op.constant_first else function(x, constant)
        return np.asarray(value, dtype=np.float64)

    if operand.size == 1:
        constant = operand.reshape(())
        return Lookup(table(lambda x: result(x, constant), site.x, site.y, site.range())[None])
    return Lookup(channel_tables(result, operand, site))
