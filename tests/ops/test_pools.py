"""Pools against a pencil and against torch's shapes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwcost.errors import ShapeError
from hwcost.ops import AdaptiveAveragePool, AveragePool2d, GlobalAveragePool, GlobalMaxPool, MaxPool1d, MaxPool2d
from hwcost.tensor import float32, int8

small = st.integers(1, 4)


@settings(max_examples=60, deadline=None)
@given(kernel=st.tuples(small, small), stride=st.tuples(small, small), dilation=st.tuples(small, small), size=st.integers(1, 20), pad=small)
def test_max_pool_shape_is_that_of_torch(kernel: Any, stride: Any, dilation: Any, size: int, pad: int) -> None:
    padding = tuple(min(pad, k // 2) for k in kernel)
    assume(all(size + 2 * p > d * (k - 1) for k, d, p in zip(kernel, dilation, padding, strict=True)))
    layer = torch.nn.MaxPool2d(kernel, stride, padding, dilation)
    op = MaxPool2d(kernel, stride, tuple((p, p) for p in padding), dilation)
    assert op.infer(float32(3, size, size)).shape == tuple(layer(torch.empty(3, size, size)).shape)


@settings(max_examples=40, deadline=None)
@given(kernel=small, stride=small, size=st.integers(4, 20))
def test_average_pool_shape_is_that_of_torch(kernel: int, stride: int, size: int) -> None:
    layer = torch.nn.AvgPool2d(kernel, stride)
    op = AveragePool2d((kernel, kernel), (stride, stride))
    assert op.infer(float32(3, size, size)).shape == tuple(layer(torch.empty(3, size, size)).shape)


def test_padding_at_the_end_makes_ceil_mode() -> None:
    layer = torch.nn.MaxPool1d(3, 2, ceil_mode=True)
    assert MaxPool1d((3,), (2,), ((0, 1),)).infer(float32(2, 10)).shape == tuple(layer(torch.empty(2, 10)).shape) == (2, 5)


@pytest.mark.parametrize("op", [GlobalAveragePool(), GlobalMaxPool()])
def test_a_global_pool_leaves_one_position(op: GlobalAveragePool | GlobalMaxPool) -> None:
    assert op.infer(int8(8, 5, 7)).shape == (8, 1, 1)
    assert op.infer(int8(8, 5)).shape == (8, 1)
    assert op.work(int8(8, 5, 7)).patch_elements == 35


def test_a_global_pool_needs_positions() -> None:
    with pytest.raises(ShapeError, match="GlobalAveragePool expects channels and at least one axis to pool, got shape 8"):
        GlobalAveragePool().infer(int8(8))


def test_an_adaptive_pool_makes_what_is_asked_whatever_comes_in() -> None:
    op = AdaptiveAveragePool((3, 2))
    assert op.infer(int8(8, 7, 7)).shape == op.infer(int8(8, 5, 9)).shape == (8, 3, 2)
    assert op.work(int8(8, 7, 7)).patch_elements == 3 * 4


def test_pools_multiply_nothing_and_hold_nothing() -> None:
    work = MaxPool2d((2, 2), (2, 2)).work(int8(8, 6, 6))
    assert (work.macs, work.params, work.patch_elements, work.positions) == (0, 0, 4, 9)
