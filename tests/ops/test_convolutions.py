"""Convolutions against a pencil, and against torch for shapes and multiply-accumulates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from hwcost.errors import ShapeError
from hwcost.ops import Conv1d, Conv2d, ConvTranspose2d, Dense, DepthwiseConv1d, DepthwiseConv2d, MatMul, Op
from hwcost.ops.flow import Fixed, Own, Repeated
from hwcost.tensor import TensorSpec, float32, int8

small = st.integers(1, 4)


def test_pointwise_conv_counts_one_mac_per_weight_and_position() -> None:
    assert Conv2d(7, kernel=(1, 1)).work(TensorSpec((3, 4, 5))).macs == 4 * 5 * 3 * 7


def test_depthwise_sums_over_one_channel_only() -> None:
    work = DepthwiseConv2d(kernel=(3, 3), padding=((1, 1), (1, 1))).work(int8(16, 10, 10))
    assert work.patch_elements == 9
    assert work.macs == 10 * 10 * 16 * 9
    assert work.params == 16 * 9 + 16


def test_depthwise_with_a_multiplier_follows_its_input() -> None:
    op = DepthwiseConv2d(multiplier=3)
    assert op.infer(int8(5, 2, 2)).shape == (15, 2, 2)
    assert op.flow(int8(5, 2, 2))[0] == Repeated((0, 0), 3)


def test_padding_may_differ_on_every_side() -> None:
    x = int8(3, 10, 10)
    assert Conv2d(4, (3, 3), padding=((1, 0), (0, 0))).infer(x).shape == (4, 9, 8)
    assert Conv2d(4, (3, 3), padding=((0, 0), (2, 1))).infer(x).shape == (4, 8, 11)


def test_dilated_conv1d_reaches_over_its_gaps() -> None:
    assert Conv1d(4, (3,), dilation=(8,)).infer(int8(2, 20)).shape == (4, 4)


def test_a_window_larger_than_the_padded_input_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"Conv2d makes an empty output 4x-1x3 from 3x2x6"):
        Conv2d(4, (4, 4)).infer(int8(3, 2, 6))


@pytest.mark.parametrize(("channels", "out_channels"), [(7, 4), (4, 7)])
def test_groups_must_divide_both_sides(channels: int, out_channels: int) -> None:
    with pytest.raises(ShapeError, match="2 groups cannot divide 7"):
        Conv2d(out_channels, groups=2).infer(int8(channels, 3, 3))


def test_a_grouped_conv_keeps_both_widths_and_an_ordinary_one_neither() -> None:
    x = int8(4, 3, 3)
    assert Conv2d(8).flow(x)[0] == Own()
    assert Conv2d(8).pinned(x) == ()
    assert Conv2d(8, groups=2).flow(x)[0] == Fixed()
    assert Conv2d(8, groups=2).pinned(x) == ((0, 0),)


def test_one_channel_and_one_group_is_an_ordinary_conv() -> None:
    """groups == in == out == 1 looks depthwise and is not: its width is its own."""
    assert Conv2d(1).flow(int8(1, 3, 3))[0] == Own()


def test_quantised_weights_have_a_scale_per_output_channel() -> None:
    assert Conv2d(8).scale_axis("weight") == 0
    assert ConvTranspose2d(8).scale_axis("weight") == 1
    assert DepthwiseConv1d().scale_axis("weight") == 0
    assert Conv2d(8).scale_axis("bias") is None


def test_layers_of_one_kind_are_priced_as_columns() -> None:
    layers = [(Conv2d(8, (3, 3), (1, 1)), (3, 9, 9)), (Conv2d(12, (5, 1), (2, 2)), (4, 16, 8))]
    batched = Conv2d(_column(8, 12), (_column(3, 5), _column(3, 1)), (_column(1, 2), _column(1, 2)))
    batch = batched.work(TensorSpec((_column(3, 4), _column(9, 16), _column(9, 8))))
    each = [op.work(TensorSpec(shape)) for op, shape in layers]
    assert batch.macs.tolist() == [work.macs for work in each]
    assert batch.params.tolist() == [work.params for work in each]
    assert batch.out_bytes.tolist() == [work.out_bytes for work in each]


def _column(*sizes: int) -> np.ndarray[Any, Any]:
    return np.array(sizes)


# torch as the oracle: layers on the meta device compute shapes only, and its counter counts two operations per MAC.


def counted(layer: torch.nn.Module, *shapes: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Output shape without the batch, and MACs, of a torch layer."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        made = layer.to("meta")(*(torch.empty(1, *shape, device="meta") for shape in shapes))
    return tuple(made.shape[1:]), counter.get_total_flops() // 2


def assert_agrees(op: Op, layer: torch.nn.Module, shape: tuple[int, ...]) -> None:
    """The layer has our output shape, MACs and parameters, role by role."""
    x = float32(*shape)
    made, macs = counted(layer, shape)
    assert op.infer(x).shape == made
    assert op.work(x).macs == macs
    assert dict(op.parameters(x)) == {name: tuple(p.shape) for name, p in layer.named_parameters()}


@settings(max_examples=100, deadline=None)
@given(data=st.data(), groups=small, kernel=st.tuples(small, small), stride=st.tuples(small, small), dilation=st.tuples(small, small))
def test_conv2d_agrees_with_torch(data: st.DataObject, groups: int, kernel: Any, stride: Any, dilation: Any) -> None:
    padding = data.draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    channels, out_channels = groups * data.draw(small), groups * data.draw(small)
    shape = (channels, *(data.draw(st.integers(d * (k - 1) + 1, 24)) for k, d in zip(kernel, dilation, strict=True)))
    layer = torch.nn.Conv2d(channels, out_channels, kernel, stride, padding, dilation, groups, device="meta")
    assert_agrees(Conv2d(out_channels, kernel, stride, _both_sides(padding), dilation, groups), layer, shape)


@settings(max_examples=60, deadline=None)
@given(kernel=small, stride=small, dilation=small, padding=st.integers(0, 3), channels=small, multiplier=small)
def test_depthwise_agrees_with_torch(kernel: int, stride: int, dilation: int, padding: int, channels: int, multiplier: int) -> None:
    layer = torch.nn.Conv1d(channels, channels * multiplier, kernel, stride, padding, dilation, channels, device="meta")
    op = DepthwiseConv1d((kernel,), (stride,), _both_sides((padding,)), (dilation,), multiplier)
    assert_agrees(op, layer, (channels, 16))


@settings(max_examples=100, deadline=None)
@given(data=st.data(), groups=small, kernel=st.tuples(small, small), stride=st.tuples(small, small), dilation=st.tuples(small, small))
def test_conv_transpose2d_agrees_with_torch(data: st.DataObject, groups: int, kernel: Any, stride: Any, dilation: Any) -> None:
    reach = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    padding = tuple(data.draw(st.integers(0, min(3, r // 2))) for r in reach)
    extra = tuple(data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    channels, out_channels = groups * data.draw(small), groups * data.draw(small)
    shape = (channels, data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12)))
    layer = torch.nn.ConvTranspose2d(channels, out_channels, kernel, stride, padding, extra, groups, True, dilation, device="meta")
    op = ConvTranspose2d(out_channels, kernel, stride, _both_sides(padding), dilation, groups, output_padding=extra)
    assert_agrees(op, layer, shape)


def _both_sides(padding: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((n, n) for n in padding)


@settings(max_examples=40, deadline=None)
@given(leading=st.lists(small, max_size=2), features=st.integers(1, 40), out_features=st.integers(1, 40), bias=st.booleans())
def test_dense_agrees_with_torch(leading: list[int], features: int, out_features: int, bias: bool) -> None:
    layer = torch.nn.Linear(features, out_features, bias, device="meta")
    assert_agrees(Dense(out_features, bias), layer, (*leading, features))


class _Product(torch.nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a @ b


@settings(max_examples=40, deadline=None)
@given(heads=st.sampled_from([(), (3,), (2, 3)]), rows=small, inner=small, columns=small)
def test_matmul_agrees_with_torch(heads: tuple[int, ...], rows: int, inner: int, columns: int) -> None:
    a, b = (*heads, rows, inner), (*heads, inner, columns)
    made, macs = counted(_Product(), a, b)
    assert MatMul().infer(float32(*a), float32(*b)).shape == made
    assert MatMul().work(float32(*a), float32(*b)).macs == macs


def test_matmul_ties_what_it_contracts() -> None:
    assert ((0, 1), (1, 0)) in MatMul().ties(float32(4, 6), float32(6, 5))


def test_matmul_refuses_inner_sizes_that_differ() -> None:
    with pytest.raises(ShapeError, match="MatMul cannot multiply 4x6 by 5x6"):
        MatMul().infer(float32(4, 6), float32(5, 6))


def test_dense_is_repeated_over_every_axis_but_the_last() -> None:
    work = Dense(7).work(float32(4, 5, 6))
    assert (work.positions, work.macs, work.params) == (20, 20 * 6 * 7, 6 * 7 + 7)
