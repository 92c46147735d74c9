"""Remainders of kernels, counted by pencil."""

from __future__ import annotations

import pytest
import torch

from hwcost.kernels import choose
from hwcost.kernels.dsp_tile import DspTile
from hwcost.kernels.plain_depthwise import PlainDepthwise
from hwcost.kernels.portable import Portable
from hwcost.latency.features import steps_of
from hwcost.latency.rests import rests_of
from hwcost.ops import Conv2d, Dense, DepthwiseConv2d, Softmax
from hwcost.records import Layer
from hwcost.target import Target, load_core
from hwcost.tensor import int8

TARGET = Target.load("stm32l4r5", runtime="hwcost-c")
PADS = ((1, 1), (1, 1))


def counts(op, *shape):
    step = Layer(op, (int8(*shape),)).step
    kernel = choose(step, TARGET.runtime, TARGET.core)
    return kernel, steps_of(kernel, TARGET)


def test_groups_that_are_not_full():
    # 10 channels in groups of 4 leave 2 over in each of the 5 x 5 places' 12 pairs and one single call.
    _, steps = counts(Conv2d(10), 8, 5, 5)
    assert (steps["call with a rest"], steps["channel of a rest"]) == (13, 26)
    _, full = counts(Conv2d(12), 8, 5, 5)
    assert (full["call with a rest"], full["channel of a rest"]) == (0, 0)


def test_turns_of_loops():
    # 64 features are 32 pairs and written out; 76 are 38, two turns of 19; groups are of 8.
    assert counts(Dense(16), 64)[1]["turn"] == 0
    assert counts(Dense(16), 76)[1]["turn"] == 2 * 2


def test_words_of_odd_channels():
    assert counts(Conv2d(8, (3, 3), padding=PADS), 8, 6, 6)[1]["word of odd channels"] == 0
    assert counts(Conv2d(8, (3, 3), padding=PADS), 3, 6, 6)[1]["word of odd channels"] == 27


@pytest.mark.parametrize(("stride", "inside"), [((1, 1), 13 * 10), ((2, 1), 6 * 10), ((1, 2), 13 * 5)])
def test_taps_inside_the_image(stride, inside):
    # 5 rows with one of padding: 2 + 3 + 3 + 3 + 2 = 13 taps; 4 columns: 10; every second row: 2 + 3 + 2 = 7.
    op = DepthwiseConv2d((3, 3), stride, PADS)
    facts = choose(Layer(op, (int8(6, 5, 4),)).step, TARGET.runtime, TARGET.core).layer
    by_hand = sum(
        0 <= y * stride[0] - 1 + i < 5 and 0 <= x * stride[1] - 1 + j < 4
        for y in range(facts.output_height)
        for x in range(facts.output_width)
        for i in range(3)
        for j in range(3)
    )
    found = rests_of("plain-depthwise", facts, PlainDepthwise().needs(facts))["tap inside"]
    assert found == by_hand
    assert stride != (1, 1) or found == inside


def test_depthwise_rows_tiles_and_borders():
    kernel, steps = counts(DepthwiseConv2d((3, 3), (1, 1), PADS), 8, 5, 6)
    assert kernel.implementation == "dsp-depthwise"
    assert steps["last row"] == 8  # two rows a strip leave the fifth
    assert steps["padded column"] == 2 * (steps["strip"] + steps["group"])
    assert steps["padded row"] == 2 * 6 * steps["group"]
    assert not any(count for name, count in steps.items() if name.endswith("at stride 2"))


def test_kernels_without_rules_have_no_remainders():
    layer = choose(Layer(Softmax(), (int8(4),)).step, TARGET.runtime, load_core("cortex-m0plus")).layer
    assert rests_of("portable", layer, Portable().needs(layer)) == {}


def test_searched_widths_keep_their_slope():
    from dataclasses import replace

    width = torch.tensor(10.0, dtype=torch.float64, requires_grad=True)
    kernel, _ = counts(Conv2d(10), 8, 5, 5)
    facts = replace(kernel.layer, out_channels=width)
    rest = rests_of("dsp-tile", facts, DspTile().needs(facts))["channel of a rest"]
    assert float(rest.detach()) == 26
    rest.backward()
    assert width.grad is not None
