"""Single layers (those that multiply, pools, norms, recurrent ones) in every form ONNX has had for them since opset 7."""

from __future__ import annotations

import numpy as np
import pytest

from tests.onnx_files import MICROSOFT, floats, model, node
from tests.ops.onnx_cases import MATRIX, case, ints, unary

W = {"w": floats(8, 4, 3, 3), "b": floats(8)}
CONVOLUTIONS = [
    case("conv", [node("Conv", ["x", "w", "b"], pads=[1, 0, 2, 1], strides=[2, 1], dilations=[1, 2])], W, opset=7, kinds=["conv2d"]),
    case("conv", [node("Conv", ["x", "w"])], W, opset=22, kinds=["conv2d"]),
    *(
        case(f"conv-{pad}", [node("Conv", ["x", "w", "b"], auto_pad=pad, strides=[2, 2])], W, kinds=["conv2d"])
        for pad in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    case("grouped", [node("Conv", ["x", "w"], group=2)], {"w": floats(6, 2, 3, 3)}, kinds=["conv2d"]),
    case("depthwise", [node("Conv", ["x", "w"], group=4)], {"w": floats(8, 1, 3, 3)}, kinds=["depthwise_conv2d"]),
    case("conv1d", [node("Conv", ["x", "w"], pads=[2, 0], dilations=[2])], {"w": floats(5, 4, 2)}, {"x": [1, 4, 9]}, kinds=["conv1d"]),
    case(
        "transposed",
        [node("ConvTranspose", ["x", "w"], strides=[2, 2], output_padding=[1, 0], pads=[0, 1, 1, 0])],
        {"w": floats(4, 3, 3, 3)},
        kinds=["conv_transpose2d"],
    ),
    case(
        "transposed-shape",
        [node("ConvTranspose", ["x", "w"], strides=[2, 2], output_shape=[12, 13])],
        {"w": floats(4, 3, 3, 3)},
        kinds=["conv_transpose2d"],
    ),
    *(
        case(
            f"transposed-{pad}",
            [node("ConvTranspose", ["x", "w"], strides=[2, 2], auto_pad=pad)],
            {"w": floats(4, 3, 3, 3)},
            kinds=["conv_transpose2d"],
        )
        for pad in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    case(
        "fused",
        [node("FusedConv", ["x", "w", "b"], domain=MICROSOFT, activation="Clip", activation_params=[-0.5, 0.5])],
        W,
        domains=[MICROSOFT],
        kinds=["conv2d"],
    ),
]

PRODUCTS = [
    case("gemm", [node("Gemm", ["x", "w", "b"], transB=1, alpha=0.5, beta=2.0)], {"w": floats(5, 6), "b": floats(5)}, MATRIX, 7, ["dense"]),
    case("gemm", [node("Gemm", ["x", "w"])], {"w": floats(6, 5)}, MATRIX, 13, ["dense"]),
    case("gemm-scalar-bias", [node("Gemm", ["x", "w", "b"])], {"w": floats(6, 5), "b": floats(1)}, MATRIX, kinds=["dense"]),
    case(
        "matmul-add",
        [node("MatMul", ["x", "w"], ["t"]), node("Add", ["b", "t"])],
        {"w": floats(6, 5), "b": floats(5)},
        MATRIX,
        kinds=["dense"],
    ),
    case("matmul-steps", [node("MatMul", ["x", "w"])], {"w": floats(6, 5)}, {"x": [1, 3, 6]}, kinds=["dense"]),
    case("matmul-wide-constant", [node("MatMul", ["x", "w"])], {"w": floats(1, 6, 5)}, {"x": [1, 3, 6]}, kinds=["dense"]),
    case("matmul-vector", [node("MatMul", ["x", "w"])], {"w": floats(6)}, {"x": [1, 3, 6]}, kinds=["dense", "reshape"]),
    case("matmul-both", [node("MatMul", ["a", "b"])], None, {"a": [1, 2, 3, 4], "b": [1, 2, 4, 5]}, kinds=["matmul"]),
    case("matmul-constant-left", [node("MatMul", ["w", "x"])], {"w": floats(5, 3)}, {"x": [1, 3, 6]}, kinds=["constant", "matmul"]),
    case(
        "fused-gemm",
        [node("FusedGemm", ["x", "w", "b"], domain=MICROSOFT, activation="Relu")],
        {"w": floats(6, 5), "b": floats(5)},
        MATRIX,
        kinds=["dense"],
        domains=[MICROSOFT],
    ),
    case(
        "fused-matmul",
        [node("FusedMatMul", ["x", "w"], domain=MICROSOFT, alpha=0.25, transB=1)],
        {"w": floats(5, 6)},
        {"x": [1, 3, 6]},
        kinds=["dense"],
        domains=[MICROSOFT],
    ),
]

POOLS = [
    case("max", [node("MaxPool", ["x"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])], opset=8, kinds=["max_pool2d"]),
    case("max-ceil", [node("MaxPool", ["x"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)], opset=12, kinds=["max_pool2d"]),
    case("max-same", [node("MaxPool", ["x"], kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER")], kinds=["max_pool2d"]),
    case(
        "average",
        [node("AveragePool", ["x"], kernel_shape=[3, 2], pads=[1, 0, 1, 1], count_include_pad=1)],
        opset=7,
        kinds=["average_pool2d"],
    ),
    case("average", [node("AveragePool", ["x"], kernel_shape=[3, 2], pads=[1, 0, 1, 1])], opset=19, kinds=["average_pool2d"]),
    case("average-all", [node("AveragePool", ["x"], kernel_shape=[6, 6], strides=[6, 6])], kinds=["global_average_pool"]),
    case("max-1d", [node("MaxPool", ["x"], kernel_shape=[2], strides=[2])], inputs={"x": [1, 4, 8]}, kinds=["max_pool1d"]),
    unary("GlobalAveragePool", "global_average_pool"),
    unary("GlobalMaxPool", "global_max_pool"),
    case("mean-13", [node("ReduceMean", ["x"], axes=[2, 3])], opset=13, kinds=["global_average_pool"]),
    case("mean-18", [node("ReduceMean", ["x", "a"], keepdims=0)], {"a": ints(-1, -2)}, kinds=["global_average_pool", "reshape"]),
]

NORMS = [
    case(
        "batch",
        [node("BatchNormalization", ["x", "s", "b", "m", "v"])],
        {"s": floats(4), "b": floats(4, seed=1), "m": floats(4, seed=2), "v": np.abs(floats(4)) + 0.1},
        opset=opset,
        kinds=["batch_norm"],
    )
    for opset in (7, 9, 14, 15)
] + [
    case("instance", [node("InstanceNormalization", ["x", "s", "b"])], {"s": floats(4), "b": floats(4)}, kinds=["instance_norm"]),
    case(
        "layer",
        [node("LayerNormalization", ["x", "s", "b"], axis=-1, epsilon=1e-3)],
        {"s": floats(6), "b": floats(6)},
        opset=17,
        kinds=["layer_norm"],
    ),
    case("layer-2", [node("LayerNormalization", ["x", "s"], axis=2)], {"s": floats(6, 6)}, opset=17, kinds=["layer_norm"]),
    case(
        "group",
        [node("GroupNormalization", ["x", "s", "b"], num_groups=2)],
        {"s": floats(4), "b": floats(4)},
        opset=21,
        kinds=["group_norm"],
    ),
    case("lp", [node("LpNormalization", ["x"], axis=1, p=2)], kinds=["lp_normalize"]),
    case("simplified", [node("SimplifiedLayerNormalization", ["x", "s"], axis=-1)], {"s": floats(6)}, MATRIX, kinds=["rms_norm"]),
    case("rms", [node("RMSNormalization", ["x", "s"])], {"s": floats(6)}, MATRIX, 23, ["rms_norm"]),
    *(
        case(op, [node(op, inputs, domain=MICROSOFT)], stored, given, domains=[MICROSOFT], kinds=kinds)
        for op, inputs, stored, given, kinds in (
            ("SkipSimplifiedLayerNormalization", ["a", "b", "s"], {"s": floats(6)}, {"a": [1, 3, 6], "b": [1, 3, 6]}, ["add", "rms_norm"]),
            ("TransposeMatMul", ["x", "w"], {"w": floats(6, 5)}, {"x": [1, 3, 6]}, ["dense"]),
        )
    ),
    case(
        "skip",
        [node("SkipLayerNormalization", ["a", "b", "s", "t"], domain=MICROSOFT)],
        {"s": floats(6), "t": floats(6)},
        {"a": [1, 3, 6], "b": [1, 3, 6]},
        domains=[MICROSOFT],
        kinds=["add", "layer_norm"],
    ),
]


def attention(*shapes, **attributes):
    given = dict(zip("qkv", shapes, strict=True))
    return model([node("Attention", list("qkv"), **attributes)], given, opset=23)


PRODUCT = ["matmul", "softmax", "matmul"]
ATTENTION = [
    pytest.param(attention([1, 2, 5, 8], [1, 2, 7, 8], [1, 2, 7, 4]), ["transpose", "mul", "mul", *PRODUCT], id="heads"),
    pytest.param(
        attention([1, 5, 8], [1, 7, 8], [1, 7, 8], q_num_heads=2, kv_num_heads=2, scale=0.5),
        [*["reshape", "transpose"], "reshape", "reshape", "transpose", "transpose", "mul", "mul", *PRODUCT, "transpose", "reshape"],
        id="side-by-side",
    ),
]


def recurrent(op, gates, direction="forward", **attributes):
    d = 2 if direction == "bidirectional" else 1
    stored = {"w": floats(d, gates * 5, 3), "r": floats(d, gates * 5, 5), "b": floats(d, gates * 10)}
    made = node(op, ["x", "w", "r", "b"], hidden_size=5, direction=direction, **attributes)
    return case(f"{op}-{direction}", [made], stored, {"x": [4, 1, 3]}, opset=14, kinds=[op.lower()])


RECURRENT = [
    recurrent("LSTM", 4),
    recurrent("LSTM", 4, "reverse"),
    recurrent("LSTM", 4, "bidirectional"),
    recurrent("GRU", 3, linear_before_reset=1),
    recurrent("GRU", 3, "bidirectional", linear_before_reset=0),
    recurrent("RNN", 1),
    recurrent("RNN", 1, "reverse", activations=["Relu"]),
    case(
        "LSTM-last",
        [node("LSTM", ["x", "w", "r", "", "", "h", "c"], ["", "y"], hidden_size=5)],
        {"w": floats(1, 20, 3), "r": floats(1, 20, 5), "h": np.zeros((1, 1, 5), np.float32), "c": np.zeros((1, 1, 5), np.float32)},
        {"x": [4, 1, 3]},
        kinds=["lstm"],
    ),
    case(
        "LSTM-initial",
        [node("LSTM", ["x", "w", "r", "", "", "h", "c"], hidden_size=5)],
        {"w": floats(1, 20, 3), "r": floats(1, 20, 5), "h": floats(1, 1, 5), "c": floats(1, 1, 5, seed=1)},
        {"x": [4, 1, 3]},
        kinds=["constant", "constant", "lstm"],
    ),
]

LAYERS = [*CONVOLUTIONS, *PRODUCTS, *POOLS, *NORMS, *ATTENTION, *RECURRENT]
