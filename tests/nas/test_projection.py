"""Shrink, grow and swap against figures that a pencil can follow, and against brute force."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.nas.projection import Ladder, Projection


def linear(prices: list[float], limit: float):
    """Each channel of a group costs its price; all of them must stay within the limit."""
    return lambda widths: (widths @ np.array(prices))[..., None] / limit


def test_a_ladder_keeps_the_most_salient_channels():
    ladder = Ladder.of((2, 4), np.array([0.1, 0.4, 0.2, 0.4]))
    assert ladder.kept(0).tolist() == [False, True, False, True]
    assert ladder.kept(1).all()
    # The best of four counts four times, the second twice, the third 4/3 times.
    assert np.allclose(ladder.value, [0.4 * 4 + 0.4 * 2, 0.4 * 4 + 0.4 * 2 + 0.2 * 4 / 3 + 0.1])


def test_cheap_channels_of_much_saliency_stay():
    # Ten units buy four channels of the second group (worth 40 + 20 + 13 + 10) and two of the first (10 + 5), or three (73) and four (21).
    ladders = [Ladder.of(range(1, 11), np.ones(10)), Ladder.of(range(1, 5), np.full(4, 10.0))]
    projection = Projection(ladders, linear([1, 2], 10))
    assert projection.widths(projection.best()).tolist() == [2, 4]


def test_nothing_is_removed_where_everything_fits():
    projection = Projection([Ladder.of(range(1, 6), np.arange(5.0))], linear([1], 5))
    assert projection.widths(projection.best()).tolist() == [5]


def test_plateaus_of_lanes_are_crossed():
    # Cost is that of channels rounded up to four: removing one of eight saves nothing, removing four does.
    projection = Projection([Ladder.of(range(1, 9), np.ones(8))], lambda widths: -(-widths // 4) * 4 / 5)
    assert projection.widths(projection.best()).tolist() == [4]


def test_a_budget_out_of_reach_ends_at_the_floor():
    projection = Projection([Ladder.of((4, 8), np.ones(8))], linear([1], 3))
    rungs = projection.best()
    assert projection.widths(rungs).tolist() == [4]
    assert not projection.fits(rungs)


def test_swapping_never_loses():
    ladders = [Ladder.of(range(1, 9), np.linspace(1, 2, 8)), Ladder.of(range(1, 9), np.linspace(3, 1, 8))]
    projection = Projection(ladders, linear([3, 2], 20))
    grown = projection.best()
    swapped = projection.swapped(grown)
    assert projection.fits(swapped)
    assert projection.value(swapped) >= projection.value(grown)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.15, 0.95))
def test_it_fits_fills_and_comes_near_the_best_there_is(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    sizes, weights = rng.integers(4, 9, 3), rng.uniform(0.5, 2, 3)
    ladders = [Ladder.of(range(1, size + 1), rng.uniform(0.1, 1, size)) for size in sizes]

    def used(widths: np.ndarray) -> np.ndarray:
        flash = (widths[..., :-1] * widths[..., 1:]).sum(-1)
        return np.stack([flash / (share * (sizes[:-1] * sizes[1:]).sum()), widths @ weights / (share * sizes @ weights)], axis=-1)

    projection = Projection(ladders, used)
    every = np.array(list(itertools.product(*(range(size) for size in sizes))))
    fitting = every[(projection.usage(every) <= 1).all(axis=-1)]
    rungs = projection.swapped(projection.best())
    assert projection.fits(rungs) == bool(len(fitting))
    if len(fitting):
        assert not len(projection.growth(rungs))
        assert projection.value(rungs) >= 0.9 * projection.value(fitting).max()
