"""A network as data: named operators in execution order, the constants they read, and how every tensor is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from hwcost.errors import GraphError, ShapeError
from hwcost.ops.base import Op, Work, shape_text
from hwcost.ops.conv import Taps
from hwcost.sizes import Size, ceil_div, equal, prod
from hwcost.tensor import Kind, Quantisation, TensorSpec

BIAS_BITS = 32
"""Width of a bias in an int8 program: the accumulator's (TFLite 8-bit quantisation specification)."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A constant that layers read: weights, biases, the operand of an addition.

    `read` returns the values when asked, so that a network of any size is priced without loading it; after `rebind` a
    parameter has a shape and no values. Equality is by shape and storage, never by values or name.
    """

    name: str = field(compare=False)
    shape: tuple[Size, ...]
    bits: int = 32
    quantisation: Quantisation | None = None
    kind: Kind = "float"
    read: Callable[[], np.ndarray[Any, Any]] | None = field(default=None, compare=False, repr=False)

    @property
    def elements(self) -> Size:
        """How many numbers it holds."""
        return prod(self.shape)

    @property
    def bytes(self) -> Size:
        """Bytes as stored, without scales."""
        return ceil_div(self.elements * self.bits, 8)

    @property
    def scales(self) -> Size:
        """Scales (and zero points) stored with it: one per index of its quantised axis, one, or none if it is not quantised."""
        if self.quantisation is None:
            return 0
        return self.shape[self.quantisation.axis] if self.quantisation.axis is not None else 1

    def array(self) -> np.ndarray[Any, Any]:
        """The values; raises GraphError where there are none (the size is being searched, or the file had none)."""
        if self.read is None:
            raise GraphError(f"parameter '{self.name}' has a shape and no values: it was resized or projected")
        return self.read()


@dataclass(frozen=True, slots=True)
class Storage:
    """How one tensor is stored: width, kind and scales of an element, apart from its shape."""

    bits: int = 32
    quantisation: Quantisation | None = None
    kind: Kind = "float"

    def of(self, spec: TensorSpec) -> TensorSpec:
        """`spec`, stored this way."""
        return TensorSpec(spec.shape, self.bits, self.quantisation, self.kind)


@dataclass(frozen=True, slots=True)
class Node:
    """One operator at its place: what it reads, what it makes, which parameters it uses (by role)."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def output(self) -> str:
        """Name of the first output."""
        return self.outputs[0]


@dataclass(frozen=True, slots=True)
class Step:
    """A node with everything inference found: the specs around it, its parameters as sized, its work."""

    node: Node
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    parameters: tuple[tuple[str, Parameter], ...]
    work: Work

    @property
    def kind(self) -> str:
        """The operator's kind, by which runtimes price it."""
        return self.node.op.kind

    @property
    def output(self) -> TensorSpec:
        """Spec of the first output."""
        return self.outputs[0]

    @property
    def weight_bytes(self) -> Size:
        """Bytes of everything it reads from flash except biases and scales."""
        return sum(parameter.bytes for role, parameter in self.parameters if role != "bias")

    @property
    def weight_bits(self) -> int:
        """Width of its widest parameter that is not a bias; 0 without parameters."""
        return max((parameter.bits for role, parameter in self.parameters if role != "bias"), default=0)


