"""Sampled layers fit the device, differ, cover the space, and are the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.errors import InputError
from hwcost.measure.sampling import KINDS, MAIN_KINDS, Limits, sample_kind, sample_prior
from hwcost.measure.sampling.filling import coordinates, spread_out
from hwcost.measure.sampling.kinds import Dice
from hwcost.measure.sampling.shapes import known_shapes
from hwcost.ops import Dense
from hwcost.records import Layer
from hwcost.target import Target
from hwcost.tensor import int8

LIMITS = Limits(ram_bytes=64 * 1024, flash_bytes=128 * 1024, macs=500_000)


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_fits_the_device_and_is_drawn_once(kind: str) -> None:
    layers = sample_kind(kind, 20, LIMITS)
    assert len({repr(layer) for layer in layers}) == len(layers) == 20
    for layer in layers:
        work = layer.step.work
        assert work.in_bytes + work.out_bytes <= LIMITS.ram_bytes
        assert work.params <= LIMITS.flash_bytes
        assert work.macs <= LIMITS.macs


def test_the_same_seed_draws_the_same_layers_and_another_seed_others() -> None:
    assert sample_prior(10, LIMITS, seed=3) == sample_prior(10, LIMITS, seed=3)
    assert sample_prior(10, LIMITS, seed=3) != sample_prior(10, LIMITS, seed=4)


def test_a_kind_is_drawn_alike_whatever_is_drawn_beside_it() -> None:
    assert sample_prior(10, LIMITS, kinds=("dense",)) == sample_prior(10, LIMITS)[-10:]


def test_few_layers_reach_farther_than_the_first_ones_drawn() -> None:
    dice = Dice(0)
    layers = [layer for layer in (KINDS["conv2d"](dice) for _ in range(300)) if LIMITS.allow(layer)]
    first, taken = (np.array([coordinates(layer) for layer in some]) for some in (layers[:20], spread_out(layers, 20)))
    assert np.ptp(taken, axis=0).sum() > 1.1 * np.ptp(first, axis=0).sum()


def test_three_widths_on_a_line_are_taken_from_the_ends() -> None:
    layers = [Layer(Dense(10), (int8(width),)) for width in (16, 24, 32, 64, 1024)]
    assert [layer.inputs[0].shape[0] for layer in spread_out(layers, 3)] == [16, 1024, 64]


def test_limits_are_what_a_device_has_free() -> None:
    target = Target.load("stm32l4r5", "hwcost-c")
    assert Limits.of(target).ram_bytes == int(0.9 * 640 * 1024)
    assert Limits.of(target).flash_bytes == int(0.9 * 2048 * 1024)


@pytest.mark.parametrize("kind", MAIN_KINDS)
def test_shapes_come_from_real_networks(kind: str) -> None:
    shapes = known_shapes()[kind]
    assert all(shape.networks >= 1 for shape in shapes)
    assert {"conv2d": 84, "pointwise": 346, "depthwise": 74, "dense": 9}[kind] == len(shapes)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((0, LIMITS), "at least one layer"), ((1, Limits(1, 1)), "fits 1 bytes of RAM")],
)  # fmt: skip
def test_what_cannot_be_sampled_is_said(arguments: tuple[int, Limits], said: str) -> None:
    with pytest.raises(InputError, match=said):
        sample_prior(*arguments)


def test_an_unknown_kind_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"out of conv2d, pointwise.*got convolution"):
        sample_prior(1, LIMITS, kinds=("convolution",))
