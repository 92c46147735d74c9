"""What a reader of one operator sees and says, whichever format the network came in.

A reader turns one call of a file (an ONNX node, an ATen call of `torch.export`) into operators of this package:

    @onnx_reader("Flatten")
    def read_flatten(call: Call) -> Value:
        x = call.value(0)
        ...
        return call.emit(Reshape.between(x.graph_shape, shape), x)

Files carry a batch axis, operators here do not: a `Value` keeps the file's shape and says which of its axes is the batch (always
of size 1), so that a reader converts axes once, with `graph_axis`, and a transpose that only moves the batch emits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, Protocol, TypeAlias, TypeVar

import numpy as np

from hwcost.errors import GraphError
from hwcost.ops.base import Op, shape_text
from hwcost.sizes import prod
from hwcost.tensor import Kind, Quantisation, TensorSpec

Array: TypeAlias = "np.ndarray[Any, Any]"


@dataclass(frozen=True, slots=True)
class Value:
    """An operand: a tensor some node makes, or a constant of the file.

    `shape` is the file's; `batch_axis` is the axis of it that is the batch, None where there is none (constants, values whose
    batch was reshaped away). `read` is set for constants alone and returns their stored values when asked.
    """

    name: str
    shape: tuple[int, ...]
    batch_axis: int | None = None
    bits: int = 32
    kind: Kind = "float"
    quantisation: Quantisation | None = None
    read: Callable[[], Array] | None = None

    @property
    def is_constant(self) -> bool:
        """Whether the values are in the file."""
        return self.read is not None

    @property
    def graph_shape(self) -> tuple[int, ...]:
        """The shape without the batch."""
        return self.shape if self.batch_axis is None else self.shape[: self.batch_axis] + self.shape[self.batch_axis + 1 :]

    @property
    def spec(self) -> TensorSpec:
        """The tensor as operators see it."""
        return TensorSpec(self.graph_shape, self.bits, self.quantisation, self.kind)

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return int(prod(self.shape))

    def axis(self, axis: int) -> int:
        """A file axis with negative numbers counted from the end; raises GraphError outside the rank."""
        rank = len(self.shape)
        if not -rank <= axis < max(rank, 1):
            raise GraphError(f"axis {axis} does not exist in shape {shape_text(self.shape)} of '{self.name}'")
        return axis % rank if rank else 0

    def graph_axis(self, axis: int) -> int:
        """The operator's axis for a file axis; raises GraphError if it is the batch, which no operator may touch."""
        at = self.axis(axis)
        if at == self.batch_axis:
            raise GraphError(f"axis {axis} of '{self.name}' is the batch: an operator across it cannot run one input at a time")
        return at - 1 if self.batch_axis is not None and at > self.batch_axis else at

    def array(self) -> Array:
        """The stored values of a constant; raises GraphError for a value that is only known at run time."""
        if self.read is None:
            raise GraphError(f"'{self.name}' is computed by the network, and a constant was expected in its place")
        return self.read()

    def mapped(self, shape: Sequence[int], change: Callable[[Array], Array], suffix: str = "") -> Value:
        """The constant `change(values)` of the given shape, still read only when asked."""
        read = self.read
        if read is None:
            raise GraphError(f"'{self.name}' is computed by the network, and a constant was expected in its place")
        return replace(self, name=self.name + suffix, shape=tuple(shape), read=lambda: change(read()))


class Emitter(Protocol):
    """What a front end offers to readers: adding nodes and constants to the graph it builds."""

    def emit(
        self, call: Call, op: Op, inputs: Sequence[Value], parameters: Mapping[str, Value], batch_axis: int | None
    ) -> tuple[Value, ...]:
        """Add a node; its output values."""
        ...

    def constant(self, name: str, values: Array) -> Value:
        """A constant that the file does not hold as such."""
        ...

    def store(self, value: Value) -> Value:
        """Have what some node makes stored as `value` says: its bits, kind and scales."""
        ...


