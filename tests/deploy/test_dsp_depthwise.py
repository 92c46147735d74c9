"""Depthwise layers over vertical pairs, held against the definition of a convolution on emulated cores."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest

from hwcost.deploy.program import Convolution
from hwcost.deploy.variants.dsp_depthwise import emit, pack
from hwcost.kernels.dsp_depthwise import COLUMN_BYTES, PACKED_BYTES, SLOTS, DspDepthwise, ring_columns, strip_bytes, strip_name, strip_rows
from hwcost.kernels.variant import WeightFacts
from hwcost.target import LayerFacts
from tests.deploy.cortex import Case, EmulatedCore, constant_bytes, convolution, facts, on_core

SEED = 11
CASES = 60
CORES = ("cortex-m4", "cortex-m7", "cortex-m33")
ALL_SIDES = (1, 1, 1, 1)

NAMED = {
    "rows in a loop": ((5, 24, 8), 1, ALL_SIDES),
    "rows in a loop and a rest": ((4, 23, 8), 1, ALL_SIDES),
    "second row beyond the constant of a store": ((4, 30, 140), 1, ALL_SIDES),
    "far and in a loop with a rest": ((5, 15, 300), 1, ALL_SIDES),
    "tile narrowed by channels": ((3, 7, 2100), 2, ALL_SIDES),
    "one output": ((3, 3, 4), 1, (0, 0, 0, 0)),
    "one place, padded": ((1, 1, 4), 1, ALL_SIDES),
    "last columns not read": ((6, 6, 16), 2, (0, 0, 0, 0)),
    "tail of one channel": ((6, 9, 5), 1, ALL_SIDES),
    "tail of three channels": ((7, 8, 11), 2, (0, 1, 1, 0)),
    "fours of outputs": ((8, 32, 8), 2, (0, 0, 1, 1)),
}


def depthwise(
    rng: np.random.Generator, image: tuple[int, int, int], stride: int, padding: tuple[int, int, int, int], number: int = 0
) -> Case:
    """A window of 3x3 over each channel on its own."""
    return convolution(rng, image, image[2], (3, 3), (stride, stride), padding, number, depthwise=True, lowest=-128)


def random_cases(rng: np.random.Generator, start: int) -> Iterator[Case]:
    numbers = count(start)
    while True:
        height, width, channels = (int(size) for size in rng.integers((1, 1, 4), (14, 20, 40)))
        top, left, bottom, right = (int(side) for side in rng.integers(0, 2, 4))
        if height + top + bottom >= 3 and width + left + right >= 3:
            image = (height, width, channels)
            yield depthwise(rng, image, int(rng.integers(1, 3)), (top, left, bottom, right), number=next(numbers))


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    rng = np.random.default_rng(SEED)
    named = [depthwise(rng, *sizes, number=number) for number, sizes in enumerate(NAMED.values())]
    drawn = random_cases(rng, len(named))
    return named + [next(drawn) for _ in range(CASES)]


@pytest.fixture(scope="module", params=CORES)
def core(request: pytest.FixtureRequest, cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> EmulatedCore:
    return on_core(request.param, cases, emit, tmp_path_factory.mktemp("firmware"))


def test_every_output_is_that_of_the_definition(core: EmulatedCore, cases: list[Case]) -> None:
    """Bit for bit, nothing written behind the output or the scratch that was asked for."""
    for case in cases:
        np.testing.assert_array_equal(core.run(case, DspDepthwise().needs(facts(case)).scratch_bytes), case.output)


def test_outputs_may_lie_over_the_input(core: EmulatedCore, cases: list[Case]) -> None:
    """Where they have its shape: every row is read before it is written."""
    alike = [case for case in cases if case.input.shape == case.output.shape and case.placed.layer.stride == (1, 1)]
    assert len(alike) >= 5
    assert any(case.input.shape[2] % 4 for case in alike)
    for case in alike:
        np.testing.assert_array_equal(core.run_over_input(case, DspDepthwise().needs(facts(case)).scratch_bytes), case.output)


def test_a_strip_is_as_large_as_predicted(core: EmulatedCore, cases: list[Case]) -> None:
    predicted = {name: size for case in cases for name, size in DspDepthwise().needs(facts(case)).unit_bytes.items()}
    assert {name: core.sizes[name] for name in predicted} == predicted


def test_what_is_emitted_is_what_was_predicted(cases: list[Case]) -> None:
    """Packed weights, units by name, and equal names for equal text alone."""
    texts: dict[str, str] = {}
    for case in cases:
        emission, needs = emit(case.placed), DspDepthwise().needs(facts(case))
        assert constant_bytes(emission) == needs.packed_bytes
        assert {unit.name for unit in emission.units} == set(needs.unit_bytes)
        assert all(texts.setdefault(unit.name, unit.text) == unit.text for unit in emission.units)


def test_a_channel_is_packed_into_five_words() -> None:
    """By hand: the middle row's weight stands twice in each column."""
    weights = np.arange(1, 10, dtype=np.int8).reshape(1, 3, 3, 1)
    layer = Convolution(weights, np.array([-1], np.int32), np.array([7], np.int32), 32, 0, 0)
    assert pack(layer).tolist() == [[0xFFFFFFFF, 7, 0x07040401, 0x08050502, 0x09060603]]
    assert pack(layer).nbytes == PACKED_BYTES


