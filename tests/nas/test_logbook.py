"""Curves are written where TensorBoard reads them, and devices that a machine lacks are refused."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest
import torch

from hwcost.errors import InputError
from hwcost.nas.logbook import Logbook
from hwcost.nas.session import Progress
from hwcost.nas.training import device_named


def progress(epoch: int, *, seed: int = 0) -> Progress:
    return Progress(seed, "search", epoch, 3, loss=1.0 / epoch, score=0.25 * epoch, usage={"ram_bytes": 0.5})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # tensorboard's own imports
def test_every_curve_of_every_seed_is_there(tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with Logbook(tmp_path) as curves:
        for seed in (0, 3):
            for epoch in (1, 2, 3):
                curves(progress(epoch, seed=seed))
    for seed in (0, 3):
        events = accumulators.EventAccumulator(str(tmp_path / f"seed-{seed}"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            events.Reload()
        assert [(point.step, point.value) for point in events.Scalars("search/score")] == [(1, 0.25), (2, 0.5), (3, 0.75)]
        assert [point.value for point in events.Scalars("search/usage/ram_bytes")] == [0.5] * 3
        assert len(events.Scalars("search/loss")) == 3


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match="pip install tensorboard"):
        Logbook(tmp_path)


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InputError, match="cuda:1"):
        device_named("cuda:1")
    assert device_named("cuda:0") == torch.device("cuda:0")


def test_the_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_named("auto").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_named("auto").type == "cpu"
