"""Two output channels in one word, held against the definition of a convolution: in assembly on a Cortex-M0+, in C on a Cortex-M4."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest

from hwcost.deploy.program import Convolution, Range
from hwcost.deploy.variants.plain_pairs import emit, spans
from hwcost.kernels.plain_pairs import PlainPairs
from hwcost.kernels.variant import WeightFacts
from hwcost.target import LayerFacts
from tests.deploy.cortex import Case, EmulatedCore, case_of, constant_bytes, convolution, facts, on_core

SEED = 13
CASES = 60
CORES = ("cortex-m0plus", "cortex-m4")
WIDE = WeightFacts(1 << 20, -127, 127)


def random_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Layers of all kinds of sizes; by chance their weights are small, their windows dilated, their ranges narrow."""
    numbers = count()
    while True:
        image = (int(rng.integers(1, 9)), int(rng.integers(1, 9)), int(rng.integers(1, 24)))
        kernel, dilation = ((int(rng.integers(1, most)), int(rng.integers(1, most))) for most in (5, 3))
        padding = tuple(int(side) for side in rng.integers(0, 3, 4))
        if any(image[i] + padding[i] + padding[i + 2] <= dilation[i] * (kernel[i] - 1) for i in (0, 1)):
            continue
        stride, out_channels = (int(rng.integers(1, 4)), int(rng.integers(1, 4))), int(rng.integers(1, 18))
        limits, shrink = Range(-90, 70) if rng.integers(3) == 0 else Range(), int(rng.choice([1, 4]))
        yield convolution(rng, image, out_channels, kernel, stride, padding, next(numbers), limits, dilation=dilation, shrink=shrink)


def at_the_lowest(case: Case) -> Case:
    """The same layer with every input at its lowest."""
    assert isinstance(case.placed.layer, Convolution)
    return case_of(case.placed.layer, np.full_like(case.input, -128), case.placed.number)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    drawn = random_cases(np.random.default_rng(SEED))
    return [at_the_lowest(case) if number % 4 == 0 else case for number, case in zip(range(CASES), drawn, strict=False)]


@pytest.fixture(scope="module", params=CORES)
def core(request: pytest.FixtureRequest, cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> EmulatedCore:
    return on_core(request.param, cases, emit, tmp_path_factory.mktemp("firmware"))


def test_every_output_is_that_of_the_definition(core: EmulatedCore, cases: list[Case]) -> None:
    """Bit for bit, nothing written behind the output or the scratch that was asked for."""
    for case in cases:
        np.testing.assert_array_equal(core.run(case, PlainPairs().needs(facts(case)).scratch_bytes), case.output)


def test_what_is_emitted_takes_what_was_predicted(cases: list[Case]) -> None:
    for case in cases:
        assert constant_bytes(emit(case.placed)) == PlainPairs().needs(facts(case)).packed_bytes


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
