"""Every ATen call that has a reader, in the forms people write: the network read must compute what torch does."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import nn

from hwcost.errors import GraphError
from hwcost.frontends.from_torch import as_written
from hwcost.ops import torch_readers
from hwcost.ops.reading import TORCH_READERS
from hwcost.passes import normalise
from tests.evaluating import assert_computes
from tests.zoo import ZOO
from tests.zoo.specimens import outputs_of

aten = torch.ops.aten


class Function(nn.Module):
    """A function of tensors."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def assigned(x, place, value):
    changed = x.clone()
    changed[place] = value
    return changed


def statistics():
    """Scale, bias, mean and variance of four channels."""
    return torch.arange(16.0).view(4, 4).add(1.0).unbind()


IMAGE, SEQUENCE, VECTOR = (4, 6, 6), (5, 8), (12,)

FORMS = {
    # elementwise
    "rsqrt": (lambda x: torch.rsqrt(x.abs() + 1), VECTOR),
    "square": (lambda x: x.square(), VECTOR),
    "rsub": (lambda x: 3 - x, VECTOR),
    "rsub with alpha": (lambda x: torch.rsub(x, 1.0), VECTOR),
    "add with alpha": (lambda x: torch.add(x, x.exp(), alpha=2), VECTOR),
    "add of a constant with alpha": (lambda x: torch.add(x, torch.arange(12.0), alpha=2), VECTOR),
    "sub of two": (lambda x: torch.sub(x, x.exp()), VECTOR),
    "div by a constant first": (lambda x: torch.arange(12.0) / (x.exp() + 1), VECTOR),
    "true_divide": (lambda x: torch.true_divide(x, 4), VECTOR),
    "pow of a number": (lambda x: torch.pow(2.0, x), VECTOR),
    "pow of two": (lambda x: torch.pow(x.exp(), x), VECTOR),
    "rounding": (lambda x: x.floor() + x.ceil() + x.round() + x.sign(), VECTOR),
    "erf": (lambda x: torch.erf(x) + torch.reciprocal(x + 9), VECTOR),
    "log sigmoid": (F.logsigmoid, VECTOR),
    "logarithms and powers": (lambda x: torch.log1p(x.abs()) + torch.expm1(x) + torch.exp2(x), VECTOR),
    "celu": (F.celu, VECTOR),
    "relu6": (F.relu6, VECTOR),
    "hardtanh": (lambda x: F.hardtanh(x, -0.5, 0.25), VECTOR),
    "clamp by tensors": (lambda x: torch.clamp(x, x.sin(), x.cos() + 2), VECTOR),
    "clamp_max": (lambda x: torch.clamp_max(torch.clamp_min(x, -0.5), 0.5), VECTOR),
    "silu in place": (lambda x: F.silu(x.exp(), inplace=True), VECTOR),
    "hardsigmoid in place": (lambda x: F.hardsigmoid(x.exp(), inplace=True), VECTOR),
    "dropouts": (lambda x: F.dropout2d(F.alpha_dropout(x, training=False), training=False).contiguous().clone().detach(), IMAGE),
    "a cast": (lambda x: x.to(torch.float16).float(), VECTOR),
    "a cast by example": (lambda x: (x > 0).type_as(x), VECTOR),
    "the same type": (lambda x: x.to(torch.float32).to("cpu"), VECTOR),
    # comparison and choice
    "comparisons": (lambda x: (((x > 0) & (x < 1)) | (x == 2)) ^ ((x >= 3).logical_or(x <= -3)), VECTOR),
    "not": (lambda x: torch.logical_not(x > 0) | (x != 2), VECTOR),
    "where of numbers": (lambda x: torch.where(x > 0.5, 1.0, 0.0), VECTOR),
    "where of a number and a tensor": (lambda x: torch.where(x > 0.5, 2.0, x), VECTOR),
    "where of a tensor and a number": (lambda x: torch.where(x > 0.5, x, -1.0), VECTOR),
    "masked fill": (lambda x: x.masked_fill(x < 0, -2.0), VECTOR),
    "masked fill by a constant mask": (lambda x: x.masked_fill(torch.tril(torch.ones(5, 8)) == 0, float(-9)), SEQUENCE),
    # broadcasting
    "by channel": (lambda x: x * torch.arange(4.0).view(4, 1, 1), IMAGE),
    "by row": (lambda x: x + torch.arange(6.0), IMAGE),
    "with its own mean": (lambda x: x - x.mean(-1, keepdim=True), SEQUENCE),
    "with a larger constant": (lambda x: x[:, :1] * torch.arange(8.0).view(1, 8), VECTOR),
    "outer": (lambda x: x.unsqueeze(2) * x.unsqueeze(1), VECTOR),
    "batches at different places": (lambda x: (x.transpose(0, 1) + x).sum(0).unsqueeze(0), SEQUENCE),
    "without a batch": (lambda x: (x[0] * 2 + x[0].mean(0)).unsqueeze(0), SEQUENCE),
    # reductions
    "sum of all": (lambda x: x.sum().reshape(1, 1), VECTOR),
    "mean of all": (lambda x: x.mean().view(1), IMAGE),
    "mean over channels": (lambda x: x.mean(1), IMAGE),
    "max over one axis": (lambda x: x.max(2).values + x.min(2)[0], IMAGE),
    "product": (lambda x: x.prod(1), SEQUENCE),
    "norm": (lambda x: torch.linalg.vector_norm(x, dim=-1) + x.norm(dim=-1), SEQUENCE),
    "variance": (lambda x: torch.var(x, dim=-1, correction=0, keepdim=True), SEQUENCE),
    "deviation": (lambda x: torch.std(x, dim=(1, 2), unbiased=False), SEQUENCE),
    "argmax kept": (lambda x: x.argmax(1, keepdim=True), IMAGE),
    "argmin of all": (lambda x: x.argmin().view(1), SEQUENCE),
    "softmax by channel": (lambda x: torch.softmax(x, 1) + x.log_softmax(-1), IMAGE),
    # axes
    "flatten some": (lambda x: x.flatten(2).unflatten(2, (3, -1)), IMAGE),
    "view as": (lambda x: x.view_as(torch.empty(1, 24, 6)).reshape_as(x), IMAGE),
    "squeezes": (lambda x: x.unsqueeze(-1).unsqueeze(1).squeeze().unsqueeze(0), VECTOR),
    "squeeze some": (lambda x: x.unsqueeze(2).unsqueeze(2).squeeze((2, 3)), VECTOR),
    "to a vector and back": (lambda x: x.view(-1).view(1, 4, 36).mean(2), IMAGE),
    "transposes": (lambda x: x.transpose(1, 3).swapaxes(1, 2).swapdims(2, 3), IMAGE),
    "matrix transposes": (lambda x: x[0].t().unsqueeze(0) + x[0].T.exp().unsqueeze(0) + x.exp().mT, SEQUENCE),
    "movedim": (lambda x: x.movedim(1, -1).movedim((1, 2), (2, 1)), IMAGE),
    "cat of several": (lambda x: torch.cat([x, x * 2, torch.ones(1, 2, 6, 6)], 1), IMAGE),
    "stack first": (lambda x: torch.stack([x, x.exp()], 1), VECTOR),
    "stack last": (lambda x: torch.stack([x, x.exp()], -1), VECTOR),
    "splits": (lambda x: torch.split(x, 3, -1)[-1] * x.split_with_sizes([4, 2, 2], -1)[1], SEQUENCE),
    "uneven chunks": (lambda x: torch.cat(x.chunk(3, 1)[::-1], 1), (8, 3)),
    "tensor_split": (lambda x: x.tensor_split(2, 1)[1], IMAGE),
    "unbind": (lambda x: x.unbind(1)[2], IMAGE),
    "slices with steps": (lambda x: x[:, 1::2, :-1, 2:5], IMAGE),
    "narrow": (lambda x: x.narrow(2, 1, 3), IMAGE),
    "index_select": (lambda x: x.index_select(1, torch.tensor([3, 1])), IMAGE),
    "index by a list": (lambda x: x[:, :, [5, 0, 0]], IMAGE),
    "index by a run": (lambda x: x[:, [1, 2, 3]], IMAGE),
    "flip": (lambda x: x.flip(2, 3), IMAGE),
    "expand as": (lambda x: x[:, :1].expand_as(x), IMAGE),
    "broadcast to": (lambda x: x[:, :, :1].broadcast_to(1, 4, 6, 6), IMAGE),
    "repeat": (lambda x: x.repeat(1, 2, 1) + torch.tile(x, (2, 1)), SEQUENCE),
    "repeat of a new axis": (lambda x: x.repeat(1, 3, 1), VECTOR),
    "channel shuffle": (lambda x: F.channel_shuffle(x, 2), IMAGE),
    "pads": (lambda x: F.pad(x, (1, 2), value=3.0) + F.pad(x, (3, 0)), SEQUENCE),
    "replicated": (lambda x: F.pad(x, (1, 2, 0, 3), mode="replicate"), IMAGE),
    "reflected": (lambda x: F.pad(x, (2, 1), mode="reflect"), SEQUENCE),
    "circular": (lambda x: F.pad(x, (1, 1, 2, 0), mode="circular"), IMAGE),
    "cropped": (lambda x: F.pad(x, (-1, -2, 0, -1)), IMAGE),
    "rolled": (lambda x: torch.roll(x, (1, -2), (2, 3)), IMAGE),
    "assigned": (lambda x: assigned(x, (slice(None), slice(1, 3)), 2.0), IMAGE),
    "assigned at an index": (lambda x: assigned(x, (slice(None), 0), x[:, 1] * 2), IMAGE),
    "assigned at the end": (lambda x: assigned(x, (slice(None), slice(None), slice(4, None)), 0.5), IMAGE),
    "assigned whole": (lambda x: assigned(x, (slice(None),), x.exp()), IMAGE),
    "assigned a constant": (lambda x: assigned(x, (slice(None), 0), torch.arange(6.0)), IMAGE),
    "filled alike": (lambda x: x + torch.zeros_like(x) + torch.ones_like(x) * aten.zero(x).exp() + x.new_full((4, 1, 1), 3.0), IMAGE),
    "a table by shape": (lambda x: x * (torch.cumsum(torch.ones_like(x[:, 0]), 1) + x.new_zeros(6) + x.new_ones(6)), IMAGE),
    "concat with zeros": (lambda x: torch.cat([x, torch.full_like(x[:, :1], 2.0)], 1), IMAGE),
    # windows
    "max pool with where": (lambda x: F.max_pool2d(x, 2, return_indices=True)[0], IMAGE),
    "max pool with padding": (lambda x: F.max_pool2d(x, 3, 2, 1, dilation=1), IMAGE),
    "pools over time": (lambda x: F.max_pool1d(x, 2, 1) + F.avg_pool1d(x, 4, 1, 1), SEQUENCE),
    "average with ceil": (lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), (2, 7, 8)),
    "average with ceil, padding not counted": (lambda x: F.avg_pool2d(x, 3, 2, 1, True, False), (2, 8, 8)),
    "average with ceil and no padding": (lambda x: F.avg_pool2d(x, 3, 2, ceil_mode=True), (2, 8, 8)),
    "max pool with ceil": (lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True), (2, 8, 9)),
    "adaptive to what divides": (lambda x: F.adaptive_avg_pool2d(x, (3, 2)) + F.adaptive_max_pool2d(x, (3, 2)), IMAGE),
    "adaptive to what does not": (lambda x: F.adaptive_avg_pool2d(x, (4, None)), IMAGE),
    "adaptive over time": (lambda x: F.adaptive_avg_pool1d(x, 4) + F.adaptive_max_pool1d(x, 1), SEQUENCE),
    "upsample to a size": (lambda x: F.interpolate(x, size=(9, 13)), IMAGE),
    "upsample over time": (lambda x: F.interpolate(x, scale_factor=2) + F.interpolate(x, scale_factor=2, mode="linear"), SEQUENCE),
    "upsample by a fraction": (lambda x: F.interpolate(x, scale_factor=1.5, mode="bilinear", recompute_scale_factor=True), IMAGE),
    "bicubic": (lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"), IMAGE),
    "smaller": (lambda x: F.interpolate(x, size=(3, 3), mode="bilinear"), IMAGE),
    "pixel unshuffle": (lambda x: F.pixel_shuffle(F.pixel_unshuffle(x, 3), 3), IMAGE),
    # norms
    "norms without scale": (lambda x: F.layer_norm(x, (6,)) + F.group_norm(x, 2) + F.instance_norm(x), IMAGE),
    "layer norm over all": (lambda x: F.layer_norm(x, (4, 6, 6)), IMAGE),
    "rms norm": (lambda x: F.rms_norm(x, (8,)), SEQUENCE),
    "normalised features": (lambda x: F.normalize(x, dim=-1), SEQUENCE),
    # products
    "product with a constant": (lambda x: x @ torch.arange(16.0).view(8, 2), SEQUENCE),
    "product of three axes": (lambda x: torch.matmul(x, x.transpose(-1, -2)), IMAGE),
    "constant on the left": (lambda x: torch.matmul(torch.arange(10.0).view(2, 5), x), SEQUENCE),
    "by a vector": (lambda x: x @ torch.arange(8.0), SEQUENCE),
    "a vector by": (lambda x: torch.arange(5.0) @ x, SEQUENCE),
    "vectors": (lambda x: (x[0] @ x[0]).view(1), VECTOR),
    "row by matrix": (lambda x: x[:, :1] @ x.mT, SEQUENCE),
    "bmm": (lambda x: torch.bmm(x, x.mT), SEQUENCE),
    "mm": (lambda x: torch.mm(x[0], x[0].t()).unsqueeze(0), SEQUENCE),
    "addmm": (lambda x: torch.addmm(torch.arange(2.0), x, torch.arange(24.0).view(12, 2)), VECTOR),
    "einsum of heads": (lambda x: torch.einsum("bijk,bilk->bjil", x, x), IMAGE),
    "einsum in another order": (lambda x: torch.einsum("bij -> bji", x.exp()), SEQUENCE),
    "einsum over two axes": (lambda x: torch.einsum("bcij,cijg->bg", x, torch.arange(288.0).view(4, 6, 6, 2) / 99), IMAGE),
    "einsum with a constant on the left": (lambda x: torch.einsum("gf,btf->bgt", torch.arange(16.0).view(2, 8), x), SEQUENCE),
    "einsum": (lambda x: torch.einsum("bij,bkj->bik", x, x), SEQUENCE),
    "einsum with a constant": (lambda x: torch.einsum("btf,fg->btg", x, torch.arange(16.0).view(8, 2)), SEQUENCE),
    "causal attention": (lambda x: F.scaled_dot_product_attention(x, x * 2, x, is_causal=True), SEQUENCE),
    # calls without a reader, which torch takes apart
    "glu": (lambda x: F.glu(x, 1), IMAGE),
    "cosine similarity": (lambda x: F.cosine_similarity(x, x.exp()), SEQUENCE),
    "shrinks": (lambda x: F.softshrink(x) + F.hardshrink(x) + F.threshold(x, 0.1, 2.0), VECTOR),
    "fused arithmetic": (lambda x: torch.addcmul(x, x.exp(), x.sin(), value=0.5) + torch.lerp(x, x.exp(), 0.3), VECTOR),
    "log of a sum": (lambda x: x.logsumexp(1), SEQUENCE),
    "repeated elements": (lambda x: x.repeat_interleave(2, 1), VECTOR),
    "attention with a mask": (lambda x: F.scaled_dot_product_attention(x, x, x, torch.ones(5, 5).tril().log()), SEQUENCE),
    # names that only decompositions, or people who call torch.ops, use
    "softmaxes": (lambda x: aten._softmax(x, 1, False) + aten._log_softmax(x, 1, False) + aten.special_softmax(x, 1), VECTOR),
    "batch norm without training": (lambda x: aten._native_batch_norm_legit_no_training(x, *statistics(), 0.1, 1e-5)[0], IMAGE),
    "copies": (lambda x: aten._to_copy(aten.alias(aten.lift_fresh_copy(x)), dtype=torch.float16), VECTOR),
    "views": (lambda x: aten._unsafe_view(x, [1, 24, 6]), IMAGE),
    "bits of truth": (lambda x: aten.bitwise_xor(aten.bitwise_or(aten.bitwise_and(x > 0, x < 1), x > 2), x < -2), VECTOR),
    "logic": (lambda x: torch.logical_xor(torch.logical_and(x > 0, x < 1), x > 2), VECTOR),
    "clip": (lambda x: aten.clip(x, -1, 1), VECTOR),
    "concats": (lambda x: torch.concat([torch.concatenate([x, x], 1), x], 1), VECTOR),
    "named pads": (
        lambda x: aten.constant_pad_nd(aten.reflection_pad2d(aten.replication_pad2d(x, [1, 0, 0, 2]), [1, 1, 0, 0]), [1, 1], 2.0),
        IMAGE,
    ),
    "named pads over time": (lambda x: aten.reflection_pad1d(aten.replication_pad1d(x, [1, 0]), [0, 2]), SEQUENCE),
    "max pools with indices": (lambda x: aten.max_pool2d_with_indices(x, [2, 2])[0], IMAGE),
    "max pool over time with indices": (lambda x: aten.max_pool1d_with_indices(x, [2])[0], SEQUENCE),
    "norm of old": (lambda x: aten.norm(x, 2, [1]), VECTOR),
    "unsafe parts": (lambda x: aten.unsafe_chunk(x, 2, 1)[0] + aten.unsafe_split(x, 6, 1)[1], VECTOR),
    "dropout of features": (lambda x: aten.feature_alpha_dropout(aten.feature_dropout(x, 0.5, False), 0.5, False), VECTOR),
    "attention with a scale": (lambda x: F.scaled_dot_product_attention(x, x, x, scale=0.3), SEQUENCE),
}
"""A function, and the shape of its input without the batch."""


