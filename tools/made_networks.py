"""ONNX files for benchmarks, made with onnx alone, so that a benchmark needs neither torch nor a download."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RESNET8_MACS = 12_501_632


class Writer:
    """Nodes and constants of a network as they are written."""

    def __init__(self, name: str, shape: Sequence[int]) -> None:
        self.name, self.shape = name, list(shape)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.rng = np.random.default_rng(8)

    def constant(self, name: str, values: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def node(self, op: str, inputs: Sequence[str], name: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, list(inputs), [f"{name}.out"], name=name, **attributes))
        return f"{name}.out"

    def save(self, output: str, path: Path) -> Path:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)
        y = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, self.name, [x], [y], self.constants)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
        return path


class QuantisedWriter(Writer):
    """The same in the form of onnxruntime's quantiser: every tensor between a QuantizeLinear and a DequantizeLinear."""

    def quantised(self, x: str, name: str) -> str:
        scale = self.constant(f"{name}.scale", np.float32(0.05))
        zero = self.constant(f"{name}.zero", np.int8(0))
        stored = self.node("QuantizeLinear", [x, scale, zero], f"{name}.q")
        return self.node("DequantizeLinear", [stored, scale, zero], f"{name}.dq")

    def weight(self, name: str, shape: Sequence[int]) -> list[str]:
        """A weight with a scale per output channel, and its bias."""
        channels = shape[0]
        values = self.constant(f"{name}.w", self.rng.integers(-127, 128, shape, np.int8))
        scale = self.constant(f"{name}.w.scale", np.full(channels, 0.01, np.float32))
        zero = self.constant(f"{name}.w.zero", np.zeros(channels, np.int8))
        bias = self.constant(f"{name}.b", np.zeros(channels, np.int32))
        bias_scale = self.constant(f"{name}.b.scale", np.full(channels, 0.0005, np.float32))
        bias_zero = self.constant(f"{name}.b.zero", np.zeros(channels, np.int32))
        return [
            self.node("DequantizeLinear", [values, scale, zero], f"{name}.w.dq", axis=0),
            self.node("DequantizeLinear", [bias, bias_scale, bias_zero], f"{name}.b.dq", axis=0),
        ]

    def conv(self, x: str, name: str, channels: tuple[int, int], kernel: int, stride: int = 1, *, relu: bool = True) -> str:
        fan_in, fan_out = channels
        pads = [0, 0, 0, 0] if kernel == 1 else [1, 1, 1, 1] if stride == 1 else [0, 0, 1, 1]
        operands = [x, *self.weight(name, (fan_out, fan_in, kernel, kernel))]
        y = self.node("Conv", operands, name, kernel_shape=[kernel, kernel], strides=[stride, stride], pads=pads)
        return self.quantised(self.node("Relu", [y], f"{name}.relu") if relu else y, f"{name}.y")


def resnet8_int8(path: Path) -> Path:
    """ResNet-8 for 32x32 images as int8 QDQ, 12,501,632 MACs."""
    net = QuantisedWriter("resnet8", (1, 3, 32, 32))
    x = net.conv(net.quantised("x", "x"), "stem", (3, 16), 3)
    for stack, (fan_in, fan_out) in enumerate(((16, 16), (16, 32), (32, 64)), 1):
        stride = 1 if fan_in == fan_out else 2
        y = net.conv(x, f"stack{stack}.a", (fan_in, fan_out), 3, stride)
        y = net.conv(y, f"stack{stack}.b", (fan_out, fan_out), 3, relu=False)
        x = x if stride == 1 else net.conv(x, f"stack{stack}.skip", (fan_in, fan_out), 1, stride, relu=False)
        x = net.quantised(net.node("Relu", [net.node("Add", [x, y], f"stack{stack}.add")], f"stack{stack}.relu"), f"stack{stack}.y")
    x = net.quantised(net.node("GlobalAveragePool", [x], "pool"), "pool.y")
    x = net.node("Flatten", [x], "flat")
    x = net.quantised(net.node("Gemm", [x, *net.weight("fc", (10, 64))], "fc", transB=1), "fc.y")
    return net.save(x, path)


def many_nodes(path: Path, nodes: int) -> Path:
    """A float network of so many nodes that stay apart: blocks of a depthwise layer, a pointwise one, a sum and a pool."""
    net = Writer("many", (1, 8, 16, 16))
    x = "x"
    for block in range(nodes // 4):
        depthwise = net.constant(f"d{block}.w", net.rng.standard_normal((8, 1, 3, 3), np.float32))
        pointwise = net.constant(f"p{block}.w", net.rng.standard_normal((8, 8, 1, 1), np.float32))
        y = net.node("Conv", [x, depthwise], f"d{block}", pads=[1, 1, 1, 1], group=8)
        y = net.node("Conv", [y, pointwise], f"p{block}")
        y = net.node("MaxPool", [y], f"m{block}", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        x = net.node("Add", [x, y], f"a{block}")
    return net.save(x, path)


def large_float(path: Path, size_bytes: int) -> Path:
    """A float network whose weights take so many bytes: dense layers of 1,024 by 1,024."""
    net = Writer("large", (1, 1024))
    x = "x"
    for layer in range(size_bytes // (4 * 1024 * 1024)):
        weight = net.constant(f"fc{layer}.w", net.rng.standard_normal((1024, 1024), np.float32))
        x = net.node("Relu", [net.node("Gemm", [x, weight], f"fc{layer}", transB=1)], f"relu{layer}")
    return net.save(x, path)
