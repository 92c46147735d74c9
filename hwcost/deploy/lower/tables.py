"""Any function of one value as a table of 256: computed in reals, rounded once, halves to the even one as quantising does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.lower.site import RefusedError, Site
from hwcost.deploy.program import Int8, Lookup, Range, Softmax, Tensor

Reals = NDArray[np.float64]
Function = Callable[[Reals], Any]

_erf = np.vectorize(math.erf, otypes=[float])
UNBOUNDED = Range()
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _sigmoid(x: Reals) -> Reals:
    return np.asarray(1 / (1 + np.exp(-x)))


def _softplus(x: Reals) -> Reals:
    return np.asarray(np.logaddexp(0.0, x))


def _elu(x: Reals, alpha: float) -> Reals:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def _gelu(x: Reals, approximate: str) -> Reals:
    if approximate == "tanh":
        return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
    return np.asarray(0.5 * x * (1 + _erf(x / math.sqrt(2))))


PLAIN: dict[str, Function] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "silu": lambda x: x * _sigmoid(x),
    "selu": lambda x: SELU_SCALE * _elu(x, SELU_ALPHA),
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "erf": _erf,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "reciprocal": lambda x: 1 / x,
    "neg": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
}

WITH_ATTRIBUTES: dict[str, Callable[[Any], Function]] = {
    "clip": lambda op: lambda x: np.clip(x, op.minimum, op.maximum),
    "leaky_relu": lambda op: lambda x: np.where(x < 0, x * op.slope, x),
    "hard_sigmoid": lambda op: lambda x: np.clip(op.alpha * x + op.beta, 0, 1),
    "gelu": lambda op: lambda x: _gelu(x, op.approximate),
    "elu": lambda op: lambda x: _elu(x, op.alpha),
}


def lookup(site: Site) -> Lookup:
    """A function of one value."""
    kind = site.op.kind
    function = WITH_ATTRIBUTES[kind](site.op) if kind in WITH_ATTRIBUTES else PLAIN[kind]
    return Lookup(table(function, site.x, site.y)[None])


def prelu(site: Site) -> Lookup:
    """A slope per channel: a table per channel, or one."""
    slopes = site.constant("slope").real
    if slopes.size == 1:
        return Lookup(table(lambda x: _leaky(x, slopes.reshape(())), site.x, site.y)[None])
    by_channel = slopes.reshape(-1, *(1 for _ in site.x.shape[1:]))
    return Lookup(channel_tables(_leaky, by_channel, site))


def _leaky(x: Reals, slope: Reals) -> Reals:
    return np.where(x < 0, x * slope, x)


def reals(x: Tensor) -> Reals:
    """What the integers from -128 to 127 stand for."""
    return np.asarray((np.arange(-128, 128) - x.zero_point) * x.scale, np.float64)


def table(function: Function, x: Tensor, y: Tensor, limits: Range = UNBOUNDED) -> Int8:
    """`function` of each of the 256 values of x, as y stores it; where it is undefined, the nearest end or the zero point."""
    with np.errstate(all="ignore"):
        made = np.asarray(function(reals(x)), dtype=np.float64) / y.scale
    whole = np.rint(np.nan_to_num(made, nan=0.0, posinf=1e6, neginf=-1e6).clip(-1e6, 1e6)) + y.zero_point
    return np.asarray(np.clip(whole, limits.low, limits.high), np.int8)


def channel_tables(function: Callable[[Reals, Reals], Reals], operand: Reals, site: Site) -> Int8:
    """A table for each entry of a constant that changes along the last memory axis only."""
    last = site.x.order[-1]
    if any(n != 1 for axis, n in enumerate(operand.shape) if axis != last):
        raise RefusedError(f"{site.op.kind} with a constant that changes along more than the channels has no integer form")
    return np.stack([table(lambda x, c=c: function(x, c), site.x, site.y, site.range()) for c in operand.ravel()])  # type: ignore[misc]


def softmax(site: Site) -> Softmax:
    """Softmax along the last memory axis."""
    if site.x.order[-1] != site.op.axis:
        raise RefusedError(f"softmax along axis {site.op.axis}, which is not the last in memory: transpose its input")
    row = site.x.shape[-1]
    exponentials = np.rint(np.exp(-np.arange(256) * site.x.scale) * (2**31 // row)).astype(np.uint32)
    factor = round(2**16 / site.y.scale)
    if factor >= 2**32:
        raise RefusedError(f"the output scale {site.y.scale:g} of a softmax is too small: expected above 2**-16")
    return Softmax(exponentials, factor, site.y.zero_point)


__all__ = ["PLAIN", "WITH_ATTRIBUTES", "channel_tables", "lookup", "prelu", "reals", "softmax", "table"]
