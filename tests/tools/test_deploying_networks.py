"""The int8 networks that benchmarks deploy."""

from __future__ import annotations

import pytest

import hwcost
from hwcost.frontends.from_onnx import from_onnx

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from hwcost.frontends.from_torch import from_torch
from tools.deploying.networks import REFERENCE, random_networks, reference, reference_networks


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return reference_networks(tmp_path_factory.mktemp("networks"))


@pytest.mark.parametrize("name", REFERENCE)
def test_the_quantised_file_costs_what_the_float_network_was_said_to(files, name):
    network, example = reference(name)
    target = hwcost.Target.load("stm32l4r5")
    wanted = hwcost.check(from_torch(network.eval(), example), target)
    found = hwcost.check(files[name], target)
    assert found.float_islands == ()
    for figure in ("ram_bytes", "flash_bytes", "latency_s"):
        assert getattr(found.cost, figure) == getattr(wanted.cost, figure)


def test_files_that_are_there_are_kept(files):
    before = {path: path.stat().st_mtime_ns for path in files.values()}
    assert reference_networks(next(iter(before)).parent) == files
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_random_networks_are_the_same_for_the_same_seed(tmp_path):
    one, other = (random_networks(4, 5, tmp_path / name) for name in "ab")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]
    assert len({path.read_bytes() for path in one}) == 4
    assert all(len(from_onnx(path).nodes) > 2 for path in one)
