"""The generated tile and its drivers, held against the definition of a convolution on emulated cores."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest

from hwcost.deploy.program import Convolution, Range
from hwcost.deploy.variants.dsp_tile import emit, pack, shape_of_placed
from hwcost.kernels.dsp_tile import LARGEST_SCRATCH_BYTES, DspShape
from tests.deploy.cortex import Case, EmulatedCore, convolution, on_core

SEED = 7
CASES = 60
KERNELS = ((1, 1), (3, 3), (1, 3), (3, 1), (5, 5), (2, 2), (10, 4))
CORES = ("cortex-m4", "cortex-m7", "cortex-m33")

NAMED = {
    "first layer of three channels": ((12, 12, 3), 16, (3, 3), (1, 1), (1, 1, 1, 1)),
    "first layer at stride two": ((13, 13, 3), 8, (3, 3), (2, 2), (0, 0, 1, 1)),
    "tall window on one channel": ((21, 10, 1), 64, (10, 4), (2, 2), (4, 1, 5, 1)),
    "nested loops": ((4, 5, 64), 8, (3, 3), (1, 1), (1, 1, 1, 1)),
    "rows move in scratch": ((20, 30, 16), 4, (3, 3), (1, 1), (1, 1, 1, 1)),
    "stride beyond the window": ((11, 11, 8), 4, (2, 2), (3, 3), (0, 0, 0, 0)),
    "fewer outputs than a group": ((5, 5, 6), 3, (3, 3), (1, 1), (0, 0, 0, 0)),
    "dense, long": ((1, 1, 640), 10, (1, 1), (1, 1), (0, 0, 0, 0)),
    "dense, long sum in a loop over an address of its own": ((1, 2, 2052), 5, (1, 1), (1, 1), (0, 0, 0, 0)),
    "pointwise at stride two": ((7, 9, 32), 12, (1, 1), (2, 2), (0, 0, 0, 0)),
    "padded single places": ((4, 4, 8), 8, (1, 1), (1, 1), (1, 0, 1, 2)),
}


def shape(case: Case) -> DspShape:
    layer = case.placed.layer
    assert isinstance(layer, Convolution)
    return shape_of_placed(layer, case.placed.inputs[0], case.placed.output)


def random_cases(rng: np.random.Generator, start: int) -> Iterator[Case]:
    """Layers of all kinds of sizes that the variant takes."""
    numbers = count(start)
    while True:
        kernel = KERNELS[rng.integers(len(KERNELS))]
        padding = rng.integers(0, 3, 4) if rng.integers(2) else np.zeros(4, int)
        image = (*rng.integers(1, 12, 2), rng.integers(1, 71))
        if image[0] + padding[0] + padding[2] < kernel[0] or image[1] + padding[1] + padding[3] < kernel[1]:
            continue
        stride = tuple(map(int, rng.integers(1, 4, 2)))
        sizes = tuple(map(int, image)), int(rng.integers(1, 71)), kernel, stride, tuple(map(int, padding))
        low, high = sorted(int(value) for value in rng.integers(-128, 128, 2))
        limits = Range(low, high) if rng.integers(3) == 0 else Range()
        case = convolution(rng, *sizes, next(numbers), limits)
        if shape(case).scratch_bytes <= LARGEST_SCRATCH_BYTES:
            yield case


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    rng = np.random.default_rng(SEED)
    named = [convolution(rng, *sizes, number=number) for number, sizes in enumerate(NAMED.values())]
    drawn = random_cases(rng, len(named))
    return named + [next(drawn) for _ in range(CASES)]


@pytest.fixture(scope="module", params=CORES)
def core(request: pytest.FixtureRequest, cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> EmulatedCore:
    return on_core(request.param, cases, emit, tmp_path_factory.mktemp("firmware"))


def test_every_output_is_that_of_the_definition(core: EmulatedCore, cases: list[Case]) -> None:
    """Bit for bit, nothing written behind the output or the scratch that was asked for."""
    wrong = [shape(case) for case in cases if not np.array_equal(core.run(case, shape(case).scratch_bytes), case.output)]
    assert not wrong


def test_a_tile_is_as_large_as_predicted(core: EmulatedCore, cases: list[Case]) -> None:
    """The instruction list and the assembler agree on every byte."""
    predicted = {tile.name: tile.bytes for case in cases for tile in shape(case).tiles}
    assert {name: core.sizes[name] for name in predicted} == predicted


def test_packed_weights_are_as_large_as_predicted(cases: list[Case]) -> None:
    """Groups and pairs are filled up as the formula says."""
    for case in cases:
        sizes = shape(case)
        assert emit(case.placed).arrays[0].bytes == sizes.groups * sizes.group_bytes


def test_two_channels_share_a_half_word() -> None:
    """By hand: weights 3 and -5 of two channels are 256 * -5 + 3 in 16 bits, biases 7 and 2 the words 7 and 256 * 2 + 7."""
    weights = np.zeros((2, 1, 1, 1), np.int8)
    weights[:, 0, 0, 0] = 3, -5
    layer = Convolution(weights, np.array([7, 2], np.int32), np.array([11, 12], np.int32), 32, 0, 0)
    packed = pack(DspShape(1, 2, 1, 2, 1, 2), layer)
    assert packed.tolist() == [7, 519, 0, 0, (256 * -5 + 3) & 0xFFFF, 0, 0, 0, 11, 12, 0, 0]


def test_layers_of_one_shape_share_their_code(cases: list[Case]) -> None:
    """The name of a unit says all that its text depends on."""
    texts: dict[str, str] = {}
    for case in cases:
        for unit in emit(case.placed).units:
            assert texts.setdefault(unit.name, unit.text) == unit.text