LONGEST_REASON = 400

KEEP = -1
"""`batch_axis` of `Call.emit`: leading if any input has a batch, else none."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operator in a file, with its operands and attributes as plain Python values.

    `version` is the opset of the operator's domain (0 for ATen). Inputs the call leaves out are None.
    """

    op: str
    name: str
    version: int
    inputs: tuple[Value | None, ...]
    attributes: Mapping[str, Any]
    outputs: int
    emitter: Emitter

    def value(self, index: int) -> Value:
        """Operand `index`, which must be given; raises GraphError if it is not."""
        value = self.optional(index)
        if value is None:
            self.refuse(f"input {index} is missing")
        return value

    def optional(self, index: int) -> Value | None:
        """Operand `index`, or None if the call leaves it out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute, or `default` where the call does not set it."""
        return self.attributes.get(name, default)

    def ints(self, index: int, attribute: str, default: Sequence[int] | None = None) -> tuple[int, ...] | None:
        """Integers given as an attribute (older opsets) or as a constant operand (newer ones)."""
        if attribute in self.attributes:
            given = self.attributes[attribute]
            return tuple(int(n) for n in given) if isinstance(given, (list, tuple)) else (int(given),)
        operand = self.optional(index) if index >= 0 else None
        if operand is not None:
            return tuple(int(n) for n in operand.array().reshape(-1))
        return None if default is None else tuple(default)

    def emit(self, op: Op, *inputs: Value, batch_axis: int | None = KEEP, **parameters: Value | None) -> Value:
        """Add `op` to the network and return its first output; parameters that are None are left out."""
        return self.emit_all(op, *inputs, batch_axis=batch_axis, **parameters)[0]

    def emit_all(self, op: Op, *inputs: Value, batch_axis: int | None = KEEP, **parameters: Value | None) -> tuple[Value, ...]:
        """Add `op` and return every output."""
        given = {role: value for role, value in parameters.items() if value is not None}
        if batch_axis == KEEP:
            batch_axis = 0 if any(value.batch_axis is not None for value in inputs) else None
        return self.emitter.emit(self, op, inputs, given, batch_axis)

    def stored(self, value: Value, quantisation: Quantisation | None, bits: int, kind: Kind) -> Value:
        """The same value stored another way than the operator that makes it would by itself."""
        return self.emitter.store(replace(value, quantisation=quantisation, bits=bits, kind=kind))

    def constant(self, values: Any, suffix: str = "constant") -> Value:
        """A constant made by the reader (a scalar attribute used as an operand, a split bias)."""
        return self.emitter.constant(f"{self.name}.{suffix}", np.asarray(values))

    def refuse(self, why: str) -> NoReturn:
        """Raise GraphError naming this call; of a reason that quotes half the file, the beginning."""
        shortened = why if len(why) <= LONGEST_REASON else f"{why[:LONGEST_REASON]}..."
        raise GraphError(f"{self.op}: {shortened}", node=self.name)


Reader: TypeAlias = Callable[[Call], "Value | Sequence[Value]"]

ONNX_READERS: dict[tuple[str, str], Reader] = {}
"""Readers by (domain, operator); the default domain is ''."""

TORCH_READERS: dict[str, Reader] = {}
"""Readers by ATen name without overload, `aten.conv2d`."""


ThisReader = TypeVar("ThisReader", bound=Reader)


def onnx_reader(*names: str, domain: str = "") -> Callable[[ThisReader], ThisReader]:
    """Register a function as the reader of ONNX operators."""

    def register(reader: ThisReader) -> ThisReader:
        for name in names:
            ONNX_READERS[domain, name] = reader
        return reader

    return register


def torch_reader(*names: str) -> Callable[[ThisReader], ThisReader]:
    """Register a function as the reader of ATen calls (`aten.conv2d`, any overload)."""

    def register(reader: ThisReader) -> ThisReader:
        for name in names:
            TORCH_READERS[name] = reader
        return reader

    return register
