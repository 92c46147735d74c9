"""When the packed kernel may run a layer, and what it then asks for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwcost.kernels.dsp_code import UNROLLED_PAIRS, Tile
from hwcost.kernels.dsp_tile import ACCUMULATOR_LIMIT, DspTile
from hwcost.kernels.variant import WeightFacts
from hwcost.target import LayerFacts
from tests.kernels.layers import LAYER, WEIGHTS

DSP = ("dsp",)
DENSE = LayerFacts("dense", 8, 8, in_channels=64, out_channels=10, patch_elements=64, weight_elements=640, output_elements=10)


def test_it_takes_an_ordinary_layer() -> None:
    """Known weights that fit, or none known yet; a fused activation is no hindrance."""
    assert DspTile().refusal(LAYER, DSP, WEIGHTS) is None
    assert DspTile().refusal(LAYER, DSP, None) is None
    assert DspTile().refusal(LAYER, DSP, replace(WEIGHTS, clamps=True)) is None


@pytest.mark.parametrize(
    ("layer", "weights", "words"),
    [
        (replace(LAYER, groups=2), WEIGHTS, "2 groups"),
        (replace(LAYER, dilation=(2, 2)), WEIGHTS, "dilated by 2 x 2"),
        (replace(LAYER, in_channels=64), WEIGHTS, "bytes, more than 8192"),
        (replace(LAYER, activation_bits=32), WEIGHTS, "32 bits"),
        (LAYER, replace(WEIGHTS, shift=31), "shifts by 31"),
        (LAYER, replace(WEIGHTS, lowest=-128), "-128"),
        (LAYER, replace(WEIGHTS, accumulator_bound=ACCUMULATOR_LIMIT), str(ACCUMULATOR_LIMIT)),
    ],
)
def test_it_says_why_it_cannot_run_a_layer(layer: LayerFacts, weights: WeightFacts, words: str) -> None:
    """Each condition by its own words."""
    assert words in str(DspTile().refusal(layer, DSP, weights))


def test_it_needs_dual_multiplication() -> None:
    """Cores without the extension are told so."""
    assert "dsp" in str(DspTile().refusal(LAYER, (), WEIGHTS))


def test_the_largest_sum_it_takes_fits_a_register() -> None:
    """256 times a sum plus the sum beside it."""
    bound = ACCUMULATOR_LIMIT - 1
    assert bound * 256 < 2**31
    assert -(2**15) <= 256 * -127 - 128
    assert 256 * 127 + 127 < 2**15


def test_what_a_layer_takes() -> None:
    """By hand: 4 groups of 4 biases, 4 multipliers and 72 pairs of 4 weights; five rows of 34 places of 16 int16."""
    needs = DspTile().needs(LAYER)
    assert needs.packed_bytes == 4 * (16 + 16 + 72 * 8)
    assert needs.scratch_bytes == 5 * 34 * 16 * 2
    assert needs.functions == ("hwc_dsp_window", "hwc_dsp_rest")
    assert needs.steps["two call"] == 512
    assert needs.steps["two pair"] == 512 * 4 * 72


def test_a_dense_layer_holds_eight_sums() -> None:
    """Ten outputs are two groups of eight."""
    needs = DspTile().needs(DENSE)
    assert needs.packed_bytes == 2 * (32 + 32 + 32 * 16)
    assert needs.scratch_bytes == 128
    assert list(needs.unit_bytes) == ["hwc_dsp_tile_8x1_1x32"]


def test_long_sums_loop() -> None:
    """Code does not grow with the inputs once it loops."""
    short, long = Tile(4, 2, 3, 24, 1088, 32), Tile(4, 2, 3, 96, 1280, 128)
    assert short.unrolled == 24
    assert long.unrolled == 32
    assert not short.is_flat
    assert Tile(4, 2, 1, UNROLLED_PAIRS, 0, 4, 8).is_flat
    assert Tile(4, 2, 1, 512, 0, 4, 8).bytes == Tile(4, 2, 1, 64, 0, 4, 8).bytes + 4


@pytest.mark.parametrize("kernel", [(3, 3), (1, 1)])
def test_columns_of_sizes_are_told_as_each_of_them(kernel: tuple[int, int]) -> None:
    """A column of widths has the bytes that each width has alone."""
    widths = [16, 20, 3]
    layer = replace(LAYER, kernel=kernel, padding=(0, 0, 0, 0))
    column = DspTile().needs(replace(layer, in_channels=np.array(widths), out_channels=np.array(widths)))
    alone = [DspTile().needs(replace(layer, in_channels=width, out_channels=width)) for width in widths]
    assert column.packed_bytes.tolist() == [needs.packed_bytes for needs in alone]
    assert column.scratch_bytes.tolist() == [needs.scratch_bytes for needs in alone]
