"""The command as a process: what it loads, who listens, how it ends."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import hwcost
from hwcost.cli import main
from hwcost.cli.commands import COMMANDS

COMMAND = [sys.executable, "-m", "hwcost.cli"]
NEVER = {"joblib", "matplotlib", "ortools", "pandas", "scipy", "sklearn", "torch"}


def loaded_by(*arguments: str) -> set[str]:
    """Top-level modules that a command has loaded when it ends."""
    code = (
        "import sys, json\nfrom hwcost.cli import main\nmain(sys.argv[1:])\n"
        "print(json.dumps(sorted({n.partition('.')[0] for n in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_check_loads_no_framework_and_no_validator(model):
    loaded = loaded_by("check", str(model), "--target", "stm32l4r5", "--max-ram", "64KiB")
    assert loaded & NEVER == set()
    assert "pydantic" not in loaded
    assert {"onnx", "rich"} <= loaded


def test_json_loads_no_terminal(model):
    assert "rich" not in loaded_by("check", str(model), "--target", "stm32l4r5", "--format", "json")


def test_the_version_loads_nothing():
    assert loaded_by("--version") & {"numpy", "onnx", "pydantic", "rich", *NEVER} == set()


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=lambda command: " ".join(command) or "hwcost")
def test_help_is_data_with_examples(hwcost, command):
    done = hwcost(*command, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: {' '.join(['hwcost', *command])} ")
    prose = [line for line in done.out.splitlines() if not line.startswith("    hwcost ")]
    assert max(map(len, prose)) <= 80


def test_the_version_is_the_packages():
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"hwcost {hwcost.__version__}\n", "")


def test_a_reader_who_leaves_does_not_change_the_verdict(model):
    reading, writing = os.pipe()
    os.close(reading)
    arguments = [*COMMAND, "check", str(model), "--target", "stm32l4r5", "--max-ram", "1KiB"]
    done = subprocess.run(arguments, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_sentence(model):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, "check", str(model), "--target", "stm32l4r5"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("hwcost: error: the report cannot be written: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="needs a shell that closes streams")
@pytest.mark.parametrize(
    ("closed", "said"), [(">&-", "hwcost: error: the report cannot be written: standard output is closed\n"), (">&- 2>&-", "")]
)
def test_a_closed_output_is_a_sentence(model, closed, said):
    command = shlex.join([*COMMAND, "check", str(model), "--target", "stm32l4r5"])
    done = subprocess.run(["/bin/sh", "-c", f"{command} {closed}"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, said)


def test_output_that_cannot_carry_a_character_still_gets_the_report(model):
    done = subprocess.run(
        [*COMMAND, "check", str(model), "--target", "stm32l4r5"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert done.returncode == 0
    assert done.stdout.isascii()


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (RecursionError(), 2, "nested too deeply"),
        (MemoryError(), 2, "memory"),
        (KeyError("x"), 2, "this is a bug in hwcost, please report it: KeyError: 'x'"),
    ],
)
def test_whatever_is_raised_is_a_sentence(monkeypatch, capsys, raised, code, said):
    def run(arguments):
        raise raised

    monkeypatch.setattr("hwcost.cli.commands.run", run)
    monkeypatch.delenv("HWCOST_TRACEBACK", raising=False)
    assert main([]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("hwcost: error: ")
    assert said in captured.err
    assert "Traceback" not in captured.err


def test_the_traceback_of_a_bug_can_be_asked_for(monkeypatch, capsys):
    def run(arguments):
        raise KeyError("x")

    monkeypatch.setattr("hwcost.cli.commands.run", run)
    monkeypatch.setenv("HWCOST_TRACEBACK", "1")
    assert main([]) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err
