"""Reading the nodes of a file, one after the other, into the graph under construction.

What depends on no input is computed on the spot; every other node is handed to the reader of its operator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwcost.errors import GraphError, UnsupportedOpError, shown
from hwcost.frontends.building import GraphBuilder, Names
from hwcost.frontends.onnx_attributes import plain
from hwcost.frontends.onnx_folding import ELEMENTWISE, FOLDS, MOST_FOLDED, Fold
from hwcost.frontends.onnx_inputs import input_values, stated_shapes
from hwcost.frontends.onnx_nodes import CONTROL_FLOW, DEEPEST, MOST_NODES, FileNode, Flattening, Scope, in_order
from hwcost.frontends.onnx_tensors import MOST_ELEMENTS, constant
from hwcost.frontends.onnx_text import clean, text
from hwcost.graph import Graph
from hwcost.ops import onnx_readers
from hwcost.ops.base import Op, shape_text
from hwcost.ops.onnx_readers.quantised import RunTimeScale, dequantised
from hwcost.ops.reading import ONNX_READERS, Array, Call, Value
from hwcost.ops.unknown import Unknown
from hwcost.tensor import TensorSpec

if TYPE_CHECKING:
    import onnx

MALFORMED = (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, TypeError, ValueError)
"""What arithmetic on nonsense raises: an attribute of the wrong type, an axis that is not there, a size of zero to divide by."""

MOST_FOLDED_IN_ALL = 1 << 25
"""Elements of all tensors computed while reading, together."""

MOST_POSTPONED = 200
"""Large constants computed when asked, each perhaps of the one before."""

MOVING = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}
"""Operators whose readers move a quantised constant with its integers and scales."""

MOST_LAYERS = 2 * MOST_NODES
"""A node may be several layers: the sum of three tensors is two."""

MOST_CONSTANTS = 200_000


class Builder(GraphBuilder):
    """The graph under construction, of tensors that could exist."""

    def emit(
        self, call: Call, op: Op, inputs: Sequence[Value], parameters: Mapping[str, Value], batch_axis: int | None
    ) -> tuple[Value, ...]:
        """Add a node of `op`; raises GraphError if it makes a tensor of absurd size, or if there are too many."""
        if len(self.nodes) >= MOST_LAYERS:
            raise GraphError(f"the network has more than {MOST_LAYERS:,} layers: hwcost reads no more", node=call.name)
        made = super().emit(call, op, inputs, parameters, batch_axis)
        for value in made:
            if value.elements > MOST_ELEMENTS:
                raise GraphError(f"makes a tensor of shape {shape_text(value.shape)}, more than {MOST_ELEMENTS:,} elements", node=call.name)
        return made


@dataclass(frozen=True, slots=True)
class Missing:
    """A value that cannot be had, and why: an output no reader makes, or one that depends on an unknown operator."""

    why: str
    unknown: bool = False


@dataclass
class Reading:
    """One file being read: the values known so far by their names in it."""

    model: onnx.ModelProto
    folder: Path | None
    name: str
    allow_unsupported: bool = False
    values: dict[str, Value | Missing] = field(default_factory=dict)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    constant_names: Names = field(default_factory=Names)
    ends: list[Value] = field(default_factory=list)
    """What unknown operators of unknown shape make: kept, so that what they read is counted."""
    folded: int = 0
    postponed: int = 0
    depth: int = 0

    def __post_init__(self) -> None:
        onnx_readers.load()
        self.builder = Builder(self.name)
        known = frozenset(ONNX_READERS) | {("", op) for op in FOLDS}
        self.flattening = Flattening(self.model, known=known)

    def graph(self, shapes: Mapping[str, Sequence[int]] | None) -> Graph:
        """The network as it is written; raises UnsupportedOpError with every node that has no reader."""
        proto = self.model.graph
        self._constants(proto, Scope())
        inputs, notes = input_values(proto, self.values, shapes)
        infos = [info for info in proto.input if text(info.name) not in self.values]
        for info, value in zip(infos, inputs, strict=True):
            self._input(text(info.name), value)
        self.builder.notes.extend(notes)
        wanted = [text(output.name) for output in proto.output]
        self.run(in_order(self.flattening.nodes(proto.node, Scope()), self.values, wanted))
        if self.unknown and not self.allow_unsupported:
            raise UnsupportedOpError(self.unknown)
        return self.builder.finish(self._outputs(wanted), self.unknown)

    def _input(self, key: str, value: Value) -> None:
        if key in self.values:
            raise GraphError(f"input '{value.name}' is declared twice")
        self.values[key] = self.builder.input(replace(value, name=self.builder.unique(value.name)))

    def _constants(self, proto: onnx.GraphProto, scope: Scope) -> None:
        if proto.sparse_initializer:
            raise GraphError("the file has sparse initialisers, which hwcost does not read")
        if len(proto.initializer) > MOST_CONSTANTS:
            raise GraphError(f"the file has {len(proto.initializer):,} initialisers, at most {MOST_CONSTANTS:,} are read")
        for tensor in proto.initializer:
            key = scope.define(text(tensor.name))
            if key in self.values:
                raise GraphError(f"initialiser {shown(text(tensor.name))} is stored twice")
            self.values[key] = constant(tensor, self._constant_name(tensor.name), self.folder)

    def _constant_name(self, field: object) -> str:
        """A name for a constant: its own, numbered where two would look the same."""
        return self.constant_names.unique(clean(field))

    def _outputs(self, wanted: Sequence[str]) -> list[Value]:
        made = [self.values[name] for name in wanted]
        computed = [value for value in made if isinstance(value, Value) and not value.is_constant]
        if not computed and not self.ends:
            raise GraphError("no output of the network depends on an input: there is nothing to run")
        if self.allow_unsupported:
            computed.extend(value for value in self.ends if value not in computed)
        left = sum(not isinstance(value, Value) or value.is_constant for value in made)
        if left:
            what = "1 output is" if left == 1 else f"{left} outputs are"
            self.builder.notes.append(f"{what} left out: what depends on no input, or only on unknown operators, is not computed")
        return computed

    def run(self, nodes: Sequence[FileNode]) -> None:
        """Read nodes in the order given."""
        for node in nodes:
            try:
                with np.errstate(all="ignore"):  # a number that overflows is the file's
                    self._read(node)
            except UnsupportedOpError as error:
                self._unsupported(node, error.unsupported)
            except GraphError as error:
                if type(error) is GraphError and error.node is None:
                    raise GraphError(str(error), node=node.name) from error
                raise
            except MALFORMED as error:
                raise GraphError(f"{node.kind} is malformed: {shown(str(error))}", node=node.name) from error

    def _read(self, node: FileNode) -> None:
        inputs = [self.values[name] if name else None for name in node.inputs]
        missing = next((value for value in inputs if isinstance(value, Missing)), None)
        if missing is not None:
            self._without_input(node, missing)
            return
        operands = tuple(value for value in inputs if not isinstance(value, Missing))
        call = Call(
            node.op, node.name, node.version, operands, plain(node.attributes, node.name, self.folder), len(node.outputs), self.builder
        )
        if node.op in CONTROL_FLOW and not node.domain:
            self._branch(node, call)
        else:
            self._name(node, self._made(node, call))

    def _name(self, node: FileNode, made: Value | Sequence[Value]) -> None:
        values = (made,) if isinstance(made, Value) else tuple(made)
        for i, output in enumerate(node.outputs):
            if output:
                self.values[output] = values[i] if i < len(values) else Missing(f"output {i} of {node.kind} ('{node.name}') is not read")

    def _made(self, node: FileNode, call: Call) -> Value | Sequence[Value]:
        folded = self._folded(node, call)
        if folded is not None:
            return folded
        reader = ONNX_READERS.get((node.domain, node.op))
        if reader is None:
            raise UnsupportedOpError([(node.name, node.kind)])
        return reader(call)

    def _is_known(self, node: FileNode) -> bool:
        return (node.domain, node.op) in ONNX_READERS or (not node.domain and node.op in FOLDS)

    def _without_input(self, node: FileNode, missing: Missing) -> None:
        if not missing.unknown:
            raise GraphError(f"reads a value that cannot be had: {missing.why}", node=node.name)
        if self.allow_unsupported or not self._is_known(node):
            self._unsupported(node, [(node.name, node.kind)])
        else:
            self.values.update(dict.fromkeys(filter(None, node.outputs), missing))

    @cached_property
    def stated(self) -> dict[str, TensorSpec]:
        """Shapes that the file gives to values on the way."""
        return stated_shapes(self.model.graph)

    def _unsupported(self, node: FileNode, found: Sequence[tuple[str, str]]) -> None:
        """Note an unknown operator and go on: what it makes has the shape that the file gives it, or is missing."""
        self.unknown.extend(found)
        gone = Missing(f"it depends on {node.kind}, which hwcost does not know", unknown=True)
        self.values.update(dict.fromkeys(filter(None, node.outputs), gone))
        if self.allow_unsupported:
            self._kept(node)

    def _kept(self, node: FileNode) -> None:
        """Put an unknown operator into the network, behind what it reads; nothing if that is missing itself."""
        operands = [self.values[name] for name in node.inputs if name]
        inputs = [value for value in operands if isinstance(value, Value) and not value.is_constant]
        if not inputs and any(isinstance(value, Missing) for value in operands):
            return
        stated = [self.stated.get(name) for name in node.outputs if name]
        made = [_NOTHING if spec is None else replace(spec, shape=_without_batch(spec.shape)) for spec in stated] or [_NOTHING]
        call = Call(node.op, node.name, node.version, (), {}, len(made), self.builder)
        values = call.emit_all(Unknown(node.kind, tuple(made)), *inputs, batch_axis=None)
        for name, spec, value in zip(filter(None, node.outputs), stated, values, strict=False):
            if spec is not None:
                self.values[name] = replace(value, shape=spec.shape, batch_axis=0 if len(spec.shape) > 1 and spec.shape[0] == 1 else None)
        if None in stated:
            self.ends.append(values[0])

    def _folded(self, node: FileNode, call: Call) -> Value | tuple[Value, ...] | None:
        """What a call of constants makes, computed now if it is small and when asked if it is large; None if it is to be read."""
        fold = FOLDS.get(node.op) if not node.domain else None
        if fold is None:
            return None
        if node.op in {"Shape", "Size"}:
            return self._computed(node, call, fold, [np.broadcast_to(np.int8(0), call.value(0).shape)])
        constants = [value for value in call.inputs if value is not None]
        if any(not value.is_constant or isinstance(value, RunTimeScale) for value in constants):
            return None
        if node.op in MOVING and any(value.quantisation is not None for value in constants):
            return None
        constants = [dequantised(value) for value in constants]
        if sum(value.elements for value in constants) > MOST_FOLDED:
            return self._postponed(call, constants) if node.op in ELEMENTWISE else None
        given = iter(constants)
        return self._computed(node, call, fold, [None if value is None else next(given).array() for value in call.inputs])

    def _postponed(self, call: Call, constants: Sequence[Value]) -> Value:
        self.postponed += 1
        if self.postponed > MOST_POSTPONED:
            raise GraphError(f"the file computes more than {MOST_POSTPONED} large constants: it is no network", node=call.name)
        return _computed_when_asked(call, constants)

    def _computed(self, node: FileNode, call: Call, fold: Callable[[Fold], Any], operands: Sequence[Array | None]) -> tuple[Value, ...]:
        with np.errstate(all="ignore"):
            made = fold(Fold(tuple(operands), call.attributes, call.version, call.outputs))
        arrays = made if isinstance(made, tuple) else (made,)
        self.folded += sum(array.size for array in arrays)
        if self.folded > MOST_FOLDED_IN_ALL:
            raise GraphError(f"the file computes more than {MOST_FOLDED_IN_ALL:,} elements of constants: it is no network", node=node.name)
        return tuple(self.builder.constant(self._constant_name(node.outputs[i] or node.name), a) for i, a in enumerate(arrays))

    def _branch(self, node: FileNode, call: Call) -> None:
        """If, where the condition is known: the branch taken is read in its place. What depends on data is refused by name."""
        condition = call.inputs[0] if call.inputs else None
        if node.op != "If" or condition is None or not condition.is_constant:
            raise UnsupportedOpError([(node.name, f"{node.op} (control flow that depends on data)")])
        if self.depth >= DEEPEST:
            raise GraphError(f"branches stand inside each other more than {DEEPEST} deep", node=node.name)
        taken = call.attributes["then_branch" if bool(condition.array().reshape(())) else "else_branch"]
        scope = Scope(f"{self.flattening.made}:", f"{node.name}/", {}, node.scope, node.scope.depth + 1)
        self._constants(taken, scope)
        nodes = self.flattening.nodes(taken.node, scope)
        wanted = [scope.resolve(text(output.name)) for output in taken.output]
        self.depth += 1
        self.run(in_order(nodes, self.values, wanted))
        self.depth -= 1
        for output, name in zip(node.outputs, wanted, strict=True):
            if output:
                self.values[output] = self.values[name]


_NOTHING = TensorSpec((1,), 8, None, "int")
"""The least an operator can make: one byte."""


def _without_batch(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape


def _computed_when_asked(call: Call, constants: Sequence[Value]) -> Value:
    """Elementwise arithmetic on constants too large to do now: only its shape is found."""
    function = ELEMENTWISE[call.op]
    shape = np.broadcast_shapes(*(value.shape for value in constants))
    largest = max(constants, key=lambda value: value.elements)

    def read() -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(function(*(value.array() for value in constants)))

    return replace(largest, name=f"{call.name}.{call.op}", shape=shape, read=read)
