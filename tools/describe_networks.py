"""Writes measurements/networks/: the layers of the networks that whole-network measurements are of.

    python tools/describe_networks.py

The layers are those of the published models (MLPerf Tiny v1.0 reference models, TFLM's person detection), in the int8 form that the
measured runtimes ran: activations fused, padding as TensorFlow's "same" resolves it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hwcost.ops import Add, AveragePool2d, Conv2d, Dense, DepthwiseConv2d, Op, Relu, Reshape, Softmax, relu6
from hwcost.records import Layer
from hwcost.records.table import layer_cells, write_table
from hwcost.shipped import measurements_folder
from hwcost.tensor import TensorSpec, int8

PAIR = tuple[int, int]

ORIGIN = {
    "resnet8": "MLPerf Tiny image classification, ResNet-8 for CIFAR-10",
    "ds_cnn": "MLPerf Tiny keyword spotting, DS-CNN",
    "mobilenet_v1_025_96": "MLPerf Tiny visual wake words, MobileNetV1 0.25 at 96x96x3",
    "autoencoder": "MLPerf Tiny anomaly detection, dense autoencoder",
    "person_detect": "TensorFlow Lite Micro person detection, MobileNetV1 0.25 at 96x96x1",
}


class Chain:
    """Layers named and shaped as they are added; `x` is what the last one made."""

    def __init__(self, *shape: int) -> None:
        self.x: TensorSpec = int8(*shape)
        self.layers: dict[str, Layer] = {}

    def add(self, name: str, op: Op, *others: TensorSpec) -> TensorSpec:
        layer = Layer(op, (self.x, *others))
        self.layers[name] = layer
        self.x = layer.step.output
        return self.x

    def conv(self, name: str, out_channels: int, kernel: PAIR, stride: PAIR = (1, 1), activation: Op | None = None) -> TensorSpec:
        return self.add(name, Conv2d(out_channels, kernel, stride, same(self.x, kernel, stride), activation=activation))

    def depthwise(self, name: str, stride: PAIR, activation: Op, multiplier: int = 1) -> TensorSpec:
        padding = same(self.x, (3, 3), stride)
        return self.add(name, DepthwiseConv2d((3, 3), stride, padding, multiplier=multiplier, activation=activation))

    def average(self, name: str) -> TensorSpec:
        kernel = (self.x.shape[1], self.x.shape[2])
        return self.add(name, AveragePool2d(kernel, stride=kernel))

    def classify(self, classes: int) -> None:
        self.add("flatten", Reshape.between(self.x.shape, (self.x.elements,)))
        self.add("classifier", Dense(classes))
        self.add("softmax", Softmax())


def same(x: TensorSpec, kernel: PAIR, stride: PAIR) -> tuple[PAIR, PAIR]:
    """TensorFlow's "same": the odd pixel of padding goes to the end."""
    return tuple(_split(n, k, s) for n, k, s in zip(x.shape[1:], kernel, stride, strict=True))  # type: ignore[return-value]


def _split(n: int, k: int, s: int) -> PAIR:
    total = max((-(-n // s) - 1) * s + k - n, 0)
    return total // 2, total - total // 2


def resnet8() -> dict[str, Layer]:
    net = Chain(3, 32, 32)
    net.conv("stem", 16, (3, 3), activation=Relu())
    for stack, (channels, stride) in enumerate(((16, 1), (32, 2), (64, 2)), 1):
        skip = net.x
        net.conv(f"stack{stack}.conv1", channels, (3, 3), (stride, stride), Relu())
        out = net.conv(f"stack{stack}.conv2", channels, (3, 3))
        if stride == 2:
            net.x = skip
            skip = net.conv(f"stack{stack}.skip", channels, (1, 1), (stride, stride))
            net.x = out
        net.add(f"stack{stack}.add", Add(activation=Relu()), skip)
    net.average("pool")
    net.classify(10)
    return net.layers


def ds_cnn() -> dict[str, Layer]:
    net = Chain(1, 49, 10)
    net.conv("stem", 64, (10, 4), (2, 2), Relu())
    for block in range(1, 5):
        net.depthwise(f"block{block}.depthwise", (1, 1), Relu())
        net.conv(f"block{block}.pointwise", 64, (1, 1), activation=Relu())
    net.average("pool")
    net.classify(12)
    return net.layers


MOBILENET_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
MOBILENET_WIDTHS = (16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256)


def _mobilenet_blocks(net: Chain, activation: Op) -> None:
    for block, (stride, width) in enumerate(zip(MOBILENET_STRIDES, MOBILENET_WIDTHS, strict=True), 1):
        net.depthwise(f"block{block}.depthwise", (stride, stride), activation)
        net.conv(f"block{block}.pointwise", width, (1, 1), activation=activation)
    net.average("pool")


def mobilenet_v1_025_96() -> dict[str, Layer]:
    net = Chain(3, 96, 96)
    net.conv("stem", 8, (3, 3), (2, 2), Relu())
    _mobilenet_blocks(net, Relu())
    net.classify(2)
    return net.layers


def person_detect() -> dict[str, Layer]:
    net = Chain(1, 96, 96)
    net.depthwise("stem", (2, 2), relu6(), multiplier=8)
    _mobilenet_blocks(net, relu6())
    net.conv("classifier", 2, (1, 1))
    net.add("flatten", Reshape.between(net.x.shape, (2,)))
    net.add("softmax", Softmax())
    return net.layers


def autoencoder() -> dict[str, Layer]:
    net = Chain(640)
    widths = (128, 128, 128, 128, 8, 128, 128, 128, 128)
    for index, width in enumerate(widths, 1):
        net.add(f"dense{index}", Dense(width, activation=Relu()))
    net.add("output", Dense(640))
    return net.layers


NETWORKS = {f.__name__: f for f in (resnet8, ds_cnn, mobilenet_v1_025_96, autoencoder, person_detect)}


def rows(layers: dict[str, Layer]) -> Iterator[dict[str, str]]:
    for name, layer in layers.items():
        yield {"name": name, **layer_cells(layer)}


def main() -> None:
    for name, describe in NETWORKS.items():
        layers = describe()
        macs = sum(layer.step.work.macs for layer in layers.values())
        provenance = {"network": ORIGIN[name], "layers": str(len(layers)), "macs": f"{macs}", "written by": "tools/describe_networks.py"}
        write_table(measurements_folder() / "networks" / f"{name}.csv", list(rows(layers)), provenance)
        print(f"{name:24s} {len(layers):3d} layers {macs:12,d} MACs")


if __name__ == "__main__":
    main()
