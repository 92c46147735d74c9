"""Conditions choose and terms count: facts to be checked with a pencil."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwcost.target import Condition, LayerFacts, Term

CONV = LayerFacts(
    "conv2d", activation_bits=8, weight_bits=8, kernel=(3, 3), padding=(1, 1, 1, 1), in_channels=3, out_channels=16, patch_elements=27,
    weight_elements=432, input_elements=3072, output_elements=16384, input_height=32, input_width=32, output_height=32, output_width=32,
)  # fmt: skip


def test_no_keys_always_hold():
    assert Condition().holds(CONV)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition(activation_bits=(8, 16)), True),
        (Condition(activation_bits=(32,)), False),
        (Condition(weight_bits=(4,)), False),
        (Condition(per_channel=True), False),
        (Condition(kernel=(3, 3)), True),
        (Condition(kernel=(3, 1)), False),
        (Condition(max_kernel=(3, 2)), False),
        (Condition(max_stride=(1, 1)), True),
        (Condition(max_padding=0), False),
        (Condition(max_padding=1), True),
        (Condition(max_groups=1), True),
        (Condition(max_directions=1), True),
        (Condition(min_in_channels=4), False),
        (Condition(max_in_channels=3), True),
        (Condition(in_channels_multiple_of=4), False),
        (Condition(out_channels_multiple_of=4), True),
        (Condition(has_extension="dsp"), True),
        (Condition(has_extension="mve"), False),
        (Condition(lacks_extension="mve"), True),
        (Condition(lacks_extension="dsp"), False),
        (Condition(kernel=(3, 3), activation_bits=(16,)), False),
    ],
)
def test_every_key_must_hold(condition, holds):
    assert condition.holds(CONV, ("dsp", "fpu")) is holds


def test_layers_without_weights_pass_a_condition_on_weights():
    assert Condition(weight_bits=(8,)).holds(replace(CONV, weight_bits=None))


def test_channel_multiplier_is_outputs_per_input():
    depthwise = replace(CONV, kind="depthwise_conv2d", in_channels=8, out_channels=16)
    assert Condition(channel_multiplier=2).holds(depthwise)
    assert not Condition(channel_multiplier=1).holds(depthwise)


def test_im2col_of_a_3x3_convolution_over_3_channels_takes_two_columns_of_28_int16():
    term = Term(4, ("kernel_height", "kernel_width", "in_channels"), multiple_of=4)
    assert term.total(CONV) == 2 * 28 * 2


def test_a_term_of_nothing_is_a_constant():
    assert Term(32).total(CONV) == 32


@given(st.integers(0, 10**6), st.integers(1, 64))
def test_rounding_up_never_loses_and_adds_less_than_a_lane(elements, lane):
    total = Term(1, ("input_elements",), multiple_of=lane).total(replace(CONV, input_elements=elements))
    assert total % lane == 0
    assert elements <= total < elements + lane
