"""Answers of integer programs beside onnxruntime's, on few inputs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

import hwcost
from hwcost.deploy.interpret import interpret
from hwcost.deploy.lower import lower
from hwcost.verify.agreement import Agreement
from hwcost.verify.oracle import input_ranges, noise, own_answers, run_oracle
from tools.deploying.networks import random_networks, reference_networks


@pytest.fixture(scope="module")
def agreeing() -> Iterator[Any]:
    """The tool's module, which imports others from the folder of tools."""
    tools = str(Path(__file__).resolve().parents[2] / "tools")
    sys.path.insert(0, tools)
    try:
        yield import_module("deploying.agreeing")
    finally:
        sys.path.remove(tools)


def test_random_networks_agree_within_a_step(agreeing: Any, tmp_path: Path) -> None:
    for model in random_networks(3, 11, tmp_path):
        found = agreeing.agreed(model.stem, model, 5)
        assert (found.agreement.examples, found.error_apart) == (5, None)
        assert found.agreement.ort_within_one_fraction == 1.0


def test_the_numbers_of_both_are_those_of_the_file(tmp_path: Path) -> None:
    model = random_networks(1, 12, tmp_path)[0]
    program = lower(hwcost.from_onnx(model))
    examples = noise(model, 3, input_ranges(program))
    inputs, own, second = own_answers(model, program, examples).reals
    for example, x, mine, other in zip(examples, inputs, own, second, strict=True):
        np.testing.assert_array_equal(x, next(iter(example.values())).ravel().astype(np.float64))
        np.testing.assert_array_equal(other, next(iter(run_oracle(model, [example])[0].values())).ravel().astype(np.float64))
        answer, tensor = next(iter(interpret(program, example).values())), program.tensors[program.graph.outputs[0]]
        if tensor.kind == "int":
            np.testing.assert_allclose(mine, (answer.ravel().astype(np.float64) - tensor.zero_point) * tensor.scale)


def test_an_autoencoder_is_judged_by_its_error(agreeing: Any, tmp_path: Path) -> None:
    found = agreeing.agreed("autoencoder", reference_networks(tmp_path, ["autoencoder"])["autoencoder"], 3)
    assert found.error_apart is not None
    within, furthest, error = agreeing.figures_of(found)
    assert (within.goal, furthest.goal, error.goal) == (99.9, None, 0.5)
    assert within.is_met
    assert error.is_met


def test_a_goal_that_is_missed_is_said_to_be(agreeing: Any) -> None:
    figures = agreeing.figures_of(agreeing.Agreed("net", Agreement(1000, True, 25, 0.9, 0.94, 0.996), None))
    assert [figure.is_met for figure in figures] == [False, True, True]
    assert [figure.value for figure in figures] == pytest.approx([94.0, 25, 99.6])


def test_trained_networks_are_those_in_the_folder(agreeing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWCOST_SHARED", str(tmp_path))
    assert agreeing.trained_networks() == {}
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / agreeing.TRAINED["trained dscnn"]).touch()
    assert list(agreeing.trained_networks()) == ["trained dscnn"]


@pytest.mark.parametrize("name", ["trained dscnn", "trained autoencoder"])
def test_trained_networks_agree_within_a_step(agreeing: Any, name: str, shared: Path) -> None:
    found = agreeing.agreed(name, shared / "models" / agreeing.TRAINED[name], 20)
    assert found.agreement.ort_max_lsb <= 1
    assert (found.error_apart or 0.0) <= 0.005
