"""Whole searches on official archives in miniature: one epoch of each phase of the reference network, to the checked file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hwcost.errors import InputError
from hwcost.nas.config import Config
from hwcost.nas.search import Search

TABLES: dict[str, Any] = {
    "target": "stm32l4r5",
    "runtime": "tflm-cmsis-nn",
    "budget": {"max_flash": "60%"},
    "schedule": {"warmup_epochs": 1, "search_epochs": 1, "finetune_epochs": 1, "batch_size": 16},
    "baseline": False,
}


@pytest.mark.parametrize("name", ["cifar10", "speech-commands", "toyadmos"])
def test_a_reference_network_is_searched_on_its_data(name: str, archives: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    found = Search(Config.from_tables(TABLES | {"task": name, "data": str(archives)}, "test"), tmp_path).run()
    assert found.best.report.verdict == "fits"
    assert 0 <= found.best.test_score <= 1


def test_missing_data_ends_a_search_before_it_starts(tmp_path: Path) -> None:
    search = Search(Config.from_tables(TABLES | {"task": "cifar10", "data": str(tmp_path)}, "test"), tmp_path / "found")
    with pytest.raises(InputError, match=r"download cifar-10-binary\.tar\.gz"):
        search.run()
    assert not (tmp_path / "found").exists()