def shaped(shape):
    torch.manual_seed(1)
    return torch.randn(1, *shape)


@pytest.fixture(scope="module")
def used():
    """Names of the readers that have been called since this file began."""
    torch_readers.load()
    names = set()

    def noting(name, reader):
        return lambda call: names.add(name) or reader(call)

    with pytest.MonkeyPatch.context() as patch:
        for name, reader in TORCH_READERS.items():
            patch.setitem(TORCH_READERS, name, noting(name, reader))
        yield names


@pytest.fixture(scope="module", params=FORMS)
def form(request, used):
    """A function as a module, and its input."""
    function, shape = FORMS[request.param]
    return Function(function), shaped(shape)


def test_a_form_computes_what_torch_does(form):
    agree(*form)


def agree(module, *inputs):
    """Before the rewrites and after them."""
    expected, given = outputs_of(module, inputs), tuple(x[0] for x in inputs)
    graph = as_written(module, inputs)
    assert_computes(graph, given, expected)
    assert_computes(normalise(graph), given, expected)


class Recurrent(nn.Module):
    """A recurrent stack, steps first, and one of its outputs."""

    def __init__(self, layer, output=lambda made: made[0]):
        super().__init__()
        self.layer, self.output = layer, output

    def forward(self, x):
        return self.output(self.layer(x.transpose(0, 1))).transpose(0, 1)


