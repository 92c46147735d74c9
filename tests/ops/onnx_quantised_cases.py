"""Quantised layers in every form ONNX files have them: pairs of nodes, operators on integers, dynamic scales."""

from __future__ import annotations

import numpy as np
import pytest

from tests.onnx_files import INT8, MICROSOFT, UINT8, floats, model, node

S, Z = {"s": np.float32(0.05), "z": np.int8(3)}, {"t": np.float32(0.1), "u": np.int8(-5)}
SCALES = {**S, **Z}
UNSIGNED = {"s": np.float32(0.05), "z": np.uint8(120), "t": np.float32(0.1), "u": np.uint8(130)}


def whole(*shape: int, dtype: type = np.int8, seed: int = 0) -> np.ndarray:
    low, high = (0, 256) if dtype is np.uint8 else (-127, 128)
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def quantised(x: str, scale: str = "s", zero: str = "z") -> list:
    """`x` rounded: quantised and dequantised again, as `x_r`."""
    return [node("QuantizeLinear", [x, scale, zero], [f"{x}_q"]), node("DequantizeLinear", [f"{x}_q", scale, zero], [f"{x}_r"])]


def case(name, nodes, constants, inputs=None, kinds=None, opset=18, domains=(), **more):
    file = model(nodes, inputs or {"x": [1, 4, 6, 6]}, constants, opset=opset, domains=domains, **more)
    return pytest.param(file, kinds, id=name)


def contrib(name, nodes, constants, inputs=None, kinds=None, **more):
    return case(name, nodes, constants, inputs or {"x": ([1, 4, 6, 6], UINT8)}, kinds, domains=[MICROSOFT], **more)


W8 = {"w": whole(8, 4, 3, 3), "ws": np.abs(floats(8)) * 0.01 + 0.001, "wz": np.zeros(8, np.int8)}
B32 = {"b": whole(8, dtype=np.int16).astype(np.int32), "bs": (W8["ws"] * 0.05).astype(np.float32), "bz": np.zeros(8, np.int32)}
WEIGHTS = [node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], axis=0), node("DequantizeLinear", ["b", "bs", "bz"], ["bf"], axis=0)]

