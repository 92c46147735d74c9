"""Depthwise layers with any window, held against the definition of a convolution on emulated cores without dual multiplications."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.deploy.program import Range
from hwcost.deploy.variants.plain_depthwise import emit
from hwcost.kernels.plain_depthwise import PlainDepthwise
from hwcost.kernels.variant import WeightFacts
from hwcost.target import LayerFacts
from tests.deploy.cortex import Case, EmulatedCore, constant_bytes, convolution, facts, on_core

SEED = 17
CASES = 40
CORES = ("cortex-m0plus", "cortex-m4")


def depthwise(rng: np.random.Generator, number: int) -> Case:
    """A layer of a random shape, 3x3 every second time."""
    taps, stride, dilation = (tuple(map(int, rng.integers(1, most, 2))) for most in (6, 4, 3))
    taps = taps if number % 2 else (3, 3)
    padding = tuple(int(side) for side in rng.integers(0, 3, 4))
    least = (dilation[i] * (taps[i] - 1) + 1 - padding[i] - padding[i + 2] for i in (0, 1))
    rows, columns = (max(int(rng.integers(1, 10)), size) for size in least)
    image = (rows, columns, int(rng.integers(1, 12)))
    limits = Range(-100, 60) if number % 5 == 0 else Range()
    return convolution(rng, image, image[2], taps, stride, padding, number, limits, dilation=dilation, depthwise=True, lowest=-128)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    rng = np.random.default_rng(SEED)
    return [depthwise(rng, number) for number in range(CASES)]


@pytest.fixture(scope="module", params=CORES)
def core(request: pytest.FixtureRequest, cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> EmulatedCore:
    return on_core(request.param, cases, emit, tmp_path_factory.mktemp("firmware"))


def test_every_output_is_that_of_the_definition(core: EmulatedCore, cases: list[Case]) -> None:
    """Bit for bit, nothing written behind the output or the scratch that was asked for."""
    for case in cases:
        np.testing.assert_array_equal(core.run(case, PlainDepthwise().needs(facts(case)).scratch_bytes), case.output)


def test_what_is_emitted_takes_what_was_predicted(cases: list[Case]) -> None:
    for case in cases:
        assert constant_bytes(emit(case.placed)) == PlainDepthwise().needs(facts(case)).packed_bytes


def test_what_it_cannot_run_is_said(cases: list[Case]) -> None:
    layer = facts(cases[0])
    assert PlainDepthwise().refusal(layer, (), WeightFacts(1, -128, 127)) is None
    assert "30" in str(PlainDepthwise().refusal(layer, (), WeightFacts(1, 0, 0, shift=30)))
    several = LayerFacts(kind="depthwise_conv2d", activation_bits=8, in_channels=4, out_channels=8)
    assert "several outputs" in str(PlainDepthwise().refusal(several, (), None))
