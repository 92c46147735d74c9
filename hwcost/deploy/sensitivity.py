"""What quantising did to a network: noise by layer, agreement of the outputs, and what may overflow or has no range.

Signal to quantisation noise is 10 log10(sum of squares of the float values / sum of squares of the differences), in dB, over all
samples: 20 dB is a noise of a tenth of the signal. Both networks run in single precision with the integers' rounding and clamping
(QuantizeLinear and DequantizeLinear as they stand in the file), without fused integer kernels, whose sums saturate on some processors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.calibration import Calibration
from hwcost.errors import shown

if TYPE_CHECKING:
    import onnx

MOST_SAMPLES = 64
"""Samples that noise by layer is measured on; agreement of the outputs takes all."""

EXACT_DB = 200.0
"""What stands for no noise at all, beyond the precision of singles."""

CONSTANT = 1e-6
"""A tensor whose values differ by less than this share of the largest carries nothing."""

VECTOR_AXES = 2
"""Batch and classes."""

WITH_BIAS = 2
"""Parameters of a layer that has weights and a bias."""

_ALONE = "alone/"
_BEFORE_OUTPUT = "_QuantizeLinear_Input"
"""What onnxruntime appends to the name of an output of the network, before its quantiser."""


@dataclass(frozen=True, slots=True)
class LayerNoise:
    """One layer: `own_db` with its inputs, weights and output quantised and nothing before it; `total_db` with everything before it."""

    name: str
    op: str
    own_db: float
    total_db: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How like the float network's the outputs are, all outputs together.

    `argmax` is the share of samples whose largest output is the same one (None where the first output is no vector of classes), the
    accuracies are None without labels.
    """

    sqnr_db: float
    argmax: float | None
    float_accuracy: float | None
    int8_accuracy: float | None


class _Noise:
    """Sums of squares of a signal and of what differs from it, and its range."""

    def __init__(self) -> None:
        self.signal = self.noise = 0.0
        self.low, self.high = np.inf, -np.inf

    def add(self, wanted: NDArray[Any], got: NDArray[Any]) -> None:
        exact = np.asarray(wanted, np.float64)
        self.signal += float(np.square(exact).sum())
        self.noise += float(np.square(exact - got).sum())
        self.low, self.high = min(self.low, float(exact.min(initial=np.inf))), max(self.high, float(exact.max(initial=-np.inf)))

    @property
    def db(self) -> float:
        if self.noise == 0:
            return EXACT_DB
        return min(EXACT_DB, 10 * float(np.log10(self.signal / self.noise))) if self.signal else -EXACT_DB

    @property
    def is_constant(self) -> bool:
        return self.high - self.low <= CONSTANT * max(abs(self.high), abs(self.low))


@dataclass(frozen=True, slots=True)
class _Pair:
    """An activation in both networks: the float layer that makes it, its name there, its quantiser, and its name dequantised."""

    layer: onnx.NodeProto
    name: str
    quantiser: onnx.NodeProto
    dequantised: str

    @property
    def own(self) -> str:
        """What the layer gives when it is quantised alone."""
        return f"{self.name}/own"


def compared(
    folded: onnx.ModelProto, made: onnx.ModelProto, data: Calibration
) -> tuple[tuple[LayerNoise, ...], Agreement, tuple[str, ...]]:
    """Noise by layer, agreement of the outputs, and warnings by node: of int32 sums that overflow and of values without a range."""
    pairs = _pairs(folded, made)
    measured = _noise(folded, made, pairs, data)
    layers = tuple(LayerNoise(p.layer.name, p.layer.op_type, own.db, total.db) for p, (own, total) in zip(pairs, measured, strict=True))
    constant = [
        f"node {shown(pair.layer.name)}: its output hardly varies over the calibration data, so that its scale says nothing"
        for pair, (own, _) in zip(pairs, measured, strict=True)
        if own.is_constant
    ]
    return layers, _agreement(folded, made, data), (*overflows(made), *constant)


def _pairs(folded: onnx.ModelProto, made: onnx.ModelProto) -> list[_Pair]:
    """Every layer whose output is quantised, in the order of the network."""
    quantisers = {node.input[0]: node for node in made.graph.node if node.op_type == "QuantizeLinear"}
    readers = {node.input[0]: node.output[0] for node in made.graph.node if node.op_type == "DequantizeLinear"}
    left = {node.name: node for node in made.graph.node}
    found = []
    for node in folded.graph.node:
        # A Relu or Clip that became part of the range left its name to the output of the layer before it.
        output = left[node.name].output[0] if node.name in left else ""
        if output in quantisers and quantisers[output].output[0] in readers:
            quantiser = quantisers[output]
            found.append(_Pair(node, output.removesuffix(_BEFORE_OUTPUT), quantiser, readers[quantiser.output[0]]))
    return found


def _noise(folded: onnx.ModelProto, made: onnx.ModelProto, pairs: list[_Pair], data: Calibration) -> list[tuple[_Noise, _Noise]]:
    """For each pair, the noise of its layer alone, and that of all layers up to it."""
    found = [(_Noise(), _Noise()) for _ in pairs]
    alone = _session(_joined(folded, made, pairs), [*(pair.name for pair in pairs), *(pair.own for pair in pairs)])
    complete = _session(made, [pair.dequantised for pair in pairs])
    for feed in data.feeds(MOST_SAMPLES):
        values = alone.run(feed)
        after = complete.run(feed)
        for i, (own, total) in enumerate(found):
            own.add(values[i], values[len(pairs) + i])
            total.add(values[i], after[i])
    return found


