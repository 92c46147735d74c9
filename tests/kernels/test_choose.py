"""Which kernel a layer takes, in cases that can be read off a runtime's file."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hwcost.graph import Graph, Node, Parameter
from hwcost.kernels import Kernel, choose, facts
from hwcost.ops import ArgMax, Compare, Conv1d, Conv2d, Dense, DepthwiseConv2d, Gelu, LayerNorm, MaxPool2d, Op, Relu, Reshape
from hwcost.records import Layer
from hwcost.target import Target
from hwcost.tensor import TensorSpec, float32, int8


@pytest.fixture(scope="module")
def target() -> Target:
    return Target.load("stm32l4r5", runtime="tflm-cmsis-nn")


def kernel(target: Target, op: Op, *inputs: TensorSpec, weight_bits: int = 8) -> Kernel:
    return choose(Layer(op, inputs, weight_bits).step, target.runtime, target.core)


def test_an_int8_convolution_takes_the_optimised_kernel(target: Target) -> None:
    found = kernel(target, Conv2d(8, (3, 3)), int8(4, 8, 8))
    assert (found.variant, found.name) == ("optimised", "optimised conv2d")
    assert "conv.cc" in found.why


def test_a_float_island_takes_the_plain_float_kernel(target: Target) -> None:
    assert kernel(target, Conv2d(8, (3, 3)), float32(4, 8, 8), weight_bits=32).is_reference
    assert kernel(target, Relu(), float32(4, 8, 8)).is_reference


def test_an_operator_the_runtime_lacks_is_unsupported_with_the_reason(target: Target) -> None:
    found = kernel(target, Gelu(), int8(64))
    assert not found.is_supported
    assert found.scratch_bytes is None
    assert found.why == f"{target.runtime.reference} has no kernel for gelu"


def test_a_float_layer_without_a_float_kernel_says_which_widths_there_are() -> None:
    stm = Target.load("stm32h743", runtime="tinyengine")
    found = kernel(stm, DepthwiseConv2d((3, 3)), float32(4, 8, 8), weight_bits=32)
    assert found.why == f"{stm.runtime.reference} has no float kernel for depthwise_conv2d, only for 8 bits"


def test_a_window_no_kernel_takes_is_told_from_a_kind_nobody_has() -> None:
    stm = Target.load("stm32h743", runtime="tinyengine")
    found = kernel(stm, Conv2d(8, (5, 5)), int8(4, 8, 8))
    assert found.variant == "unsupported"
    assert "window" in found.why


def test_a_reshape_is_free_and_needs_no_scratch(target: Target) -> None:
    found = kernel(target, Reshape.between((4, 2, 2), (16,)), int8(4, 2, 2))
    assert found.is_free
    assert found.scratch_bytes == 0


def test_im2col_buffers_two_columns_of_int16(target: Target) -> None:
    assert kernel(target, Conv2d(8, (3, 3)), int8(16, 8, 8)).scratch_bytes == 2 * 2 * 3 * 3 * 16


def test_a_pointwise_convolution_needs_no_im2col(target: Target) -> None:
    assert kernel(target, Conv2d(8), int8(16, 8, 8)).scratch_bytes == 0


def test_scratch_follows_a_searched_width(target: Target) -> None:
    first = Node("a", Conv2d(8, (1, 1), bias=False), ("x",), ("a.out",), (("weight", "a.w"),))
    second = Node("b", Conv2d(8, (3, 3), bias=False), ("a.out",), ("b.out",), (("weight", "b.w"),))
    parameters = {"a.w": Parameter("a.w", (8, 4, 1, 1), 8, kind="int"), "b.w": Parameter("b.w", (8, 8, 3, 3), 8, kind="int")}
    graph = Graph({"x": int8(4, 8, 8)}, ("b.out",), (first, second), parameters)

    def scratch(width: object) -> object:
        return choose(graph.rebind({"a": width}).steps[1], target.runtime, target.core).scratch_bytes

    exact = [scratch(n) for n in (4, 8, 20)]
    assert np.asarray(scratch(np.array([4, 8, 20]))).tolist() == exact
    width = torch.tensor(20.0, dtype=torch.float64, requires_grad=True)
    searched = scratch(width)
    searched.backward()  # type: ignore[attr-defined]
    assert searched.item() == exact[-1]  # type: ignore[attr-defined]
    assert width.grad is not None
    assert float(width.grad) == 36  # two int16 columns of 3 x 3


def test_facts_of_one_axis_are_a_row() -> None:
    layer = facts(Layer(Conv1d(4, (3,), (2,), ((1, 0),)), (int8(2, 16),)).step)
    assert (layer.kernel, layer.stride, layer.padding) == ((1, 3), (1, 2), (0, 1, 0, 0))
    assert (layer.input_height, layer.input_width, layer.output_width) == (1, 16, 8)


def test_facts_of_two_axes_keep_height_before_width() -> None:
    layer = facts(Layer(Conv2d(4, (3, 5), (1, 2), ((1, 2), (3, 4))), (int8(2, 10, 16),)).step)
    assert (layer.kernel, layer.stride, layer.padding) == ((3, 5), (1, 2), (1, 3, 2, 4))
    assert (layer.output_height, layer.output_width) == (11, 10)
    assert (layer.weight_elements, layer.per_channel, layer.weight_bits) == (4 * 2 * 3 * 5, True, 8)


def test_facts_of_a_layer_without_window_or_weights() -> None:
    layer = facts(Layer(Relu(), (int8(2, 10, 16),)).step)
    assert (layer.kernel, layer.groups, layer.weight_bits, layer.weight_elements) == ((1, 1), 1, None, 0)


def test_one_float_side_makes_a_float_layer() -> None:
    assert facts(Layer(Dense(4), (float32(8),), weight_bits=32).step).activation_bits == 32
    assert facts(Layer(MaxPool2d((2, 2)), (int8(8, 4, 4),)).step).activation_bits == 8
    assert facts(Layer(LayerNorm(), (int8(8, 4),)).step).activation_bits == 8


def test_indices_do_not_widen_a_layer() -> None:
    assert facts(Layer(ArgMax(), (int8(10),)).step).activation_bits == 8
    assert facts(Layer(Compare(relation="less"), (int8(10), int8(10))).step).activation_bits == 8