PAIRS = [
    case(
        "conv-per-channel",
        [*quantised("x"), *WEIGHTS, node("Conv", ["x_r", "wf", "bf"], ["c"]), *quantised("c", "t", "u"), node("Relu", ["c_r"])],
        {**SCALES, **W8, **B32},
        kinds=["conv2d"],
    ),
    case(
        "conv-relu-inside",
        [*quantised("x"), *WEIGHTS, node("Conv", ["x_r", "wf", "bf"], ["c"]), node("Relu", ["c"], ["r"]), *quantised("r", "t", "u")],
        {**SCALES, **W8, **B32},
        kinds=["conv2d"],
        outputs=["r_r"],
    ),
    case(
        "bias-in-float",
        [*quantised("x"), WEIGHTS[0], node("Conv", ["x_r", "wf", "bf"], ["c"]), *quantised("c", "t", "u")],
        {**SCALES, **W8, "bf": floats(8)},
        kinds=["conv2d"],
        outputs=["c_r"],
    ),
    case(
        "weights-quantised-in-the-file",
        [
            *quantised("x"),
            node("QuantizeLinear", ["w", "ws", "wz"], ["wq"], axis=0),
            node("Clip", ["wq", "low", "high"], ["wc"]),
            node("DequantizeLinear", ["wc", "ws", "wz"], ["wf"], axis=0),
            node("Conv", ["x_r", "wf"], ["c"]),
            *quantised("c", "t", "u"),
        ],
        {**SCALES, "w": floats(8, 4, 3, 3), "ws": W8["ws"], "wz": W8["wz"], "low": np.int8(-127), "high": np.int8(127)},
        kinds=["conv2d"],
        outputs=["c_r"],
    ),
    case(
        "narrow-range",
        [
            node("QuantizeLinear", ["x", "s", "z"], ["q"]),
            node("Clip", ["q", "low", "high"], ["n"]),
            node("DequantizeLinear", ["n", "s", "z"], ["f"]),
            node("MaxPool", ["f"], ["y"], kernel_shape=[2, 2]),
        ],
        {**S, "z": np.int8(0), "low": np.int8(-127), "high": np.int8(127)},
        kinds=["max_pool2d"],
    ),
    case(
        "pad-pool-transpose-without-scales-of-their-own",
        [
            *quantised("x"),
            node("Pad", ["x_r", "p"], ["a"]),
            node("MaxPool", ["a"], ["m"], kernel_shape=[2, 2]),
            node("Flatten", ["m"], ["f"]),
            node("QuantizeLinear", ["f", "s", "z"], ["y"]),
        ],
        {**S, "p": np.array([0, 0, 1, 1, 0, 0, 1, 1])},
        kinds=["pad", "max_pool2d", "reshape"],
    ),
    case(
        "two-branches",
        [
            *quantised("x"),
            *quantised("r", "t", "u"),
            node("Sigmoid", ["x_r"], ["r"]),
            node("Add", ["x_r", "r_r"], ["a"]),
            *quantised("a", "t", "u"),
        ],
        SCALES,
        kinds=["sigmoid", "add"],
        outputs=["a_r"],
    ),
    case(
        "float-island",
        [
            *quantised("x"),
            node("Softmax", ["x_r"], ["m"], axis=1),
            node("Exp", ["m"], ["e"]),
            *quantised("e", "t", "u"),
            node("Relu", ["e_r"]),
        ],
        SCALES,
        kinds=["dequantize", "softmax", "exp", "quantize", "relu"],
    ),
    case(
        "rescaled",
        [
            *quantised("x"),
            node("QuantizeLinear", ["x_r", "t", "u"], ["o"]),
            node("DequantizeLinear", ["o", "t", "u"], ["f"]),
            node("Neg", ["f"], ["n"]),
            *quantised("n"),
        ],
        SCALES,
        kinds=["quantize", "neg"],
        outputs=["n_r"],
    ),
    case(
        "dense-per-column",
        [
            *quantised("x"),
            node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], axis=1),
            node("MatMul", ["x_r", "wf"], ["m"]),
            *quantised("m", "t", "u"),
        ],
        {**SCALES, "w": whole(6, 5), "ws": np.abs(floats(5)) * 0.01 + 0.001, "wz": np.zeros(5, np.int8)},
        {"x": [1, 6]},
        kinds=["dense"],
        outputs=["m_r"],
    ),
    case(
        "weights-transposed-after-they-are-dequantised",
        [
            *quantised("x"),
            node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], axis=0),
            node("Transpose", ["wf"], ["wt"], perm=[1, 0]),
            node("MatMul", ["x_r", "wt"], ["m"]),
            node("Add", ["m", "b"], ["a"]),
            *quantised("a", "t", "u"),
        ],
        {**SCALES, "w": whole(5, 6), "ws": np.abs(floats(5)) * 0.01 + 0.001, "wz": np.zeros(5, np.int8), "b": floats(5)},
        {"x": [1, 6]},
        kinds=["dense"],
        outputs=["a_r"],
    ),
    case(
        "sixteen-bits",
        [node("QuantizeLinear", ["x", "s", "v"], ["q"]), node("DequantizeLinear", ["q", "s", "v"], ["f"]), node("Relu", ["f"])],
        {"s": np.float32(0.001), "v": np.int16(7)},
        kinds=["relu"],
        opset=21,
    ),
    case(
        "without-zero-point",
        [node("QuantizeLinear", ["x", "s"], ["q"]), node("DequantizeLinear", ["q", "s"], ["f"]), node("Relu", ["f"])],
        S,
        kinds=["relu"],
    ),
    case(
        "integers-moved-before-they-mean-something",
        [
            node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
            node("DequantizeLinear", ["t", "s", "z"], ["f"]),
            node("GlobalAveragePool", ["f"], ["g"]),
            *quantised("g"),
        ],
        S,
        {"x": ([1, 6, 5, 4], INT8)},
        kinds=["global_average_pool"],
        outputs=["g_r"],
    ),
    case(
        "table",
        [node("DequantizeLinear", ["w", "s", "z"], ["wf"]), node("Gather", ["wf", "x"])],
        {**S, "w": whole(10, 3)},
        {"x": ([1, 4], 7)},
        kinds=["embedding"],
    ),
]

