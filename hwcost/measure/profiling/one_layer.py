"""One layer as a deployed network would hold it: seeded weights and scales of the usual size, its kernel picked, ready to be called."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.emission import Emission, Placed
from hwcost.deploy.lower.orders import CHANNELS_LAST, NATURAL, channels_last, natural
from hwcost.deploy.lower.rules import RULES
from hwcost.deploy.lower.site import FactorError, RefusedError, Site
from hwcost.deploy.planning import PORTABLE, weight_facts
from hwcost.deploy.program import Alias, Convolution, Tensor
from hwcost.deploy.variants import emitter
from hwcost.errors import HwcostError, MeasurementError
from hwcost.graph import BIAS_BITS, Graph, Parameter, Step, Storage
from hwcost.kernels import facts
from hwcost.kernels.dsp_tile import ACCUMULATOR_LIMIT
from hwcost.kernels.generated import Objective, pick
from hwcost.ops import Clip, Op, Relu
from hwcost.records import Layer
from hwcost.target import Core
from hwcost.tensor import Quantisation, TensorSpec

__all__ = ["ReadyLayer", "ready"]

_SCALE = 1 / 32
"""Of inputs: values of an int8 tensor then span 8 units, as behind a normalised layer."""
_ZERO = -128
"""Of inputs and outputs: everything at or above zero, as behind a ReLU."""
_SPREAD = 40.0
"""Standard deviation that the integers of an output are given."""
_UNIFORM = 74.0
"""Standard deviation of the values that inputs are drawn from, evenly over int8."""
_LEAST_RATIO = 2.2
"""Of the output's scale to that of the sums."""
_LARGEST_WEIGHT = 127
_BIAS_REACH = 2000
_MARGIN = 0.9
"""Of the limit that sums of weights stay below, so that the bias has room too."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadyLayer:
    """A layer with everything a call of its kernel needs. `inputs` are seeded values, one for each input tensor."""

    layer: Layer
    placed: Placed
    implementation: str
    emission: Emission
    scratch_bytes: int
    inputs: tuple[NDArray[Any], ...]

    @property
    def struct_name(self) -> str:
        """The C name of the layer's numbers."""
        return f"layer_{self.placed.number}"

    @property
    def flash_bytes(self) -> int:
        """Its constants."""
        return sum(array.bytes for array in self.emission.arrays)

    @property
    def ram_bytes(self) -> int:
        """Its inputs, its output and its scratch."""
        return sum(tensor.bytes for tensor in (*self.placed.inputs, self.placed.output)) + self.scratch_bytes


def ready(layer: Layer, number: int, core: Core, *, objective: Objective = "balanced", seed: int = 0) -> ReadyLayer:
    """The layer under number `number` of its image. MeasurementError where our own runtime cannot run it alone.

    The values depend on the seed and on the layer alone, so that a layer is the same whatever is measured beside it.
    """
    rng = np.random.default_rng([seed, zlib.crc32(repr(layer).encode())])
    try:
        step = _graph(layer, rng).steps[0]
        placed = _placed(step, number)
        implementation, scratch_bytes = _picked(step, placed, core, objective)
        emission = emitter(implementation)(placed)
    except (RefusedError, FactorError, HwcostError) as error:
        raise MeasurementError(f"{layer.op.kind} cannot be run alone: {error}") from error
    if not emission.function:
        raise MeasurementError(f"{layer.op.kind} cannot be run alone: it is no code at all")
    inputs = tuple(rng.integers(-128, 128, tensor.shape).astype(np.int8) for tensor in placed.inputs)
    return ReadyLayer(layer, placed, implementation, emission, scratch_bytes, inputs)


def _placed(step: Step, number: int) -> Placed:
    rule = RULES.get(type(step.node.op))
    if rule is None or len(step.outputs) != 1:
        raise RefusedError("no kernel, or more than one output")
    inputs = tuple(_tensor(name, spec, step.node.op) for name, spec in zip(step.node.inputs, step.inputs, strict=True))
    output = _tensor(step.node.output, step.output, step.node.op)
    lowered = rule(Site(step, inputs, (output,)))
    if isinstance(lowered, tuple | Alias):
        raise RefusedError("it is a view, not code")
    return Placed(number, step.node.name, lowered, inputs, output)


def _tensor(name: str, spec: TensorSpec, op: Op) -> Tensor:
    """Channels last, but for what computes along the last axis of the graph."""
    rank = len(spec.shape)
    last = isinstance(op, CHANNELS_LAST) or (rank > 2 and not isinstance(op, NATURAL) and op.kind != "softmax")
    order = channels_last(rank) if last else natural(rank)
    shape = tuple(int(spec.shape[axis]) for axis in order)
    if spec.is_float:
        raise RefusedError("it computes on floats")
    if spec.quantisation is None:
        return Tensor(name, shape, order, spec.bits, "int")
    return Tensor(name, shape, order, 8, "int", spec.quantisation.scale[0], spec.quantisation.zero_point[0])


def _picked(step: Step, placed: Placed, core: Core, objective: Objective) -> tuple[str, int]:
    """The kernel that a network with this layer gets, and the scratch it takes."""
    weights = weight_facts(placed.layer) if isinstance(placed.layer, Convolution) else None
    found = pick(facts(step), core.extensions, weights, objective)
    return (PORTABLE, 0) if found is None else (found.variant.name, int(found.needs.scratch_bytes))


