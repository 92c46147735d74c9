"""Normalisations written out as arithmetic, by users or by exporters of an opset that lacks them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from hwcost.graph import Graph, Node, Parameter
from hwcost.ops.activation import Reciprocal, Sqrt
from hwcost.ops.base import Op
from hwcost.ops.binary import Add, Div, Mul, Pow, Sub
from hwcost.ops.norm import GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from hwcost.ops.pool import GlobalAveragePool
from hwcost.ops.reduce import ReduceMean
from hwcost.ops.shape import Reshape
from hwcost.passes.matching import Made, Match, Matching
from hwcost.passes.rewriting import rewritten

Fused = tuple[Op, dict[str, Parameter]]
"""The norm, and its parameters by role."""


def _is_plain(op: Any) -> bool:
    return op.constant is not None and op.activation is None and not op.constant_first


NORM = Made(InstanceNorm, (Made(Reshape, ("x",), keep="in"),), keep="norm")
GROUPED = Made(Reshape, (NORM,), keep="out")
"""An instance norm of groups laid out as channels, which ONNX had instead of a group norm before opset 18."""
MEANS: tuple[type[Op], ...] = (ReduceMean, GlobalAveragePool)


def _scaled(tree: Made) -> Made:
    return Made(Mul, (tree,), where=_is_plain, keep="factor")


def _shifted(tree: Made) -> Made:
    return Made(Add, (tree,), where=_is_plain, keep="shift")


def _over_root(top: Made | str, square: Made, mean: type[Op]) -> tuple[Made, ...]:
    """`top` divided by the root of the mean square, in the ways people write it."""
    root = Made(Sqrt, (Made(Add, (Made(mean, (square,), keep="mean"),), where=_is_plain, keep="epsilon"),))
    return Made(Mul, (top, Made(Reciprocal, (root,)))), Made(Div, (top, root))


def _squares(of: Made | str) -> tuple[Made, ...]:
    return Made(Pow, (of,), constant=2.0), Made(Mul, (of, of))


def _centred(mean: type[Op]) -> Made:
    return Made(Sub, ("x", Made(mean, ("x",), keep="centre")))


RMS = tuple(form for mean in MEANS for square in _squares("x") for form in _over_root("x", square, mean))
LAYER = tuple(form for mean in MEANS for square in _squares(_centred(mean)) for form in _over_root(_centred(mean), square, mean))


def fuse_norm(graph: Graph) -> Graph:
    """Group, layer and RMS norms written out become the norm they are, with the scale and bias that follow them."""
    matching = Matching(graph)
    made: dict[str, Node] = {}
    gone: set[str] = set()
    parameters: dict[str, Parameter] = {}
    # From the end: a norm with its scale and bias is found before the norm alone.
    for node in reversed(graph.nodes):
        found = _found(matching, node) if type(node.op) in ENDS and node.name not in gone else None
        if found is not None:
            match, (op, stored) = found
            named = {role: replace(parameter, name=f"{node.name}.{role}") for role, parameter in stored.items()}
            roles = tuple((role, parameter.name) for role, parameter in named.items())
            made[node.name] = Node(node.name, op, (match.values["x"],), node.outputs, roles)
            parameters |= {parameter.name: parameter for parameter in named.values()}
            gone.update(each.name for each in match.nodes[1:])
    if not made:
        return graph
    return rewritten(graph, [made.get(node.name, node) for node in graph.nodes if node.name not in gone], parameters=parameters)


def _found(matching: Matching, node: Node) -> tuple[Match, Fused] | None:
    for tree, fused in TREES:
        match = matching.match(node, tree)
        result = fused(matching, match) if match is not None else None
        if match is not None and result is not None:
            return match, result
    return None


def _group_norm(matching: Matching, match: Match) -> Fused | None:
    values, kept = matching.graph.values, match.kept
    x, grouped, out = (values[name].shape for name in (match.values["x"], kept["in"].output, kept["out"].output))
    if out != x or len(grouped) != 2 or x[0] % grouped[0]:
        return None
    spread = (True, *(False for _ in x[1:]))
    if any(kept[role].op.attributes()["constant"] != spread for role in ("factor", "shift") if role in kept):
        return None
    factor, shift = (_stored(matching.graph, kept.get(role)) for role in ("factor", "shift"))
    inner = dict(kept["norm"].parameters)
    scale, bias = (matching.graph.parameters[inner[role]] for role in ("scale", "bias"))
    norm: Any = kept["norm"].op
    return GroupNorm(grouped[0], norm.epsilon), _affine(x[0], scale, bias, factor, shift)


def _stored(graph: Graph, node: Node | None) -> Parameter | None:
    return None if node is None else graph.parameters[dict(node.parameters)["operand"]]


def _affine(channels: int, scale: Parameter, bias: Parameter, factor: Parameter | None, shift: Parameter | None) -> dict[str, Parameter]:
    """Per group first, then per channel: one scale and one bias per channel."""

    def each(parameter: Parameter) -> np.ndarray[Any, Any]:
        values = parameter.array().reshape(-1)
        return np.repeat(values, channels // values.size)

    def scales() -> np.ndarray[Any, Any]:
        return each(scale) if factor is None else each(scale) * each(factor)

    def biases() -> np.ndarray[Any, Any]:
        before = each(bias) if factor is None else each(bias) * each(factor)
        return before if shift is None else before + each(shift)

    return {"scale": replace(scale, shape=(channels,), read=scales), "bias": replace(bias, shape=(channels,), read=biases)}


def _trailing_axes(matching: Matching, node: Node) -> int | None:
    """How many of the last axes a mean is over; None if it is over others, or does not keep them."""
    shape = matching.graph.values[node.inputs[0]].shape
    if isinstance(node.op, GlobalAveragePool):
        return len(shape) - 1
    axes, keepdims = node.op.attributes()["axes"], node.op.attributes()["keepdims"]
    return len(axes) if keepdims and axes == tuple(range(len(shape) - len(axes), len(shape))) else None


def _trailing_norm(matching: Matching, match: Match) -> Fused | None:
    kept = match.kept
    axes = _trailing_axes(matching, kept["mean"])
    epsilon = matching.number(kept["epsilon"])
    centred = "centre" in kept
    if axes is None or epsilon is None or (centred and _trailing_axes(matching, kept["centre"]) != axes):
        return None
    shape = matching.graph.values[match.values["x"]].shape
    stored = {}
    for role, node in (("scale", "factor"), ("bias", "shift")):
        parameter = _stored(matching.graph, kept.get(node))
        if parameter is not None and parameter.elements != np.prod(shape[-axes:]):
            return None
        if parameter is not None:
            stored[role] = _over(parameter, shape[-axes:])
    written = float(str(np.float32(epsilon)))
    if centred:
        return LayerNorm(axes, written, "scale" in stored, "bias" in stored), stored
    return RMSNorm(axes, written, "scale" in stored), stored


def _over(parameter: Parameter, shape: tuple[int, ...]) -> Parameter:
    return replace(parameter, shape=shape, read=None if parameter.read is None else lambda: parameter.array().reshape(shape))


TREES: tuple[tuple[Made, Callable[[Matching, Match], Fused | None]], ...] = (
    (_shifted(_scaled(GROUPED)), _group_norm),
    (GROUPED, _group_norm),
    *((_shifted(_scaled(form)), _trailing_norm) for form in LAYER),
    *((_scaled(form), _trailing_norm) for form in (*LAYER, *RMS)),
    *((form, _trailing_norm) for form in (*LAYER, *RMS)),
)
"""The larger trees first."""

ENDS = {tree.op for tree, _ in TREES}
"""Operators in which a tree ends."""
