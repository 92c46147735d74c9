"""`hwcost search` and `hwcost explain`, run in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from hwcost import Budget, Target
from hwcost.cli import main
from hwcost.nas.explain import explain
from hwcost.tasks import TASKS
from tests.nas.networks import Residual, example

OWN = Path(__file__).with_name("own_task.py")
EXPLAIN = ("explain", f"{OWN}:make_model", "--input", "1,8,8", "--target", "stm32l4r5")


@pytest.fixture
def hwcost(capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def config(tmp_path: Path) -> str:
    lines = [
        f'task = "{OWN}:Corners"',
        'target = "stm32l4r5"',
        'runtime = "tflm-cmsis-nn"',
        "[budget]",
        'max_flash = "50%"',
        "[schedule]",
        "warmup_epochs = 1",
        "search_epochs = 2",
        "finetune_epochs = 1",
        "batch_size = 32",
    ]
    (tmp_path / "search.toml").write_text("\n".join(lines))
    return str(tmp_path / "search.toml")


def test_search_prints_the_report_of_check_and_its_own_figures(hwcost, config: str, tmp_path: Path) -> None:
    code, out, err = hwcost("search", config, "--output", str(tmp_path / "found"), "--json")
    found = json.loads(out)
    assert code == 0
    assert found["verdict"] == "fits"
    assert found["usage"]["flash_bytes"] <= 1
    assert {"accuracy", "seed_accuracy", "search_time_s", "training_time_s", "onnx"} <= found.keys()
    assert "search 2/2" in err
    code, checked, _ = hwcost(
        "check", found["onnx"], "--target", "stm32l4r5", "--max-flash", f"{found['budget']['flash_bytes']}B", "--format", "json"
    )
    assert json.loads(checked)["cost"] == found["cost"]


def test_search_tells_people_what_it_found(hwcost, config: str, tmp_path: Path) -> None:
    code, out, _ = hwcost("search", config, "--output", str(tmp_path / "found"), "--set", "baseline=false", "--set", "seeds=[0, 1]")
    assert code == 0
    assert "mean" in out
    assert "over 2 seeds" in out
    assert "network.onnx: fits, counted alike" in out
    again = next(line for line in out.splitlines() if line.startswith("Check it again: hwcost "))
    code, out, _ = hwcost(*again.removeprefix("Check it again: hwcost ").split())
    assert (code, "fits" in out.lower()) == (0, True)


def test_the_tasks_are_listed(hwcost) -> None:
    code, out, _ = hwcost("search", "--tasks")
    listed = {line.split()[0] for line in out.splitlines()[1:]}
    assert (code, listed) == (0, set(TASKS))


def test_an_impossible_budget_ends_before_training(hwcost, config: str, tmp_path: Path) -> None:
    code, out, err = hwcost("search", config, "--output", str(tmp_path / "found"), "--set", "budget.max_ram=2KiB")
    assert (code, out) == (2, "")
    assert "no widths of this network meet the budget: at best RAM" in err
    assert "warm-up" not in err


def test_explain_tells_groups_reasons_and_reach(hwcost) -> None:
    code, out, err = hwcost(*EXPLAIN, "--max-ram", "64KiB")
    assert (code, err) == (0, "")
    assert "8   1 to 8   stem, two" in out
    assert "it makes the network output" in out
    assert "networks.py:" in out
    assert "The budget is within reach." in out


def test_explain_tells_what_stands_in_the_way(hwcost) -> None:
    code, out, _ = hwcost(*EXPLAIN, "--max-ram", "2KiB", "--json")
    found = json.loads(out)
    assert code == 1
    assert found["within_reach"] is False
    assert "at its peak" in found["why_not"]
    assert found["at_least"]["ram_bytes"] > 2048


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*EXPLAIN[:3], "0,8", *EXPLAIN[4:]), "expected positive sizes"),
        (("explain", "model.onnx", *EXPLAIN[2:]), "expected FILE.py:NAME"),
        (("explain", f"{OWN}:NOT_A_TASK", *EXPLAIN[2:]), "expected a function or class that makes a module"),
        (("explain", f"{OWN}:Corners", *EXPLAIN[2:]), "expected it to make a module, got Corners"),
        ((*EXPLAIN, "--freeze", "nowhere"), "names no part of the module"),
        (("search", "nowhere.toml", "--output", "found"), "expected the configuration of a search"),
    ],
)
def test_bad_requests_are_one_sentence(hwcost, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = hwcost(*arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_explaining_leaves_the_module_alone() -> None:
    model = Residual()
    before = {name: values.clone() for name, values in model.state_dict().items()}
    explanation = explain(model, example(Residual), Target.load("stm32l4r5"), Budget(latency_s=1.0), freeze=["one"])
    assert list(model.state_dict()) == list(before)
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    assert not any(part._forward_pre_hooks for part in model.modules())
    assert next(group for group in explanation.groups if group.name == "one").frozen == "'one' is to stay as it is"
