"""Two output channels in one word, held against the definition of a convolution: in assembly on a Cortex-M0+, in C on a Cortex-M4."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from hwcost.deploy.emission import Placed
from hwcost.deploy.program import Convolution, Range, Tensor
from hwcost.deploy.variants.plain_pairs import emit, spans
from hwcost.kernels.plain_pairs import PlainPairs
from hwcost.kernels.variant import WeightFacts
from hwcost.target import LayerFacts
from hwcost.target.load import load_core
from tests.deploy.cortex import Case, EmulatedCore, built, convolution

SEED = 13
CASES = 60
CORES = ("cortex-m0plus", "cortex-m4")
WIDE = WeightFacts(1 << 20, -127, 127)
ENDS = -128


def dilated(layer: Convolution, values: np.ndarray) -> np.ndarray:
    """The definition, tap by tap, in whole numbers of 64 bits."""
    top, left, bottom, right = layer.padding
    padded = np.pad(values.astype(np.int64), ((top, bottom), (left, right), (0, 0)), constant_values=layer.input_zero_point)
    rows, columns = (
        (size - step * (taps - 1) - 1) // stride + 1
        for size, step, taps, stride in zip(padded.shape, layer.dilation, layer.weights.shape[1:3], layer.stride, strict=False)
    )
    sums = np.tile(layer.bias.astype(np.int64), (rows, columns, 1))
    for i, j in np.ndindex(*layer.weights.shape[1:3]):
        below = padded[i * layer.dilation[0] :: layer.stride[0], j * layer.dilation[1] :: layer.stride[1]][:rows, :columns]
        sums += below @ layer.weights[:, i, j].T.astype(np.int64)
    rescaled = (sums * layer.multiplier + 2**31) >> 32
    return np.clip(rescaled + layer.output_zero_point, layer.range.low, layer.range.high).astype(np.int8)


def changed(case: Case, rng: np.random.Generator) -> Case:
    """The case with its weights smaller, its window dilated and its range narrower, each by chance; inputs at their lowest by chance."""
    layer = case.placed.layer
    assert isinstance(layer, Convolution)
    weights = (layer.weights // 4 if rng.integers(2) else layer.weights).astype(np.int8)
    limits = Range(-90, 70) if rng.integers(3) == 0 else Range()
    dilation = tuple(int(step) for step in rng.integers(1, 3, 2))
    fits = all(
        size + before + after > step * (taps - 1)
        for size, before, after, step, taps in zip(
            case.input.shape, layer.padding[:2], layer.padding[2:], dilation, weights.shape[1:3], strict=False
        )
    )
    layer = replace(layer, weights=weights, range=limits, dilation=dilation if fits else (1, 1))
    values = np.full_like(case.input, ENDS) if rng.integers(4) == 0 else case.input
    output = dilated(layer, values)
    tensor = Tensor("out", output.shape, (0, 1, 2))
    return Case(Placed(case.placed.number, case.placed.node, layer, case.placed.inputs, tensor), values, output)


def random_cases(rng: np.random.Generator) -> Iterator[Case]:
    numbers = count()
    while True:
        image = (int(rng.integers(1, 9)), int(rng.integers(1, 9)), int(rng.integers(1, 24)))
        kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
        top, left, bottom, right = (int(side) for side in rng.integers(0, 3, 4))
        if image[0] + top + bottom < kernel[0] or image[1] + left + right < kernel[1]:
            continue
        stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        drawn = convolution(rng, image, int(rng.integers(1, 18)), kernel, stride, (top, left, bottom, right), next(numbers))
        yield changed(drawn, rng)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    drawn = random_cases(np.random.default_rng(SEED))
    return [next(drawn) for _ in range(CASES)]


@pytest.fixture(scope="module", params=CORES)
def core(request: pytest.FixtureRequest, cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> EmulatedCore:
    pytest.importorskip("ziglang")
    pytest.importorskip("unicorn")
    image = built(cases, emit, load_core(request.param), tmp_path_factory.mktemp("firmware"))
    return EmulatedCore(image, load_core(request.param))


def facts(case: Case) -> LayerFacts:
    """The layer as kernels are asked about it."""
    layer = case.placed.layer
    assert isinstance(layer, Convolution)
    return LayerFacts(
        kind="conv2d",
        activation_bits=8,
        kernel=(layer.weights.shape[1], layer.weights.shape[2]),
        in_channels=layer.weights.shape[3],
        out_channels=len(layer.weights),
        patch_elements=layer.weights[0].size,
        weight_elements=layer.weights.size,
        output_elements=case.output.size,
    )


def test_every_output_is_that_of_the_definition(core: EmulatedCore, cases: list[Case]) -> None:
    """Bit for bit, nothing written behind the output or the scratch that was asked for."""
    for case in cases:
        np.testing.assert_array_equal(core.run(case, PlainPairs().needs(facts(case)).scratch_bytes), case.output)


def test_what_is_emitted_takes_what_was_predicted(cases: list[Case]) -> None:
    for case in cases:
        assert sum(-(-array.bytes // 4) * 4 for array in emit(case.placed).arrays) == PlainPairs().needs(facts(case)).packed_bytes


def test_both_spans_occur(cases: list[Case]) -> None:
    """Otherwise half of the kernel would not be tested."""
    found = np.concatenate([spans(case.placed.layer.weights) for case in cases])
    assert set(found.tolist()) == {2, 4}


def test_four_products_stay_within_sixteen_bits() -> None:
    """By hand: 127 + 127 + 1 = 255 and 255 * 128 < 2**15; one more is too much, wherever the four weights start."""
    weights = np.zeros((4, 1, 1, 9), np.int8)
    weights[2, 0, 0, 3:6] = 127, 1, -127
    assert spans(weights).tolist() == [4]
    weights[2, 0, 0, 6] = 1
    assert spans(weights).tolist() == [2]


@pytest.mark.parametrize(
    ("change", "weights", "words"),
    [
        ({"groups": 2}, WIDE, "2 groups"),
        ({"output_elements": 8}, WIDE, "one place"),
        ({"patch_elements": 2000}, WIDE, "16008 bytes"),
        ({"activation_bits": 32}, WIDE, "32 bits"),
        ({}, WeightFacts(1, -128, 127), "-128"),
        ({}, WeightFacts(1, 0, 0, shift=29), "29"),
    ],
)
def test_what_it_cannot_run_is_said(change: dict[str, object], weights: WeightFacts, words: str) -> None:
    numbers: dict[str, object] = {"kind": "conv2d", "activation_bits": 8, "in_channels": 8, "out_channels": 8, "output_elements": 80}
    numbers["patch_elements"] = 8
    assert PlainPairs().refusal(LayerFacts(**numbers), (), WIDE) is None  # type: ignore[arg-type]
    refusal = PlainPairs().refusal(LayerFacts(**(numbers | change)), (), weights)  # type: ignore[arg-type]
    assert refusal is not None
    assert words in refusal