def _joined(folded: onnx.ModelProto, made: onnx.ModelProto, pairs: list[_Pair]) -> onnx.ModelProto:
    """Both networks in one, in which each quantised layer is fed with the float network's values."""
    import onnx

    names = {pair.quantiser.name: pair for pair in pairs}
    inputs = {info.name for info in made.graph.input}
    joined = onnx.ModelProto()
    joined.CopyFrom(folded)
    for tensor in made.graph.initializer:
        joined.graph.initializer.add().CopyFrom(tensor)
        joined.graph.initializer[-1].name = _ALONE + tensor.name
    for node in made.graph.node:
        copy = joined.graph.node.add()
        copy.CopyFrom(node)
        copy.name = _ALONE + node.name
        copy.input[:] = [name if not name or name in inputs else _ALONE + name for name in node.input]
        copy.output[:] = [_ALONE + name if name else "" for name in node.output]
        if node.name in names:
            pair = names[node.name]
            stored = f"{pair.own}/stored"
            joined.graph.node.add().CopyFrom(onnx.helper.make_node("QuantizeLinear", copy.input, [stored], name=stored))
            joined.graph.node.add().CopyFrom(
                onnx.helper.make_node("DequantizeLinear", [stored, *copy.input[1:]], [pair.own], name=pair.own)
            )
            copy.input[0] = pair.name
    _add_domains(joined, made)
    _sort(joined)
    return joined


def _add_domains(joined: onnx.ModelProto, made: onnx.ModelProto) -> None:
    """Let the network use every set of operators that either of its parts uses."""
    versions = {entry.domain: entry.version for entry in (*joined.opset_import, *made.opset_import)}
    del joined.opset_import[:]
    for domain, version in versions.items():
        joined.opset_import.add(domain=domain, version=version)


def _sort(model: onnx.ModelProto) -> None:
    """Put the nodes in an order in which each stands after what it reads."""
    made_by = {name: i for i, node in enumerate(model.graph.node) for name in node.output}
    nodes = list(model.graph.node)
    waiting = {i: {made_by[name] for name in node.input if name in made_by} for i, node in enumerate(nodes)}
    order = list(TopologicalSorter(waiting).static_order())
    del model.graph.node[:]
    model.graph.node.extend(nodes[i] for i in order)


def _session(model: onnx.ModelProto, outputs: list[str]) -> _Values:
    """The network, run node by node as it is written, giving these values."""
    import onnx
    import onnxruntime

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    for name in dict.fromkeys(outputs):
        copy.graph.output.add().name = name
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(copy.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return _Values(session, outputs)


class _Values:
    """A session that gives values in the order asked, also one that was asked for twice."""

    def __init__(self, session: Any, outputs: list[str]) -> None:
        self._session, self._outputs = session, outputs

    def run(self, feed: Mapping[str, Any]) -> list[NDArray[Any]]:
        return self._session.run(self._outputs, feed) if self._outputs else []


def _agreement(folded: onnx.ModelProto, made: onnx.ModelProto, data: Calibration) -> Agreement:
    """How like the float network's the outputs are, over all samples."""
    names = [info.name for info in folded.graph.output]
    exact, rounded = _session(folded, names), _session(made, names)
    noise = _Noise()
    classes: list[tuple[int, int]] = []
    for feed in data.feeds():
        wanted, got = exact.run(feed), rounded.run(feed)
        for one, other in zip(wanted, got, strict=True):
            noise.add(one, other)
        if wanted and wanted[0].ndim == VECTOR_AXES and wanted[0].shape[-1] > 1:
            classes.append((int(wanted[0].argmax()), int(got[0].argmax())))
    if not classes:
        return Agreement(noise.db, None, None, None)
    found = np.array(classes)
    same = float((found[:, 0] == found[:, 1]).mean())
    if data.labels is None:
        return Agreement(noise.db, same, None, None)
    right = (found == data.labels[:, None]).mean(axis=0)
    return Agreement(noise.db, same, float(right[0]), float(right[1]))


def overflows(made: onnx.ModelProto) -> list[str]:
    """Layers of a quantised file whose bias and products do not fit 32 bits together, for the worst input there is."""
    constants = {tensor.name: tensor for tensor in made.graph.initializer}
    stored = {
        node.output[0]: numpy_of(constants[node.input[0]])
        for node in made.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in constants
    }
    found = []
    for node in made.graph.node:
        parameters = [stored[name] for name in node.input if name in stored]
        if len(parameters) == WITH_BIAS and node.op_type in ("Conv", "ConvTranspose", "Gemm"):
            most = _largest_sum(node, *parameters)
            if most >= 1 << 31:
                found.append(
                    f"node {shown(node.name)}: its bias and products reach {most:.3g}, int32 holds {(1 << 31) - 1:,}: "
                    "a bias far above what the weights add is cut off"
                )
    return found


def _largest_sum(node: onnx.NodeProto, weights: NDArray[Any], bias: NDArray[Any]) -> int:
    """The largest magnitude an accumulator can reach: |bias| + 255 * sum |weights|, over channels (all weights where axes are moved)."""
    rows = np.abs(weights.astype(np.int64))
    flipped = node.op_type == "Gemm" and not any(a.name == "transB" and a.i for a in node.attribute)
    each = rows.reshape(len(rows), -1).sum(axis=1) if not flipped else rows.sum(axis=0)
    if node.op_type == "ConvTranspose" or each.size != bias.size:
        each = np.full(bias.size, rows.sum())
    return int((np.abs(bias.astype(np.int64)).reshape(-1) + 255 * each).max(initial=0))


def numpy_of(tensor: onnx.TensorProto) -> NDArray[Any]:
    """The values of a constant."""
    from onnx import numpy_helper

    return np.asarray(numpy_helper.to_array(tensor))
