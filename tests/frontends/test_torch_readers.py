"""Every ATen call that has a reader, in the forms people write: the network read must compute what torch does."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import nn

from hwcost.frontends.from_torch import as_written, from_torch
from tests.evaluating import assert_computes
from tests.zoo.specimens import outputs_of


class Function(nn.Module):
    """A function of tensors."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


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
    "not": (lambda x: torch.logical_not(x > 0), VECTOR),
    "where of numbers": (lambda x: torch.where(x > 0.5, 1.0, 0.0), VECTOR),
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
    "attention with a mask": (lambda x: F.scaled_dot_product_attention(x, x, x, torch.ones(5, 5).tril().log()), SEQUENCE),
    "attention with a scale": (lambda x: F.scaled_dot_product_attention(x, x, x, scale=0.3), SEQUENCE),
}
"""A function, and the shape of its input without the batch."""


def shaped(shape):
    torch.manual_seed(1)
    return torch.randn(1, *shape)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_computes_what_torch_does(name):
    function, shape = FORMS[name]
    agree(Function(function), shaped(shape))


def agree(module, *inputs):
    """Before the rewrites and after them."""
    expected, given = outputs_of(module, inputs), tuple(x[0] for x in inputs)
    written, normal = as_written(module, inputs), from_torch(module, inputs)
    assert_computes(written, given, expected)
    assert_computes(normal, given, expected)
    return normal
