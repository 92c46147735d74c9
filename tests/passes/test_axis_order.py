"""Operators on transposed values, and the operators they are on the values themselves."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch

from hwcost import ops
from hwcost.passes.axis_order import RENAMED, composed, inverse, moved, reordered
from tests.evaluating import EVALUATE

SHAPE = (2, 3, 4)
ORDERS = list(permutations(range(3)))

EXAMPLES = {
    ops.Clip: ops.Clip(-0.5, 0.5),
    ops.Softmax: ops.Softmax(2),
    ops.LogSoftmax: ops.LogSoftmax(1),
    ops.LpNormalize: ops.LpNormalize(0),
    ops.Concat: ops.Concat(1),
    ops.Slice: ops.Slice(0, 0, 2),
    ops.Gather: ops.Gather(1, (1, 0)),
    ops.ArgMax: ops.ArgMax(2, True),
    ops.ArgMin: ops.ArgMin(0, False),
    ops.Pad: ops.Pad(((1, 0), (0, 2), (0, 0))),
    ops.Expand: ops.Expand((1, 2, 1)),
    **{
        cls: cls((0, 2), keepdims)
        for cls, keepdims in (
            (ops.ReduceMean, True),
            (ops.ReduceSum, False),
            (ops.ReduceMax, False),
            (ops.ReduceMin, True),
            (ops.ReduceL2, False),
        )
    },
}
"""Operators whose axes matter; the others compute each element on its own."""

ONE_AT_A_TIME = {ops.Split, ops.Where, ops.Quantize, ops.Dequantize, ops.Cast, ops.ReduceProd, ops.Compare, ops.Logical, ops.Not}
"""Operators tried in other ways below, or that have no arithmetic to try."""


def positive(*shape):
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 0.1


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("cls", [cls for cls in RENAMED if cls not in ONE_AT_A_TIME], ids=lambda cls: cls.kind)
def test_an_operator_on_a_transposed_value_is_another_on_the_value_and_a_transpose(cls, order):
    op = EXAMPLES.get(cls) or cls()
    inputs = [positive(*SHAPE) for _ in range(2 if hasattr(op, "constant") or cls is ops.Concat else 1)]
    other, after = reordered(op, order)
    expected = EVALUATE[cls](op, *(x.permute(order) for x in inputs))
    torch.testing.assert_close(EVALUATE[cls](other, *inputs).permute(after), expected)


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_a_stored_operand_is_transposed_with_the_value(order):
    spans = (True, False, True)
    x, operand = positive(*SHAPE), positive(*(n if wide else 1 for n, wide in zip((SHAPE[a] for a in order), spans, strict=True)))
    op = ops.Sub(constant=spans, constant_first=True)
    other, after = reordered(op, order)
    made = EVALUATE[ops.Sub](other, x, operand=operand.permute(inverse(order))).permute(after)
    torch.testing.assert_close(made, EVALUATE[ops.Sub](op, x.permute(order), operand=operand))
    assert other.parameters(_spec(x))["operand"] == tuple(operand.permute(inverse(order)).shape)


def test_a_picked_index_takes_its_axis_away():
    x, order = positive(*SHAPE), (1, 2, 0)
    op = ops.Gather(1, 3)
    other, after = reordered(op, order)
    torch.testing.assert_close(EVALUATE[ops.Gather](other, x).permute(after), EVALUATE[ops.Gather](op, x.permute(order)))
    assert other.axis == 2


@pytest.mark.parametrize(
    "op", [ops.Conv2d(4), ops.Dense(4), ops.BatchNorm(), ops.LayerNorm(1), ops.PRelu(), ops.MaxPool2d((2, 2)), ops.Gather(0)]
)
def test_operators_whose_axes_have_a_meaning_stay_where_they_are(op):
    assert reordered(op, (2, 0, 1)) is None


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_orders_undo_and_follow_each_other(order):
    x = positive(*SHAPE)
    assert torch.equal(x.permute(order).permute(inverse(order)), x)
    assert moved(tuple(x.permute(order).shape), order) == SHAPE
    for second in ORDERS:
        assert torch.equal(x.permute(order).permute(second), x.permute(composed(order, second)))


def _spec(x):
    return ops.base.TensorSpec(tuple(x.shape))
