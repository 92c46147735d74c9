"""Recurrent layers, normalisations, reductions, resampling, gathers and storage: facts checkable with a pencil, or against torch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost import ops
from hwcost.errors import ShapeError
from hwcost.ops import Op
from hwcost.ops.flow import Fixed, Joined, Own, Repeated, Same
from hwcost.tensor import TensorSpec, float32, int8


@pytest.mark.parametrize(
    ("op", "layer"),
    [
        (ops.LSTM(7), torch.nn.LSTM(5, 7)),
        (ops.LSTM(7, "bidirectional"), torch.nn.LSTM(5, 7, bidirectional=True)),
        (ops.GRU(7), torch.nn.GRU(5, 7)),
        (ops.GRU(7, bias=False), torch.nn.GRU(5, 7, bias=False)),
        (ops.RNN(7), torch.nn.RNN(5, 7)),
    ],
    ids=lambda x: type(x).__name__,
)
def test_recurrent_layers_have_torchs_shapes_and_parameters(op: Op, layer: torch.nn.Module) -> None:
    x = float32(9, 5)
    sequence, state = layer(torch.empty(9, 5))
    states = state if isinstance(state, tuple) else (state,)
    made = op.outputs(x)
    assert made[0].elements == sequence.numel()
    assert [y.shape for y in made[1:]] == [tuple(s.shape) for s in states]
    assert op.params(x) == sum(p.numel() for p in layer.parameters())


def test_a_recurrent_layer_multiplies_its_weights_once_per_step() -> None:
    op, x = ops.LSTM(7, "bidirectional"), int8(9, 5)
    shapes = op.parameters(x)
    weights = sum(2 * 4 * 7 * n for n in (5, 7))
    assert (shapes["weight_ih"], shapes["weight_hh"], shapes["bias"]) == ((2, 28, 5), (2, 28, 7), (2, 56))
    assert op.work(x).macs == 9 * weights


def test_an_initial_state_must_fit_and_holds_the_width() -> None:
    x, state = int8(9, 5), int8(1, 7)
    assert ops.GRU(7).flow(x) == (Same(((0, 0),)), Fixed(), Own())
    assert ops.GRU(7).flow(x, state) == (Same(((0, 0),)), Fixed(), Fixed())
    assert ops.GRU(7).pinned(x, state) == ((1, 0), (1, 1))
    with pytest.raises(ShapeError, match="GRU expects an initial state of 1x8, got 1x7"):
        ops.GRU(8).infer(x, state)


def test_batch_norm_holds_four_numbers_per_channel() -> None:
    assert ops.BatchNorm().params(int8(8, 4, 4)) == 4 * 8


def test_layer_norm_holds_what_it_normalises() -> None:
    x = int8(9, 4, 5)
    assert ops.LayerNorm(2).parameters(x) == {"scale": (4, 5), "bias": (4, 5)}
    assert ops.LayerNorm(1, bias=False).parameters(x) == {"scale": (5,)}
    assert ops.RMSNorm(scale=False).parameters(x) == {}


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (ops.LayerNorm(4), "LayerNorm over the last 4 axes"),
        (ops.GroupNorm(3), "GroupNorm with 3 groups cannot divide"),
        (ops.Softmax(3), "Softmax along axis 3"),
        (ops.LpNormalize(-1), "LpNormalize along axis -1"),
        (ops.ReduceMean((0, 3)), "ReduceMean along axis 3"),
        (ops.ArgMax(3), "ArgMax along axis 3"),
        (ops.Gather(0, (1, 8)), r"Gather of \(1, 8\) cannot leave axis 0 of 8x4x4"),
        (ops.Gather(0), "Gather without constant indices expects 2 inputs, got 1"),
        (ops.Resize(((2, 1),)), "Resize expects channels and 1 more axes, got shape 8x4x4"),
        (ops.Resize(((1, 8), (1, 1))), "Resize makes an empty output 8x0x4"),
        (ops.DepthToSpace(3), "DepthToSpace cannot divide 8 by 9"),
        (ops.SpaceToDepth(3), "SpaceToDepth cannot divide 4 by 3"),
        (ops.Transpose((0, 1)), r"Transpose to \(0, 1\) expects each axis once"),
        (ops.LSTM(4), "LSTM expects steps x features, got shape 8x4x4"),
    ],
)
def test_what_does_not_fit_is_said(op: Op, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        op.outputs(int8(8, 4, 4))


def test_a_normalisation_over_groups_needs_its_channels_as_they_are() -> None:
    assert ops.GroupNorm(2).pinned(int8(8, 4)) == ((0, 0),)
    assert ops.InstanceNorm().pinned(int8(8, 4)) == ()


def test_a_slope_for_each_channel_or_one_for_all() -> None:
    assert ops.PRelu().parameters(int8(8, 4)) == {"slope": (8,)}
    assert ops.PRelu(per_channel=False).parameters(int8(8, 4)) == {"slope": (1,)}


def test_relu6_is_a_clip() -> None:
    assert ops.relu6() == ops.Clip(0.0, 6.0)


def test_a_reduction_looks_at_what_it_reduces() -> None:
    work = ops.ReduceMean((1, 2)).work(int8(8, 4, 5))
    assert (work.patch_elements, work.out_elements) == (20, 8)
    assert ops.ReduceMax((0,), keepdims=True).infer(int8(8, 4, 5)).shape == (1, 4, 5)


def test_an_index_is_an_int32_and_has_no_scale() -> None:
    made = ops.ArgMax(0).infer(int8(10))
    assert (made.shape, made.bits, made.kind, made.quantisation) == ((), 32, "int", None)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 30), st.integers(1, 30))
def test_resize_between_two_resolutions_makes_the_second(height: int, width: int, new_height: int, new_width: int) -> None:
    op = ops.Resize.between((height, width), (new_height, new_width))
    assert op.infer(float32(3, height, width)).shape == (3, new_height, new_width)


def test_resize_keeps_its_factor_at_other_resolutions() -> None:
    assert ops.Resize.between((4, 6), (8, 9)) == ops.Resize(((2, 1), (3, 2)))
    assert ops.Resize(((2, 1), (3, 2))).infer(int8(3, 5, 5)).shape == (3, 10, 7)


def test_depth_and_space_are_traded_as_torch_does() -> None:
    shuffled = torch.nn.functional.pixel_shuffle(torch.empty(12, 5, 7), 2)
    assert ops.DepthToSpace(2, "CRD").infer(int8(12, 5, 7)).shape == tuple(shuffled.shape)
    assert ops.SpaceToDepth(2).infer(int8(*shuffled.shape)).shape == (12, 5, 7)


def test_space_to_depth_says_where_each_channel_goes() -> None:
    x = int8(3, 4, 4)
    assert ops.SpaceToDepth(2, "DCR").flow(x)[0] == Joined(((0, 0),) * 4)
    assert ops.SpaceToDepth(2, "CRD").flow(x)[0] == Repeated((0, 0), 4)
    crd = torch.nn.functional.pixel_unshuffle(torch.arange(3.0)[:, None, None].expand(3, 4, 4), 2)
    assert crd[:, 0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize(("indices", "shape"), [(2, (4, 5)), ((2, 0), (2, 4, 5)), ((7,), (1, 4, 5))])
def test_gather_by_constant_indices(indices: int | tuple[int, ...], shape: tuple[int, ...]) -> None:
    assert ops.Gather(0, indices).infer(int8(8, 4, 5)).shape == shape
    assert ops.Gather(0, indices).pinned(int8(8, 4, 5)) == ((0, 0),)


def test_gather_by_an_input_takes_its_axes() -> None:
    assert ops.Gather(1).infer(int8(8, 4, 5), TensorSpec((2, 3), 32, None, "int")).shape == (8, 2, 3, 5)


def test_an_embedding_is_its_table() -> None:
    op, tokens = ops.Embedding(100, 7), TensorSpec((9,), 32, None, "int")
    assert (op.infer(tokens).shape, op.params(tokens), op.work(tokens).macs) == ((9, 7), 700, 0)
    assert op.flow(tokens) == (Same(((0, 0),)), Own())


def test_storage_changes_and_shapes_stay() -> None:
    x = float32(8, 4)
    assert ops.Quantize(8, "uint").infer(x).bytes == 32
    assert ops.Dequantize().infer(int8(8, 4)) == x
    assert ops.Cast(1, "bool").infer(x).bytes == 4
    assert ops.Identity().infer(x) is x
