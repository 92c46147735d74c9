"""Three runs compared, by examples a pencil can follow."""

import numpy as np
import pytest

from hwcost.errors import InputError
from hwcost.verify.agreement import compare, largest_error_apart


def outputs(*rows):
    return [{"y": np.array(row, dtype=np.int8)} for row in rows]


def test_equal_runs_agree_in_everything():
    run = outputs([1, 5, 2], [9, 0, 0])
    found = compare(run, run, run, {"y": 1.0})
    assert found.bit_exact
    assert (found.ort_max_lsb, found.ort_equal_fraction, found.arg_max_fraction) == (0, 1.0, 1.0)


def test_one_bit_of_difference_is_not_exact():
    assert not compare(outputs([1, 2]), outputs([1, 3]), outputs([1, 2]), {"y": 1.0}).bit_exact


def test_steps_apart_are_counted_by_element():
    found = compare(outputs([0, 0, 0, 4]), outputs([0, 0, 0, 4]), outputs([0, 1, 0, 7]), {"y": 1.0})
    assert (found.ort_max_lsb, found.ort_equal_fraction, found.ort_within_one_fraction) == (3, 0.5, 0.75)


def test_float_outputs_are_compared_in_steps_of_their_scale():
    a, b = [{"y": np.array([0.5, 1.0])}], [{"y": np.array([0.5, 1.25])}]
    assert compare(a, a, b, {"y": 0.25}).ort_max_lsb == 1


def test_ties_of_the_oracle_are_not_judged():
    found = compare(outputs([3, 1], [1, 2]), outputs([3, 1], [1, 2]), outputs([2, 2], [2, 1]), {"y": 1.0})
    assert found.arg_max_fraction == 0.0


def test_a_regressor_has_no_arg_max():
    run = outputs([3])
    assert compare(run, run, run, {"y": 1.0}).arg_max_fraction is None


def test_runs_of_different_length_are_refused():
    with pytest.raises(InputError, match="as many answers"):
        compare(outputs([1]), outputs([1], [2]), outputs([1]), {"y": 1.0})


def test_an_error_apart_is_the_share_of_the_oracles():
    # Mean squares: ((1 - 0)^2 + 0) / 2 = 0.5 and ((2 - 0)^2 + 0) / 2 = 2 of one example; equal ones of the other.
    inputs = [np.array([0.0, 3.0]), np.array([1.0, 1.0])]
    firmware, oracle = [np.array([1.0, 3.0]), np.zeros(2)], [np.array([2.0, 3.0]), np.zeros(2)]
    assert largest_error_apart(inputs, firmware, oracle) == 0.75
    assert largest_error_apart(inputs, oracle, oracle) == 0.0


@pytest.mark.parametrize(("output", "said"), [(np.zeros(3), "as many as the input"), (np.ones(2), "an error of 0")])
def test_an_error_that_means_nothing_is_refused(output, said):
    with pytest.raises(InputError, match=said):
        largest_error_apart([np.ones(2)], [output], [output])
