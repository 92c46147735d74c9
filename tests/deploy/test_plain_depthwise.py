"""Depthwise layers with any window, held against the definition of a convolution on emulated cores without dual multiplications."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.deploy.emission import Placed
from hwcost.deploy.program import Convolution, Range, Tensor
from hwcost.deploy.variants.plain_depthwise import emit
from hwcost.kernels.plain_depthwise import PlainDepthwise
from hwcost.kernels.variant import WeightFacts
from hwcost.target import LayerFacts
from hwcost.target.load import load_core
from tests.deploy.cortex import Case, EmulatedCore, built

SEED = 17
CASES = 40
CORES = ("cortex-m0plus", "cortex-m4")


def depthwise(rng: np.random.Generator, number: int) -> Case:
    """A layer of a random shape, 3x3 every second time; sums by the definition, tap by tap."""
    channels = int(rng.integers(1, 12))
    taps, stride, dilation = rng.integers((1, 1), 6, 2), rng.integers(1, 4, 2), rng.integers(1, 3, 2)
    taps = taps if number % 2 else np.array([3, 3])
    padding = rng.integers(0, 3, 4)
    sides = np.maximum(rng.integers(1, 10, 2), dilation * (taps - 1) + 1 - padding[:2] - padding[2:])
    values = rng.integers(-128, 128, (*np.maximum(sides, 1), channels)).astype(np.int8)
    zero_in, zero_out = (int(zero) for zero in rng.integers(-128, 128, 2))
    weights = rng.integers(-128, 128, (channels, *taps, 1)).astype(np.int8)
    bias = rng.integers(-30_000, 30_000, channels)
    multiplier = (2.0**32 * rng.uniform(0.001, 0.01, channels)).astype(np.int64)
    padded = np.pad(values.astype(np.int64), ((padding[0], padding[2]), (padding[1], padding[3]), (0, 0)), constant_values=zero_in)
    rows, columns = (np.array(padded.shape[:2]) - dilation * (taps - 1) - 1) // stride + 1
    sums = np.tile(bias, (rows, columns, 1))
    for i, j in np.ndindex(*taps):
        sums += padded[i * dilation[0] :: stride[0], j * dilation[1] :: stride[1]][:rows, :columns] * weights[:, i, j, 0]
    limits = Range(-100, 60) if number % 3 == 0 else Range()
    output = np.clip(((sums * multiplier + 2**31) >> 32) + zero_out, limits.low, limits.high).astype(np.int8)
    pairs = [tuple(int(size) for size in pair) for pair in (stride, dilation, padding)]
    numbers = dict(zip(("stride", "dilation", "padding"), pairs, strict=True))
    parts = (weights, bias.astype(np.int32), multiplier.astype(np.int32), 32, zero_in, zero_out)
    layer = Convolution(*parts, groups=channels, range=limits, **numbers)
    tensors = [Tensor(name, value.shape, (1, 2, 0)) for name, value in (("in", values), ("out", output))]
    return Case(Placed(number, f"layer {number}", layer, (tensors[0],), tensors[1]), values, output)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    rng = np.random.default_rng(SEED)
    return [depthwise(rng, number) for number in range(CASES)]


@pytest.fixture(scope="module", params=CORES)
def core(request: pytest.FixtureRequest, cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> EmulatedCore:
    pytest.importorskip("ziglang")
    pytest.importorskip("unicorn")
    image = built(cases, emit, load_core(request.param), tmp_path_factory.mktemp("firmware"))
    return EmulatedCore(image, load_core(request.param))


def facts(case: Case) -> LayerFacts:
    channels = case.output.shape[2]
    kernel = case.placed.layer.weights.shape[1:3]
    return LayerFacts(
        kind="depthwise_conv2d",
        activation_bits=8,
        kernel=kernel,
        groups=channels,
        in_channels=channels,
        out_channels=channels,
        output_elements=case.output.size,
    )


def test_every_output_is_that_of_the_definition(core: EmulatedCore, cases: list[Case]) -> None:
    """Bit for bit, nothing written behind the output or the scratch that was asked for."""
    for case in cases:
        np.testing.assert_array_equal(core.run(case, PlainDepthwise().needs(facts(case)).scratch_bytes), case.output)


def test_what_is_emitted_takes_what_was_predicted(cases: list[Case]) -> None:
    for case in cases:
        assert sum(-(-array.bytes // 4) * 4 for array in emit(case.placed).arrays) == PlainDepthwise().needs(facts(case)).packed_bytes


def test_what_it_cannot_run_is_said(cases: list[Case]) -> None:
    layer = facts(cases[0])
    assert PlainDepthwise().refusal(layer, (), WeightFacts(1, -128, 127)) is None
    assert "30" in str(PlainDepthwise().refusal(layer, (), WeightFacts(1, 0, 0, shift=30)))
    several = LayerFacts(kind="depthwise_conv2d", activation_bits=8, in_channels=4, out_channels=8)
    assert "several outputs" in str(PlainDepthwise().refusal(several, (), None))
