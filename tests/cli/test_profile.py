"""`hwcost profile` as it is typed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from hwcost.records import read_records
from tests.cli.conftest import Hwcost
from tests.verify.test_deployment import small

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")

SAMPLE = ("--target", "stm32l4r5", "--sample", "prior", "--kinds", "dense,add", "--layers", "2", "--jobs", "1")


def test_rows_are_written_and_told(hwcost: Hwcost, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    done = hwcost("profile", *SAMPLE, "--output", path, "--json")
    assert done.code == 0
    told = json.loads(done.out)
    assert (told["rows"], told["added"], told["refused"]) == (4, 4, [])
    assert {(one["op"], one["rows"]) for one in told["kernels"]} == {("dense", 2), ("add", 2)}
    assert len(read_records(path).rows) == 4
    again = hwcost("profile", *SAMPLE, "--output", path)
    assert "4 layers, 0 of them new" in again.out


def test_pandas_reads_the_file_as_it_is(hwcost: Hwcost, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    hwcost("profile", *SAMPLE, "--output", tmp_path / "rows.csv")
    frame = pandas.read_csv(tmp_path / "rows.csv", comment="#")
    assert len(frame) == 4
    assert (frame.cycles > 0).all()
    assert {"implementation", "instructions", "load", "branch", "clock_hz"} <= set(frame.columns)


def test_the_layers_of_a_network_are_profiled(hwcost: Hwcost, tmp_path: Path) -> None:
    done = hwcost(
        "profile", "--target", "stm32l4r5", "--model", small(tmp_path), "--jobs", "1", "--output", tmp_path / "rows.csv", "--json"
    )
    assert done.code == 0
    assert {one["op"] for one in json.loads(done.out)["kernels"]} == {"conv2d", "global_average_pool"}


def test_a_firmware_is_written_for_a_real_board(hwcost: Hwcost, tmp_path: Path) -> None:
    done = hwcost("profile", *SAMPLE, "--emit", tmp_path / "firmware", "--json")
    told = json.loads(done.out)
    assert (done.code, len(told["layers"]), told["left_out"]) == (0, 4, 0)
    assert (tmp_path / "firmware" / "README.md").is_file()
    said = hwcost("profile", *SAMPLE, "--emit", tmp_path / "firmware")
    assert "--collect serial:PORT" in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--target", "stm32l4r5", "--output", "rows.csv"), "either --model MODEL.onnx or --sample"),
        ((*SAMPLE,), "expected --output FILE.csv"),
        ((*SAMPLE, "--output", "rows.csv", "--board", "moon"), "expected the board 'emulated' or 'host'"),
        ((*SAMPLE, "--output", "rows.csv", "--backend", "dask"), "go together"),
        ((*SAMPLE, "--output", "rows.csv", "--kinds", "nonsense"), "expected kinds out of"),
        (("--target", "stm32l4r5", "--sample", "space", "--output", "rows.csv"), "--sample space and --config"),
        ((*SAMPLE, "--output", "rows.csv", "--collect", "nothing.txt"), "nothing.txt: expected the log"),
        ((*SAMPLE, "--output", "rows.csv", "--collect", "nothing.txt", "--condition", "caches"), "expected KEY=VALUE"),
        (("--target", "efr32mg24-none", "--sample", "prior", "--output", "rows.csv"), "efr32mg24-none"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    arguments: tuple[str, ...], message: str, hwcost: Hwcost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = hwcost("profile", *arguments)
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "rows.csv").exists()


def test_interrupted_it_says_how_to_go_on(hwcost: Hwcost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hwcost.measure.profiling.spreading as spreading

    def interrupt(job: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(spreading, "run_job", interrupt)
    done = hwcost("profile", *SAMPLE, "--output", tmp_path / "rows.csv")
    assert done.code == 130
    assert "the same command goes on" in done.err


def test_the_help_shows_examples(hwcost: Hwcost) -> None:
    assert "--sample prior" in hwcost("profile", "--help").out


def test_importing_it_imports_no_emulator() -> None:
    import subprocess

    code = "import sys, hwcost.cli.profile; print([name for name in ('unicorn', 'torch', 'onnx', 'joblib') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
