"""The interpreter against plain loops over whole numbers, and against what can be worked out with a pencil."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwcost.deploy.interpret import interpret, interpret_layer
from hwcost.deploy.interpret.fixed_point import rescale
from hwcost.deploy.lower.fixed_point import FactorError, fixed, fixed_one, shift_for
from hwcost.deploy.program import Alias, Convolution, Lookup, Move, Program, Quantise, Range, Softmax, Sum, Tensor, TransposedConvolution
from hwcost.errors import InputError
from hwcost.graph import Graph, Node
from hwcost.ops.activation import Relu
from hwcost.tensor import Quantisation, TensorSpec

ENDS = st.sampled_from([-128, -127, -1, 0, 5, 126, 127])


def _rescaled(a: int, m: int, s: int) -> int:
    return floor(Fraction(a * m, 2**s) + Fraction(1, 2))


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**31 - 1), st.integers(1, 32))
def test_rescale_rounds_once_and_halves_upwards(a: int, m: int, s: int) -> None:
    assert int(rescale(np.asarray(a), m, s)) == _rescaled(a, m, s)


@given(st.floats(1e-12, 1e8))
def test_a_factor_is_within_half_a_step_of_its_multiplier(factor: float) -> None:
    multiplier, shift = fixed_one(factor)
    assert abs(Fraction(multiplier, 2**shift) - Fraction(factor)) <= Fraction(1, 2 ** (shift + 1))
    assert 0 <= multiplier < 2**31
    assert shift == 32 or round(factor * 2 ** (shift + 1)) >= 2**31


def test_factors_below_one_half_shift_by_32_and_those_too_large_are_refused() -> None:
    assert shift_for(0.4999) == 32
    assert shift_for(0.5) == 31
    assert fixed(np.asarray([0.25, -0.125]))[0].tolist() == [2**30, -(2**29)]
    for factor in (2.0**31, float("inf"), float("nan")):
        with pytest.raises(FactorError):
            fixed_one(factor)


@st.composite
def _windows(draw: Any) -> dict[str, Any]:
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    return {
        "kernel": kernel,
        "dilation": dilation,
        "stride": (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        "padding": tuple(draw(st.integers(0, 2)) for _ in range(4)),
        "size": tuple(draw(st.integers((k - 1) * d + 1, 6)) for k, d in zip(kernel, dilation, strict=True)),
        "groups": draw(st.sampled_from([1, 2])),
        "zeros": (draw(ENDS), draw(ENDS)),
        "seed": draw(st.integers(0, 10**6)),
    }


def _layer(cls: Any, w: dict[str, Any]) -> tuple[Any, np.ndarray]:
    rng, groups = np.random.default_rng(w["seed"]), w["groups"]
    weights = rng.integers(-128, 128, (2 * groups, *w["kernel"], 2)).astype(np.int8)
    multiplier = rng.integers(0, 2**24, 2 * groups).astype(np.int32)
    bias = rng.integers(-(10**5), 10**5, 2 * groups).astype(np.int32)
    places = (w["stride"], w["dilation"], w["padding"], groups, Range(-120, 100))
    x = rng.integers(-128, 128, (*w["size"], 2 * groups)).astype(np.int8)
    return cls(weights, bias, multiplier, 28, *w["zeros"], *places), x


def _finished(layer: Any, total: int, o: int) -> int:
    made = _rescaled(total + int(layer.bias[o]), int(layer.multiplier[o]), layer.shift) + layer.output_zero_point
    return int(min(max(made, layer.range.low), layer.range.high))


@given(_windows())
def test_convolution_is_the_loop_of_its_definition(w: dict[str, Any]) -> None:
    layer, x = _layer(Convolution, w)
    (top, left, bottom, right), (h, v) = w["padding"], w["size"]
    made = [
        (n + pads - d * (k - 1) - 1) // s + 1
        for n, pads, k, s, d in zip((h, v), (top + bottom, left + right), w["kernel"], w["stride"], w["dilation"], strict=True)
    ]
    out = np.zeros((*made, len(layer.weights)), np.int64)
    for y, z, o in np.ndindex(*out.shape):
        total = 0
        for i, j, c in np.ndindex(*layer.weights.shape[1:]):
            row, column = y * w["stride"][0] + i * w["dilation"][0] - top, z * w["stride"][1] + j * w["dilation"][1] - left
            inside = 0 <= row < h and 0 <= column < v
            value = int(x[row, column, o // 2 * 2 + c]) if inside else layer.input_zero_point
            total += value * int(layer.weights[o, i, j, c])
        out[y, z, o] = _finished(layer, total, o)
    result = interpret_layer(layer, [x], Tensor("y", out.shape, (1, 2, 0)))
    np.testing.assert_array_equal(result, out)


@given(_windows())
def test_transposed_convolution_is_the_loop_of_its_definition(w: dict[str, Any]) -> None:
    w = {**w, "padding": (0, 0, 0, 0)}
    layer, x = _layer(TransposedConvolution, w)
    made = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(w["size"], w["stride"], w["kernel"], w["dilation"], strict=True)]
    total = np.zeros((*made, len(layer.weights)), np.int64)
    for y, z, o in np.ndindex(*w["size"], len(layer.weights)):
        for i, j, c in np.ndindex(*layer.weights.shape[1:]):
            at = (y * w["stride"][0] + i * w["dilation"][0], z * w["stride"][1] + j * w["dilation"][1], o)
            total[at] += (int(x[y, z, o // 2 * 2 + c]) - layer.input_zero_point) * int(layer.weights[o, i, j, c])
    out = np.asarray([_finished(layer, int(total[at]), at[-1]) for at in np.ndindex(*total.shape)]).reshape(total.shape)
    np.testing.assert_array_equal(interpret_layer(layer, [x], Tensor("y", out.shape, (1, 2, 0))), out)


def test_sums_broadcast_and_saturate() -> None:
    layer = Sum((2**20, -(2**20)), 20, (127, -128), 0)
    x, z = np.asarray([[-128, 127]], np.int8), np.asarray([[127], [-128]], np.int8)
    out = interpret_layer(layer, [x, z], Tensor("y", (2, 2), (0, 1)))
    assert out.tolist() == [[-128, -128], [-128, 0]]


def test_moves_add_their_tables_and_fill_where_one_is_negative() -> None:
    x = np.arange(6, dtype=np.int8).reshape(2, 3)
    layer = Move((np.asarray([0, 1, -1], np.int32), np.asarray([0, 3], np.int32)), base=1, fill=-7)
    assert interpret_layer(layer, [x], Tensor("y", (3, 2), (0, 1))).tolist() == [[1, 4], [2, 5], [-7, -7]]


def test_softmax_of_equal_values_shares_alike() -> None:
    layer = Softmax(np.full(256, 2**31 // 4, np.uint32), 2**16 * 256, -128)
    assert interpret_layer(layer, [np.zeros(4, np.int8)], Tensor("y", (4,), (0,))).tolist() == [-64] * 4


def test_tables_may_differ_by_channel() -> None:
    tables = np.stack([np.arange(-128, 128), np.arange(127, -129, -1)]).astype(np.int8)
    x = np.asarray([[-128, -128], [5, 5]], np.int8)
    assert interpret_layer(Lookup(tables), [x], Tensor("y", (2, 2), (0, 1))).tolist() == [[-128, 127], [5, -6]]


def test_quantising_rounds_halves_to_the_even_one_and_saturates() -> None:
    x = np.asarray([0.25, 0.75, -0.25, 1e30, -np.inf], np.float32)
    assert interpret_layer(Quantise(0.5, 1), [x], Tensor("y", (5,), (0,))).tolist() == [1, 3, 1, 127, -128]


def _program(kind: Any) -> Program:
    spec = TensorSpec((2, 3), 8, Quantisation((0.5,), (128 if kind == "uint" else 0,)), kind)
    graph = Graph({"x": spec}, ("y",), (Node("n", Relu(), ("x",), ("y",)),))
    tensors = {name: Tensor(name, (3, 2), (1, 0), scale=0.5) for name in "xy"}
    return Program(graph, (Alias(),), tensors)


@pytest.mark.parametrize(("kind", "offset"), [("int", 0), ("uint", 128)])
def test_axes_and_types_are_the_files_outside_and_memorys_inside(kind: str, offset: int) -> None:
    x = np.asarray([[0, 1, 2], [3, 4, 5]]) + offset
    outputs, values = interpret(_program(kind), {"x": x[None].astype(np.uint8 if kind == "uint" else np.int8)}, trace=True)
    assert values["x"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert outputs["y"].tolist() == x.tolist()


def test_floats_for_an_integer_input_are_quantised() -> None:
    (out,) = interpret(_program("int"), {"x": np.full((2, 3), 1.0, np.float32)}).values()
    assert out.tolist() == [[2] * 3] * 2


def test_inputs_that_are_missing_unknown_or_of_another_shape_are_named() -> None:
    with pytest.raises(InputError, match=r"(?s)input 'x' is missing.*no input 'z'"):
        interpret(_program("int"), {"z": np.zeros(1)})
    with pytest.raises(InputError, match=r"'x' expects the shape \(2, 3\).*got \(3, 2\)"):
        interpret(_program("int"), {"x": np.zeros((3, 2), np.int8)})
