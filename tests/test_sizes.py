"""One arithmetic on ints, searched tensors and columns."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.sizes import Size, ceil_div, equal, exact_div, floor_div, is_int, is_tensor, largest, prod, round_up, value

counts = st.integers(0, 10_000)
steps = st.integers(1, 300)
functions = pytest.mark.parametrize("function", [ceil_div, floor_div, round_up, largest])


def tensor(n: float) -> torch.Tensor:
    return torch.tensor(float(n), dtype=torch.float64, requires_grad=True)


@given(counts, steps)
def test_ceil_and_floor_on_ints(n: int, d: int) -> None:
    assert ceil_div(n, d) == (n + d - 1) // d
    assert floor_div(n, d) == n // d
    assert round_up(n, d) == min(m for m in range(n, n + d) if m % d == 0)


@functions
@settings(max_examples=60)
@given(n=counts, d=steps)
def test_tensors_give_what_ints_give(function: Callable[[Size, Size], Size], n: int, d: int) -> None:
    assert float(function(tensor(n), d).detach()) == function(n, d)
    assert float(function(n, tensor(d)).detach()) == function(n, d)


@functions
@settings(max_examples=60)
@given(ns=st.lists(counts, min_size=1, max_size=5), d=steps)
def test_columns_give_what_ints_give(function: Callable[[Size, Size], Size], ns: list[int], d: int) -> None:
    column = function(np.array(ns), d)
    assert column.tolist() == [function(n, d) for n in ns]
    assert column.dtype == np.int64


@pytest.mark.parametrize(("function", "slope"), [(ceil_div, 1 / 8), (floor_div, 1 / 8), (exact_div, 1 / 8), (round_up, 1.0)])
@pytest.mark.parametrize("n", [1, 8, 13])
def test_a_step_has_the_slope_of_the_line_it_follows(function: Callable[[Size, Size], Size], slope: float, n: int) -> None:
    """Not 1 for ceil(n / d), which would make gradients d times too large."""
    searched = tensor(n)
    function(searched, 8).backward()
    assert searched.grad is not None
    assert float(searched.grad) == pytest.approx(slope)


def test_ints_are_unbounded() -> None:
    assert prod([2**40, 2**40]) == 2**80
    assert ceil_div(2**80 + 1, 2**40) == 2**40 + 1


def test_a_float64_size_counts_past_what_float32_holds() -> None:
    assert value(tensor(2**24) + 1) == 2**24 + 1


def test_exact_division_hides_no_rest() -> None:
    assert exact_div(12, 4) == 3
    assert exact_div(np.array([12, 8]), 4).tolist() == [3, 2]
    assert exact_div(103, tensor(103)) == 1
    with pytest.raises(ValueError, match="13 is not a multiple of 4"):
        exact_div(13, 4)


def test_largest_follows_the_larger_size() -> None:
    a, b = tensor(3), tensor(5)
    largest(a, b, 4).backward()
    assert (float(b.grad or 0), float(a.grad or 0)) == (1.0, 0.0)
    assert largest(np.array([1, 9]), 4).tolist() == [4, 9]
    assert largest(1, 3, 2) == 3


def test_the_product_of_nothing_is_one() -> None:
    assert prod([]) == 1
    assert prod([2, np.array([3, 4])]).tolist() == [6, 8]


def test_equal_means_in_every_candidate() -> None:
    assert equal(3, 3)
    assert equal(tensor(3), 3)
    assert equal(np.array([3, 3]), 3)
    assert not equal(np.array([3, 4]), 3)


def test_value_is_one_plain_number() -> None:
    assert [value(n) for n in (3, tensor(2.6), np.array([4]), np.int64(5))] == [3, 3, 4, 5]
    with pytest.raises(ValueError, match="column of 2"):
        value(np.array([3, 4]))


def test_which_kind_is_asked_here_only() -> None:
    assert [is_tensor(n) for n in (3, np.array([3]), tensor(3))] == [False, False, True]
    assert [is_int(n) for n in (3, np.array([3]), tensor(3))] == [True, False, False]


def test_torch_is_not_loaded_to_ask_for_it() -> None:
    code = "import sys; from hwcost.sizes import is_tensor, largest; largest(1, 2), is_tensor(3); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
