"""Shapes and storage, without values."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.tensor import Quantisation, TensorSpec, float32, int8


def test_bytes_are_elements_times_width() -> None:
    assert float32(3, 4, 5).bytes == 240
    assert int8(3, 4, 5).bytes == 60
    assert TensorSpec((3, 4, 5), 16).bytes == 120


@pytest.mark.parametrize(("elements", "size"), [(1, 1), (2, 1), (3, 2), (64, 32)])
def test_narrow_elements_are_packed_and_the_last_byte_is_whole(elements: int, size: int) -> None:
    assert TensorSpec((elements,), 4, Quantisation(), "int").bytes == size


def test_a_scalar_is_one_element() -> None:
    spec = TensorSpec(())
    assert (spec.elements, spec.bytes, spec.channels, spec.features, spec.positions) == (1, 4, 1, 1, 1)


def test_channels_lead_and_features_trail() -> None:
    spec = int8(8, 4, 5)
    assert (spec.channels, spec.positions, spec.features) == (8, 20, 5)


def test_columns_are_sizes_too() -> None:
    assert float32(np.array([3, 5]), 2).bytes.tolist() == [24, 40]


def test_int8_is_what_quantising_would_make() -> None:
    assert float32(3, 4).as_int8() == int8(3, 4)
    assert int8(3, 4).as_int8() == int8(3, 4)


@pytest.mark.parametrize("kind", ["int", "uint", "bool"])
def test_what_is_no_float_stays_as_it_is(kind: str) -> None:
    spec = TensorSpec((4,), 32, None, kind)
    assert spec.as_int8() is spec
    assert not spec.is_float


def test_quantised_numbers_are_not_floats_whatever_their_kind() -> None:
    assert not TensorSpec((4,), 32, Quantisation((0.5,), (0,))).is_float


def test_one_scale_survives_a_change_of_shape_and_a_scale_per_channel_does_not() -> None:
    one, many = Quantisation((0.5,), (3,)), Quantisation((0.5, 0.25), (0, 0), axis=0)
    assert TensorSpec((2, 6), 8, one, "int").with_shape((12,)) == TensorSpec((12,), 8, one, "int")
    assert TensorSpec((2, 6), 8, many, "int").with_shape((12,)) == TensorSpec((12,), 8, Quantisation(), "int")
    assert (one.per_channel, many.per_channel) == (False, True)


def test_storage_is_taken_over_without_the_shape() -> None:
    assert float32(3, 4).stored_as(int8(9)) == int8(3, 4)
