"""Single nodes in every form their operators have had since opset 7, each with the operators it should be read as."""

from __future__ import annotations

import numpy as np
import pytest

from tests.onnx_files import INT64, MICROSOFT, floats, model, node

X = {"x": [1, 4, 6, 6]}
MATRIX = {"x": [1, 6]}


def ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def case(name, nodes, constants=None, inputs=None, opset=18, kinds=None, **more):
    return pytest.param(model(nodes, inputs or X, constants, opset=opset, **more), kinds, id=f"{name}-{opset}")


def unary(op, kind, opset=18, inputs=None, **attributes):
    return case(op, [node(op, ["x"], **attributes)], opset=opset, kinds=[kind], inputs=inputs)


GRID = {"r": np.array([], np.float32), "s": np.array([1, 1, 2, 2], np.float32), "n": ints(1, 4, 9, 12)}

ACTIVATIONS = [
    *(
        unary(op, op.lower(), inputs={"x": [1, 7]})
        for op in (
            "Abs",
            "Ceil",
            "Cos",
            "Erf",
            "Exp",
            "Floor",
            "Neg",
            "Relu",
            "Round",
            "Selu",
            "Sigmoid",
            "Sign",
            "Sin",
            "Softplus",
            "Softsign",
            "Tanh",
            "Elu",
        )
    ),
    unary("HardSwish", "hard_swish"),
    unary("HardSigmoid", "hard_sigmoid", alpha=0.3, beta=0.4),
    unary("LeakyRelu", "leaky_relu", alpha=0.2),
    unary("Elu", "elu", alpha=0.7),
    unary("Mish", "mish"),
    unary("Gelu", "gelu", 20, approximate="tanh"),
    unary("Softmax", "softmax", 13, axis=1),
    unary("LogSoftmax", "log_softmax", 13, axis=-1),
    case("softmax-flat", [node("Softmax", ["x"])], opset=11, kinds=["reshape", "softmax", "reshape"]),
    case("softmax-vector", [node("Softmax", ["x"])], inputs=MATRIX, opset=7, kinds=["softmax"]),
    case("clip-6", [node("Clip", ["x"], min=-0.1, max=0.3)], opset=7, kinds=["clip"]),
    case("clip-11", [node("Clip", ["x", "l", "h"])], {"l": np.float32(-0.1), "h": np.float32(0.3)}, opset=13, kinds=["clip"]),
    case("clip-low", [node("Clip", ["x", "l"])], {"l": np.float32(0)}, opset=13, kinds=["relu"]),
    case("clip-high", [node("Clip", ["x", "", "h"])], {"h": np.float32(0.2)}, opset=13, kinds=["clip"]),
    case("prelu", [node("PRelu", ["x", "s"])], {"s": floats(4, 1, 1)}, kinds=["prelu"]),
    case("prelu-one", [node("PRelu", ["x", "s"])], {"s": floats(1)}, kinds=["prelu"]),
    case("celu", [node("Celu", ["x"])], kinds=["elu"]),
    case("thresholded", [node("ThresholdedRelu", ["x"], alpha=0.0)], kinds=["relu"]),
    *(case(op, [node(op, ["x"], domain=MICROSOFT)], domains=[MICROSOFT], kinds=["gelu"]) for op in ("Gelu", "FastGelu")),
    case("quick-gelu", [node("QuickGelu", ["x"], domain=MICROSOFT)], domains=[MICROSOFT], kinds=["mul", "sigmoid", "mul"]),
    case(
        "bias-gelu", [node("BiasGelu", ["x", "b"], domain=MICROSOFT)], {"b": floats(6)}, MATRIX, domains=[MICROSOFT], kinds=["add", "gelu"]
    ),
    case("swish", [node("Swish", ["x"])], opset=24, kinds=["silu"]),
    case("identity", [node("Identity", ["x"], ["i"]), node("CastLike", ["i", "i"], ["c"]), node("Relu", ["c"])], kinds=["relu"]),
    case("dropout", [node("Dropout", ["x"], ["d"], ratio=0.5), node("Relu", ["d"])], opset=10, kinds=["relu"]),
    case(
        "dropout",
        [node("Dropout", ["x", "r", "t"], ["d"]), node("Relu", ["d"])],
        {"r": np.float32(0.5), "t": np.array(False)},
        opset=13,
        kinds=["relu"],
    ),
    case("cast", [node("Cast", ["x"], ["c"], to=1), node("Relu", ["c"])], kinds=["relu"]),
]

