"""A layer and weights that every kernel of convolutions takes, to be changed in one place at a time."""

from __future__ import annotations

from hwcost.kernels.variant import WeightFacts
from hwcost.target import LayerFacts

WEIGHTS = WeightFacts(accumulator_bound=1000, lowest=-127, highest=127)
LAYER = LayerFacts(
    "conv2d",
    8,
    8,
    kernel=(3, 3),
    padding=(1, 1, 1, 1),
    in_channels=16,
    out_channels=16,
    patch_elements=144,
    weight_elements=2304,
    input_height=32,
    input_width=32,
    output_height=32,
    output_width=32,
    input_elements=16384,
    output_elements=16384,
)
