"""A graph, run on numbers: the shortest reading of every operator, for holding readers and passes against other runtimes.

Everything is computed in real numbers; where a value is stored as integers, it is rounded to a multiple of its scale.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it

from hwcost.graph import Graph, Step
from hwcost.ops.base import Op
from hwcost.passes.real_numbers import numbers


def run(graph: Graph, *inputs: np.ndarray) -> list[np.ndarray]:
    """The outputs of a network for real inputs in the shapes of the graph, without a batch."""
    values = {name: _stored(graph, name, torch.as_tensor(np.asarray(x))) for name, x in zip(graph.inputs, inputs, strict=True)}
    for step in graph.steps:
        given = [values[name] for name in step.node.inputs]
        constants = {role: _constant(graph, step, role, parameter) for role, parameter in step.parameters}
        made = _made(step.node.op, given, constants)
        for name, value, spec in zip(step.node.outputs, made, step.outputs, strict=True):
            assert tuple(value.shape) == tuple(spec.shape), (step.node, value.shape, spec.shape)
            values[name] = _stored(graph, name, value)
    return [values[name].numpy() for name in graph.outputs]


def _stored(graph: Graph, name: str, value: torch.Tensor) -> torch.Tensor:
    spec = graph.values[name]
    value = value.double() if value.is_floating_point() else value
    if spec.quantisation is None or not spec.quantisation.scale:
        return value
    low, high = (0, 2**spec.bits - 1) if spec.kind == "uint" else (-(2 ** (spec.bits - 1)), 2 ** (spec.bits - 1) - 1)
    scale, zero = (torch.tensor(n, dtype=torch.float64) for n in (spec.quantisation.scale[0], spec.quantisation.zero_point[0]))
    return (torch.clamp(torch.round(value / scale) + zero, low, high) - zero) * scale


def _constant(graph: Graph, step: Step, role: str, parameter) -> torch.Tensor:
    values = numbers(parameter)
    if role == "bias" and parameter.kind == "int" and parameter.quantisation is None:
        weight = dict(step.parameters)["weight"]
        values = values * np.asarray(weight.quantisation.scale) * step.inputs[0].quantisation.scale[0]
    return torch.as_tensor(np.array(values))


def _made(op: Op, x: list[torch.Tensor], p: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    made = OPERATORS[op.kind](op, x, p)
    made = list(made) if isinstance(made, tuple | list) else [made]
    activation = op.attributes().get("activation")
    return [_made(activation, [made[0]], {})[0], *made[1:]] if activation is not None else made


def _conv(op, x, p):
    padded = F.pad(x[0][None], [n for pair in reversed(op.padding) for n in pair])
    groups = x[0].shape[0] if "depthwise" in op.kind else op.groups
    function = F.conv2d if len(op.kernel) == 2 else F.conv1d
    return function(padded, p["weight"], p.get("bias"), stride=op.stride, dilation=op.dilation, groups=groups)[0]


def _conv_transpose(op, x, p):
    function = F.conv_transpose2d if len(op.kernel) == 2 else F.conv_transpose1d
    made = function(x[0][None], p["weight"], p.get("bias"), stride=op.stride, dilation=op.dilation, groups=op.groups)
    cut = [
        n
        for (before, after), extra in zip(reversed(op.padding), reversed(op.output_padding), strict=True)
        for n in (-before, extra - after)
    ]
    made = F.pad(made, cut)
    return made[0]


def _max_pool(op, x, p):
    padded = F.pad(x[0][None], [n for pair in reversed(op.padding) for n in pair], value=float("-inf"))
    function = F.max_pool2d if len(op.kernel) == 2 else F.max_pool1d
    return function(padded, op.kernel, op.stride, dilation=op.dilation)[0]


def _average_pool(op, x, p):
    function = F.avg_pool2d if len(op.kernel) == 2 else F.avg_pool1d
    sides = [n for pair in reversed(op.padding) for n in pair]
    total = function(F.pad(x[0][None], sides), op.kernel, op.stride)
    share = function(F.pad(torch.ones_like(x[0][None]), sides, value=float(op.count_include_pad)), op.kernel, op.stride)
    return (total / share)[0]


def _binary(function: Callable) -> Callable:
    def apply(op, x, p):
        a, b = (x[0], p["operand"]) if op.constant is not None else x
        return function(b, a) if op.constant is not None and op.constant_first else function(a, b)

    return apply


def _norm(over: Callable) -> Callable:
    def apply(op, x, p):
        axes = over(op, x[0])
        centre = x[0].mean(axes, keepdim=True)
        made = (x[0] - centre) / torch.sqrt(((x[0] - centre) ** 2).mean(axes, keepdim=True) + op.epsilon)
        return _affine(op, made, p)

    return apply


def _affine(op, made, p):
    shape = (-1, *(1 for _ in made.shape[1:])) if op.kind in {"instance_norm", "group_norm", "batch_norm"} else ()
    for role, apply in (("scale", torch.mul), ("bias", torch.add)):
        if role in p:
            made = apply(made, p[role].reshape(shape) if shape else p[role])
    return made


def _batch_norm(op, x, p):
    shape = (-1, *(1 for _ in x[0].shape[1:]))
    return _affine(op, (x[0] - p["mean"].reshape(shape)) / torch.sqrt(p["variance"].reshape(shape) + op.epsilon), p)


def _group_norm(op, x, p):
    grouped = x[0].reshape(op.groups, -1)
    centre, spread = grouped.mean(1, keepdim=True), grouped.var(1, keepdim=True, unbiased=False)
    return _affine(op, ((grouped - centre) / torch.sqrt(spread + op.epsilon)).reshape(x[0].shape), p)


def _reduce(function: Callable) -> Callable:
    return lambda op, x, p: function(x[0], op.axes, op.keepdims)


def _slice(op, x, p):
    return x[0].index_select(op.axis, torch.arange(op.start, op.stop, op.step))


def _gather(op, x, p):
    indices = x[1].long() if op.indices is None else torch.tensor(op.indices)
    picked = x[0].index_select(op.axis, indices.reshape(-1))
    return picked.reshape(*x[0].shape[: op.axis], *indices.shape, *x[0].shape[op.axis + 1 :])


def _pad(op, x, p):
    mode = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}[op.mode]
    more = {"constant_values": op.value} if mode == "constant" else {}
    return torch.as_tensor(np.pad(x[0].numpy(), op.pads, mode, **more))


def _resize(op, x, p):
    size = [n * up // down for n, (up, down) in zip(x[0].shape[1:], op.scale, strict=True)]
    if op.mode == "nearest":
        assert (op.coordinates, op.rounding) == ("asymmetric", "floor")
        return F.interpolate(x[0][None], size=size, mode="nearest")[0]
    mode = "bilinear" if len(size) == 2 else "linear"
    return F.interpolate(x[0][None], size=size, mode=mode, align_corners=op.coordinates == "align_corners")[0]


def _depth_to_space(op, x, p):
    if op.mode == "CRD":
        return F.pixel_shuffle(x[0], op.block)
    c, h, w = x[0].shape
    blocks = x[0].reshape(op.block, op.block, c // op.block**2, h, w)
    return blocks.permute(2, 3, 0, 4, 1).reshape(c // op.block**2, h * op.block, w * op.block)


def _space_to_depth(op, x, p):
    c, h, w = x[0].shape
    blocks = x[0].reshape(c, h // op.block, op.block, w // op.block, op.block)
    order = (2, 4, 0, 1, 3) if op.mode == "DCR" else (0, 2, 4, 1, 3)
    return blocks.permute(order).reshape(c * op.block**2, h // op.block, w // op.block)


def _lstm(op, x, p):
    return _recurrent(op, x, p, {"lstm": _lstm_step, "gru": _gru_step, "rnn": _rnn_step}[op.kind])


def _lstm_step(op, gates, h, c, w, b):
    i, o, f, g = (gates + w @ h + b).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _gru_step(op, gates, h, c, w, b):
    (xz, xr, xh), (wz, wr, wh), (bz, br, bh) = gates.chunk(3), w.chunk(3), b.chunk(3)
    z, r = torch.sigmoid(xz + wz @ h + bz), torch.sigmoid(xr + wr @ h + br)
    inner = r * (wh @ h + bh) if op.linear_before_reset else wh @ (r * h) + bh
    return (1 - z) * torch.tanh(xh + inner) + z * h, c


def _rnn_step(op, gates, h, c, w, b):
    return getattr(torch, op.nonlinearity)(gates + w @ h + b), c


def _recurrent(op, x, p, step):
    steps, made, lasts = x[0].shape[0], [], []
    for d in range(op.directions):
        h, c = (x[1 + i][d] if len(x) > 1 + i else torch.zeros(op.hidden, dtype=torch.float64) for i in (0, 1))
        both = p["bias"][d] if "bias" in p else torch.zeros(2 * p["weight_ih"].shape[1], dtype=torch.float64)
        bx, bh = both.chunk(2)
        out = torch.zeros(steps, op.hidden, dtype=torch.float64)
        order = range(steps)[::-1] if op.direction == "reverse" or d == 1 else range(steps)
        for t in order:
            h, c = step(op, p["weight_ih"][d] @ x[0][t] + bx, h, c, p["weight_hh"][d], bh)
            out[t] = h
        made.append(out)
        lasts.append((h, c))
    states = [torch.stack([last[i] for last in lasts]) for i in range(op.states)]
    return [torch.stack(made, 1), *states]


def _unary(function: Callable) -> Callable:
    return lambda op, x, p: function(x[0])


OPERATORS: dict[str, Callable] = {
    **dict.fromkeys(("conv1d", "conv2d", "depthwise_conv1d", "depthwise_conv2d"), _conv),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d"), _conv_transpose),
    **dict.fromkeys(("max_pool1d", "max_pool2d"), _max_pool),
    **dict.fromkeys(("average_pool1d", "average_pool2d"), _average_pool),
    **dict.fromkeys(("lstm", "gru", "rnn"), _lstm),
    **dict.fromkeys(("identity", "quantize", "dequantize"), _unary(lambda x: x)),
    "dense": lambda op, x, p: F.linear(x[0], p["weight"], p.get("bias")),
    "matmul": lambda op, x, p: x[0] @ x[1],
    "global_average_pool": lambda op, x, p: x[0].mean(tuple(range(1, x[0].dim())), keepdim=True),
    "global_max_pool": lambda op, x, p: x[0].amax(tuple(range(1, x[0].dim())), keepdim=True),
    "add": _binary(torch.add),
    "sub": _binary(torch.sub),
    "mul": _binary(torch.mul),
    "div": _binary(torch.div),
    "pow": _binary(torch.pow),
    "minimum": _binary(torch.minimum),
    "maximum": _binary(torch.maximum),
    "compare": lambda op, x, p: _binary(
        getattr(torch, {"less_or_equal": "le", "greater_or_equal": "ge", "equal": "eq"}.get(op.relation, op.relation))
    )(op, x, p),
    "where": lambda op, x, p: torch.where(x[0].bool(), x[1], x[2]),
    "relu": _unary(F.relu),
    "clip": lambda op, x, p: x[0].clamp(op.minimum, op.maximum),
    "leaky_relu": lambda op, x, p: F.leaky_relu(x[0], op.slope),
    "prelu": lambda op, x, p: torch.where(x[0] > 0, x[0], x[0] * p["slope"].reshape(-1, *(1 for _ in x[0].shape[1:]))),
    "sigmoid": _unary(torch.sigmoid),
    "tanh": _unary(torch.tanh),
    "hard_sigmoid": lambda op, x, p: (op.alpha * x[0] + op.beta).clamp(0, 1),
    "hard_swish": _unary(F.hardswish),
    "silu": _unary(F.silu),
    "gelu": lambda op, x, p: F.gelu(x[0], approximate=op.approximate),
    "elu": lambda op, x, p: F.elu(x[0], op.alpha),
    "selu": _unary(F.selu),
    "softplus": _unary(F.softplus),
    "softsign": _unary(F.softsign),
    "mish": _unary(F.mish),
    "erf": _unary(torch.erf),
    "exp": _unary(torch.exp),
    "log": _unary(torch.log),
    "sqrt": _unary(torch.sqrt),
    "reciprocal": _unary(torch.reciprocal),
    "neg": _unary(torch.neg),
    "abs": _unary(torch.abs),
    "sign": _unary(torch.sign),
    "sin": _unary(torch.sin),
    "cos": _unary(torch.cos),
    "floor": _unary(torch.floor),
    "ceil": _unary(torch.ceil),
    "round": _unary(torch.round),
    "not": _unary(torch.logical_not),
    "softmax": lambda op, x, p: x[0].softmax(op.axis),
    "log_softmax": lambda op, x, p: x[0].log_softmax(op.axis),
    "batch_norm": _batch_norm,
    "layer_norm": _norm(lambda op, x: tuple(range(-op.axes, 0))),
    "instance_norm": _norm(lambda op, x: tuple(range(1, x.dim()))),
    "group_norm": _group_norm,
    "rms_norm": lambda op, x, p: _affine(op, x[0] / torch.sqrt((x[0] ** 2).mean(tuple(range(-op.axes, 0)), keepdim=True) + op.epsilon), p),
    "lp_normalize": lambda op, x, p: x[0] / x[0].norm(op.p, op.axis, keepdim=True),
    "concat": lambda op, x, p: torch.cat(x, op.axis),
    "split": lambda op, x, p: list(x[0].split(op.sizes, op.axis)),
    "slice": _slice,
    "pad": _pad,
    "expand": lambda op, x, p: x[0].repeat(op.repeats),
    "constant": lambda op, x, p: p["value"],
    "reshape": lambda op, x, p: x[0].reshape(op.infer(_spec(x[0])).shape),
    "transpose": lambda op, x, p: x[0].permute(op.order),
    "reduce_mean": _reduce(torch.mean),
    "reduce_sum": _reduce(torch.sum),
    "reduce_max": _reduce(torch.amax),
    "reduce_min": _reduce(torch.amin),
    "reduce_prod": lambda op, x, p: x[0].prod(op.axes[0], op.keepdims),
    "reduce_l2": _reduce(lambda x, axes, keep: (x**2).sum(axes, keep).sqrt()),
    "arg_max": lambda op, x, p: x[0].argmax(op.axis, op.keepdims),
    "arg_min": lambda op, x, p: x[0].argmin(op.axis, op.keepdims),
    "gather": _gather,
    "embedding": lambda op, x, p: p["weight"][x[0].long()],
    "resize": _resize,
    "depth_to_space": _depth_to_space,
    "space_to_depth": _space_to_depth,
    "cast": lambda op, x, p: x[0].double() if op.stored == "float" else x[0].long() if op.stored == "int" else x[0].bool(),
}


def _spec(x: torch.Tensor):
    from hwcost.tensor import TensorSpec

    return TensorSpec(tuple(x.shape))
