"""Arithmetic on constants, against ONNX's own reference implementation; and the limits that a file cannot pass."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from hwcost.errors import GraphError
from hwcost.frontends.from_onnx import from_onnx
from hwcost.frontends.onnx_attributes import plain
from hwcost.frontends.onnx_folding import FOLDS, MOST_FOLDED, Fold
from tests.onnx_files import floats, model, node

LEFT, RIGHT = np.array([7, -7, 6, -5]), np.array([2, 2, -4, -3])
F = floats(2, 3, 4)
T = np.array([[True, False], [False, True]])


def ints(*numbers):
    return np.array(numbers, dtype=np.int64)


def case(op, *operands, opset=18, outputs=1, **attributes):
    return pytest.param(op, operands, attributes, opset, outputs, id=f"{op}-{opset}-{'-'.join(attributes)}")


CASES = [
    *(case(op, F) for op in ("Abs", "Ceil", "Cos", "Exp", "Floor", "Neg", "Reciprocal", "Relu", "Round", "Sigmoid", "Sign", "Sin", "Tanh")),
    *(case(op, np.abs(F) + 0.1) for op in ("Log", "Sqrt")),
    *(case(op, F, np.array([[1.0], [np.inf], [np.nan]], np.float32)[:, :]) for op in ("Add", "Mul")),
    *(case(op, np.array([1.0, np.inf, np.nan], np.float32)) for op in ("IsInf", "IsNaN")),
    *(
        case(op, LEFT, RIGHT)
        for op in ("Add", "Sub", "Mul", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min", "Sum")
    ),
    *(case(op, T, T[::-1]) for op in ("And", "Or", "Xor")),
    case("Not", T),
    case("Div", F, F + 5),
    case("Mean", F, F, F + 1),
    case("Max", F),
    case("Pow", F, np.float32(2)),
    case("Pow", np.abs(F), ints(3)),
    case("Where", T, ints(1, 2), ints(3, 4)),
    case("Mod", LEFT, RIGHT),
    case("Mod", LEFT, RIGHT, fmod=1),
    case("ArgMax", F, axis=1),
    case("ArgMin", F, axis=-1, keepdims=0),
    case("Cast", F, to=6),
    case("Cast", LEFT, to=1),
    case("Cast", LEFT, to=9),
    case("Clip", F, np.float32(-0.5), np.float32(0.5)),
    case("Clip", F, opset=7, min=-0.5, max=0.5),
    case("Concat", F, F, axis=-2),
    case("ConstantOfShape", ints(2, 3), value=onnx.numpy_helper.from_array(np.array([7], np.int32))),
    case("ConstantOfShape", ints(2)),
    case("CumSum", F, ints(1)[0]),
    case("Expand", ints(1, 2, 3)[:, None], ints(2, 1, 4)),
    case("Flatten", F, axis=2),
    case("Flatten", F, axis=-1),
    case("Gather", F, ints(-1, 0), axis=1),
    case("Gather", F, ints(2)[0], axis=2),
    case("MatMul", F, floats(4, 2)),
    case("NonZero", np.array([[0, 3], [5, 0]])),
    case("OneHot", ints(1, -1, 0), ints(3)[0], ints(2, 5)),
    case("OneHot", ints(1, 0), ints(3)[0], ints(0, 1), axis=0),
    case("Pad", F, ints(0, 1, 0, 2, 0, 1), np.float32(3)),
    case("Pad", F, ints(0, 0, 0, 0, 0, 1)),
    case("Range", ints(1)[0], ints(10)[0], ints(3)[0]),
    case("Range", ints(5)[0], ints(0)[0], ints(-2)[0]),
    case("Range", np.float32(0), np.float32(1), np.float32(0.25)),
    *(case(op, F, ints(0, -1)) for op in ("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd")),
    case("ReduceSum", F, ints(1), keepdims=0),
    case("ReduceSum", F, noop_with_empty_axes=1),
    case("ReduceProd", LEFT, opset=11, axes=[0], keepdims=0),
    case("ReduceMax", F),
    case("Reshape", F, ints(0, -1, 2)),
    case("Reshape", np.zeros((0, 3), np.float32), ints(3, 0), allowzero=1),
    case("Shape", F),
    case("Shape", F, start=1),
    case("Shape", F, start=-2, end=-1),
    case("Size", F),
    case("Slice", F, ints(1), ints(3), ints(2)),
    case("Slice", F, ints(-1, 1), ints(-100, 2), ints(2, 1), ints(-2, 1)),
    case("Slice", F, opset=9, starts=[0, 1], ends=[1, 100]),
    case("Split", F, ints(1, 3), axis=2, outputs=2),
    case("Split", F, axis=2, outputs=2, num_outputs=2),
    case("Split", F, opset=11, axis=1, split=[2, 1], outputs=2),
    case("Squeeze", F[:, :1], ints(1)),
    case("Squeeze", F[:1, :1]),
    case("Squeeze", F[:1], opset=11, axes=[0]),
    case("Tile", F, ints(1, 2, 1)),
    case("Transpose", F),
    case("Transpose", F, perm=[2, 0, 1]),
    case("Trilu", F, ints(1)[0]),
    case("Trilu", F, upper=0),
    case("Unsqueeze", F, ints(0, -1)),
    case("Unsqueeze", F, opset=11, axes=[1]),
]


@pytest.mark.parametrize(("op", "operands", "attributes", "opset", "outputs"), CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the reference implementation's own
def test_constants_are_computed_as_the_reference_implementation_does(op, operands, attributes, opset, outputs):
    names = [f"c{i}" for i in range(len(operands))]
    made = [f"y{i}" for i in range(outputs)]
    each = node(op, names, made, **attributes)
    inputs = {name: (list(x.shape), onnx.helper.np_dtype_to_tensor_dtype(x.dtype)) for name, x in zip(names, operands, strict=True)}
    expected = ReferenceEvaluator(model([each], inputs, outputs=made, opset=opset)).run(None, dict(zip(names, operands, strict=True)))
    given = plain({attribute.name: attribute for attribute in each.attribute}, op, None)
    with np.errstate(all="ignore"):
        result = FOLDS[op](Fold(operands, given, opset, outputs))
    for value, wanted in zip(result if isinstance(result, tuple) else (result,), expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-6)
        assert (value.shape, value.dtype) == (wanted.shape, wanted.dtype)


def test_every_operator_that_is_computed_is_tried():
    assert {parameter.values[0] for parameter in CASES} == set(FOLDS)


def test_shapes_computed_by_the_file_are_known():
    """As torch's exporters write `x.view(x.size(0), -1, x.size(2) // 2)`."""
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Gather", ["s", "two"], ["h"]),
        node("Div", ["h", "two"], ["half"]),
        *(node("Unsqueeze", [name, "axis"], [f"{name}_"]) for name in ("n", "minus", "half")),
        node("Concat", ["n_", "minus_", "half_"], ["shape"], axis=0),
        node("Reshape", ["x", "shape"]),
    ]
    stored = {"zero": np.array(0), "two": np.array(2), "minus": np.array(-1), "axis": ints(0)}
    graph = from_onnx(model(nodes, {"x": ["N", 3, 8, 5]}, stored))
    assert graph.values[graph.outputs[0]].shape == (30, 4)


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([node("ConstantOfShape", ["huge"], ["c"])], "a constant of"),
        ([node("Expand", ["one", "huge"], ["c"])], "a constant of"),
        ([node("Tile", ["one", "huge"], ["c"])], "a constant of"),
        ([node("Range", ["zero", "far", "step"], ["c"])], "a constant of"),
        ([node("OneHot", ["one", "far", "pair"], ["c"])], "a constant of"),
        ([node("Reshape", ["long", "tall"], ["t"]), node("Add", ["long", "t"], ["c"])], "a constant of"),
        (
            [node("Reshape", ["long", "tall"], ["t"]), node("Reshape", ["long", "flat"], ["f"]), node("MatMul", ["t", "f"], ["c"])],
            "a constant of",
        ),
        ([node("ConstantOfShape", ["negative"], ["c"])], "sizes cannot be negative"),
        ([node("Range", ["zero", "far", "zero"], ["c"])], "malformed"),
    ],
)
def test_constants_too_large_to_be_computed_are_refused(nodes, why):
    stored = {
        "huge": ints(2**40), "one": ints(1), "zero": np.array(0), "far": np.array(2**50), "step": np.array(1), "pair": ints(0, 1),
        "long": np.zeros(2000, np.int64), "tall": ints(2000, 1), "flat": ints(1, 2000), "negative": ints(3, -1),
    }  # fmt: skip
    with pytest.raises(GraphError, match=why):
        from_onnx(model([*nodes, node("Cast", ["c"], ["f_"], to=1), node("Add", ["x", "f_"])], {"x": [1, 1]}, stored))


def test_arithmetic_on_large_constants_is_done_when_asked():
    weight = np.ones((1100, 1000), np.float32)
    assert weight.size > MOST_FOLDED
    nodes = [node("Mul", ["w", "half"], ["v"]), node("Transpose", ["v"], ["t"]), node("MatMul", ["x", "t"])]
    graph = from_onnx(model(nodes, {"x": [1, 1000]}, {"w": weight, "half": np.float32(0.5)}))
    (layer,) = graph.steps
    assert layer.kind == "dense"
    assert np.all(dict(layer.parameters)["weight"].array() == 0.5)


@pytest.mark.parametrize(("elements", "times"), [(MOST_FOLDED // 2, 70), (MOST_FOLDED, 300)], ids=["now", "when-asked"])
def test_a_file_that_computes_without_end_is_refused(elements, times):
    adds = [node("Add", [f"c{i}", f"c{i}"], [f"c{i + 1}"]) for i in range(times)]
    with pytest.raises(GraphError, match="constants: it is no network"):
        from_onnx(model([*adds, node("Add", ["x", f"c{times}"])], {"x": [1, 1]}, {"c0": np.zeros(elements, np.float32)}))
