"""The names of `import hwcost`: all there, all documented, and none of them paid for before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hwcost

HEAVY = {"joblib", "matplotlib", "numpy", "onnx", "ortools", "pandas", "pydantic", "rich", "scipy", "sklearn", "torch", "typer"}
NEVER_WHEN_CHECKING = {"joblib", "matplotlib", "ortools", "pandas", "scipy", "sklearn", "torch"}


def modules_after(statements: str) -> set[str]:
    """Top-level modules a fresh interpreter has loaded after these statements."""
    code = f"{statements}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", [name for name in hwcost.__all__ if name != "__version__"])
def test_every_public_name_loads_and_says_what_it_is(name):
    assert getattr(hwcost, name).__doc__


def test_the_export_list_is_sorted_and_complete():
    assert hwcost.__all__ == sorted(hwcost.__all__)
    assert {*hwcost._HOME, "__version__"} == set(hwcost.__all__)
    assert set(hwcost.__all__) <= set(dir(hwcost))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'hwcost' has no attribute 'chek'"):
        hwcost.chek  # noqa: B018


def test_importing_hwcost_loads_nothing_heavy():
    assert modules_after("import hwcost") & HEAVY == set()


def test_checking_a_model_loads_no_framework():
    loaded = modules_after("import hwcost\nhwcost.check, hwcost.from_onnx, hwcost.Target, hwcost.Budget, hwcost.Graph, hwcost.Cost")
    assert loaded & NEVER_WHEN_CHECKING == set()
    assert "hwcost" in loaded


def test_check_stays_the_function_after_its_module_is_imported():
    code = "import hwcost, hwcost.checking\nassert callable(hwcost.check)\nfrom hwcost import check\nassert check is hwcost.checking.check"
    subprocess.run([sys.executable, "-c", code], check=True)
