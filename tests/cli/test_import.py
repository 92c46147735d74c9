"""`hwcost import`: files written, what was left out told, and refusals in one sentence."""

from __future__ import annotations

import json

import pytest

from hwcost.records import read_records

CSV = "op,in_channels,height,out_channels,kernel,stride,padding,cycles\nconv2d,3,8,8,3,1,same,120000\nfrobnicate,3,8,8,3,1,same,5\n"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "layers.csv"
    path.write_text(CSV)
    return path


def test_a_csv_becomes_measurements(hwcost, log, tmp_path):
    out = tmp_path / "out.csv"
    done = hwcost("import", log, "--from", "csv", "--target", "stm32l4r5", "--output", out, "--condition", "board=mine", "--json")
    assert done.code == 0
    assert json.loads(done.out)["rows"] == 1
    assert "frobnicate" in done.err
    (row,) = read_records(out).rows
    assert (row.cycles, row.conditions.board, row.layer.op.out_channels) == (120_000, "mine", 8)


def test_a_log_is_joined_with_its_model(hwcost, model, tmp_path):
    log = tmp_path / "serial.log"
    log.write_text('"Event","Tag","Ticks"\n0,CONV_2D,500\n')
    arguments = ("import", log, "--from", "tflm", "--target", "stm32l4r5", "--model", model, "--output", tmp_path / "out.csv")
    assert hwcost(*arguments, "--condition", "tick_hz=1000000").code == 0
    (row,) = read_records(tmp_path / "out.csv").rows
    assert (row.cycles, row.layer.op.kernel, row.layer.weight_bits) == (60_000, (3, 3), 8)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--from", "excel"), "tflm, x-cube-ai, onnxruntime, mltk, csv"),
        (("--from", "csv", "--map", "cycles"), "KEY=VALUE"),
        (("--from", "csv", "--map", "cycles=nothing"), "no such column"),
        (("--from", "csv", "--condition", "board=a", "--condition", "board=b"), "twice"),
        (("--from", "tflm"), "Event"),
    ],
)
def test_refusals_are_one_sentence_and_write_nothing(hwcost, log, tmp_path, more, says):
    done = hwcost("import", log, *more, "--target", "stm32l4r5", "--output", tmp_path / "out.csv")
    assert done.code == 2
    assert done.out == ""
    assert says in done.err
    assert not (tmp_path / "out.csv").exists()
