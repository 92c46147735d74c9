"""What a float network computes, by the meaning of each operator: the plainest evaluation, to hold readers and passes against.

Values have no batch, as in the graph; torch does the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isinf, prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import Tensor

from hwcost import ops
from hwcost.graph import Graph, Step
from hwcost.ops.shape import FOLLOWS
from hwcost.passes.drop_layout import TO_CHANNELS_FIRST
from hwcost.tensor import TensorSpec

Stored = dict[str, Tensor]
Evaluate = Callable[..., Any]

EVALUATE: dict[type[ops.Op], Evaluate] = {}


def evaluated(graph: Graph, *inputs: Tensor) -> list[Tensor]:
    """The outputs of a network for inputs without a batch."""
    values = dict(zip(graph.inputs, inputs, strict=True))
    for step in graph.steps:
        made = _step(step, graph, [values[name] for name in step.node.inputs])
        values.update(zip(step.node.outputs, made, strict=True))
    return [values[name] for name in graph.outputs]


def channels_first(values: Tensor, spec: TensorSpec) -> Tensor:
    """A tensor in the order of axes that a network takes or gives it in, which may be channels first instead of last."""
    return values if tuple(values.shape) == spec.shape else values.permute(TO_CHANNELS_FIRST[values.dim()])


def assert_computes(graph: Graph, inputs: tuple[Tensor, ...], expected: list[Tensor]) -> None:
    """The network makes the values expected, all without a batch, but for float32 rounding and the order of axes."""
    given = [channels_first(x, spec) for x, spec in zip(inputs, graph.inputs.values(), strict=True)]
    for made, wanted in zip(evaluated(graph, *given), expected, strict=True):
        torch.testing.assert_close(made, channels_first(wanted, TensorSpec(tuple(made.shape))), rtol=1e-4, atol=1e-5, check_dtype=False)


def _step(step: Step, graph: Graph, given: list[Tensor]) -> list[Tensor]:
    stored = {role: torch.from_numpy(np.array(graph.parameters[name].array())) for role, name in step.node.parameters}
    op: Any = step.node.op
    made = EVALUATE[type(op)](op, *given, **stored)
    outputs = list(made) if isinstance(made, tuple) else [made]
    if (bounds := op.attributes().get("activation")) is not None:
        outputs = [EVALUATE[type(bounds)](bounds, output) for output in outputs]
    shapes = [tuple(output.shape) for output in outputs]
    assert shapes == [spec.shape for spec in step.outputs], f"{step.node.name}: {op} makes {shapes}, inferred {step.outputs}"
    return outputs


def evaluates(*kinds: type[ops.Op]) -> Callable[[Evaluate], Evaluate]:
    def register(function: Evaluate) -> Evaluate:
        EVALUATE.update(dict.fromkeys(kinds, function))
        return function

    return register


def flat_pads(pairs) -> list[int]:
    """(before, after) of each axis, as torch lists them: from the last axis."""
    return [n for pair in reversed(pairs) for n in pair]


@evaluates(ops.Conv1d, ops.Conv2d, ops.DepthwiseConv1d, ops.DepthwiseConv2d)
def convolved(op, x, weight, bias=None):
    convolve = F.conv1d if len(op.kernel) == 1 else F.conv2d
    groups = getattr(op, "groups", x.shape[0])
    return convolve(F.pad(x, flat_pads(op.padding))[None], weight, bias, op.stride, 0, op.dilation, groups)[0]


@evaluates(ops.ConvTranspose1d, ops.ConvTranspose2d)
def spread(op, x, weight, bias=None):
    convolve = F.conv_transpose1d if len(op.kernel) == 1 else F.conv_transpose2d
    whole = convolve(x[None], weight, bias, op.stride, 0, op.output_padding, op.groups, op.dilation)[0]
    return F.pad(whole, flat_pads([(-before, -after) for before, after in op.padding]))


@evaluates(ops.Dense)
def dense(_, x, weight, bias=None):
    return F.linear(x, weight, bias)


@evaluates(ops.MatMul)
def multiplied(_, a, b):
    return a @ b


@evaluates(ops.MaxPool1d, ops.MaxPool2d)
def max_pooled(op, x):
    pool = F.max_pool1d if len(op.kernel) == 1 else F.max_pool2d
    return pool(F.pad(x, flat_pads(op.padding), value=-torch.inf)[None], op.kernel, op.stride, 0, op.dilation)[0]


@evaluates(ops.AveragePool1d, ops.AveragePool2d)
def averaged(op, x):
    pool = F.avg_pool1d if len(op.kernel) == 1 else F.avg_pool2d
    pads = flat_pads(op.padding)
    counted = F.pad(torch.ones_like(x), pads, value=1.0 if op.count_include_pad else 0.0)
    return (pool(F.pad(x, pads)[None], op.kernel, op.stride) / pool(counted[None], op.kernel, op.stride))[0]


@evaluates(ops.GlobalAveragePool)
def global_average(_, x):
    return x.mean(tuple(range(1, x.dim())), keepdim=True)


@evaluates(ops.GlobalMaxPool)
def global_max(_, x):
    return x.amax(tuple(range(1, x.dim())), keepdim=True)


@evaluates(ops.AdaptiveAveragePool)
def adaptive_average(op, x):
    pool = F.adaptive_avg_pool1d if len(op.output) == 1 else F.adaptive_avg_pool2d
    return pool(x[None], op.output)[0]


BINARY: dict[type[ops.Op], Callable[[Tensor, Tensor], Tensor]] = {
    ops.Add: torch.add,
    ops.Sub: torch.sub,
    ops.Mul: torch.mul,
    ops.Div: torch.div,
    ops.Minimum: torch.minimum,
    ops.Maximum: torch.maximum,
    ops.Pow: torch.pow,
}

RELATIONS = {
    "equal": torch.eq,
    "less": torch.lt,
    "less_or_equal": torch.le,
    "greater": torch.gt,
    "greater_or_equal": torch.ge,
    "and": torch.logical_and,
    "or": torch.logical_or,
    "xor": torch.logical_xor,
}


@evaluates(*BINARY, ops.Compare, ops.Logical)
def binary(op, x, *others, operand=None):
    left, right = (x, others[0]) if operand is None else (operand, x) if op.constant_first else (x, operand)
    return (BINARY[type(op)] if type(op) in BINARY else RELATIONS[op.relation])(left, right)


@evaluates(ops.Where)
def chosen(_, condition, a, b):
    return torch.where(condition, a, b)


MAPS: dict[type[ops.Op], Evaluate] = {
    ops.Abs: lambda _, x: x.abs(),
    ops.Ceil: lambda _, x: x.ceil(),
    ops.Clip: lambda op, x: x.clamp(None if isinf(op.minimum) else op.minimum, None if isinf(op.maximum) else op.maximum),
    ops.Cos: lambda _, x: x.cos(),
    ops.Elu: lambda op, x: F.elu(x, op.alpha),
    ops.Erf: lambda _, x: x.erf(),
    ops.Exp: lambda _, x: x.exp(),
    ops.Floor: lambda _, x: x.floor(),
    ops.Gelu: lambda op, x: F.gelu(x, approximate=op.approximate),
    ops.HardSigmoid: lambda op, x: (op.alpha * x + op.beta).clamp(0, 1),
    ops.HardSwish: lambda _, x: x * (x / 6 + 0.5).clamp(0, 1),
    ops.Identity: lambda _, x: x,
    ops.LeakyRelu: lambda op, x: torch.where(x > 0, x, op.slope * x),
    ops.Log: lambda _, x: x.log(),
    ops.LogSoftmax: lambda op, x: x.log_softmax(op.axis),
    ops.Mish: lambda _, x: x * F.softplus(x).tanh(),
    ops.Neg: lambda _, x: -x,
    ops.Not: lambda _, x: ~x,
    ops.Reciprocal: lambda _, x: 1 / x,
    ops.Relu: lambda _, x: x.clamp(min=0),
    ops.Round: lambda _, x: x.round(),
    ops.Selu: lambda _, x: F.selu(x),
    ops.Sigmoid: lambda _, x: x.sigmoid(),
    ops.Sign: lambda _, x: x.sign(),
    ops.Silu: lambda _, x: x * x.sigmoid(),
    ops.Sin: lambda _, x: x.sin(),
    ops.Softmax: lambda op, x: x.softmax(op.axis),
    ops.Softplus: lambda _, x: F.softplus(x),
    ops.Softsign: lambda _, x: x / (1 + x.abs()),
    ops.Sqrt: lambda _, x: x.sqrt(),
    ops.Tanh: lambda _, x: x.tanh(),
}
EVALUATE.update(MAPS)


@evaluates(ops.PRelu)
def prelu(_, x, slope):
    return torch.where(x > 0, x, x * slope.reshape(-1, *(1 for _ in x.shape[1:])))


def by_channel(x, values):
    return values.reshape(-1, *(1 for _ in x.shape[1:]))


@evaluates(ops.BatchNorm)
def batch_norm(op, x, scale, bias, mean, variance):
    scale, bias, mean, variance = (by_channel(x, values) for values in (scale, bias, mean, variance))
    return (x - mean) / (variance + op.epsilon).sqrt() * scale + bias


def standard(x, axes, epsilon):
    return (x - x.mean(axes, keepdim=True)) / (x.var(axes, correction=0, keepdim=True) + epsilon).sqrt()


@evaluates(ops.LayerNorm)
def layer_norm(op, x, scale=1.0, bias=0.0):
    return standard(x, tuple(range(-op.axes, 0)), op.epsilon) * scale + bias


@evaluates(ops.RMSNorm)
def rms_norm(op, x, scale=1.0):
    return x / ((x * x).mean(tuple(range(-op.axes, 0)), keepdim=True) + op.epsilon).sqrt() * scale


@evaluates(ops.GroupNorm, ops.InstanceNorm)
def group_norm(op, x, scale, bias):
    groups = getattr(op, "groups", x.shape[0])
    even = standard(x.reshape(groups, -1), (1,), op.epsilon).reshape(x.shape)
    return even * by_channel(x, scale) + by_channel(x, bias)


@evaluates(ops.LpNormalize)
def lp_normalize(op, x):
    return x / x.norm(op.p, op.axis, keepdim=True)


@evaluates(ops.Concat)
def joined(op, *parts):
    return torch.cat(parts, op.axis)


@evaluates(ops.Split)
def split(op, x):
    return tuple(torch.split(x, list(op.sizes), op.axis))


@evaluates(ops.Slice)
def sliced(op, x):
    return x.index_select(op.axis, torch.arange(op.start, op.stop, op.step))


@evaluates(ops.Pad)
def padded(op, x):
    if op.mode == "constant":
        return F.pad(x, flat_pads(op.pads), value=op.value)
    return torch.from_numpy(np.pad(x.numpy(), op.pads, mode=op.mode))


@evaluates(ops.Expand)
def expanded(op, x):
    return x.repeat(op.repeats)


@evaluates(ops.Constant)
def constant(_, value):
    return value


@evaluates(ops.Reshape)
def reshaped(op, x):
    shape, at = [], 0
    for block in op.blocks:
        taken = prod(x.shape[at : at + block.takes])
        known = prod(n for n in block.makes if n != FOLLOWS)
        shape.extend(taken // known if n == FOLLOWS else n for n in block.makes)
        at += block.takes
    return x.reshape(shape)


@evaluates(ops.Transpose)
def transposed(op, x):
    return x.permute(op.order)


REDUCTIONS: dict[type[ops.Op], Callable[[Tensor, tuple[int, ...], bool], Tensor]] = {
    ops.ReduceMean: lambda x, axes, keep: x.mean(axes, keepdim=keep),
    ops.ReduceSum: lambda x, axes, keep: x.sum(axes, keepdim=keep),
    ops.ReduceMax: lambda x, axes, keep: x.amax(axes, keepdim=keep),
    ops.ReduceMin: lambda x, axes, keep: x.amin(axes, keepdim=keep),
    ops.ReduceL2: lambda x, axes, keep: (x * x).sum(axes, keepdim=keep).sqrt(),
    ops.ReduceProd: lambda x, axes, keep: x.prod(axes[0], keepdim=keep),
}


@evaluates(*REDUCTIONS)
def reduced(op, x):
    return REDUCTIONS[type(op)](x, op.axes, op.keepdims)


@evaluates(ops.ArgMax, ops.ArgMin)
def extreme(op, x):
    find = torch.argmax if isinstance(op, ops.ArgMax) else torch.argmin
    return find(x, op.axis, keepdim=op.keepdims)


@evaluates(ops.Gather)
def gathered(op, x, *indices):
    wanted = indices[0] if op.indices is None else torch.tensor(op.indices)
    return x.index_select(op.axis, wanted.reshape(-1)).reshape(*x.shape[: op.axis], *wanted.shape, *x.shape[op.axis + 1 :])


@evaluates(ops.Embedding)
def embedded(_, x, weight):
    return F.embedding(x, weight)


@evaluates(ops.Resize)
def resized(op, x):
    size = [n * up // down for n, (up, down) in zip(x.shape[1:], op.scale, strict=True)]
    if op.mode == "nearest":
        assert (op.coordinates, op.rounding) == ("asymmetric", "floor")
        return F.interpolate(x[None], size)[0]
    names = {("linear", 1): "linear", ("linear", 2): "bilinear", ("cubic", 2): "bicubic"}
    assert op.coordinates in {"half_pixel", "align_corners"}
    return F.interpolate(x[None], size, mode=names[op.mode, len(size)], align_corners=op.coordinates == "align_corners")[0]


@evaluates(ops.DepthToSpace)
def unfolded(op, x):
    channels, height, width = x.shape
    n = op.block
    order = (0, 3, 1, 4, 2) if op.mode == "CRD" else (2, 3, 0, 4, 1)
    split = (channels // n**2, n, n, height, width) if op.mode == "CRD" else (n, n, channels // n**2, height, width)
    return x.reshape(split).permute(order).reshape(channels // n**2, height * n, width * n)


@evaluates(ops.SpaceToDepth)
def folded(op, x):
    channels, height, width = x.shape
    n = op.block
    order = (0, 2, 4, 1, 3) if op.mode == "CRD" else (2, 4, 0, 1, 3)
    return x.reshape(channels, height // n, n, width // n, n).permute(order).reshape(channels * n**2, height // n, width // n)


@evaluates(ops.Cast)
def cast(op, x):
    types = {"float32": torch.float32, "float16": torch.float16, "int64": torch.int64, "int32": torch.int32, "bool8": torch.bool}
    return x.to(types[f"{op.stored}{op.bits}"])


@evaluates(ops.LSTM, ops.GRU, ops.RNN)
def recurrent(op, x, *initial, weight_ih, weight_hh, bias=None):
    """Each direction step by step, gates in ONNX's order."""
    ways = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[op.direction]
    rows = weight_ih.new_zeros(len(ways), 2 * weight_ih.shape[1]) if bias is None else bias
    states = initial or [weight_ih.new_zeros(len(ways), op.hidden)] * op.states
    read = [_one_way(op, x, *way) for way in zip(ways, weight_ih, weight_hh, rows, *states, strict=True)]
    states = zip(*(ends for _, ends in read), strict=True)
    return (torch.stack([sequence for sequence, _ in read], 1), *(torch.stack(ends) for ends in states))


