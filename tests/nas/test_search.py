"""Whole searches of a few steps: what comes out meets the limits, and a run cut off anywhere ends the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hwcost import check
from hwcost.errors import GraphError, HwcostError, InputError
from hwcost.nas import session
from hwcost.nas.config import Config
from hwcost.nas.delivery import require_agreement
from hwcost.nas.search import Found, Search
from hwcost.nas.session import Progress
from hwcost.nas.strategies.ramp import Ramp

OWN = Path(__file__).with_name("own_task.py")
TABLES: dict[str, Any] = {
    "task": f"{OWN}:Corners",
    "target": "stm32l4r5",
    "runtime": "tflm-cmsis-nn",
    "budget": {"max_flash": "40%", "max_latency": "80%", "max_ram": "90%", "max_energy": "80%"},
    "schedule": {"warmup_epochs": 2, "search_epochs": 6, "finetune_epochs": 3, "batch_size": 16},
}


class KilledError(Exception):
    """The power went."""


def search(output: Path, changes: dict[str, Any] | None = None, **more: Any) -> Found:
    return Search(Config.from_tables(TABLES | (changes or {}), "test"), output, **more).run()


def weights(found: Found) -> dict[str, torch.Tensor]:
    return torch.load(found.onnx.with_name("network.pt"), weights_only=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Found:
    torch.set_num_threads(1)
    return search(tmp_path_factory.mktemp("whole"))


def test_the_file_meets_every_limit(whole: Found) -> None:
    report = whole.best.report
    checked = check(whole.onnx, report.target, report.budget)
    assert report.verdict == checked.verdict == "fits"
    assert set(report.usage) == {"latency_s", "ram_bytes", "flash_bytes", "energy_j"}
    assert dict(checked.usage) == dict(report.usage)
    own = report.cost.flash.network_bytes / (report.cost.flash.network_bytes + report.budget.flash_bytes - report.cost.flash_bytes)
    assert own > 0.9 or max(report.usage["latency_s"], report.usage["ram_bytes"]) > 0.97


def test_it_reports_the_seed_network_and_both_times(whole: Found) -> None:
    best = whole.best
    assert 0.25 < best.test_score <= 1
    assert 0.25 < best.seed_score <= 1
    assert best.search_time_s > 0
    assert best.training_time_s > 0
    assert whole.mean_and_spread() == (best.test_score, 0.0)


def test_the_weights_load_without_hwcost(whole: Found) -> None:
    values = weights(whole)
    assert values["stem.weight"].shape[0] == values["stem_norm.running_var"].shape[0] == whole.best.widths["stem"]


@pytest.mark.parametrize("epochs", [1, 9, 14, 18])
def test_a_run_cut_off_ends_the_same(epochs: int, whole: Found, tmp_path: Path) -> None:
    told = []

    def tell(progress: session.Progress) -> None:
        told.append(progress)
        if len(told) == epochs:
            raise KilledError

    with pytest.raises(KilledError):
        search(tmp_path, tell=tell)
    found = search(tmp_path)
    assert found.best.widths == whole.best.widths
    assert (found.best.test_score, found.best.seed_score) == (whole.best.test_score, whole.best.seed_score)
    assert all(torch.equal(values, weights(whole)[name]) for name, values in weights(found).items())


def test_a_finished_run_is_not_run_again(whole: Found) -> None:
    told: list[session.Progress] = []
    again = search(whole.onnx.parent, tell=told.append)
    assert not told
    assert again.best.search_time_s == whole.best.search_time_s
    assert again.onnx.read_bytes() == whole.onnx.read_bytes()


def test_the_users_random_numbers_are_left_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    changes = {"baseline": False, "schedule": {"warmup_epochs": 0, "search_epochs": 1, "finetune_epochs": 0, "batch_size": 32}}
    found = search(tmp_path, changes)
    assert torch.equal(before, torch.get_rng_state())
    assert found.best.seed_score is None
    assert found.best.report.verdict == "fits"


def test_several_seeds_have_a_mean_and_a_spread(tmp_path: Path) -> None:
    schedule = {"warmup_epochs": 1, "search_epochs": 2, "finetune_epochs": 1, "batch_size": 16}
    found = search(tmp_path, {"seeds": [3, 4], "baseline": False, "schedule": schedule})
    first, second = (outcome.test_score for outcome in found.outcomes)
    assert found.mean_and_spread() == pytest.approx(((first + second) / 2, abs(first - second) / 2**0.5))
    assert found.onnx.read_bytes() == found.best.onnx.read_bytes()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget": {"max_ram": "1KiB"}}, "no widths of this network meet the budget: at best RAM"),
        ({"task": f"{OWN}:Diverging"}, r"the loss is nan \(seed 0, .*, epoch 1 of \d+, step 1 of \d+\): training has diverged"),
        ({"task": f"{OWN}:NOT_A_TASK"}, "expected a function or class that makes a task, got int"),
        ({"task": f"{OWN}:Nowhere"}, "expected it to define Nowhere; it defines Corners"),
        ({"task": "nowhere.py:Task"}, "there is no such file"),
        ({"task": "digit"}, "there is no task 'digit'; expected digits"),
        ({"strategy": "hope"}, "expected a strategy out of projection"),
        ({"runtime": "tflm-nothing"}, "tflm-nothing"),
    ],
)
def test_what_cannot_be_searched_is_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(HwcostError, match=said):
        search(tmp_path, changes)
    assert not (tmp_path / "network.onnx").exists()


def test_a_checkpoint_of_another_configuration_is_refused(whole: Found) -> None:
    with pytest.raises(InputError, match="made for another configuration"):
        search(whole.onnx.parent, {"granularity": 2})


def test_counts_that_differ_stop_the_run(whole: Found) -> None:
    report = whole.best.report
    seed = check(whole.onnx, report.target, report.budget, priced_as="int8", io_in_arena=False)
    with pytest.raises(GraphError, match="counted differently"):
        require_agreement({"the file": report, "the module": seed})


def test_ramp_is_told_the_loss_of_the_warm_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[float] = set()
    plain = Ramp._warmup_loss

    def noted(strategy: Ramp) -> float:
        seen.add(plain(strategy))
        return plain(strategy)

    monkeypatch.setattr(Ramp, "_warmup_loss", noted)
    search(tmp_path, {"strategy": "ramp", "baseline": False})
    assert len(seen) > 1


def test_patience_ends_at_the_same_epoch_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {1: 0.9, 2: 0.9, 3: 0.7, 4: 0.95}  # the second equals the first: no better
    trained: list[int] = []

    def told(progress: Progress) -> None:
        if progress.phase == "fine-tuning":
            trained.append(progress.epoch)

    def scored(task: object, network: torch.nn.Module, examples: object) -> float:
        return scores.get(len(trained) + 1, 0.5)

    changes = {"schedule": {**TABLES["schedule"], "finetune_epochs": 6, "patience": 2}, "baseline": False}
    monkeypatch.setattr(session, "score", scored)
    real = session.Session.save

    def save(run: session.Session) -> None:
        if "fine-tuning" in run.state["done"]:
            raise KilledError
        real(run)

    with monkeypatch.context() as killing:
        killing.setattr(session.Session, "save", save)
        with pytest.raises(KilledError):
            search(tmp_path, changes, tell=told)
    assert trained == [1, 2, 3]
    search(tmp_path, changes, tell=told)
    assert trained == [1, 2, 3]


def test_an_output_that_is_a_file_is_refused_before_anything(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="is a file; expected a folder"):
        search(tmp_path / "taken")
