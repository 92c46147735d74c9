"""Activations written out as arithmetic, by users or by exporters of an opset that lacks them."""

from __future__ import annotations

from math import isclose, pi, sqrt
from typing import Any

from hwcost.graph import Graph
from hwcost.ops.activation import (
    Clip,
    Erf,
    Gelu,
    HardSigmoid,
    HardSwish,
    Mish,
    Sigmoid,
    Silu,
    Softplus,
    Tanh,
)
from hwcost.ops.binary import Add, Compare, Div, Mul, Pow, Where
from hwcost.passes.matching import Compound, Made, fuse

SIXTH = 1 / 6


def _is_relu6(op: Any) -> bool:
    return bool((op.minimum, op.maximum) == (0.0, 6.0))


def _is_torch_hard_sigmoid(op: Any) -> bool:
    return isclose(op.alpha, SIXTH, rel_tol=1e-5) and op.beta == 0.5


def _is_greater(op: Any) -> bool:
    return op.relation == "greater" and op.constant is not None


def _tanh_gelus(cube: Made) -> tuple[Made, ...]:
    """X / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), in the orders people multiply in."""
    inner = Made(Add, ("x", Made(Mul, (cube,), constant=0.044715)))
    bell = Made(Add, (Made(Tanh, (Made(Mul, (inner,), constant=sqrt(2 / pi)),)),), constant=1.0)
    return _times_half(bell)


def _times_half(bell: Made) -> tuple[Made, ...]:
    return (
        Made(Mul, (Made(Mul, ("x", bell)),), constant=0.5),
        Made(Mul, (Made(Mul, ("x",), constant=0.5), bell)),
        Made(Mul, ("x", Made(Mul, (bell,), constant=0.5))),
    )


RAMP = Made(Clip, (Made(Add, ("x",), constant=3.0),), where=_is_relu6)
"""relu6(x + 3)"""
HARD_SIGMOIDS = (Made(Div, (RAMP,), constant=6.0), Made(Mul, (RAMP,), constant=SIXTH))
HARD_SWISHES = (
    Made(Mul, ("x", Made(HardSigmoid, ("x",), where=_is_torch_hard_sigmoid))),
    *(Made(Mul, ("x", form)) for form in HARD_SIGMOIDS),
    Made(Div, (Made(Mul, ("x", RAMP)),), constant=6.0),
    Made(Mul, (Made(Mul, ("x", RAMP)),), constant=SIXTH),
)

BELL = Made(Add, (Made(Erf, (Made(Div, ("x",), constant=sqrt(2)),)),), constant=1.0)
"""1 + erf(x / sqrt(2)), twice the normal distribution function."""
OTHER_BELL = Made(Add, (Made(Erf, (Made(Mul, ("x",), constant=sqrt(0.5)),)),), constant=1.0)
GELUS = (*_times_half(BELL), *_times_half(OTHER_BELL))

CUBES = (Made(Pow, ("x",), constant=3.0), Made(Mul, ("x", Made(Mul, ("x", "x")))))
TANH_GELUS = tuple(form for cube in CUBES for form in _tanh_gelus(cube))

COMPOUNDS: tuple[Compound, ...] = (
    *((form, lambda _: HardSwish()) for form in HARD_SWISHES),
    *((form, lambda _: Gelu()) for form in GELUS),
    *((form, lambda _: Gelu("tanh")) for form in TANH_GELUS),
    (Made(Mul, ("x", Made(Sigmoid, ("x",)))), lambda _: Silu()),
    (Made(Mul, ("x", Made(Tanh, (Made(Softplus, ("x",)),)))), lambda _: Mish()),
    # torch's softplus is the identity above 20, where the two differ by less than a float32 can show.
    (Made(Where, (Made(Compare, ("x",), constant=20.0, where=_is_greater), "x", Made(Softplus, ("x",)))), lambda _: Softplus()),
    *((form, lambda _: HardSigmoid()) for form in HARD_SIGMOIDS),
)


def fuse_compound_activation(graph: Graph) -> Graph:
    """Hard swish, GELU, SiLU, Mish, softplus and hard sigmoid written out become the activation they are.

    Runs until nothing is found: a hard swish may have a hard sigmoid inside.
    """
    while (simpler := fuse(graph, COMPOUNDS)) is not graph:
        graph = simpler
    return graph
