"""The digits task: the same data every time."""

from __future__ import annotations

import pytest
import torch

from hwcost.errors import InputError
from hwcost.tasks import Examples, task_named


def test_digits_are_split_the_same_way_every_time() -> None:
    pytest.importorskip("sklearn")
    first, second = (task_named("digits").splits() for _ in range(2))
    parts = [(len(split), split.inputs) for split in (first.train, first.validation, first.test)]
    assert [size for size, _ in parts] == [1077, 360, 360]
    assert torch.equal(first.train.inputs, second.train.inputs)
    rows = {image.numpy().tobytes() for _, inputs in parts for image in inputs}
    assert len(rows) == 1797
    assert all(abs(int((split.labels == digit).sum()) - 36) <= 2 for split in (first.validation, first.test) for digit in range(10))


def test_unknown_tasks_and_empty_data_are_refused() -> None:
    with pytest.raises(InputError, match="expected digits"):
        task_named("digit")
    with pytest.raises(InputError, match="at least one, got 0 and 0"):
        Examples(torch.zeros(0, 1), torch.zeros(0))
