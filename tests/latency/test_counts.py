"""The two formulas, in cases that a pencil can check."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.kernels import Kernel, facts
from hwcost.latency.counts import Counts, cycles, linear_cycles, parallel_cycles
from hwcost.ops import AveragePool2d, Conv2d, Dense, DepthwiseConv2d
from hwcost.records import Layer
from hwcost.sizes import Size
from hwcost.target import Lanes, LinearPrice, ParallelPrice, Tile
from hwcost.tensor import int8

GAP8_CONV = ParallelPrice("parallel", ("conv2d",), "a test", Tile(8, 2, 4, 4), per_patch_element=2.0, per_block=15.0, per_turn=14.0)


def counts(layer: Layer) -> Counts:
    step = layer.step
    return Counts.of(step, Kernel("optimised", None, "", facts(step)))


CONV = counts(Layer(Conv2d(16, (3, 3), padding=((1, 1), (1, 1))), (int8(3, 8, 8),)))


def price(lanes: Lanes | None = None, **terms: float) -> LinearPrice:
    return LinearPrice("linear", ("conv2d",), "a test", lanes=lanes or Lanes(), **terms)


@pytest.mark.parametrize(
    ("term", "count"),
    [
        ("per_layer", 1),
        ("per_mac", 8 * 8 * 16 * 27),
        ("per_patch_element", 8 * 8 * 27),
        ("per_tap", 8 * 8 * 9),
        ("per_input_element", 3 * 8 * 8),
        ("per_output_element", 16 * 8 * 8),
        ("per_position", 8 * 8),
        ("per_weight_byte", 16 * 27),
    ],
)
def test_each_coefficient_meets_its_count(term: str, count: int) -> None:
    assert linear_cycles(price(**{term: 2.0}), CONV) == 2 * count


def test_terms_add_up() -> None:
    assert linear_cycles(price(per_layer=100.0, per_mac=1.0, per_position=3.0), CONV) == 100 + 8 * 8 * 16 * 27 + 3 * 64


@pytest.mark.parametrize(
    ("lanes", "macs"),
    [(Lanes(patch_elements=4), 64 * 16 * 28), (Lanes(out_channels=32), 64 * 32 * 27), (Lanes(positions=48), 96 * 16 * 27)],
)
def test_idle_lanes_cost_as_much_as_busy_ones(lanes: Lanes, macs: int) -> None:
    assert linear_cycles(price(lanes, per_mac=1.0), CONV) == macs


def test_a_pool_counts_its_windows() -> None:
    pool = counts(Layer(AveragePool2d((2, 2), (2, 2)), (int8(8, 6, 6),)))
    assert linear_cycles(price(per_mac=1.0), pool) == 8 * 3 * 3 * 4


def test_the_parallel_convolution_of_gap8() -> None:
    """ceil(Ox/2) ceil(Oy/8) (2 k k Cin + ceil(Cout/4) (15 + 14 ceil(k k Cin / 4))), with Oy = Ox = 10, k = 3, Cin = 5, Cout = 6."""
    layer = counts(Layer(Conv2d(6, (3, 3)), (int8(5, 12, 12),)))
    assert parallel_cycles(GAP8_CONV, layer) == 5 * 2 * (2 * 45 + 2 * (15 + 14 * 12))


def test_the_parallel_depthwise_of_gap8() -> None:
    """4 ceil(Cout/4) Ox Oy kx ky: about one MAC a cycle."""
    depthwise = ParallelPrice("parallel", ("depthwise_conv2d",), "a test", Tile(out_channels=4), per_turn=4.0)
    layer = counts(Layer(DepthwiseConv2d((3, 3)), (int8(6, 12, 12),)))
    assert parallel_cycles(depthwise, layer) == 4 * 2 * 100 * 9


def test_the_parallel_dense_layer_of_gap8() -> None:
    """ceil(Cin/2) ceil(Cout/4): eight MACs a cycle."""
    dense = ParallelPrice("parallel", ("dense",), "a test", Tile(out_channels=4, patch_elements=2), per_turn=1.0)
    assert parallel_cycles(dense, counts(Layer(Dense(10), (int8(65),)))) == 33 * 3


def test_moved_bytes_come_on_top() -> None:
    moving = ParallelPrice("parallel", ("dense",), "a test", Tile(), per_layer=7.0, per_weight_byte=2.0, per_tensor_byte=0.5)
    assert parallel_cycles(moving, counts(Layer(Dense(10), (int8(64),)))) == 7 + 2 * 640 + 0.5 * (64 + 10)


def test_a_searched_size_sees_the_slope_of_its_tile() -> None:
    """d/dCout of ceil(Cout/4) is 1/4, not 1: published code has it four times too large."""
    width = torch.tensor(8.0, dtype=torch.float64, requires_grad=True)
    searched = Counts(64, width, 27, 9, 192, 64 * width, 8, 8, 27 * width, 0)
    cycles(GAP8_CONV, searched).backward()
    assert width.grad is not None
    assert width.grad.item() == 4 * 1 * (15 + 14 * 7) / 4


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.tuples(*(st.integers(1, 300) for _ in range(3))), min_size=1, max_size=5),
    lanes=st.tuples(*(st.sampled_from([1, 2, 4, 8]) for _ in range(3))),
    parallel=st.booleans(),
)
def test_numbers_tensors_and_columns_agree(sizes: list[tuple[int, int, int]], lanes: tuple[int, int, int], parallel: bool) -> None:
    linear = price(Lanes(*lanes), per_mac=1.7, per_patch_element=0.3, per_output_element=11.0, per_position=5.0, per_weight_byte=0.9)
    chosen = GAP8_CONV if parallel else linear

    def total(positions: Size, width: Size, patch: Size) -> Size:
        return cycles(chosen, Counts(positions, width, patch, 9, patch, positions * width, positions, 1, patch * width, 0))

    exact = [total(*size) for size in sizes]
    columns = np.array(sizes, dtype=np.int64).T
    assert total(*columns).tolist() == exact
    assert [total(*(torch.tensor(float(n), dtype=torch.float64) for n in size)).item() for size in sizes] == exact