OPERATORS = [
    case(
        "QLinearConv",
        [node("QLinearConv", ["x", "s", "z", "w", "ws", "wz", "t", "u", "b"], pads=[1, 1, 1, 1])],
        {**UNSIGNED, **W8, "b": B32["b"]},
        {"x": ([1, 4, 6, 6], UINT8)},
        kinds=["conv2d"],
    ),
    case(
        "QLinearMatMul",
        [node("QLinearMatMul", ["x", "s", "z", "w", "ws", "wz", "t", "u"])],
        {**UNSIGNED, "w": whole(6, 5), "ws": np.float32(0.01), "wz": np.int8(0)},
        {"x": ([1, 6], UINT8)},
        kinds=["dense"],
    ),
    contrib(
        "QLinearAdd",
        [node("QLinearAdd", ["x", "s", "z", "w", "t", "u", "t", "u"], domain=MICROSOFT)],
        {**UNSIGNED, "w": whole(4, 1, 1, dtype=np.uint8)},
        kinds=["add"],
    ),
    contrib("QLinearMul", [node("QLinearMul", ["x", "s", "z", "x", "s", "z", "t", "u"], domain=MICROSOFT)], UNSIGNED, kinds=["mul"]),
    *(
        contrib(op, [node(op, ["x", "s", "z", "t", "u"], domain=MICROSOFT, **more)], UNSIGNED, kinds=[kind])
        for op, kind, more in (
            ("QLinearSigmoid", "sigmoid", {}),
            ("QLinearLeakyRelu", "leaky_relu", {"alpha": 0.1}),
            ("QLinearAveragePool", "average_pool2d", {"kernel_shape": [2, 2]}),
            ("QLinearGlobalAveragePool", "global_average_pool", {}),
            ("QLinearSoftmax", "softmax", {"axis": 1, "opset": 13}),
        )
    ),
    contrib(
        "QLinearConcat",
        [node("QLinearConcat", ["t", "u", "x", "s", "z", "x", "s", "z"], domain=MICROSOFT, axis=1)],
        UNSIGNED,
        kinds=["concat"],
    ),
    contrib(
        "QLinearWhere",
        [node("QLinearWhere", ["c", "x", "s", "z", "o", "t", "u", "t", "u"], domain=MICROSOFT)],
        UNSIGNED,
        {"c": ([1, 4], 9), "x": ([1, 4], UINT8), "o": ([1, 4], UINT8)},
        kinds=["where"],
    ),
    contrib(
        "QGemm",
        [node("QGemm", ["x", "s", "z", "w", "ws", "wz", "b", "t", "u"], domain=MICROSOFT, transB=1)],
        {**UNSIGNED, "w": whole(5, 6), "ws": np.float32(0.01), "wz": np.int8(0), "b": whole(5).astype(np.int32)},
        {"x": ([1, 6], UINT8)},
        kinds=["dense"],
    ),
    contrib(
        "QGemm-to-float",
        [node("QGemm", ["x", "s", "z", "w", "ws", "wz"], domain=MICROSOFT)],
        {**UNSIGNED, "w": whole(6, 5), "ws": np.float32(0.01), "wz": np.int8(0)},
        {"x": ([1, 6], UINT8)},
        kinds=["dequantize", "dense"],
    ),
    contrib(
        "MatMulIntegerToFloat",
        [node("MatMulIntegerToFloat", ["x", "w", "s", "ws", "z", "wz", "b"], domain=MICROSOFT)],
        {**UNSIGNED, "w": whole(6, 5), "ws": np.float32(0.01), "wz": np.int8(0), "b": floats(5)},
        {"x": ([1, 6], UINT8)},
        kinds=["dense"],
    ),
    contrib(
        "microsoft-pairs",
        [
            node("QuantizeLinear", ["x", "s", "v"], ["q"], domain=MICROSOFT),
            node("DequantizeLinear", ["q", "s", "v"], ["y"], domain=MICROSOFT),
        ],
        {"s": np.float32(0.01), "v": np.int16(3)},
        {"x": [1, 6]},
        kinds=[],
    ),
]

DYNAMIC = [
    case(
        "MatMulInteger",
        [
            node("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"]),
            node("MatMulInteger", ["q", "w", "qz", "wz"], ["i"]),
            node("Cast", ["i"], ["f"], to=1),
            node("Mul", ["qs", "ws"], ["m"]),
            node("Mul", ["f", "m"], ["p"]),
            node("Add", ["p", "b"]),
        ],
        {"w": whole(6, 5), "ws": np.float32(0.01), "wz": np.int8(0), "b": floats(5)},
        {"x": [1, 6]},
        kinds=["quantize", "dense"],
    ),
    case(
        "ConvInteger",
        [
            node("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"]),
            node("ConvInteger", ["q", "w", "qz", "wz"], ["i"], pads=[1, 1, 1, 1]),
            node("Cast", ["i"], ["f"], to=1),
            node("Mul", ["ws", "qs"], ["m"]),
            node("Mul", ["m", "f"]),
        ],
        {"w": whole(8, 4, 3, 3, dtype=np.uint8), "ws": np.float32(0.01), "wz": np.uint8(128)},
        kinds=["quantize", "conv2d"],
    ),
    contrib(
        "DynamicQuantizeMatMul",
        [node("DynamicQuantizeMatMul", ["x", "w", "ws", "wz", "b"], domain=MICROSOFT)],
        {"w": whole(6, 5), "ws": np.float32(0.01), "wz": np.int8(0), "b": floats(5)},
        {"x": [1, 6]},
        kinds=["quantize", "dense"],
    ),
]
