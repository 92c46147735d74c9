"""When Winograd's filtering may run a layer, and what it then asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hwcost.kernels.variant import WeightFacts
from hwcost.kernels.winograd import SUM_LIMIT, Winograd
from hwcost.target import LayerFacts
from tests.kernels.layers import LAYER, WEIGHTS


def test_it_takes_an_ordinary_layer() -> None:
    """All of int8 is welcome as weights: lanes hold one channel each."""
    assert Winograd().refusal(LAYER, ("dsp",), WEIGHTS) is None


@pytest.mark.parametrize(
    ("layer", "weights", "words"),
    [
        (replace(LAYER, stride=(2, 2)), WEIGHTS, "3 x 3 at stride 1"),
        (replace(LAYER, groups=16), WEIGHTS, "one group"),
        (replace(LAYER, output_width=30), WEIGHTS, "output width: 30, not a multiple of 4"),
        (replace(LAYER, in_channels=3), WEIGHTS, "input channels: 3"),
        (replace(LAYER, in_channels=64), WEIGHTS, "13312 bytes, more than 8192"),
        (replace(LAYER, in_channels=72, output_width=4), WEIGHTS, "constant offset"),
        (replace(LAYER, activation_bits=32), WEIGHTS, "32 bits"),
        (LAYER, replace(WEIGHTS, shift=30), "shifts by 30"),
        (LAYER, replace(WEIGHTS, clamps=True), "clamped"),
        (LAYER, replace(WEIGHTS, accumulator_bound=SUM_LIMIT), str(SUM_LIMIT)),
    ],
)
def test_it_says_why_it_cannot_run_a_layer(layer: LayerFacts, weights: WeightFacts, words: str) -> None:
    """Each condition by its own words."""
    assert words in str(Winograd().refusal(layer, ("dsp",), weights))


def test_it_needs_dual_multiplication() -> None:
    """Cores without the extension are told so."""
    assert "dsp" in str(Winograd().refusal(LAYER, (), WEIGHTS))


def test_what_a_layer_takes() -> None:
    """By hand: 16 windows of 16 channels as 16 int16, and two words a channel; four rows, two tiles, 128 sums."""
    needs = Winograd().needs(LAYER)
    assert needs.packed_bytes == 16 * 16 * 32 + 16 * 8
    assert needs.scratch_bytes == 4 * 34 * 16 + 2 * 16 * 16 * 2 + 512
    assert needs.unit_bytes["hwc_dsp_winograd_products_8"] == 4 * (4 + 8 * 14 + 8)
    assert needs.unit_bytes["hwc_dsp_winograd_transform_16_544"] == 4 * (3 + 2 * 80 + 7)
    assert needs.steps["products pair"] == 128 * 4 * 16 * 8
