"""What every registered task keeps to; those that need files get the official archives in miniature."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from hwcost.errors import InputError
from hwcost.nas.config import Schedule
from hwcost.tasks import TASKS, Examples, Splits, Task, described, task_named

NEEDING_DATA = sorted(name for name, kind in TASKS.items() if kind.needs_data)


@pytest.fixture(scope="module", params=sorted(TASKS))
def task(request: pytest.FixtureRequest, archives: Path) -> Iterator[Task]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HWCOST_DATA", str(archives))
        yield task_named(request.param)


@pytest.fixture(scope="module")
def splits(task: Task) -> Splits:
    return task.splits()


def batch(examples: Examples, number: int = 6) -> torch.Tensor:
    return examples.inputs[torch.arange(min(number, len(examples)))]


def parts(splits: Splits) -> tuple[Examples, Examples, Examples]:
    return splits.train, splits.validation, splits.test


def test_what_it_holds_becomes_what_its_network_takes(task: Task, splits: Splits) -> None:
    example = task.example_input()
    assert example.shape[0] == 1
    for part in parts(splits):
        prepared = task.prepared(batch(part))
        assert prepared.shape[1:] == example.shape[1:]
        assert prepared.dtype == example.dtype
        assert torch.isfinite(prepared).all()


def test_its_network_can_be_trained_and_scored(task: Task, splits: Splits) -> None:
    network = task.network()
    inputs, labels = task.prepared(batch(splits.train)), splits.train.labels[:6]
    loss = task.loss(task.answers(network(inputs), inputs), labels)
    loss.backward()
    assert torch.isfinite(loss)
    assert any(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in network.parameters())
    network.eval()
    with torch.no_grad():
        for part in parts(splits):
            inputs = task.prepared(batch(part))
            assert 0 <= task.score(task.answers(network(inputs), inputs), part.labels[: len(inputs)]) <= 1


def test_augmenting_keeps_the_form_and_follows_the_generator(task: Task, splits: Splits) -> None:
    held = batch(splits.train)
    before = held.clone()
    first, second = (task.augmented(held, torch.Generator().manual_seed(5)) for _ in range(2))
    assert first.shape == held.shape
    assert first.dtype == held.dtype
    assert torch.equal(first, second)
    assert torch.equal(held, before)


def test_parts_share_nothing_and_are_the_same_every_time(task: Task, splits: Splits) -> None:
    seen: list[set[bytes]] = []
    for part, again in zip(parts(splits), parts(task.splits()), strict=True):
        held = part.inputs[torch.arange(len(part))]
        assert torch.equal(held, again.inputs[torch.arange(len(again))])
        assert torch.equal(part.labels, again.labels)
        seen.append({row.numpy().tobytes() for row in held})
    assert not seen[0] & seen[1]
    assert not (seen[0] | seen[1]) & seen[2]


def test_its_published_schedule_is_one_that_a_search_takes(task: Task) -> None:
    assert task.published is not None or not task.needs_data
    if task.published is not None:
        schedule = Schedule(**task.published.settings())
        assert schedule.batch_size >= 32
        assert schedule.search_epochs >= 50


@pytest.mark.parametrize("name", NEEDING_DATA)
def test_missing_data_is_one_clear_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HWCOST_DATA", raising=False)
    archive = TASKS[name].archive
    for task in (task_named(name), task_named(name, tmp_path), task_named(name, tmp_path / "nowhere")):
        with pytest.raises(InputError) as caught:
            task.splits()
        said = str(caught.value)
        assert "\n" not in said
        for part in (archive.title, archive.file, archive.size, archive.page, archive.folder, *archive.contents, "HWCOST_DATA"):
            assert part in said


@pytest.mark.parametrize("name", NEEDING_DATA)
def test_a_folder_can_be_named_in_three_ways(name: str, archives: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = archives / TASKS[name].archive.folder
    monkeypatch.delenv("HWCOST_DATA", raising=False)
    assert TASKS[name](archives).folder() == task_named(name, inner).folder() == inner
    monkeypatch.setenv("HWCOST_DATA", str(archives))
    assert task_named(name).folder() == inner


def test_the_table_names_every_task() -> None:
    head, *rows = described().splitlines()
    assert head.split() == ["task", "metric", "input", "data", "what"]
    assert [row.split()[0] for row in rows] == list(TASKS)
    assert all(("to download" in row) == TASKS[row.split()[0]].needs_data for row in rows)


def test_a_folder_for_a_task_that_reads_none_is_refused() -> None:
    with pytest.raises(InputError, match="data: the task Digits reads no files"):
        task_named("digits", "somewhere")
