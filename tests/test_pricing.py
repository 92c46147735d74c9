"""The fits behind the shipped figures: the solver is right, and what it wrote is what lies in the repository."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import derive_latency  # noqa: E402
import generate_accuracy  # noqa: E402
from pricing.least_squares import Errors, fit_near_one_scale, left_out, non_negative, relative_fit  # noqa: E402
from pricing.recipes import derive  # noqa: E402


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 6))
def test_the_solution_meets_the_conditions_of_kuhn_and_tucker(seed: int, columns: int, more_rows: int) -> None:
    """No coefficient is negative; no free one can be improved; no bound one would be by growing."""
    random = np.random.default_rng(seed)
    A, b = random.normal(size=(columns + more_rows, columns)), random.normal(size=columns + more_rows)
    x = non_negative(A, b)
    gradient = A.T @ (b - A @ x)
    assert x.min() >= 0
    assert np.abs(gradient[x > 0]).max(initial=0) < 1e-7
    assert gradient[x == 0].max(initial=-1) < 1e-7


def test_exact_rows_are_fitted_exactly() -> None:
    X = np.array([[1.0, 10.0], [2.0, 5.0], [7.0, 1.0]])
    assert relative_fit(X, X @ [3.0, 0.5]) == pytest.approx([3.0, 0.5])


def test_errors_are_relative_to_the_rows() -> None:
    """Rows of 1 and 1,000 that ask for 1 and 3 cycles a MAC meet where both are equally far off in percent."""
    (found,) = relative_fit(np.array([[1.0], [1000.0]]), np.array([1.0, 3000.0]))
    assert found == pytest.approx((1 + 1 / 3) / (1 + 1 / 9))


def test_the_known_part_is_not_fitted() -> None:
    X, y = np.array([[2.0], [4.0]]), np.array([7.0, 9.0])
    assert relative_fit(X, y, np.array([5.0, 5.0])) == pytest.approx([1.0])


def test_group_scales_are_held_near_one_scale_where_rows_do_not_tell_them_apart() -> None:
    X = np.array([[1.0, 1.0], [2.0, 2.0]])
    assert fit_near_one_scale(0.1)(X, np.array([3.0, 6.0]), 0.0) == pytest.approx([1.5, 1.5])


def test_a_row_left_out_is_predicted_by_the_others() -> None:
    found = left_out(np.array([[1.0], [1.0], [1.0]]), np.array([1.0, 1.0, 2.0]))
    assert found.values[2] == pytest.approx(-0.5)


def test_shares_count_rows_within_a_limit() -> None:
    found = Errors((0.01, -0.07, 0.2, 0.1))
    assert (found.mape, found.within(0.05), found.within(0.1)) == (pytest.approx(0.095), 0.25, 0.75)


def test_the_shipped_figures_are_those_of_the_recipes() -> None:
    assert derive_latency.write(derive(), check=True) == [], "run python tools/derive_latency.py"


def test_the_page_on_accuracy_is_up_to_date() -> None:
    assert generate_accuracy.page() == generate_accuracy.PAGE.read_text(), "run python tools/generate_accuracy.py"
