"""Each rewrite alone: what it takes, what it leaves, and that the network computes the same afterwards."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import nn

from hwcost import ops
from hwcost.frontends.from_torch import as_written
from hwcost.passes.drop_duplicates import drop_duplicates
from hwcost.passes.drop_neutral import drop_neutral
from hwcost.passes.drop_unused import drop_unused
from hwcost.passes.fold_batch_norm import fold_batch_norm
from hwcost.passes.fold_pad import fold_pad
from hwcost.passes.fuse_activation import fuse_activation
from hwcost.passes.fuse_compound_activation import fuse_compound_activation
from hwcost.passes.fuse_norm import fuse_norm
from hwcost.passes.lift_global_pool import lift_global_pool
from hwcost.passes.merge_reshapes import merge_reshapes
from hwcost.passes.shorten_axis_moves import shorten_axis_moves
from hwcost.passes.unify_parts import unify_parts
from tests.evaluating import assert_computes
from tests.zoo.specimens import outputs_of

IMAGE, SEQUENCE, VECTOR = (4, 6, 6), (5, 8), (12,)


class Network(nn.Module):
    """A function of an input and of some layers."""

    def __init__(self, function, *layers):
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        return self.function(x, *self.layers)


def rewritten(rewrite, function, shape, *layers):
    """The network after one rewrite, which must not have changed what it computes."""
    torch.manual_seed(0)
    module, x = Network(function, *layers).eval(), torch.randn(1, *shape)
    for values in module.state_dict().values():
        if values.is_floating_point():
            nn.init.uniform_(values, 0.5, 1.5)
    graph = rewrite(as_written(module, x))
    assert_computes(graph, (x[0],), outputs_of(module, (x,)))
    assert rewrite(graph) is graph
    return graph


def kinds(graph):
    return [step.kind for step in graph.steps]


# Padding.


def test_zeros_around_an_image_become_the_padding_of_a_convolution():
    graph = rewritten(fold_pad, lambda x, conv: conv(F.pad(x, (0, 1, 2, 3))), IMAGE, nn.Conv2d(4, 4, 3, padding=1))
    assert kinds(graph) == ["conv2d"]
    assert graph.nodes[0].op.padding == ((3, 4), (1, 2))


def test_zeros_before_an_average_pool_count():
    graph = rewritten(fold_pad, lambda x: F.avg_pool2d(F.pad(x, (1, 0, 0, 1)), 2, 2, ceil_mode=False), IMAGE)
    assert graph.nodes[0].op.padding == ((0, 1), (1, 0))
    assert graph.nodes[0].op.count_include_pad


def test_zeros_for_two_convolutions_go_into_both():
    graph = rewritten(
        fold_pad, lambda x, a, b: (a(y := F.pad(x, (1, 1, 1, 1))), b(y)), IMAGE, nn.Conv2d(4, 2, 3), nn.Conv2d(4, 3, 3, groups=1)
    )
    assert kinds(graph) == ["conv2d", "conv2d"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, conv: conv(F.pad(x, (1, 1, 1, 1), value=2.0)),
        lambda x, conv: conv(F.pad(x, (1, 1, 1, 1), mode="reflect")),
        lambda x, conv: conv(F.pad(x, (-1, 0))),
        lambda x, conv: conv(F.pad(x[:, :3], (0, 0, 0, 0, 0, 1))),
        lambda x, conv: (conv(y := F.pad(x, (1, 1))), y),
        lambda x, conv: (conv(y := F.pad(x, (1, 1))), F.relu(y)),
        lambda x, conv: F.max_pool2d(F.pad(conv(x), (1, 1)), 2),
        lambda x, conv: F.avg_pool2d(F.pad(conv(x), (1, 1)), 2, padding=1),
    ],
    ids=["other values", "mirrored", "cropped", "channels", "an output", "another reader", "a max pool", "a pool with padding"],
)
def test_other_padding_stays(function):
    assert "pad" in kinds(rewritten(fold_pad, function, IMAGE, nn.Conv2d(4, 4, 3)))


# Batch norm.


@pytest.mark.parametrize(
    ("shape", "layer", "norm"),
    [
        (IMAGE, nn.Conv2d(4, 6, 3, bias=False), nn.BatchNorm2d(6)),
        (IMAGE, nn.Conv2d(4, 8, 3, groups=4), nn.BatchNorm2d(8)),
        (SEQUENCE, nn.Conv1d(5, 4, 3), nn.BatchNorm1d(4)),
        (VECTOR, nn.Linear(12, 3), nn.BatchNorm1d(3, affine=False)),
        (IMAGE, nn.ConvTranspose2d(4, 6, 3, groups=2, bias=False), nn.BatchNorm2d(6)),
        (SEQUENCE, nn.ConvTranspose1d(5, 3, 2), nn.BatchNorm1d(3)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_batch_norm_goes_into_the_layer_before_it(shape, layer, norm):
    graph = rewritten(fold_batch_norm, lambda x, layer, norm: norm(layer(x)), shape, layer, norm)
    assert len(graph.nodes) == 1
    assert set(dict(graph.nodes[0].parameters)) == {"weight", "bias"}


@pytest.mark.parametrize(
    "function",
    [
        lambda x, conv, norm: (norm(y := conv(x)), y),
        lambda x, conv, norm: norm(conv(x)) + conv(x * 2).relu() * norm(x),
        lambda x, conv, norm: norm(torch.cat([x, conv(x)], 2)),
    ],
    ids=["an output between", "other readers", "after something else"],
)
def test_other_batch_norm_stays(function):
    assert "batch_norm" in kinds(rewritten(fold_batch_norm, function, IMAGE, nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)))


def test_a_weight_with_two_norms_is_folded_into_a_copy_for_each():
    function = lambda x, conv, a, b: a(conv(x)) + b(conv(x.exp()))  # noqa: E731
    graph = rewritten(fold_batch_norm, function, IMAGE, nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4), nn.BatchNorm2d(4))
    assert "batch_norm" not in kinds(graph)
    assert graph.params == 2 * (16 + 4)


def test_a_layer_called_twice_with_its_norm_counts_once():
    function = lambda x, conv, norm: norm(conv(F.relu(norm(conv(x)))))  # noqa: E731
    graph = rewritten(fold_batch_norm, function, IMAGE, nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4))
    assert "batch_norm" not in kinds(graph)
    assert graph.params == 16 + 4


# Activations.


def test_bounds_are_an_attribute_of_the_layer_before_them():
    graph = rewritten(fuse_activation, lambda x, conv: F.relu6(F.relu(conv(x)) * 2), IMAGE, nn.Conv2d(4, 4, 1))
    assert [node.op.activation for node in graph.nodes] == [ops.Relu(), ops.relu6()]


def test_bounds_stay_where_the_unbounded_is_read_too():
    assert kinds(rewritten(fuse_activation, lambda x, conv: F.relu(y := conv(x)) - y, IMAGE, nn.Conv2d(4, 4, 1))) == [
        "conv2d",
        "relu",
        "sub",
    ]


def test_other_functions_are_no_bounds():
    assert kinds(rewritten(fuse_activation, lambda x, conv: torch.tanh(conv(x)), IMAGE, nn.Conv2d(4, 4, 1))) == ["conv2d", "tanh"]


HALF = 0.5
COMPOUND = {
    "silu": lambda x: x * torch.sigmoid(x),
    "silu turned": lambda x: torch.sigmoid(x) * x,
    "hard_swish": lambda x: x * F.relu6(x + 3) / 6,
    "hard_swish by parts": lambda x: x * (F.relu6(x + 3) / 6),
    "hard_swish by a sixth": lambda x: x * (F.hardtanh(x + 3, 0, 6) * (1 / 6)),
    "hard_swish by gate": lambda x: x * F.hardsigmoid(x),
    "hard_sigmoid": lambda x: F.relu6(x + 3) / 6,
    "mish": lambda x: x * torch.tanh(F.softplus(x)),
    "gelu": lambda x: HALF * x * (1 + torch.erf(x / 2**HALF)),
    "gelu turned": lambda x: x * (HALF * (1 + torch.erf(x * HALF**HALF))),
    "gelu tanh": lambda x: HALF * x * (1 + torch.tanh((2 / torch.pi) ** HALF * (x + 0.044715 * x**3))),
    "gelu tanh by products": lambda x: x * (HALF * (1 + torch.tanh((2 / torch.pi) ** HALF * (x + 0.044715 * (x * (x * x)))))),
}


@pytest.mark.parametrize("name", COMPOUND)
def test_an_activation_written_out_is_recognised(name):
    graph = rewritten(fuse_compound_activation, COMPOUND[name], VECTOR)
    assert kinds(graph) == [name.split()[0]]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * torch.sigmoid(x * 2),
        lambda x: x * torch.sigmoid(1.5 * x),
        lambda x: x * F.relu6(x + 2) / 6,
        lambda x: x * F.relu6(x + 3) / 5,
        lambda x: 6 / (x * F.relu6(x + 3) + 1),
        lambda x: (x * (y := torch.sigmoid(x)), y),
    ],
    ids=["another argument", "a slope", "another shift", "another factor", "the other way round", "the gate is an output"],
)
def test_what_only_looks_like_an_activation_stays(function):
    assert not {"silu", "hard_swish", "hard_sigmoid"} & set(kinds(rewritten(fuse_compound_activation, function, VECTOR)))


# Norms.


def affine(x, weight):
    return x * weight.weight + weight.bias


NORMS = {
    "layer_norm": lambda x, scale: affine(
        (x - x.mean(-1, keepdim=True)) / ((x - x.mean(-1, keepdim=True)).pow(2).mean(-1, keepdim=True) + 1e-5).sqrt(), scale
    ),
    "rms_norm": lambda x, scale: x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6) * scale.weight,
    "rms_norm by division": lambda x, scale: scale.weight * (x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()),
    "rms_norm without scale": lambda x, _: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6),
}


@pytest.mark.parametrize("name", NORMS)
def test_a_norm_written_out_is_recognised(name):
    def both(graph):
        return fuse_norm(drop_duplicates(graph))

    graph = rewritten(both, NORMS[name], SEQUENCE, nn.LayerNorm(8))
    assert kinds(graph) == [name.split()[0]]


def test_a_group_norm_by_instances_is_recognised():
    function = lambda x, scale: affine(F.instance_norm(x.reshape(1, 2, -1)).reshape(1, 4, 6, 6), scale)  # noqa: E731
    scale = nn.Module()
    scale.weight, scale.bias = nn.Parameter(torch.rand(4, 1, 1)), nn.Parameter(torch.rand(4, 1, 1))
    graph = rewritten(fuse_norm, function, IMAGE, scale)
    assert [step.node.op for step in graph.steps] == [ops.GroupNorm(2)]
    assert graph.params == 8


def test_a_norm_over_leading_axes_stays():
    assert "rms_norm" not in kinds(rewritten(fuse_norm, lambda x: x * torch.rsqrt((x * x).mean(1, keepdim=True) + 1e-6), SEQUENCE))


# What is unused, twice there, or nothing.


def test_what_leads_to_no_output_is_dropped():
    graph = rewritten(drop_unused, lambda x, gru: gru(x)[0], SEQUENCE, nn.GRU(8, 4, 2, batch_first=True))
    assert kinds(graph) == ["gru", "reshape", "gru", "reshape"]


def test_the_same_twice_is_done_once():
    graph = rewritten(drop_duplicates, lambda x: torch.exp(x) + torch.exp(x) * torch.sigmoid(torch.exp(x)), VECTOR)
    assert kinds(graph) == ["exp", "sigmoid", "mul", "add"]


def test_layers_with_other_weights_are_not_the_same():
    assert len(rewritten(drop_duplicates, lambda x, a, b: a(x) + b(x), VECTOR, nn.Linear(12, 2), nn.Linear(12, 2)).nodes) == 3


def test_arithmetic_that_changes_nothing_is_dropped():
    assert kinds(rewritten(drop_neutral, lambda x: torch.exp(x + 0) * 1 - 0.0, VECTOR)) == ["exp"]
    assert kinds(rewritten(drop_neutral, lambda x: torch.exp(x) ** 1 / 1, VECTOR)) == ["exp"]


@pytest.mark.parametrize(
    "function", [lambda x: 0 - x, lambda x: torch.ones(()) / (x * x + 1), lambda x: x + 1e-9, lambda x: x * torch.ones(2, 1)]
)
def test_arithmetic_that_changes_something_stays(function):
    before = as_written(Network(function), torch.randn(1, 12))
    assert drop_neutral(before) is before


# Axes.


def test_a_global_pool_over_added_axes_is_one_over_the_image():
    graph = rewritten(lift_global_pool, lambda x: F.adaptive_avg_pool2d(x.unsqueeze(2), 1).flatten(1), SEQUENCE)
    assert kinds(graph)[0] == "global_average_pool"


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x.flatten(1).view(1, 6, 24).unsqueeze(1), ["reshape"]),
        (lambda x: x.flatten(2).view(1, 4, 6, 6).exp(), ["exp"]),
        (lambda x: x.permute(0, 2, 3, 1).permute(0, 3, 1, 2).exp(), ["exp"]),
        (lambda x: x.permute(0, 2, 3, 1).permute(0, 2, 1, 3), ["transpose"]),
        (lambda x: x.mean((2, 3), keepdim=True).permute(0, 2, 3, 1), ["global_average_pool", "reshape"]),
    ],
    ids=["reshapes", "there and back", "turned and back", "transposes", "axes of one"],
)
def test_axes_moved_in_steps_are_moved_at_once(function, expected):
    assert kinds(rewritten(merge_reshapes, function, IMAGE)) == expected


def test_a_transpose_between_reshapes_that_undo_each_other_stands_alone():
    graph = rewritten(shorten_axis_moves, lambda x: x.reshape(1, 24, 6).transpose(1, 2).reshape(1, 6, 4, 6).exp(), IMAGE)
    assert [step.node.op for step in graph.steps][:-1] == [ops.Transpose((2, 0, 1))]


def test_a_channel_shuffle_stays_as_it_is():
    assert kinds(rewritten(shorten_axis_moves, lambda x: F.channel_shuffle(x, 2), IMAGE)) == ["reshape", "transpose", "reshape"]


# Parts.


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: torch.cat([x[:, 2:], x[:, :2]], 1), ["split", "concat"]),
        (lambda x: x[:, 1:2].squeeze(1), ["gather"]),
        (lambda x: x[:, 1:2].reshape(1, 36), ["gather", "reshape"]),
        (lambda x: sum(part.squeeze(1) for part in x.split(1, 1)), ["gather"] * 4),
    ],
    ids=["neighbouring slices", "one index", "one index, flattened", "indices by split"],
)
def test_parts_have_one_form(function, expected):
    assert kinds(rewritten(unify_parts, function, IMAGE))[: len(expected)] == expected


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[:, :3].exp().sum(1) + x[:, 3:].sum(1),
        lambda x: torch.cat([x[:, :3], x[:, 2:]], 1),
        lambda x: torch.cat([x[:, :2], x[:, 3:]], 1),
        lambda x: torch.cat([x[:, ::2], x[:, 1::2]], 1),
    ],
    ids=["apart", "overlapping", "with a gap", "with steps"],
)
def test_other_slices_stay_slices(function):
    assert kinds(rewritten(unify_parts, function, IMAGE)).count("slice") == 2