def test_scratch_is_two_slots_of_the_padded_row() -> None:
    """By hand: 48 outputs read 50 columns, each 4 channels of 2 pairs of 2 x 2 bytes."""
    assert ring_columns(48, 1) == 50
    assert SLOTS * COLUMN_BYTES * ring_columns(48, 1) == 2 * 50 * 4 * 2 * 4


def test_an_odd_height_takes_a_second_strip() -> None:
    assert (strip_rows(1, 5), strip_rows(1, 4), strip_rows(1, 1), strip_rows(2, 5)) == ((2, 1), (2,), (1,), (1,))


def test_a_tile_counted_by_hand() -> None:
    """One output: 5 instructions in, 21 around a channel, bias, 3 columns, constants, 6 multiplications, 3 to store; 2 out."""
    assert strip_bytes(1, 2, 1, 4) == 4 * (5 + 21 + 1 + 3 + 1 + 6 + 3 + 2)
    assert strip_name(1, 2, 1, 4) == "hwc_dsp_depthwise_stride2_rows1_1x4"


WIDE = WeightFacts(1 << 20, -128, 127)


@pytest.mark.parametrize(
    ("change", "extensions", "weights", "words"),
    [
        ({}, (), WIDE, "dsp"),
        ({"kernel": (5, 5)}, ("dsp",), WIDE, "5x5"),
        ({"dilation": (2, 2)}, ("dsp",), WIDE, "dilated"),
        ({"stride": (1, 2)}, ("dsp",), WIDE, "1x2"),
        ({"padding": (3, 0, 0, 0)}, ("dsp",), WIDE, "padding 3"),
        ({"out_channels": 16}, ("dsp",), WIDE, "8 to 16"),
        ({"in_channels": 3, "out_channels": 3}, ("dsp",), WIDE, "not 3"),
        ({"output_width": 300}, ("dsp",), WIDE, "300"),
        ({}, ("dsp",), WeightFacts(1, 0, 0, shift=30), "30"),
        ({}, ("dsp",), WeightFacts(1, 0, 0, clamps=True), "clamped"),
        ({"kind": "conv2d", "groups": 1}, ("dsp",), WIDE, "depthwise"),
    ],
)
def test_what_it_cannot_run_is_said(change: dict[str, object], extensions: tuple[str, ...], weights: WeightFacts, words: str) -> None:
    numbers: dict[str, object] = {"kind": "depthwise_conv2d", "kernel": (3, 3), "groups": 8, "in_channels": 8, "out_channels": 8}
    refusal = DspDepthwise().refusal(LayerFacts(activation_bits=8, **(numbers | change)), extensions, weights)
    assert refusal is not None
    assert words in refusal


def test_an_ordinary_layer_is_not_refused() -> None:
    case = depthwise(np.random.default_rng(SEED), (6, 6, 8), 1, ALL_SIDES)
    assert DspDepthwise().refusal(facts(case), ("dsp",), WIDE) is None
    assert DspDepthwise().refusal(facts(case), ("dsp",), None) is None