class FromStates(nn.Module):
    """An LSTM that begins with numbers stored and with numbers computed."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        stored = torch.linspace(0, 1, 24).view(4, 1, 6)
        return self.layer(x.transpose(0, 1), (stored, x[:, :4, :6].transpose(0, 1).exp()))[0].transpose(0, 1)


RECURRENT = {
    "gru without bias": lambda: Recurrent(nn.GRU(8, 6, bias=False)),
    "two ways and two layers": lambda: Recurrent(nn.GRU(8, 6, 2, bidirectional=True)),
    "rnn with tanh": lambda: Recurrent(nn.RNN(8, 6, 2)),
    "lstm, its cells": lambda: Recurrent(nn.LSTM(8, 6, 2), lambda made: made[1][1]),
    "lstm from given states": lambda: FromStates(nn.LSTM(8, 6, 2, bidirectional=True)),
    "gru, its last states": lambda: Recurrent(nn.GRU(8, 6, 2, bidirectional=True), lambda made: made[1]),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_a_recurrent_stack_computes_what_torch_does(used, name):
    torch.manual_seed(0)
    agree(RECURRENT[name]().eval(), shaped(SEQUENCE))


def test_each_layer_of_a_recurrent_stack_is_a_node():
    graph = as_written(nn.LSTM(8, 6, 3, batch_first=True), shaped(SEQUENCE))
    assert [step.node.name for step in graph.steps if step.kind == "lstm"] == ["lstm.l0", "lstm.l1", "lstm.l2"]


@pytest.mark.parametrize(
    ("function", "shape", "message"),
    [
        (lambda x: F.avg_pool2d(x, 2, divisor_override=3), IMAGE, "a divisor of one's own is not known"),
        (lambda x: F.adaptive_max_pool2d(x, 4), IMAGE, "has windows of different sizes"),
        (lambda x: F.elu(aten.elu(x, 1.0, 2.0)), VECTOR, "expected a scale and an input scale of 1"),
        (lambda x: F.celu(x, 0.5), VECTOR, "expected an alpha of 1"),
        (lambda x: F.softplus(x, beta=2), VECTOR, "expected a beta of 1"),
        (lambda x: F.dropout(x, training=True), VECTOR, "draws random numbers"),
        (lambda x: torch.div(x, 2, rounding_mode="floor"), VECTOR, "division with rounding is not known"),
        (lambda x: x[:, [0, 1], [1, 2]], IMAGE, "indexing is known with one stored list"),
        (lambda x: x.var(-1), SEQUENCE, "expected the variance over n"),
        (lambda x: torch.linalg.vector_norm(x, 1, dim=1), VECTOR, "expected the norm of order 2"),
        (lambda x: torch.einsum("bii->bi", x[..., :5]), SEQUENCE, "repeats an axis"),
        (lambda x: torch.einsum("bij,bik->b", x, x), SEQUENCE, "sums over an axis of one operand alone"),
        (lambda x: torch.addmm(torch.ones(2), x, torch.ones(12, 2), beta=2), VECTOR, "expected alpha and beta of 1"),
        (lambda x: x.roll(1), SEQUENCE, "name its axes"),
        (lambda x: assigned(x, (slice(None), slice(None, None, 2)), 1.0), VECTOR, "every other index"),
        (lambda x: (x > 0).int() & 1, VECTOR, "only truth values"),
        (lambda x: F.max_pool2d(x, 2, return_indices=True)[1], IMAGE, "output 1 of aten.max_pool2d_with_indices is not known"),
    ],
)
def test_what_is_not_known_is_refused_with_its_place(function, shape, message):
    with pytest.raises(GraphError, match=message) as caught:
        as_written(Function(function), shaped(shape))
    assert caught.value.node


WITNESSES = (
    "ConvTransformer", "GRUHead", "Gated", "InvertedResidual", "LSTMSequence", "PlainRNN", "Shuffle", "Temporal", "Words",
    "conv_transpose", "conv_transpose1d", "dense_bn", "elu_selu", "expand", "leaky_relu", "minimum_maximum", "pow", "prelu",
    "reductions", "softplus_mish", "trigonometry",
)  # fmt: skip
"""Modules of the zoo, held to torch elsewhere, that use the readers of layers with weights."""


def test_every_reader_is_held_to_torch(used):
    for name in WITNESSES:
        as_written(*ZOO[name].seeded())
    if TORCH_READERS.keys() - used:  # this test runs alone
        for function, shape in FORMS.values():
            as_written(Function(function), shaped(shape))
        as_written(RECURRENT["rnn with tanh"](), shaped(SEQUENCE))
    assert sorted(TORCH_READERS.keys() - used) == []
