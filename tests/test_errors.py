from __future__ import annotations

import pickle

import pytest

from hwcost import errors
from hwcost.budget import Violation
from hwcost.errors import (
    BoardError,
    BudgetError,
    BuildError,
    HwcostError,
    InputError,
    MeasurementError,
    NotFittedError,
    ShapeError,
    TargetError,
    UnsupportedOpError,
    listed,
    shown,
)

EVERY = [getattr(errors, name) for name in errors.__all__ if name[0].isupper()]
EXAMPLES = [
    InputError("no"),
    TargetError("unknown key 'x'", file="a.toml", key="memories[0]"),
    UnsupportedOpError([("conv1", "FancyOp"), ("head", "Other")]),
    ShapeError("expected equal channels", node="add", shapes=[(3, 4), (5, 4)]),
    NotFittedError("fit first"),
    MeasurementError("not a number", file="rows.csv", row=7, column="cycles"),
    BuildError("zig failed", command=["zig", "cc"], line="error: x", log="build.log"),
    BudgetError([Violation("ram_bytes", 2048, 1024)]),
]


@pytest.mark.parametrize("error", EVERY)
def test_every_error_is_one_of_ours_and_has_an_exit_code(error):
    assert issubclass(error, HwcostError)
    assert error.exit_code in (1, 2, 3)
    assert error.__doc__


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_cross_processes_with_all_they_carry(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_exit_codes():
    assert {error.__name__ for error in EVERY if error.exit_code == 3} == {"BuildError", "BoardError"}
    assert {error.__name__ for error in EVERY if error.exit_code == 1} == {"BudgetError"}


def test_the_tree_in_the_docstring_names_every_class():
    assert [error.__name__ for error in EVERY if error.__name__ not in errors.__doc__] == []


def test_target_error_names_file_then_key_path():
    assert str(TargetError("unknown key 'x'", file="a.toml", key="memories[0]")) == "a.toml: memories[0]: unknown key 'x'"
    assert str(TargetError("no such target")) == "no such target"


def test_unsupported_operators_are_all_listed_with_their_nodes():
    error = UnsupportedOpError([("conv1", "FancyOp"), ("head", "Other")])
    assert error.unsupported == (("conv1", "FancyOp"), ("head", "Other"))
    assert str(error).startswith("2 operators that hwcost does not know:\n  node 'conv1': FancyOp\n  node 'head': Other\n")
    assert "hwcost/ops/" in str(error)
    with pytest.raises(ValueError, match="at least one"):
        UnsupportedOpError([])


def test_shape_error_shows_both_shapes():
    assert str(ShapeError("expected equal channels", node="add", shapes=[(3, 4), (5, 4)])) == (
        "node 'add': expected equal channels; got (3, 4) and (5, 4)"
    )


def test_not_fitted_is_caught_as_scikit_learn_users_expect():
    for kind in (ValueError, AttributeError):
        with pytest.raises(kind):
            raise NotFittedError("fit first")


def test_tool_errors_say_command_first_line_and_log():
    error = BoardError("the board did not answer", command=["qemu", "-M"], line="fault at 0x0", log="run.log")
    assert str(error) == "the board did not answer\n  command: qemu -M\n  said: fault at 0x0\n  full log: run.log"
    assert str(BuildError("no compiler found")) == "no compiler found"


def test_measurement_error_names_file_row_and_column():
    error = MeasurementError("not a number", file="rows.csv", row=7, column="cycles")
    assert str(error) == "rows.csv: row 7: column 'cycles': not a number"


def test_budget_error_says_what_was_passed_and_by_how_much():
    error = BudgetError([Violation("ram_bytes", 2048, 1024), Violation("latency_s", 0.06, 0.05)])
    assert str(error) == "over budget: RAM 2.00 KiB, limit 1.00 KiB (2.00 times); latency 60.0 ms, limit 50.0 ms (1.20 times)"


def test_one_fault_stands_alone_and_several_are_counted():
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "2 faults:\n  a\n  b"
    assert listed(str(n) for n in range(1000)).splitlines()[-1] == "  and 950 more"


def test_shown_values_fit_on_a_line():
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("x" * 10_000)) < 80
    assert shown(16**10_000) == "an int too long to print"
