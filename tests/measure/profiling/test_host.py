"""Layers on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from hwcost.errors import MeasurementError
from hwcost.measure.profiling.host import profile_host
from hwcost.measure.profiling.onnx_layer import onnx_layer
from hwcost.measure.sampling import KINDS, Limits, sample_kind
from hwcost.ops import Conv2d, Dense, Identity
from hwcost.records import Layer, read_records
from hwcost.tensor import int8

SMALL = Layer(Dense(8), (int8(16),))
LARGE = Layer(Conv2d(64, (3, 3), padding=((1, 1), (1, 1))), (int8(32, 32, 32),))


def test_a_layer_ten_thousand_times_as_large_takes_longer(tmp_path: Path) -> None:
    done = profile_host([SMALL, LARGE], tmp_path / "rows.csv")
    small, large = (row.latency_s or 0.0 for row in done.rows)
    assert 0 < small < large
    for row in read_records(tmp_path / "rows.csv").rows:
        assert row.conditions.runtime == "onnxruntime"
        assert row.source == "measured"
        assert (row.repeats or 0) >= 30
        assert row.spread is not None


def test_measuring_goes_on_and_leaves_the_process_on_its_processors(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    profile_host([SMALL], tmp_path / "rows.csv")
    assert profile_host([SMALL], tmp_path / "rows.csv").added == 0
    assert before is None or os.sched_getaffinity(0) == before


def test_what_has_no_model_here_is_said(tmp_path: Path) -> None:
    done = profile_host([SMALL, Layer(Identity(), (int8(4),))], tmp_path / "rows.csv")
    assert len(done.rows) == 1
    assert "identity is not run on this machine" in done.refused[0][1]
    with pytest.raises(MeasurementError, match="none of the 1 layers"):
        profile_host([Layer(Identity(), (int8(4),))], tmp_path / "none.csv")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("pad", "resize", "reduce_mean", "hard_swish")])
def test_the_model_of_a_layer_makes_the_shape_the_layer_has(kind: str) -> None:
    import numpy as np
    import onnxruntime

    (layer,) = sample_kind(kind, 1, Limits(16 * 1024, 64 * 1024, 50_000))
    session = onnxruntime.InferenceSession(onnx_layer(layer), providers=["CPUExecutionProvider"])
    inputs = {f"x{i}": np.zeros((1, *spec.shape), np.int8) for i, spec in enumerate(layer.inputs)}
    (made,) = session.run(None, inputs)
    assert made.dtype == np.int8
    assert made.shape == (1, *layer.step.output.shape)
