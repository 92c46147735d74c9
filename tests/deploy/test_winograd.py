"""Winograd's filtering held against the definition of a convolution on an emulated core."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.deploy.program import Convolution
from hwcost.deploy.variants.winograd import emit, transformed
from hwcost.kernels.winograd import group_bytes, row_bytes, scratch_bytes
from hwcost.kernels.winograd_code import code_bytes, products, products_name, transform, transform_name
from tests.deploy.cortex import Case, EmulatedCore, convolution, on_core

SIZES = {
    "padded all around": ((8, 8, 16), 16, (1, 1, 1, 1)),
    "not padded": ((6, 10, 4), 8, (0, 0, 0, 0)),
    "padded above and left": ((7, 7, 8), 4, (1, 1, 0, 2)),
    "padded by two": ((2, 6, 12), 4, (2, 2, 2, 2)),
    "one strip of 64 channels": ((2, 4, 64), 12, (1, 1, 1, 1)),
}


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    rng = np.random.default_rng(3)
    sizes = enumerate(SIZES.values())
    return [convolution(rng, image, channels, (3, 3), (1, 1), padding, n) for n, (image, channels, padding) in sizes]


@pytest.fixture(scope="module")
def core(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> EmulatedCore:
    return on_core("cortex-m4", cases, emit, tmp_path_factory.mktemp("firmware"))


@pytest.mark.parametrize("number", range(len(SIZES)), ids=list(SIZES))
def test_every_output_is_that_of_the_definition(core: EmulatedCore, cases: list[Case], number: int) -> None:
    """Bit for bit, nothing written behind the output or the scratch that was asked for."""
    case = cases[number]
    scratch = scratch_bytes(case.input.shape[2], case.output.shape[1])
    assert np.array_equal(core.run(case, scratch), case.output)


def test_generated_code_is_as_large_as_predicted(core: EmulatedCore, cases: list[Case]) -> None:
    """Four bytes an instruction."""
    for case in cases:
        channels, row = case.input.shape[2], row_bytes(case.input.shape[2], case.output.shape[1])
        assert core.sizes[products_name(channels // 2)] == code_bytes(products(channels // 2))
        assert core.sizes[transform_name(channels, row)] == code_bytes(transform(channels, row))


def test_packed_weights_are_as_large_as_predicted(cases: list[Case]) -> None:
    """Sixteen int16 a window."""
    for case in cases:
        in_channels, out_channels = case.input.shape[2], case.output.shape[2]
        assert emit(case.placed).arrays[0].bytes == out_channels // 4 * group_bytes(in_channels)


def test_transformed_weights_fit_int16() -> None:
    """The largest window, all -128, by hand: its centre is 9 * -128, its corners four times a weight."""
    layer = Convolution(np.full((1, 3, 3, 1), -128, np.int8), np.zeros(1, np.int32), np.ones(1, np.int32), 32, 0, 0)
    values = transformed(layer)[0, :, :, 0]
    assert np.abs(values).max() == 9 * 128
    assert values[0, 0] == 4 * -128
    assert values[1, 1] == 9 * -128
