"""What plain C functions do beside their steps, against loops that walk every window as the C does."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwcost.kernels.facts import facts
from hwcost.kernels.plain_pairs import PlainPairs
from hwcost.kernels.portable import Portable
from hwcost.latency.plain_rests import PLAIN, of_pairs
from hwcost.latency.windows import before, fewest, inside, whole
from hwcost.ops import AveragePool2d, Conv2d, GlobalAveragePool, Pad
from hwcost.records import Layer
from hwcost.target import LayerFacts
from hwcost.tensor import int8


@dataclass
class Axis:
    """Taps of every window along one axis: for each output the taps, True where inside."""

    windows: list[list[bool]]
    starts: list[int]

    @classmethod
    def of(cls, layer: LayerFacts, axis: int) -> Axis:
        size, outputs = ((layer.input_height, layer.output_height), (layer.input_width, layer.output_width))[axis]
        starts = [out * layer.stride[axis] - layer.padding[axis] for out in range(outputs)]
        taps = [tap * layer.dilation[axis] for tap in range(layer.kernel[axis])]
        return cls([[0 <= start + tap < size for tap in taps] for start in starts], starts)


@st.composite
def convolutions(draw: st.DrawFn) -> Layer:
    kernel, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    groups = draw(st.sampled_from([1, 2]))
    pads = tuple((draw(st.integers(0, kernel - 1)), draw(st.integers(0, kernel - 1))) for _ in range(2))
    size = draw(st.integers((kernel - 1) * dilation + 1, 9))
    channels = groups * draw(st.integers(1, 5))
    op = Conv2d(groups * draw(st.integers(1, 5)), (kernel, kernel), (draw(st.integers(1, 3)),) * 2, pads, (dilation,) * 2, groups)
    return Layer(op, (int8(channels, size, size),))


@given(convolutions())
def test_windows_are_where_a_walk_finds_them(made: Layer) -> None:
    layer = facts(made.step)
    for axis in (0, 1):
        walked = Axis.of(layer, axis)
        assert inside(layer, axis) == sum(map(sum, walked.windows))
        assert whole(layer, axis) == sum(map(all, walked.windows))
        assert fewest(layer, axis) == min(map(sum, walked.windows))
        assert before(layer, axis) == sum(
            start + tap * layer.dilation[axis] < 0 for start in walked.starts for tap in range(layer.kernel[axis])
        )


@given(convolutions())
def test_the_general_convolution_runs_over_what_is_inside(made: Layer) -> None:
    layer = facts(made.step)
    rows, columns = Axis.of(layer, 0), Axis.of(layer, 1)
    depth = layer.in_channels // layer.groups
    inside_rows = sum(map(sum, rows.windows)) * layer.output_width * layer.out_channels
    products = sum(map(sum, rows.windows)) * sum(map(sum, columns.windows)) * layer.out_channels * depth
    found = PLAIN["hwc_conv"](layer)
    assert (found["row inside"], found["mac inside"]) == (inside_rows, products)
    assert found["row outside"] == layer.output_elements * layer.kernel[0] - inside_rows
    assert found["weight outside"] + products == inside_rows * layer.kernel[1] * depth
    is_run = layer.groups == 1 and layer.dilation[1] == 1
    assert 4 * found["turn of run"] + found["left of run"] == found["run"] * depth * (layer.kernel[1] if is_run else 1)


@given(convolutions())
def test_pairs_of_channels_call_their_run_as_often_as_the_c_does(made: Layer) -> None:
    layer = facts(made.step)
    if PlainPairs().refusal(layer, (), None) is not None:
        return
    runs = cells = 0
    for row in Axis.of(layer, 0).windows:
        for column in Axis.of(layer, 1).windows:
            is_run = layer.dilation[1] == 1 and all(column)
            runs += sum(row) if is_run else 0
            cells += layer.kernel[1] * (sum(not tap for tap in row) if is_run else len(row))
    groups = -(-layer.out_channels // 4)
    found = of_pairs(layer, PlainPairs().needs(layer).steps)
    assert (found["run"], found["cell"]) == (groups * runs, groups * cells)


@pytest.mark.parametrize(("channels", "groups", "name"), [(8, 2, "group"), (9, 3, "group"), (3, 3, "group of one channel")])
def test_pools_take_four_channels_at_a_time(channels: int, groups: int, name: str) -> None:
    layer = facts(Layer(AveragePool2d((2, 2), (2, 2)), (int8(channels, 6, 4),)).step)
    found = PLAIN["hwc_average_pool"](layer)
    assert found[name] == 3 * 2 * groups
    assert found[name.replace("group", "cell")] == 3 * 2 * groups * 4
    assert found["group again"] == (6 if channels == 9 else 0)


def test_means_of_few_cells_are_rescaled_differently() -> None:
    def slow(size: int) -> int:
        return PLAIN["hwc_average_pool"](facts(Layer(GlobalAveragePool(), (int8(8, 1, size),)).step))["group of few cells"]

    assert (slow(2), slow(3)) == (2, 0)


def test_padding_fills_what_was_not_there() -> None:
    layer = facts(Layer(Pad(((0, 0), (1, 2), (1, 2))), (int8(5, 4, 6),)).step)
    found = PLAIN["hwc_move"](layer)
    assert (found["filled element"], found["moved element"]) == (5 * (7 * 9 - 4 * 6), 5 * 4 * 6)
    assert found["filled row"] == 7 * 9 - 4 * 6
    assert found["filled place outside"] == 3 * 9
    assert Portable().needs(layer).functions[0] == "hwc_move"
