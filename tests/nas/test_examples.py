"""The configurations in examples/ are ones that a search takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwcost import Target
from hwcost.nas.config import Config
from hwcost.nas.strategies import STRATEGIES
from hwcost.tasks import TASKS, task_named

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.toml"))


def test_there_is_one_for_every_published_task() -> None:
    named = {path.stem for path in EXAMPLES}
    assert {name for name, kind in TASKS.items() if kind.published is not None} < named
    assert {"choice", "digits", "ramp"} < named


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid(path: Path) -> None:
    config = Config.load(path)
    task = task_named(config.task, config.data)
    target = Target.load(config.target, runtime=config.runtime)
    assert target.runtime.name == config.runtime
    assert config.strategy in STRATEGIES
    assert config.budget.shares or config.budget.budget.limits()
    assert f"hwcost search examples/{path.name} --output" in path.read_text(encoding="utf-8").split("\n")[0]
    if task.published is not None:
        assert task.published.settings() == {name: getattr(config.schedule, name) for name in task.published.settings()}
