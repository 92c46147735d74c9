"""The GitHub Action's own script, run here with the environment the runner would give it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

RUNNER_SHELL = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
"""What `shell: bash` means to the runner."""

FAKE = """#!{python}
import json, os, sys
with open(os.environ["CALL"], "w") as file:
    json.dump(sys.argv[1:], file)
print(os.environ.get("REPORT", "| fits |"), end="")
print("talk", file=sys.stderr)
sys.exit(int(os.environ.get("VERDICT", "0")))
"""


@pytest.fixture(scope="module")
def action(root: Path):
    return yaml.safe_load((root / "action.yml").read_text(encoding="utf-8"))


@pytest.fixture
def run(action, tmp_path: Path):
    """Run the check step with these inputs; the exit code, the words hwcost was given, and the summary."""
    folder = tmp_path / "hwcost" / "bin"
    folder.mkdir(parents=True)
    (folder / "hwcost").write_text(FAKE.format(python=sys.executable))
    (folder / "hwcost").chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    (step,) = (step for step in action["runs"]["steps"] if step.get("name") == "Check")

    def check(verdict: int = 0, report: str = "| fits |", **inputs: str):
        given = {name: str(entry.get("default", "")) for name, entry in action["inputs"].items()} | inputs
        env = {name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")] for name, value in step["env"].items()}
        env |= {"PATH": "/usr/bin:/bin", "RUNNER_TEMP": str(tmp_path), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
        env |= {"CALL": str(tmp_path / "call"), "VERDICT": str(verdict), "REPORT": report, "LC_ALL": "C.UTF-8"}
        done = subprocess.run([*RUNNER_SHELL, step["run"]], cwd=work, env=env, capture_output=True, text=True)
        return done.returncode, json.loads((tmp_path / "call").read_text()), (tmp_path / "summary").read_text()

    check.work = work
    return check


def test_inputs_reach_the_command_as_options(run):
    code, words, summary = run(model="net.onnx", target="stm32l4r5", runtime="tflm", **{"max-ram": "64KiB", "max-latency": "50 ms"})
    assert code == 0
    assert words == [
        "check", "--runtime=tflm", "--max-latency=50 ms", "--max-ram=64KiB", "--target=stm32l4r5", "--format=markdown", "--", "net.onnx"
    ]  # fmt: skip
    assert summary == "| fits |"


def test_lines_are_several_models_targets_and_arguments(run):
    for name in ("a.onnx", "b c.onnx"):
        (run.work / name).touch()
    _, words, _ = run(model="*.onnx\nmissing-*.onnx\n", target="stm32l4r5\nnano33ble", args="--as\nfloat32")
    assert words[1:] == [
        "--target=stm32l4r5", "--target=nano33ble", "--as", "float32", "--format=markdown", "--", "a.onnx", "b c.onnx", "missing-*.onnx"
    ]  # fmt: skip


@pytest.mark.parametrize("verdict", [0, 1, 2, 3])
def test_the_job_ends_as_the_check_does(run, verdict):
    assert run(verdict=verdict, model="net.onnx", target="stm32l4r5")[0] == verdict


def test_a_refusal_is_in_the_summary_too(run):
    code, _, summary = run(verdict=2, report="", model="net.onnx", target="stm32l4r5")
    assert (code, summary) == (2, "```text\ntalk\n```\n")


HOSTILE = ["$(touch pwned)", "`touch pwned`", '"; touch pwned; "', "'; touch pwned; '", "--help", "| touch pwned"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_of_a_pull_request_is_never_read_as_shell(run, action, hostile):
    inputs = dict.fromkeys(action["inputs"], hostile)
    _, words, _ = run(**inputs)
    assert list(run.work.iterdir()) == []
    assert words[-2:] == ["--", hostile]
    assert f"--max-ram={hostile}" in words
    assert f"--target={hostile}" in words


def test_no_step_pastes_an_input_into_its_script(action):
    assert [step["run"] for step in action["runs"]["steps"] if "${{" in step.get("run", "")] == []


def test_every_input_is_described_and_used(action):
    text = json.dumps(action["runs"])
    for name, entry in action["inputs"].items():
        assert entry["description"]
        assert entry.get("required") or "default" in entry
        assert f"inputs.{name} " in text


def test_the_pre_commit_hook_runs_check_on_onnx_files(root: Path):
    (hook,) = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["id"] == "hwcost-check"
    assert hook["entry"].split() == ["hwcost", "check"]
    assert (hook["language"], hook["files"]) == ("python", r"\.onnx$")
