"""Numbers with slopes, held against torch's own gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.sizes import ceil_div, equal, exact_div, floor_div, largest, prod, round_up, value
from hwcost.slopes import Sloped

FORMULAS = {
    "sum": lambda x, y: 3 + x + y - 2 - x * 4 + (7 - y) + (-x),
    "product": lambda x, y: prod([x, y, 5, x]),
    "ratio": lambda x, y: x / y + 2 / x + y / 8,
    "power": lambda x, y: x**2 + y**3,
    "ceil": lambda x, y: ceil_div(x, 8) * y + ceil_div(x * y, 3),
    "floor": lambda x, y: floor_div(x, 8) * y + floor_div(y, x),
    "exact": lambda x, y: exact_div(x * y, 4) + exact_div(12, x),
    "lanes": lambda x, y: round_up(x, 4) * round_up(y * 9, 4),
    "largest": lambda x, y: largest(x, y * 2, 3) + largest(4, y),
}


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
@settings(max_examples=30, deadline=None)
@given(x=st.floats(0.5, 100), y=st.floats(0.5, 100))
def test_values_and_slopes_are_those_of_torch(formula: Callable, x: float, y: float) -> None:
    both = Sloped.of(np.array([x, y]), np.eye(2))
    ours = formula(both[..., 0], both[..., 1])
    there = torch.tensor([x, y], dtype=torch.float64, requires_grad=True)
    theirs = formula(there[0], there[1])
    theirs.backward()
    assert float(ours.value) == pytest.approx(float(theirs.detach()), rel=1e-12)
    assert ours.slopes.tolist() == pytest.approx(there.grad.tolist(), rel=1e-9)


@pytest.fixture
def pair() -> Sloped:
    return Sloped.of(np.array([2.0, 5.0]), np.eye(2))


def test_columns_of_numbers_and_numbers_with_slopes_mix(pair: Sloped) -> None:
    table = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    for mixed in (table * pair, pair * table):
        assert mixed.value.tolist() == [[2, 50], [4, 100], [6, 150]]
        assert mixed.slopes[:, 2].tolist() == [[3, 0], [0, 30]]
    assert (table + pair).slopes.shape == (2, 3, 2)
    assert (table - pair).slopes[:, 0].tolist() == [[-1, 0], [0, -1]]
    assert (table / pair).slopes[:, 1].tolist() == [[-0.5, 0], [0, -0.8]]


def test_sums_products_of_matrices_and_the_largest(pair: Sloped) -> None:
    made = pair @ np.array([[1, 2, 3], [4, 5, 6]])
    assert made.value.tolist() == [22, 29, 36]
    assert made.slopes.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert (made.sum(axis=-1).value, made.sum(axis=-1).slopes.tolist()) == (87, [6, 15])
    assert (float(made.max(axis=-1).value), made.max(axis=-1).slopes.tolist()) == (36, [3, 6])


def test_numpy_rearranges_them(pair: Sloped) -> None:
    joined = np.concatenate([pair, np.array([9.0])], axis=-1)
    assert joined.value.tolist() == [2, 5, 9]
    assert joined.slopes.tolist() == [[1, 0, 0], [0, 1, 0]]
    chosen = np.where(np.array([True, False]), pair, 7)
    assert (chosen.value.tolist(), chosen.slopes.tolist()) == ([2, 7], [[1, 0], [0, 0]])
    assert np.broadcast_to(pair, (3, 2)).slopes.shape == (2, 3, 2)
    assert [part.shape for part in np.broadcast_arrays(pair, np.ones((4, 1)))] == [(4, 2), (4, 2)]
    assert np.moveaxis(np.broadcast_to(pair, (3, 2)), -1, 0).slopes[:, 1, 0].tolist() == [0, 1]
    with pytest.raises(TypeError):
        np.sort(pair)


def test_entries_are_read_and_written_with_their_slopes(pair: Sloped) -> None:
    made = pair * 2
    made[..., 0] = pair[..., 1]
    made[..., 1:] = 4
    assert (made.value.tolist(), made.slopes.tolist()) == ([5, 4], [[0, 0], [1, 0]])
    assert len(pair[1:]) == 1


def test_questions_are_about_the_numbers(pair: Sloped) -> None:
    assert (pair % 2).tolist() == [0, 1]
    assert [(pair > 2).tolist(), (pair >= 2).tolist(), (pair < 5).tolist(), (pair <= 5).tolist()] == [
        [False, True],
        [True, True],
        [True, False],
        [True, True],
    ]
    assert equal(pair, np.array([2, 5]))
    assert value(pair[..., 1]) == 5