ARITHMETIC = [
    *(
        case(op, [node(op, ["a", "b"])], None, {"a": [1, 4, 5], "b": [1, 4, 5]}, kinds=[kind])
        for op, kind in (("Add", "add"), ("Sub", "sub"), ("Mul", "mul"), ("Div", "div"))
    ),
    case("add-broadcast", [node("Add", ["a", "b"])], None, {"a": [1, 4, 5], "b": [1, 4, 1]}, opset=7, kinds=["add"]),
    case("sub-constant-first", [node("Sub", ["c", "x"])], {"c": floats(1, 4, 1, 1)}, kinds=["sub"]),
    case("add-larger-constant", [node("Add", ["x", "c"])], {"c": floats(1, 4, 5)}, {"x": [1, 1, 5]}, kinds=["constant", "reshape", "add"]),
    case("max-of-three", [node("Max", ["a", "b", "c"])], {"c": np.float32(0.1)}, {"a": [1, 5], "b": [1, 5]}, kinds=["maximum"]),
    case("min", [node("Min", ["a", "c"])], {"c": floats(5)}, {"a": [1, 5]}, kinds=["minimum"]),
    case("sum", [node("Sum", ["a", "b", "a"])], None, {"a": [1, 5], "b": [1, 5]}, kinds=["add", "add"]),
    case("mean", [node("Mean", ["a", "b"])], None, {"a": [1, 5], "b": [1, 5]}, kinds=["add", "mul"]),
    case("pow", [node("Pow", ["x", "c"])], {"c": np.float32(2)}, kinds=["pow"]),
    case(
        "where",
        [node("Less", ["x", "c"], ["l"]), node("Where", ["l", "x", "n"], ["w"]), node("Add", ["w", "x"]), node("Neg", ["x"], ["n"])],
        {"c": np.float32(0.1)},
        kinds=["compare", "neg", "where", "add"],
    ),
    *(
        case(op, [node(op, ["x"], axes=[2], keepdims=keep)], opset=11, kinds=[kind])
        for op, kind, keep in (
            ("ReduceSum", "reduce_sum", 1),
            ("ReduceMax", "reduce_max", 0),
            ("ReduceMin", "reduce_min", 1),
            ("ReduceL2", "reduce_l2", 0),
            ("ReduceMean", "reduce_mean", 0),
        )
    ),
    case("reduce-all-18", [node("ReduceMax", ["x", "a"])], {"a": ints(3)}, kinds=["reduce_max"]),
    case("reduce-none", [node("ReduceSum", ["x"], ["r"], noop_with_empty_axes=1), node("Relu", ["r"])], opset=13, kinds=["relu"]),
    case("sum-square", [node("ReduceSumSquare", ["x", "a"])], {"a": ints(1)}, kinds=["mul", "reduce_sum"]),
    case("l1", [node("ReduceL1", ["x", "a"])], {"a": ints(1)}, kinds=["abs", "reduce_sum"]),
    case("log-sum-exp", [node("ReduceLogSumExp", ["x", "a"])], {"a": ints(1)}, kinds=["exp", "reduce_sum", "log"]),
    *(
        case(op, [node(op, ["a", "b"], ["t"]), node("Where", ["t", "a", "b"])], None, {"a": [1, 5], "b": [1, 5]}, 16, ["compare", "where"])
        for op in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
    ),
    *(
        case(
            op,
            [node("Less", ["a", "b"], ["l"]), node("Not", ["l"], ["n"]), node(op, ["l", "n"], ["t"]), node("Where", ["t", "a", "b"])],
            None,
            {"a": [1, 5], "b": [1, 5]},
            kinds=["compare", "not", "logical", "where"],
        )
        for op in ("And", "Or", "Xor")
    ),
    case("product", [node("ReduceProd", ["x", "a"])], {"a": ints(3)}, kinds=["reduce_prod"]),
    case("log-sum", [node("Abs", ["x"], ["p"]), node("ReduceLogSum", ["p", "a"])], {"a": ints(1)}, kinds=["abs", "reduce_sum", "log"]),
    case(
        "roots",
        [node("Abs", ["x"], ["p"]), node("Sqrt", ["p"], ["s"]), node("Reciprocal", ["s"], ["r"]), node("Log", ["r"])],
        kinds=["abs", "sqrt", "reciprocal", "log"],
    ),
    case("argmax", [node("ArgMax", ["x"], axis=1, keepdims=0)], kinds=["arg_max"]),
    case("argmin", [node("ArgMin", ["x"], axis=-1)], kinds=["arg_min"]),
]