def _one_way(op, x, backwards, weight_ih, weight_hh, bias, *state):
    hidden = op.hidden
    rows = bias.reshape(2, -1)
    made = []

    def kept(h):
        return (weight_hh @ h + rows[1]).reshape(-1, hidden)

    for t in reversed(range(len(x))) if backwards else range(len(x)):
        given = weight_ih @ x[t] + rows[0]
        state = STEPS[type(op)](op, given.reshape(-1, hidden), kept, state)
        made.append(state[0])
    return torch.stack(made[::-1] if backwards else made), state


def _lstm_step(_, given, kept, state):
    i, o, f, c = given + kept(state[0])
    cell = f.sigmoid() * state[1] + i.sigmoid() * c.tanh()
    return [o.sigmoid() * cell.tanh(), cell]


def _gru_step(op, given, kept, state):
    z, r = (given[:2] + kept(state[0])[:2]).sigmoid()
    new = (given[2] + (r * kept(state[0])[2] if op.linear_before_reset else kept(r * state[0])[2])).tanh()
    return [(1 - z) * new + z * state[0]]


def _rnn_step(op, given, kept, state):
    total = (given + kept(state[0]))[0]
    return [total.tanh() if op.nonlinearity == "tanh" else total.relu()]


STEPS = {ops.LSTM: _lstm_step, ops.GRU: _gru_step, ops.RNN: _rnn_step}