def _graph(layer: Layer, rng: np.random.Generator) -> Graph:
    """The network of the layer with values in its constants and scales on everything."""
    if layer.weight_bits != 8:
        raise RefusedError(f"its weights have {layer.weight_bits} bits, and kernels here read 8")
    plain = layer.graph()
    inputs = {name: _int8(spec, _SCALE) for name, spec in plain.inputs.items()}
    step = plain.steps[0]
    values = {role: _values(role, parameter, step, rng) for role, parameter in plain.parameters.items()}
    scale, zero = _output_scale(step, values)
    storage = {name: Storage(8, Quantisation((scale,), (zero,)), "int") for name in plain.outputs if not step.output.is_float}
    if step.kind in ("arg_max", "arg_min"):
        storage = {}
    return Graph(inputs, plain.outputs, plain.nodes, {name: _filled(plain.parameters[name], values[name]) for name in values}, storage)


def _int8(spec: TensorSpec, scale: float) -> TensorSpec:
    if spec.bits != 8:
        raise RefusedError(f"its inputs have {spec.bits} bits, and kernels here read 8")
    return TensorSpec(spec.shape, 8, Quantisation((scale,), (_ZERO,)), "int")


def _filled(parameter: Parameter, values: NDArray[Any]) -> Parameter:
    if parameter.bits == BIAS_BITS:
        return Parameter(parameter.name, parameter.shape, BIAS_BITS, kind="int", read=lambda: values)
    axis = parameter.quantisation.axis if parameter.quantisation else None
    count = 1 if axis is None else int(parameter.shape[axis])
    stored = Quantisation((_SCALE,) * count, (0,) * count, axis)
    return Parameter(parameter.name, parameter.shape, parameter.bits, stored, "int", lambda: values)


def _values(role: str, parameter: Parameter, step: Step, rng: np.random.Generator) -> NDArray[Any]:
    """Bell-shaped weights, small enough that no kernel is passed over for their sums."""
    shape = tuple(int(n) for n in parameter.shape)
    if parameter.bits == BIAS_BITS:
        return rng.integers(-_BIAS_REACH, _BIAS_REACH, shape).astype(np.int32)
    patch = max(1, int(step.work.patch_elements))
    room = (_MARGIN * ACCUMULATOR_LIMIT - _BIAS_REACH) / 128 / patch
    spread = min(_LARGEST_WEIGHT / 3, max(room, 0.5) * math.sqrt(math.pi / 2) * 0.8)
    return np.clip(np.rint(rng.normal(0, spread, shape)), -_LARGEST_WEIGHT, _LARGEST_WEIGHT).astype(np.int8)


def _output_scale(step: Step, values: Mapping[str, NDArray[Any]]) -> tuple[float, int]:
    """Scale and zero point of the output: as its inputs', but where that would leave most of its range unused."""
    kind, op = step.kind, step.node.op
    if kind in _FIXED:
        return _FIXED[kind]
    activation = getattr(op, "activation", None)
    scale = _accumulated(step, values["weight"]) if "weight" in values else _SUMMED[kind](step) if kind in _SUMMED else _SCALE
    if isinstance(activation, Clip) and math.isfinite(activation.maximum - activation.minimum):
        scale = (activation.maximum - activation.minimum) / 255
        return scale, -128 - round(activation.minimum / scale)
    return scale, _ZERO if isinstance(activation, Relu) else _ZERO if kind in _AS_INPUT else -3


def _accumulated(step: Step, weights: NDArray[Any]) -> float:
    """The scale with which sums of products spread as the input does; the factor it makes stays below a half, as in trained layers."""
    patch = max(1, int(step.work.patch_elements))
    spread = float(np.sqrt(np.mean(np.square(weights, dtype=np.float64)))) * math.sqrt(patch) * _UNIFORM
    return _SCALE * _SCALE * max(spread / _SPREAD, _LEAST_RATIO)


_FIXED: Mapping[str, tuple[float, int]] = {
    "softmax": (1 / 256, -128),
    "sigmoid": (1 / 256, -128),
    "hard_sigmoid": (1 / 256, -128),
    "tanh": (1 / 128, 0),
}
"""Outputs whose range is known beforehand."""

_SUMMED: Mapping[str, Callable[[Step], float]] = {
    "add": lambda _: 2 * _SCALE,
    "sub": lambda _: 2 * _SCALE,
    "mul": lambda _: 128 * _SCALE * _SCALE,
    "matmul": lambda step: _SCALE * _SCALE * _UNIFORM * math.sqrt(int(step.inputs[0].features)),
    "reduce_sum": lambda step: _SCALE * max(1, int(step.inputs[0].elements) // max(1, int(step.output.elements))),
}

_AS_INPUT = frozenset(
    (
        *("max_pool2d", "max_pool1d", "global_max_pool", "average_pool2d", "average_pool1d", "global_average_pool", "concat"),
        *("slice", "pad", "expand", "gather", "transpose", "reshape", "resize", "depth_to_space", "space_to_depth", "split", "identity"),
        *("reduce_max", "reduce_min", "reduce_mean", "relu", "minimum", "maximum"),
    )
)
"""Kinds that leave values on the scale they came in, or near it."""