@dataclass(frozen=True)
class Graph:
    """A network; two graphs are equal when they compute in the same way, whatever their names and values.

    `inputs` maps input names to specs, `storage` says how values are stored (absent: as the operator infers), `notes` records
    what a reader assumed (a batch pinned to 1), `projected_from` is "float32" where `as_int8` made the graph of a float one.
    Raises GraphError if a node reads what nothing made, or two nodes make the same value.
    """

    inputs: Mapping[str, TensorSpec]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    storage: Mapping[str, Storage] = field(default_factory=dict)
    name: str = "network"
    notes: tuple[str, ...] = ()
    projected_from: str | None = None
    unknown: tuple[tuple[str, str], ...] = ()
    """Nodes left out under `--allow-unsupported`, as (node, operator): every total is then a lower bound."""

    def __post_init__(self) -> None:
        made = set(self.inputs)
        for node in self.nodes:
            self._require_known(node, made)
            for output in node.outputs:
                if output in made:
                    raise GraphError(f"value '{output}' is made twice", node=node.name)
                made.add(output)
        missing = [output for output in self.outputs if output not in made]
        if missing:
            raise GraphError(f"outputs {', '.join(map(repr, missing))} are made by no node")

    def _require_known(self, node: Node, made: set[str]) -> None:
        for name in node.inputs:
            if name not in made:
                raise GraphError(f"reads '{name}', which no earlier node makes", node=node.name)
        for _, name in node.parameters:
            if name not in self.parameters:
                raise GraphError(f"reads parameter '{name}', which the network does not have", node=node.name)

    def walk(self) -> Iterator[Step]:
        """Every node in order with its inferred specs, sized parameters and work.

        Raises ShapeError naming the node whose inputs do not fit.
        """
        values: dict[str, TensorSpec] = dict(self.inputs)
        for node in self.nodes:
            step = self._step(node, tuple(values[name] for name in node.inputs))
            values.update(zip(node.outputs, step.outputs, strict=True))
            yield step

    def _step(self, node: Node, inputs: tuple[TensorSpec, ...]) -> Step:
        outputs = self._made(node, inputs)
        try:
            shapes = node.op.parameters(*inputs)
            work = node.op.work(*inputs)
        except ShapeError as error:
            raise ShapeError(str(error), node=node.name) from error
        parameters = tuple((role, _sized(self.parameters[name], role, shapes, node)) for role, name in node.parameters)
        out_bytes = sum(spec.bytes for spec in outputs)
        return Step(node, inputs, outputs, parameters, replace(work, out_bytes=out_bytes))

    def _made(self, node: Node, inputs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
        try:
            inferred = node.op.outputs(*inputs)
        except ShapeError as error:
            raise ShapeError(str(error), node=node.name) from error
        return tuple(self._stored(name, spec) for name, spec in zip(node.outputs, inferred, strict=True))

    def _stored(self, name: str, spec: TensorSpec) -> TensorSpec:
        storage = self.storage.get(name)
        return spec if storage is None else storage.of(spec)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """`walk`, done once."""
        return tuple(self.walk())

    @cached_property
    def values(self) -> Mapping[str, TensorSpec]:
        """Spec of every value by name, inputs included; found without the work, for those who look at shapes alone."""
        specs = dict(self.inputs)
        for node in self.nodes:
            specs.update(zip(node.outputs, self._made(node, tuple(specs[name] for name in node.inputs)), strict=True))
        return specs

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that read each value; values nobody reads map to no nodes."""
        readers: dict[str, list[Node]] = {name: [] for name in self.values}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers[name].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    @property
    def macs(self) -> Size:
        """Multiply-accumulates of one inference (the definition is in docs/units.md)."""
        return sum(step.work.macs for step in self.steps)

    @cached_property
    def used_parameters(self) -> Mapping[str, tuple[str, Parameter]]:
        """Role and sized parameter by name; a parameter shared by several nodes counts once."""
        used: dict[str, tuple[str, Parameter]] = {}
        for step in self.steps:
            for (role, name), (_, parameter) in zip(step.node.parameters, step.parameters, strict=True):
                used.setdefault(name, (role, parameter))
        return used

    @property
    def params(self) -> Size:
        """Constants of the network, each shared one once."""
        return sum(parameter.elements for _, parameter in self.used_parameters.values())

    def node(self, name: str) -> Node:
        """The node called `name`; raises GraphError with the nearest names if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise GraphError(f"there is no node '{name}'; the network has {', '.join(repr(node.name) for node in self.nodes[:8])}...")

    def rebind(self, widths: Mapping[str, Size], taps: Mapping[str, Taps] | None = None) -> Graph:
        """The network with other widths: node name to its own output channels, as ints, scalar tensors or columns.

        `taps` maps convolutions over time to those of their taps that stay. Consumers, weights and residual sums follow when walked.
        Parameters of other shapes lose their values. Raises GraphError for a name that is not a node, ShapeError for a node without
        channels of its own, or without these taps.
        """
        kernels = taps or {}
        for name in (*widths, *kernels):
            self.node(name)
        nodes = tuple(_changed(node, widths, kernels) if node.name in widths or node.name in kernels else node for node in self.nodes)
        bound = replace(self, nodes=nodes, parameters={name: replace(p, read=None) for name, p in self.parameters.items()})
        return replace(bound, parameters=bound._resized(self.parameters))

    def _resized(self, before: Mapping[str, Parameter]) -> dict[str, Parameter]:
        """Parameters with the shapes of this graph's walk; those that did not change keep their values."""
        sized = {name: parameter for name, (_, parameter) in self.used_parameters.items()}
        return {
            name: old if name not in sized or _same_shape(sized[name].shape, old.shape) else sized[name] for name, old in before.items()
        }

    def as_int8(self) -> Graph:
        """The int8 program that quantising this network would make: what a float file is priced as.

        Activations and weights become 8 bits (weights of layers that multiply: a scale per output channel), biases 32.
        Parts that are integers already stay as they are; a network without float tensors is returned unchanged.
        """
        roles: dict[str, tuple[Op, str]] = {}
        for node in self.nodes:
            for role, name in node.parameters:
                roles.setdefault(name, (node.op, role))
        parameters = {name: _parameter_as_int8(p, *roles[name]) if name in roles else p for name, p in self.parameters.items()}
        inputs = {name: spec.as_int8() for name, spec in self.inputs.items()}
        storage = {
            name: Storage(spec.bits, spec.quantisation, spec.kind) for name, spec in ((n, s.as_int8()) for n, s in self.values.items())
        }
        if parameters == dict(self.parameters) and inputs == dict(self.inputs) and all(not s.is_float for s in self.values.values()):
            return self
        return replace(self, inputs=inputs, parameters=parameters, storage=storage, projected_from="float32")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        return self.signature == other.signature

    def __hash__(self) -> int:
        return hash((len(self.nodes), tuple(node.op.kind for node in self.nodes)))

    @cached_property
    def signature(self) -> tuple[Any, ...]:
        """What the network computes, with names replaced by positions: two graphs are equal when their signatures are."""
        numbers = {name: i for i, name in enumerate(self.inputs)}
        rows = []
        for step in self.steps:
            wires = tuple(numbers[name] for name in step.node.inputs)
            for name in step.node.outputs:
                numbers[name] = len(numbers)
            rows.append((step.node.op, wires, step.outputs, step.parameters))
        return (tuple(self.inputs.values()), tuple(rows), tuple(numbers[name] for name in self.outputs))

    def same_values(self, other: Graph, *, tolerance: float = 0.0) -> bool:
        """Whether two equal graphs also hold the same constants, each within `tolerance` relative to its largest magnitude."""
        if self != other:
            return False
        pairs = zip(self.steps, other.steps, strict=True)
        return all(_close(p, q, tolerance) for a, b in pairs for (_, p), (_, q) in zip(a.parameters, b.parameters, strict=True))


def _changed(node: Node, widths: Mapping[str, Size], taps: Mapping[str, Taps]) -> Node:
    op = node.op.with_width(widths[node.name]) if node.name in widths else node.op
    return replace(node, op=op.with_taps(taps[node.name]) if node.name in taps else op)


def _sized(parameter: Parameter, role: str, shapes: Mapping[str, tuple[Size, ...]], node: Node) -> Parameter:
    """The parameter with the shape that its operator asks for; one that has values must have that shape already."""
    if role not in shapes:
        known = ", ".join(shapes) or "none"
        raise GraphError(f"{node.op.kind} expects the parameters {known}; got '{parameter.name}' as its {role}", node=node.name)
    if parameter.read is not None and not _same_shape(parameter.shape, shapes[role]):
        expected = f"{node.op.kind} expects a {role} of shape {shape_text(shapes[role])}"
        raise ShapeError(f"{expected}, got '{parameter.name}' of shape {shape_text(parameter.shape)}", node=node.name)
    return replace(parameter, shape=shapes[role])


def _close(a: Parameter, b: Parameter, tolerance: float) -> bool:
    x, y = np.asarray(a.array(), dtype=np.float64), np.asarray(b.array(), dtype=np.float64)
    if x.shape != y.shape:
        return False
    scale = float(np.max(np.abs(x), initial=0.0))
    return bool(np.all(np.abs(x - y) <= tolerance * scale))


def _same_shape(a: tuple[Size, ...], b: tuple[Size, ...]) -> bool:
    return len(a) == len(b) and all(equal(n, m) for n, m in zip(a, b, strict=True))


def _parameter_as_int8(parameter: Parameter, op: Op, role: str) -> Parameter:
    if parameter.kind != "float" or parameter.quantisation is not None:
        return parameter
    if role == "bias":
        return replace(parameter, bits=BIAS_BITS, kind="int", quantisation=None, read=None)
    axis = op.scale_axis(role)
    return replace(parameter, bits=8, kind="int", quantisation=Quantisation(axis=axis), read=None)