AXES = [
    case("constant", [node("Constant", [], ["c"], value_floats=[1.0, 2.0]), node("Add", ["x", "c"])], None, {"x": [1, 2]}, kinds=["add"]),
    case("reshape", [node("Reshape", ["x", "s"])], {"s": ints(0, -1, 12)}, kinds=["reshape"]),
    case("flatten", [node("Flatten", ["x"])], opset=9, kinds=["reshape"]),
    case("flatten-2", [node("Flatten", ["x"], axis=-2)], kinds=["reshape"]),
    case("squeeze-7", [node("Squeeze", ["x"], axes=[2, 3])], inputs={"x": [1, 4, 1, 1]}, opset=7, kinds=["reshape"]),
    case("squeeze-13", [node("Squeeze", ["x", "a"])], {"a": ints(-1)}, {"x": [1, 4, 1]}, 13, ["reshape"]),
    case("unsqueeze-7", [node("Unsqueeze", ["x"], axes=[1])], opset=7, kinds=["reshape"]),
    case("unsqueeze-13", [node("Unsqueeze", ["x", "a"])], {"a": ints(-1, 2)}, opset=13, kinds=["reshape"]),
    case(
        "transpose",
        [node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]), node("GlobalMaxPool", ["t"])],
        inputs={"x": [1, 4, 5, 6]},
        kinds=["global_max_pool"],
    ),
    case("concat", [node("Concat", ["x", "x", "c"], axis=1)], {"c": floats(1, 2, 6, 6)}, kinds=["constant", "concat"]),
    case(
        "split-7",
        [node("Split", ["x"], ["a", "b"], axis=1, split=[1, 3]), node("Concat", ["b", "a"], axis=1)],
        opset=7,
        kinds=["split", "concat"],
    ),
    case(
        "split-13",
        [node("Split", ["x", "s"], ["a", "b"], axis=1), node("Concat", ["b", "a"], axis=1)],
        {"s": ints(3, 1)},
        opset=13,
        kinds=["split", "concat"],
    ),
    case(
        "split-18",
        [node("Split", ["x"], ["a", "b", "c", "d"], axis=2, num_outputs=4), node("Concat", ["b", "a", "c", "d"], axis=2)],
        inputs={"x": [1, 4, 7, 6]},
        kinds=["split", "concat"],
    ),
    case("slice-7", [node("Slice", ["x"], axes=[2, 3], starts=[1, -3], ends=[5, 2147483647])], opset=9, kinds=["slice", "slice"]),
    case(
        "slice-10",
        [node("Slice", ["x", "s", "e", "a", "t"])],
        {"s": ints(-1), "e": ints(-(2**60)), "a": ints(3), "t": ints(-2)},
        opset=10,
        kinds=["slice"],
    ),
    case("pad-7", [node("Pad", ["x"], pads=[0, 0, 1, 0, 0, 0, 2, 1], value=0.5)], opset=7, kinds=["pad"]),
    case(
        "pad-11",
        [node("Pad", ["x", "p", "v"], mode="constant")],
        {"p": ints(0, 0, 1, 0, 0, 1, 2, 1), "v": np.float32(0.5)},
        opset=11,
        kinds=["pad"],
    ),
    case("pad-18", [node("Pad", ["x", "p", "", "a"], mode="reflect")], {"p": ints(1, 2, 0, 1), "a": ints(2, -1)}, kinds=["pad"]),
    case("gather-nd", [node("GatherND", ["x", "i"])], {"i": ints(2, 0).reshape(2, 1)}, {"x": [3]}, kinds=["gather"]),
    case("expand", [node("Expand", ["x", "s"])], {"s": ints(3, 1)}, {"x": [1, 4, 1, 5]}, kinds=["expand"]),
    case("tile", [node("Tile", ["x", "s"])], {"s": ints(1, 2, 1, 3)}, kinds=["expand"]),
    case("gather-one", [node("Gather", ["x", "i"], axis=2)], {"i": np.array(-1)}, kinds=["gather"]),
    case("gather-some", [node("Gather", ["x", "i"], axis=1)], {"i": ints(2, 0, 3)}, kinds=["gather"]),
    case("gather-run", [node("Gather", ["x", "i"], axis=1)], {"i": ints(1, 2)}, kinds=["slice"]),
    case("gather-square", [node("Gather", ["x", "i"], axis=1)], {"i": ints(2, 0, 3, 1).reshape(2, 2)}, kinds=["gather", "reshape"]),
    case("embedding", [node("Gather", ["w", "x"])], {"w": floats(10, 3)}, {"x": ([1, 4], INT64)}, kinds=["embedding"]),
    case("depth-to-space", [node("DepthToSpace", ["x"], blocksize=2)], opset=11, kinds=["depth_to_space"]),
    case("depth-to-space-crd", [node("DepthToSpace", ["x"], blocksize=2, mode="CRD")], opset=13, kinds=["depth_to_space"]),
    case("space-to-depth", [node("SpaceToDepth", ["x"], blocksize=2)], kinds=["space_to_depth"]),
    case("upsample-7", [node("Upsample", ["x"], scales=[1.0, 1.0, 2.0, 3.0])], opset=7, kinds=["resize"]),
    case("upsample-9", [node("Upsample", ["x", "s"], mode="nearest")], GRID, opset=9, kinds=["resize"]),
    case("resize-10", [node("Resize", ["x", "s"], mode="nearest")], GRID, opset=10, kinds=["resize"]),
    case(
        "resize-11",
        [node("Resize", ["x", "r", "s"], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")],
        GRID,
        opset=11,
        kinds=["resize"],
    ),
    case(
        "resize-13",
        [node("Resize", ["x", "", "", "n"], mode="linear", coordinate_transformation_mode="half_pixel")],
        GRID,
        opset=13,
        kinds=["resize"],
    ),
    case(
        "resize-19",
        [node("Resize", ["x", "", "", "n"], mode="linear", axes=[2, 3], coordinate_transformation_mode="align_corners")],
        {"n": ints(9, 12)},
        opset=19,
        kinds=["resize"],
    ),
    case(
        "einsum",
        [node("Einsum", ["a", "b"], equation="bhqd,bhkd->bhqk")],
        None,
        {"a": [1, 2, 3, 4], "b": [1, 2, 5, 4]},
        kinds=["transpose", "matmul"],
    ),
]

CASES = [*ACTIVATIONS, *ARITHMETIC, *AXES]
