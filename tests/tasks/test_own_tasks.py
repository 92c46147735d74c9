"""The two tasks that docs/add-a-task.md shows, run as a reader would run them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from hwcost.errors import InputError
from hwcost.nas.config import Config
from hwcost.nas.search import Search
from hwcost.tasks import described


@pytest.fixture
def blocks(root: Path) -> list[tuple[str, str]]:
    """The language and text of each block of code."""
    text = (root / "docs" / "add-a-task.md").read_text(encoding="utf-8")
    return re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)


@pytest.fixture(autouse=True)
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HWCOST_DATA", raising=False)


def searched(tables: dict[str, object]) -> Search:
    epochs = {"warmup_epochs": 4, "search_epochs": 6, "finetune_epochs": 4}
    return Search(Config.from_tables(tables | {"schedule": epochs, "baseline": False}, "test"), "found")


def test_the_least_task_is_learnt_and_cut(blocks: list[tuple[str, str]], tmp_path: Path) -> None:
    (_, code), (kind, configuration) = blocks[:2]
    assert kind == "toml"
    (tmp_path / "vibration.py").write_text(code)
    found = searched(tomllib.loads(configuration)).run()
    assert found.best.report.verdict == "fits"
    assert found.best.test_score > 0.7


def test_a_task_with_files_says_what_is_missing_and_reads_what_is_there(blocks: list[tuple[str, str]], tmp_path: Path) -> None:
    (tmp_path / "parts_task.py").write_text(blocks[2][1])
    tables = tomllib.loads(blocks[1][1]) | {"task": "parts_task.py:Parts"}
    with pytest.raises(InputError, match=r"Parts on a belt .* download parts\.zip \(12 MB\) from https://example\.com/parts"):
        searched(tables).run()
    (tmp_path / "data" / "parts").mkdir(parents=True)
    random = np.random.default_rng(0)
    for name in ("train", "validation", "test"):
        images = random.integers(0, 256, (64, 16, 16), dtype=np.uint8)
        np.savez(tmp_path / "data" / "parts" / f"{name}.npz", images=images, labels=random.integers(0, 2, 64))
    assert searched(tables | {"data": "data"}).run().best.report.verdict == "fits"


def test_every_task_is_in_the_guide_to_searches(root: Path) -> None:
    text = (root / "docs" / "search.md").read_text(encoding="utf-8")
    names = [line.split()[0] for line in described().splitlines()[1:]]
    assert [name for name in names if f"| `{name}` |" not in text] == []
