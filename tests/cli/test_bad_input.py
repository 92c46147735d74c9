"""Whatever is given on the command line: a sentence on standard error, exit code 2, nothing printed as data, nothing written."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.cli.conftest import conv_net  # type: ignore[import-not-found]

DEVICE = ("--target", "stm32l4r5")


def contents(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_size for path in folder.rglob("*")}


def refused(hwcost, folder: Path, *arguments: str | Path) -> str:
    """The message, after holding the refusal to what every refusal keeps."""
    before = contents(folder)
    done = hwcost(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("hwcost: error: ")
    assert "Traceback" not in done.err
    assert "bug in hwcost" not in done.err
    assert len(done.err) < 5000
    assert contents(folder) == before
    return done.err


def not_there(folder: Path) -> Path:
    return folder / "nothing.onnx"


def directory(folder: Path) -> Path:
    (folder / "folder.onnx").mkdir()
    return folder / "folder.onnx"


def empty(folder: Path) -> Path:
    (folder / "empty.onnx").touch()
    return folder / "empty.onnx"


def truncated(folder: Path) -> Path:
    whole = conv_net(folder / "whole.onnx").read_bytes()
    (folder / "truncated.onnx").write_bytes(whole[: len(whole) // 2])
    return folder / "truncated.onnx"


def prose(folder: Path) -> Path:
    (folder / "prose.onnx").write_text("This is not a model.\n" * 100)
    return folder / "prose.onnx"


def listening_socket(folder: Path) -> Path:
    path = folder / "s.onnx"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))
    return path


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.onnx")
    return folder / "pipe.onnx"


@pytest.mark.parametrize("make", [not_there, directory, empty, truncated, prose, listening_socket, pipe], ids=lambda make: make.__name__)
def test_what_is_no_model_is_refused(hwcost, tmp_path, monkeypatch, make):
    monkeypatch.chdir(tmp_path)
    path = make(tmp_path)
    assert path.name in refused(hwcost, tmp_path, "check", path, *DEVICE)


def test_the_name_of_a_file_cannot_steer_the_terminal(hwcost, tmp_path):
    message = refused(hwcost, tmp_path, "check", tmp_path / "\x1b[31mred.onnx", *DEVICE)
    assert "\x1b" not in message


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "expected a command"),
        (("chek",), "'chek'"),
        (("check",), "MODEL"),
        (("check", "net.onnx"), "--target"),
        (("check", "net.onnx", *DEVICE, "--max-rom", "1KiB"), "--max-rom"),
        (("check", "net.onnx", "--target"), "--target"),
        (("check", "net.onnx", *DEVICE, "--as", "int4"), "int4"),
        (("check", "net.onnx", *DEVICE, "--format", "xml"), "xml"),
        (("check", "net.onnx", *DEVICE, "--confidence", "much"), "much"),
        (("check", "net.onnx", *DEVICE, "--confidence", "nan"), "nan"),
        (("check", "net.onnx", *DEVICE, "--confidence", "1"), "between 0 and 1"),
        (("targets",), "expected a command"),
        (("targets", "sho"), "'sho'"),
    ],
)
def test_usage_is_explained(hwcost, tmp_path, arguments, said):
    message = refused(hwcost, tmp_path, *arguments)
    assert said in message
    assert message.count("\n") == 1


@pytest.mark.parametrize("option", ["--max-latency", "--max-ram", "--max-flash", "--max-energy"])
@pytest.mark.parametrize(
    "limit", ["0", "0s", "0KiB", "-1ms", "-5KiB", "nan", "NaNms", "inf", "64", "", " ", "fast", "1e400s", "5 furlongs"]
)
def test_limits_that_limit_nothing_are_refused(hwcost, tmp_path, model, option, limit):
    assert option in refused(hwcost, tmp_path, "check", model, *DEVICE, f"{option}={limit}")


def test_all_wrong_limits_are_told_together(hwcost, tmp_path, model):
    message = refused(hwcost, tmp_path, "check", model, *DEVICE, "--max-ram", "64", "--max-latency", "-1ms")
    assert "2 faults" in message
    assert "--max-ram" in message
    assert "--max-latency" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 keys"),
        ('max_ram = "64"', "max_ram"),
        ("max_ram = 0", "max_ram"),
        ("ram_bytes = -1", "ram_bytes"),
        ("latency_s = nan", "latency_s"),
        ('max_rum = "64KiB"', "max_ram"),
        ("max_ram = ", "not TOML"),
        ("a = " + "[" * 100_000, "nested"),
        ('max_ram = "64KiB"\nram_bytes = 65536', "twice"),
    ],
)
def test_wrong_budget_files_are_refused(hwcost, tmp_path, model, text, said):
    (tmp_path / "limits.toml").write_text(text)
    assert said in refused(hwcost, tmp_path, "check", model, *DEVICE, "--budget", tmp_path / "limits.toml")


def test_a_budget_that_is_not_there_or_a_directory_is_refused(hwcost, tmp_path, model):
    assert "limits.toml" in refused(hwcost, tmp_path, "check", model, *DEVICE, "--budget", tmp_path / "limits.toml")
    assert "a directory" in refused(hwcost, tmp_path, "check", model, *DEVICE, "--budget", tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stm32l4r6", "stm32l4r5"),
        ("rp20", "rp2040"),
        ("STM32-L4R5", "stm32l4r5"),
        ("nonsense-entirely", "targets list"),
        ("stm32l4r5,,rp2040", "between the commas"),
        ("", "between the commas"),
        ("missing.toml", "missing.toml"),
        ("x" * 300 + ".toml", "File name too long"),
        ("../../etc/passwd", "passwd"),
    ],
)
def test_names_of_targets_are_corrected(hwcost, tmp_path, model, name, said):
    assert said in refused(hwcost, tmp_path, "check", model, f"--target={name}")


def test_all_wrong_targets_are_told_together(hwcost, tmp_path, model):
    message = refused(hwcost, tmp_path, "check", model, "--target", "stm32l4r6,rp2041")
    assert "stm32l4r5" in message
    assert "rp2040" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# " + "x" * 10_000_000, "larger"),
        ("[" + ".".join("a" * 1000) + "]\nb = 1\n", "dots"),
        ("a = " + "{ b = " * 1000 + "1" + " }" * 1000, "nested"),
        ("name = 'mine'\n", "expected key"),
        ("\x00\x01", "not TOML"),
    ],
    ids=["ten megabytes", "a thousand tables", "a thousand levels", "unfinished", "bytes"],
)
def test_hostile_target_files_are_refused(hwcost, tmp_path, model, text, said):
    (tmp_path / "mine.toml").write_text(text)
    message = refused(hwcost, tmp_path, "check", model, "--target", tmp_path / "mine.toml")
    assert "mine.toml" in message
    assert said in message


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--runtime", "tflm"), "tflm-cmsis-nn"),
        (("--runtime", "tflm-cmsis-nn@0.0"), "versions"),
        (("--runtime", "esp-nn"), "cortex-m4"),
        (("--shape", "1,3,8,8"), "--shape"),
        (("--shape", "x="), "--shape"),
        (("--shape", "x=1,-3,8,8"), "--shape"),
        (("--shape", "x=1,0,8,8"), "--shape"),
        (("--shape", "x=1,3,8.5,8"), "--shape"),
        (("--shape", "x=1,3,8,8", "--shape", "x=1,3,9,9"), "twice"),
        (("--shape", "nobody=1,3,8,8"), "nobody"),
        (("--latency-model", "nothing.json"), "nothing.json"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(hwcost, tmp_path, model, given, said):
    assert said in refused(hwcost, tmp_path, "check", model, *DEVICE, *given)


def test_a_limit_that_nobody_can_judge_names_metric_reason_and_runtimes(hwcost, tmp_path, model):
    message = refused(hwcost, tmp_path, "check", model, "--target", "rp2040", "--max-energy", "1J")
    assert "limit on energy" in message
    assert "active power of rp2040" in message
    floats = refused(hwcost, tmp_path, "check", model, *DEVICE, "--as", "float32", "--max-latency", "1s")
    assert "limit on latency" in floats


def test_two_wrong_models_are_both_told(hwcost, tmp_path):
    done = hwcost("check", tmp_path / "a.onnx", tmp_path / "b.onnx", *DEVICE)
    assert done.code == 2
    assert done.err.count("hwcost: error: ") == 2
