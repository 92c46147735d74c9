"""A search under every kind of fitted latency model: its gradients in the loss, the whole of it in the decision and in the report."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from hwcost import check
from hwcost.fit import fit
from hwcost.frontends.from_torch import from_torch
from hwcost.latency import FittedModel, write_model
from hwcost.latency.files import KINDS
from hwcost.measure.sampling.networks import layers_of
from hwcost.nas.config import Config
from hwcost.nas.relaxation import stand_in
from hwcost.nas.search import Search
from hwcost.ops import Conv2d
from hwcost.records import Conditions, Layer, Measurement
from hwcost.target import Target
from hwcost.tensor import int8
from tests.nas.networks import Residual

pytest.importorskip("sklearn")

TARGET = Target.load("stm32l4r5", runtime="hwcost-c")
CONDITIONS = Conditions(TARGET.device.name, TARGET.core.name, TARGET.clock_hz, "hwcost-c", TARGET.runtime.version)
OWN = Path(__file__).with_name("own_task.py")
TABLES = {
    "task": f"{OWN}:Corners",
    "target": "stm32l4r5",
    "runtime": "hwcost-c",
    "budget": {"max_latency": "75%"},
    "schedule": {"warmup_epochs": 1, "search_epochs": 2, "finetune_epochs": 1, "batch_size": 32},
    "baseline": False,
}


@cache
def rows() -> tuple[Measurement, ...]:
    """Layers of the network at widths a search may give it; odd widths take a fifth more, which no sum over sizes tells."""
    random = np.random.default_rng(0)
    layers = {}
    for _ in range(8):
        a, b, c, d = (int(width) for width in random.integers(1, (9, 7, 13, 11)))
        graph = from_torch(Residual((a, b, c, d)), torch.zeros(1, 1, 8, 8))
        layers |= {repr(layer): layer for layer in layers_of(graph)}
    for into, out in random.integers(1, 13, (160, 2)):
        layer = Layer(Conv2d(int(out), (3, 3), padding=((1, 1), (1, 1))), (int8(int(into), 8, 8),))
        layers |= {repr(layer): layer}
    found = []
    for layer in layers.values():
        work = layer.step.work
        cycles = (2.0 * work.macs + 12 * work.out_elements + 300) * (1.2 if layer.step.output.shape[0] % 2 else 1.0)
        found.append(Measurement("", "", layer, CONDITIONS, "measured", "a pencil", cycles=cycles))
    return tuple(found)


@cache
def model_of(kind: str) -> FittedModel:
    return fit(rows(), TARGET, kind, baselines=False).model  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "strategy"), [*((kind, "projection") for kind in KINDS), ("residual", "ramp")])
def test_a_search_meets_its_limit_by_the_model_it_was_given(
    kind: str, strategy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(kind)
    write_model(tmp_path / "models" / "stm32l4r5" / "hwcost-c" / "latency.json", model)
    monkeypatch.setenv("HWCOST_MEASUREMENTS", str(tmp_path / "models"))
    found = Search(Config.from_tables(TABLES | {"strategy": strategy}, "test"), tmp_path / "run").run()
    report = found.best.report
    assert report.verdict == "fits"
    assert 0.4 < report.usage["latency_s"] <= 1
    checked = check(found.onnx, TARGET, report.budget)
    assert model.name in checked.cost.basis["latency_s"].model
    assert dict(checked.usage) == dict(report.usage)
    assert checked.cost.latency_s == pytest.approx(model.predict(checked.graph, TARGET).latency_s)


def test_a_loss_follows_the_sum_below_trees() -> None:
    assert model_of("residual").parameters.forests
    part = stand_in(TARGET, model_of("residual"))
    assert isinstance(part, FittedModel)
    assert part.kind == "linear"
    assert [stand_in(TARGET, model_of(kind)) for kind in ("linear", "lookup", "calibrated")] == [None] * 3
