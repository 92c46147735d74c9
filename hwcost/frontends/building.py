"""The graph under construction that both front ends share: unique names, constants kept unread, shapes known at every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hwcost.errors import GraphError, ShapeError
from hwcost.graph import Graph, Node, Parameter, Storage
from hwcost.ops.base import Op
from hwcost.ops.reading import Array, Call, Value
from hwcost.tensor import Kind, TensorSpec


@dataclass
class Names:
    """Names that are taken; a name asked for twice is numbered."""

    taken: set[str] = field(default_factory=set)
    repeated: dict[str, int] = field(default_factory=dict)

    def unique(self, name: str) -> str:
        """`name`, or `name_2`, `name_3`... if it is taken."""
        candidate, number = name, self.repeated.get(name, 1)
        while candidate in self.taken:
            number += 1
            candidate = f"{name}_{number}"
        self.repeated[name] = number
        self.taken.add(candidate)
        return candidate


@dataclass
class GraphBuilder:
    """Collects nodes and the constants they use; `finish` makes the Graph."""

    name: str = "network"
    inputs: dict[str, TensorSpec] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    storage: dict[str, Storage] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    names: Names = field(default_factory=Names)

    def input(self, value: Value) -> Value:
        """Declare a network input."""
        if value.name in self.inputs:
            raise GraphError(f"input '{value.name}' is declared twice")
        self.inputs[value.name] = value.spec
        self.names.taken.add(value.name)
        return value

    def constant(self, name: str, values: Array) -> Value:
        """A constant that the file does not hold as such; each is one of its own, whatever it is called."""
        kind: Kind = "float" if values.dtype.kind == "f" else "bool" if values.dtype.kind == "b" else "int"
        return Value(
            self.unique(name), tuple(values.shape), bits=values.dtype.itemsize * 8 if kind != "bool" else 8, kind=kind, read=lambda: values
        )

    def store(self, value: Value) -> Value:
        """Have what some node makes, or an input, stored as `value` says: its bits, kind and scales."""
        if value.name in self.inputs:
            self.inputs[value.name] = value.spec
        else:
            self.storage[value.name] = Storage(value.bits, value.quantisation, value.kind)
        return value

    def emit(
        self, call: Call, op: Op, inputs: Sequence[Value], parameters: Mapping[str, Value], batch_axis: int | None
    ) -> tuple[Value, ...]:
        """Add a node of `op`; the output values, with the batch (of 1) put back at `batch_axis` of the file's shape."""
        made = self._infer(call, op, inputs)
        name = self.unique(call.name or op.kind)
        outputs = tuple(self.unique(f"{name}.{index}" if len(made) > 1 else f"{name}.out") for index in range(len(made)))
        roles = tuple((role, self._parameter(value)) for role, value in parameters.items())
        self.nodes.append(Node(name, op, tuple(value.name for value in inputs), outputs, roles))
        return tuple(_value(output, spec, batch_axis) for output, spec in zip(outputs, made, strict=True))

    def _infer(self, call: Call, op: Op, inputs: Sequence[Value]) -> tuple[TensorSpec, ...]:
        for value in inputs:
            if value.is_constant:
                raise GraphError(f"{call.op}: '{value.name}' is a constant where hwcost expects a computed value", node=call.name)
        try:
            return op.outputs(*(value.spec for value in inputs))
        except ShapeError as error:
            raise ShapeError(str(error), node=call.name) from error

    def _parameter(self, value: Value) -> str:
        """The parameter that holds a constant; the same constant used twice is one parameter."""
        parameter = Parameter(value.name, value.shape, value.bits, value.quantisation, value.kind, value.read)
        known = self.parameters.get(value.name)
        if known is not None and known != parameter:
            return self._parameter(replace(value, name=self.unique(value.name)))
        self.parameters[value.name] = parameter
        return value.name

    def unique(self, name: str) -> str:
        """`name`, or `name_2`, `name_3`... if it is taken."""
        return self.names.unique(name)

    def finish(self, outputs: Sequence[Value], unknown: Sequence[tuple[str, str]] = ()) -> Graph:
        """The network, with `outputs` in the order given."""
        names = tuple(value.name for value in outputs)
        return Graph(
            self.inputs,
            names,
            tuple(self.nodes),
            self.parameters,
            self.storage,
            name=self.name,
            notes=tuple(self.notes),
            unknown=tuple(unknown),
        )


def _value(name: str, spec: TensorSpec, batch_axis: int | None) -> Value:
    shape = tuple(spec.shape)
    if batch_axis is not None:
        shape = (*shape[:batch_axis], 1, *shape[batch_axis:])
    return Value(name, shape, batch_axis, spec.bits, spec.kind, spec.quantisation)
