"""Layers on an emulated core: each takes what it takes in a network, whatever is measured beside it, and no row is lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

pytest.importorskip("ziglang")
pytest.importorskip("unicorn")

from hwcost.errors import InputError, MeasurementError
from hwcost.measure.profiling import Backend, measure, profile, session
from hwcost.measure.sampling import KINDS, Limits, sample_kind
from hwcost.ops import Conv2d, Dense, DepthwiseConv2d, Identity
from hwcost.records import Layer, read_records
from hwcost.target import Target
from hwcost.tensor import float32, int8

TARGET = Target.load("stm32l4r5", "hwcost-c")
ONE = Backend(workers=1)
LIMITS = Limits(16 * 1024, 64 * 1024, 40_000)
CONV = Layer(Conv2d(8, (3, 3), padding=((1, 1), (1, 1))), (int8(4, 8, 8),))
DEPTHWISE = Layer(DepthwiseConv2d((3, 3), padding=((1, 1), (1, 1))), (int8(8, 8, 8),))
DENSE = [Layer(Dense(n), (int8(32),)) for n in range(1, 13)]


def test_a_layer_of_every_kind_runs() -> None:
    layers = [layer for kind in KINDS for layer in sample_kind(kind, 2, LIMITS)]
    rows = measure(layers, TARGET, backend=ONE)
    assert [row.layer for row in rows] == layers
    for row in rows:
        assert row.instructions == sum(row.classes.values())
        assert row.cycles is not None
        assert row.cycles >= row.instructions
        assert row.conditions.device == "emulated-cortex-m4"


def test_a_layer_takes_the_same_alone_and_among_others() -> None:
    alone = measure([DENSE[3]], TARGET, backend=ONE)[0]
    among = measure(DENSE, TARGET, backend=ONE)[3]
    assert (alone.cycles, alone.classes) == (among.cycles, among.classes)


def test_the_kernel_is_the_one_a_network_gets() -> None:
    kernels = {row.layer: row.implementation for row in measure([CONV, DEPTHWISE], TARGET, backend=ONE)}
    assert kernels == {CONV: "dsp-tile", DEPTHWISE: "dsp-depthwise"}


def test_other_weights_take_as_long() -> None:
    a, b = (measure([CONV, DEPTHWISE], TARGET, backend=ONE, seed=seed) for seed in (0, 1))
    for x, y in zip(a, b, strict=True):
        assert x.cycles == pytest.approx(y.cycles, rel=0.002)


def test_what_cannot_run_alone_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    layers = [CONV, Layer(Identity(), (int8(4),)), Layer(Dense(3), (float32(4),), weight_bits=32)]
    done = profile(layers, TARGET, tmp_path / "rows.csv", backend=ONE)
    assert [row.layer for row in done.rows] == [CONV]
    assert len(done.refused) == 2
    assert all("cannot be run alone" in why for _, why in done.refused)


def test_nothing_but_such_layers_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="none of the 1 layers"):
        profile([Layer(Identity(), (int8(4),))], TARGET, tmp_path / "rows.csv", backend=ONE)
    assert not (tmp_path / "rows.csv").exists()


def test_a_run_that_was_cut_off_goes_on_without_losing_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "BATCH", 4)
    path = tmp_path / "rows.csv"

    def interrupt(done: int, total: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        profile(DENSE, TARGET, path, backend=ONE, progress=interrupt)
    kept = read_records(path).rows
    assert len(kept) == 8
    done = profile(DENSE, TARGET, path, backend=ONE)
    assert (done.added, len(done.rows)) == (4, 12)
    assert read_records(path).rows[:8] == kept
    assert profile(DENSE, TARGET, path, backend=ONE).added == 0


def test_a_file_of_another_core_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    profile([CONV], TARGET, path, backend=ONE)
    before = path.read_bytes()
    with pytest.raises(MeasurementError, match="cortex-m0plus"):
        profile(DENSE[:1], Target.load("rp2040", "hwcost-c"), path, backend=ONE)
    assert path.read_bytes() == before


@pytest.mark.parametrize("device", ["rp2040", "stm32h743", "nrf5340", "esp32c3"])
def test_other_cores_run_the_same_layers(device: str) -> None:
    rows = measure([CONV, DEPTHWISE, DENSE[5]], Target.load(device, "hwcost-c"), backend=ONE)
    assert len(rows) == 3
    assert all((row.cycles or 0) > 0 for row in rows)


def test_a_cluster_needs_an_address_and_an_address_a_cluster() -> None:
    for given in ({"name": "dask"}, {"scheduler": "tcp://127.0.0.1:1"}):
        with pytest.raises(InputError, match="go together"):
            Backend(**given)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_a_cluster_loses_a_worker_and_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(session, "BATCH", 2)
    killed: list[int] = []
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50)
    with cluster:

        def kill(done: int, total: int) -> None:
            if not killed:
                killed.append(next(iter(cluster.workers.values())).process.pid)
                os.kill(killed[0], signal.SIGKILL)

        done = profile(DENSE, TARGET, tmp_path / "rows.csv", backend=Backend("dask", cluster.scheduler_address), progress=kill)
    assert killed
    assert done.added == len(DENSE)
    assert {row.layer for row in done.rows} == set(DENSE)
    assert {(row.layer, row.cycles) for row in done.rows} == {(row.layer, row.cycles) for row in measure(DENSE, TARGET, backend=ONE)}


def test_two_processes_measure_what_one_does(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    done = profile(DENSE[:4], TARGET, tmp_path / "rows.csv", backend=Backend(workers=2))
    assert {(row.layer, row.cycles) for row in done.rows} == {(row.layer, row.cycles) for row in measure(DENSE[:4], TARGET, backend=ONE)}
