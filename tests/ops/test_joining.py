"""Concat, split, slice, pad and expand against numpy and a pencil."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.errors import ShapeError
from hwcost.ops import Concat, Constant, Expand, Pad, Slice, Split
from hwcost.ops.flow import Fixed, Joined, Part, Same
from hwcost.tensor import float32, int8


def test_concat_joins_one_axis_and_ties_the_others() -> None:
    inputs = int8(8, 4, 4), int8(6, 4, 4)
    assert Concat(0).infer(*inputs).shape == (14, 4, 4)
    assert Concat(0).flow(*inputs) == (Joined(((0, 0), (1, 0))), Same(((0, 1), (1, 1))), Same(((0, 2), (1, 2))))


def test_concat_shows_both_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"Concat along axis 0 expects .*; got \(8, 4, 4\) and \(8, 4, 5\)"):
        Concat(0).infer(int8(8, 4, 4), int8(8, 4, 4), int8(8, 4, 5))


def test_split_makes_one_output_per_size() -> None:
    x = int8(8, 4)
    assert [y.shape for y in Split(0, (5, 2, 1)).outputs(x)] == [(5, 4), (2, 4), (1, 4)]
    assert [flow[0] for flow in Split(0, (5, 2, 1)).flows(x)] == [Part((0, 0), 0, 5), Part((0, 0), 5, 7), Part((0, 0), 7, 8)]
    assert Split(0, (5, 2, 1)).pinned(x) == ((0, 0),)
    assert Split(0, (5, 2, 1)).work(x).out_bytes == 32


def test_split_sizes_cover_the_axis_exactly() -> None:
    with pytest.raises(ShapeError, match=r"Split into \(4, 3\) cannot cut the 8 elements of axis 0 of 8x4"):
        Split(0, (4, 3)).outputs(int8(8, 4))


@settings(max_examples=100)
@given(st.data(), st.integers(1, 12), st.sampled_from([-3, -2, -1, 1, 2, 3]))
def test_slice_has_the_length_of_a_python_slice(data: st.DataObject, n: int, step: int) -> None:
    start, stop, _ = slice(data.draw(st.integers(-15, 15)), data.draw(st.integers(-15, 15)), step).indices(n)
    picked = np.arange(n)[range(start, stop, step)]
    if len(picked):
        assert Slice(0, start, stop, step).infer(float32(n, 3)).shape == (len(picked), 3)
    else:
        with pytest.raises(ShapeError):
            Slice(0, start, stop, step).infer(float32(n, 3))


def test_slice_stays_inside() -> None:
    with pytest.raises(ShapeError, match="Slice from 2 to 9 leaves axis 1 of 8x4"):
        Slice(1, 2, 9).infer(int8(8, 4))


def test_a_run_is_a_part_and_a_stride_is_not() -> None:
    assert Slice(0, 2, 6).flow(int8(8)) == (Part((0, 0), 2, 6),)
    assert Slice(0, 2, 6, 2).flow(int8(8)) == (Fixed(),)
    assert Slice(0, 2, 6, 2).pinned(int8(8)) == ((0, 0),)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=3))
def test_pad_has_the_shape_of_numpy(axes: list[tuple[int, int, int]]) -> None:
    shape, pads = tuple(n for n, _, _ in axes), tuple((before, after) for _, before, after in axes)
    assert Pad(pads).infer(float32(*shape)).shape == np.pad(np.zeros(shape), pads).shape
    assert Pad(pads).pinned(float32(*shape)) == tuple((0, i) for i, pair in enumerate(pads) if any(pair))


def test_negative_pads_cut_until_nothing_is_left() -> None:
    assert Pad(((-1, -2), (0, 0))).infer(int8(8, 4)).shape == (5, 4)
    with pytest.raises(ShapeError, match="Pad makes an empty output"):
        Pad(((-4, -4), (0, 0))).infer(int8(8, 4))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3))
def test_expand_has_the_shape_of_numpy(axes: list[tuple[int, int]]) -> None:
    shape, repeats = tuple(n for n, _ in axes), tuple(times for _, times in axes)
    assert Expand(repeats).infer(float32(*shape)).shape == np.tile(np.zeros(shape), repeats).shape


def test_expand_puts_whole_copies_one_behind_the_other() -> None:
    assert Expand((3, 1)).flow(int8(8, 4)) == (Joined(((0, 0),) * 3), Same(((0, 1),)))


@pytest.mark.parametrize("op", [Pad(((1, 1),)), Expand((2,))])
def test_one_entry_per_axis(op: Pad | Expand) -> None:
    with pytest.raises(ShapeError, match=f"{type(op).__name__} expects 1 axes, got shape 8x4"):
        op.infer(int8(8, 4))


def test_a_constant_is_read_in_place_from_flash() -> None:
    op = Constant((4, 3), bits=8, stored="int")
    assert (op.resident, op.infer().bytes, op.parameters()) == ("flash", 12, {"value": (4, 3)})
    assert op.work().in_bytes == 0
