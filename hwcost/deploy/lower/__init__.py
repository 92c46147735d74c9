"""From a quantised network to its integer program."""

from __future__ import annotations

import numpy as np

from hwcost.deploy.lower.orders import Orders, with_moves
from hwcost.deploy.lower.rules import RULES
from hwcost.deploy.lower.scales import with_one_scale
from hwcost.deploy.lower.site import UINT8_OFFSET, FactorError, RefusedError, Site, require_scale
from hwcost.deploy.program import Layer, Program, Tensor
from hwcost.errors import GraphError, listed
from hwcost.graph import Graph, Step
from hwcost.tensor import TensorSpec

__all__ = ["lower"]


def lower(graph: Graph, *, simplify: bool = True) -> Program:
    """The integer program that computes what a quantised network computes.

    `graph` is as `from_onnx` gives it: normalised, quantise and dequantise nodes folded. Raises GraphError naming every node that
    cannot be lowered, with the reason and the way out: layers that compute on floats, degenerate scales, sums that overflow int32.
    """
    if graph.projected_from is not None:
        raise GraphError("expected a quantised network, got sizes projected from a float one: quantise it first (hwcost quantize)")
    program = _lowered(with_moves(with_one_scale(graph)))
    if not simplify:
        return program
    from hwcost.deploy.simplify import simplified  # simplify lowers nothing itself, but looks at what lowering made

    return simplified(program)


def _lowered(graph: Graph) -> Program:
    orders = Orders(graph).find()
    faults: list[str] = []
    tensors = _tensors(graph, orders, faults)
    layers: list[Layer | tuple[Layer, ...]] = []
    for step in graph.steps if not faults else ():
        try:
            layers.append(_layer(step, tensors, orders))
        except (RefusedError, FactorError) as error:
            faults.append(f"node '{step.node.name}': {error}")
    if faults:
        raise GraphError(f"this network cannot be lowered to integers: {listed(faults)}")
    return Program(graph, tuple(layers), tensors)


def _layer(step: Step, tensors: dict[str, Tensor], orders: Orders) -> Layer | tuple[Layer, ...]:
    node = step.node
    rule = RULES.get(type(node.op))
    if rule is None:
        raise RefusedError(f"{node.op.kind} has no integer form: replace it, or keep it outside the network")
    site = Site(
        step, tuple(tensors[n] for n in node.inputs), tuple(tensors[n] for n in node.outputs), orders.features.get((*node.inputs, "")[0])
    )
    floats = [t.name for t in (*site.inputs, *site.outputs) if t.kind == "float"]
    if floats and node.op.kind not in ("quantize", "dequantize", "reshape", "identity"):
        raise RefusedError(
            f"{node.op.kind} computes on floats ('{floats[0]}'): quantise its inputs and its output (hwcost quantize), or cut it off"
        )
    return rule(site)


def _tensors(graph: Graph, orders: Orders, faults: list[str]) -> dict[str, Tensor]:
    """Every value as it lies in memory; what cannot lie there is added to the faults."""
    made: dict[str, Tensor] = {}
    for name, spec in graph.values.items():
        try:
            made[name] = _tensor(name, spec, orders.of(name))
        except RefusedError as error:
            faults.append(f"value '{name}': {error}")
    return made


def _tensor(name: str, spec: TensorSpec, order: tuple[int, ...]) -> Tensor:
    shape = tuple(int(spec.shape[axis]) for axis in order)
    if spec.is_float:
        return Tensor(name, shape, order, spec.bits, "float")
    if spec.quantisation is None:
        return Tensor(name, shape, order, spec.bits, "int")
    if spec.bits != 8 or len(spec.quantisation.scale) != 1:
        scales = "a scale per channel" if spec.quantisation.per_channel else f"{len(spec.quantisation.scale)} scales"
        raise RefusedError(f"expected 8 bits and one scale, got {spec.bits} bits and {scales}: quantise activations per tensor")
    require_scale(np.asarray(spec.quantisation.scale), name)
    zero = (spec.quantisation.zero_point or (0,))[0] - (UINT8_OFFSET if spec.kind == "uint" else 0)
    return Tensor(name, shape, order, 8, "int", float(spec.quantisation.scale[0]), int(zero))
