"""Two operands that broadcast, held against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from hwcost.errors import ShapeError
from hwcost.ops import Add, Compare, Div, Mul, Sub, Where
from hwcost.ops.flow import Same
from hwcost.tensor import float32, int8


@settings(max_examples=100)
@given(mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=1))
def test_shapes_are_those_of_numpy(shapes: object) -> None:
    a, b = shapes.input_shapes
    assert Add().infer(float32(*a), float32(*b)).shape == np.broadcast_shapes(a, b)


@settings(max_examples=60)
@given(mutually_broadcastable_shapes(num_shapes=3, max_dims=3, min_side=1))
def test_where_takes_three(shapes: object) -> None:
    inputs = [float32(*shape) for shape in shapes.input_shapes]
    assert Where().infer(*inputs).shape == np.broadcast_shapes(*shapes.input_shapes)


@settings(max_examples=60)
@given(mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=1))
def test_an_axis_is_followed_tied_or_pinned(shapes: object) -> None:
    """Every input axis has a part: it is a source of the output axis, or it is 1 and repeated along a longer one."""
    inputs = [float32(*shape) for shape in shapes.input_shapes]
    sources = {source for axis in Add().flow(*inputs) for source in axis.sources}
    pinned = set(Add().pinned(*inputs))
    assert sources | pinned == {(i, axis) for i, x in enumerate(inputs) for axis in range(len(x.shape))}
    assert not sources & pinned


def test_a_residual_sum_ties_the_channels_of_both_branches() -> None:
    assert Add().flow(int8(8, 4, 4), int8(8, 4, 4))[0] == Same(((0, 0), (1, 0)))
    assert Add().ties(int8(8, 4, 4), int8(8, 4, 4))[0] == ((0, 0), (1, 0))


def test_a_gate_follows_the_channels_and_keeps_its_one_position() -> None:
    x, gate = int8(8, 4, 4), int8(8, 1, 1)
    assert Mul().flow(x, gate) == (Same(((0, 0), (1, 0))), Same(((0, 1),)), Same(((0, 2),)))
    assert Mul().pinned(x, gate) == ((1, 1), (1, 2))


def test_a_mask_of_one_channel_must_stay_at_one() -> None:
    assert (0, 0) in Mul().pinned(int8(1, 4, 4), int8(8, 4, 4))


@pytest.mark.parametrize(
    ("constant", "shape"),
    [((), ()), ((True, False, False), (8, 1, 1)), ((True, True, True), (8, 4, 5)), ((False, False, False), (1, 1, 1))],
)
def test_a_constant_follows_the_axes_it_spans(constant: tuple[bool, ...], shape: tuple[int, ...]) -> None:
    assert Add(constant).parameters(int8(8, 4, 5)) == {"operand": shape}
    assert Add(constant).infer(int8(8, 4, 5)).shape == (8, 4, 5)


def test_shapes_that_do_not_broadcast_are_shown() -> None:
    with pytest.raises(ShapeError, match=r"Add expects shapes that are equal or 1 .*; got \(8, 4, 4\) and \(6, 4, 4\)"):
        Add().infer(int8(8, 4, 4), int8(6, 4, 4))


def test_operands_are_two_activations_or_one_and_a_constant() -> None:
    with pytest.raises(ShapeError, match="Div expects 2 activations beside 0 constants, got 1"):
        Div().infer(int8(8))
    with pytest.raises(ShapeError, match="Sub expects 1 activations beside 1 constants, got 2"):
        Sub(()).infer(int8(8), int8(8))
    with pytest.raises(ShapeError, match="constant over 2 axes, got shape 8"):
        Sub((True, False)).infer(int8(8))


def test_a_comparison_makes_one_byte_per_element_whatever_it_compares() -> None:
    made = Compare(()).infer(float32(8, 4))
    assert (made.bytes, made.kind) == (32, "bool")


def test_columns_may_hold_layers_that_repeat_either_side() -> None:
    a, b = np.array([8, 1, 5]), np.array([1, 8, 5])
    assert Add().infer(float32(a), float32(b)).shape[0].tolist() == [8, 8, 5]
    with pytest.raises(ShapeError):
        Add().infer(float32(a), float32(np.array([2, 8, 5])))
