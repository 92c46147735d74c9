"""Reshape in blocks: one form for every way of writing it, which holds when widths change."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.errors import ShapeError
from hwcost.ops import Block, Reshape, Transpose
from hwcost.ops.flow import Fixed, Same, Spread
from hwcost.tensor import float32, int8


@st.composite
def reshapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes of equal elements: the same factors, grouped in two ways, with ones strewn in."""
    factors = draw(st.lists(st.sampled_from([1, 2, 3, 5]), min_size=1, max_size=6))

    def grouped() -> tuple[int, ...]:
        cuts = sorted(draw(st.lists(st.integers(0, len(factors)), max_size=4)))
        return tuple(math.prod(factors[a:b]) for a, b in zip([0, *cuts], [*cuts, len(factors)], strict=True))

    return grouped(), grouped()


@settings(max_examples=100)
@given(reshapes())
def test_between_makes_the_shape_asked_for(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    before, after = shapes
    assert Reshape.between(before, after).infer(float32(*before)).shape == after


@settings(max_examples=100)
@given(reshapes())
def test_blocks_are_the_smallest(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    """No block can be cut in two: its first input axes never have as many elements as its first output axes."""
    before, after = shapes
    at_in = at_out = 0
    for block in Reshape.between(before, after).blocks:
        taken, made = before[at_in : at_in + block.takes], after[at_out : at_out + len(block.makes)]
        assert math.prod(taken) == math.prod(made)
        starts = {math.prod(taken[:i]) for i in range(1, len(taken))}
        assert not starts & {math.prod(made[:j]) for j in range(1, len(made))}
        at_in, at_out = at_in + block.takes, at_out + len(block.makes)


@settings(max_examples=60)
@given(reshapes(), st.integers(2, 5))
def test_merged_and_kept_axes_follow_a_change_of_width(shapes: tuple[tuple[int, ...], tuple[int, ...]], times: int) -> None:
    before, after = shapes
    op = Reshape.between(before, after)
    x = float32(*before)
    pinned = {axis for _, axis in op.pinned(x)}
    for axis in set(range(len(before))) - pinned:
        wider = tuple(n * times if i == axis else n for i, n in enumerate(before))
        made = op.infer(float32(*wider)).shape
        assert math.prod(made) == math.prod(wider)
        assert sum(n != m for n, m in zip(made, after, strict=True)) == 1


@pytest.mark.parametrize(
    ("before", "after", "blocks"),
    [
        ((8, 4, 4), (128,), (Block(3, (-1,)),)),
        ((8, 4, 5), (8, 20), (Block(1, (-1,)), Block(2, (-1,)))),
        ((8, 1, 1), (8,), (Block(1, (-1,)), Block(1, ()), Block(1, ()))),
        ((8,), (8, 1, 1), (Block(1, (-1,)), Block(0, (1,)), Block(0, (1,)))),
        ((12, 5), (3, 4, 5), (Block(1, (3, -1)), Block(1, (-1,)))),
        ((4, 3), (6, 2), (Block(2, (6, -1)),)),
        ((2, 1, 3), (6,), (Block(3, (-1,)),)),
        ((8, 4), (8, 4), (Block(1, (-1,)), Block(1, (-1,)))),
        ((1,), (), (Block(1, ()),)),
    ],
)
def test_between_by_example(before: tuple[int, ...], after: tuple[int, ...], blocks: tuple[Block, ...]) -> None:
    assert Reshape.between(before, after) == Reshape(blocks)


def test_flatten_spreads_channels_and_a_split_needs_its_axis() -> None:
    flatten, split = Reshape.between((8, 4, 4), (128,)), Reshape.between((12, 5), (3, 4, 5))
    assert flatten.flow(int8(8, 4, 4)) == (Spread((0, 1, 2)),)
    assert flatten.pinned(int8(8, 4, 4)) == ()
    assert split.flow(int8(12, 5)) == (Fixed(), Fixed(), Same(((0, 1),)))
    assert split.pinned(int8(12, 5)) == ((0, 0),)


def test_reshape_is_the_memory_it_reads() -> None:
    assert not Reshape.between((8, 4), (32,)).moves_data(int8(8, 4))


def test_elements_are_kept_or_it_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"keeps every element; got \(8, 4\) and \(31,\)"):
        Reshape.between((8, 4), (31,))
    with pytest.raises(ShapeError, match=r"Reshape cannot make \(3, -1\) of the 13 elements"):
        Reshape.between((12, 5), (3, 4, 5)).infer(int8(13, 5))
    with pytest.raises(ShapeError, match=r"Reshape cannot make \(\) of the 2 elements"):
        Reshape.between((1, 5), (5,)).infer(int8(2, 5))
    with pytest.raises(ShapeError, match="Reshape of 2 axes got shape 60"):
        Reshape.between((12, 5), (60,)).infer(int8(60))


@settings(max_examples=60)
@given(st.data(), st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_transpose_moves_data_exactly_when_the_order_in_memory_changes(data: st.DataObject, shape: list[int]) -> None:
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    before = np.arange(math.prod(shape)).reshape(shape)
    after = before.transpose(order)
    assert Transpose(order).infer(float32(*shape)).shape == after.shape
    assert Transpose(order).moves_data(float32(*shape)) == (before.ravel().tolist() != after.ravel().tolist())
