"""Reading an exported program call by call into the graph under construction.

Values that depend on no input (weights, arithmetic on weights, tables made in `forward`) stay constants: torch computes them
when somebody asks for their numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hwcost.errors import GraphError, UnsupportedOpError
from hwcost.frontends.building import GraphBuilder
from hwcost.frontends.torch_calls import described, operands, operator_name, place, scalar, written_as
from hwcost.graph import Graph
from hwcost.ops import torch_readers
from hwcost.ops.reading import TORCH_READERS, Array, Call, Value

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import GraphModule
    from torch.fx import Node as FxNode

Read = Value | tuple[Value, ...]

WITHOUT_EFFECT = {"aten._assert_tensor_metadata", "aten._assert_scalar", "aten.sym_constrain_range_for_size", "aten._assert_async"}
"""Checks that the exporter leaves in the program; they compute nothing."""

WRAPPERS = {"wrap_with_set_grad_enabled", "wrap_with_autocast"}
"""Calls of a part of the program under a setting that does not change what is computed; the part is their only graph."""


def needs_functional_form(program: ExportedProgram) -> bool:
    """Whether a call writes into a tensor that another name sees too, or into a constant, so that reading in order is not enough."""
    variable: set[FxNode] = set()
    for node in program.graph.nodes:
        if node.name in program.graph_signature.user_inputs or not variable.isdisjoint(node.all_input_nodes):
            variable.add(node)
        if any(_shares_memory(target) or target not in variable for target in _changed(node)):
            return True
    return False


def _writes(node: FxNode) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and any(argument.alias_info and argument.alias_info.is_write for argument in schema.arguments)


def _changed(node: FxNode) -> Iterator[FxNode]:
    """The values that an in-place call changes: its operand, and what that was made from in place."""
    while _writes(node):
        node = node.all_input_nodes[0]
        yield node


def _shares_memory(node: FxNode) -> bool:
    return any(_is_view(each) for each in (node, *node.users))


def _is_view(node: FxNode) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and not _writes(node) and any(made.alias_info for made in schema.returns)


def unknown_calls(program: ExportedProgram) -> Iterator[FxNode]:
    """Calls without a reader that depend on an input of the network."""
    torch_readers.load()
    variable = set(program.graph_signature.user_inputs)
    for node in program.graph.nodes:
        if node.op != "call_function" or variable.isdisjoint(operand.name for operand in node.all_input_nodes):
            continue
        name = operator_name(node.target)
        if _functional(name) not in torch_readers.FILLINGS:
            variable.add(node.name)
        if node.target is not operator.getitem and name not in WITHOUT_EFFECT | WRAPPERS and _functional(name) not in TORCH_READERS:
            yield node


@dataclass
class ProgramReading:
    """One reading of one program: what each of its names stands for, and how the constants among them are computed."""

    program: ExportedProgram
    builder: GraphBuilder
    tensor_of: Callable[[Array], Any]
    """A torch tensor of some numbers."""
    read: dict[FxNode, Read] = field(default_factory=dict)
    computed: dict[FxNode, Any] = field(default_factory=dict)

    def graph(self) -> Graph:
        """The network; raises UnsupportedOpError listing every operator without a reader."""
        unknown = list(unknown_calls(self.program))
        if unknown:
            raise UnsupportedOpError(list(dict.fromkeys((place(node), written_as(node)) for node in unknown)))
        placeholders = [node for node in self.program.graph.nodes if node.op == "placeholder"]
        given = [self._placeholder(*each) for each in zip(placeholders, self.program.graph_signature.input_specs, strict=True)]
        made = self._run(self.program.graph_module, given)
        specs = self.program.graph_signature.output_specs
        outputs = [value for value, spec in zip(made, specs, strict=True) if spec.kind.name == "USER_OUTPUT"]
        constant = [value.name for value in outputs if value.is_constant]
        if constant:
            raise GraphError(f"output '{constant[0]}' depends on no input: there is nothing to compute, and nothing to price")
        return self.builder.finish(outputs)

    def _placeholder(self, node: FxNode, spec: Any) -> Read:
        if spec.kind.name == "USER_INPUT":
            return self._input(node)
        self.computed[node] = self.program.state_dict.get(spec.target, self.program.constants.get(spec.target))
        return self._constant(node, spec.target)

    def _input(self, node: FxNode) -> Read:
        shape, bits, kind = described(node.meta["val"])
        return self.builder.input(Value(node.name, shape, 0 if shape else None, bits, kind))

    def _run(self, module: GraphModule, given: Sequence[Read]) -> list[Value]:
        """Read the calls of a program, or of a part of it, in order; the tensors it returns."""
        waiting = iter(given)
        for node in module.graph.nodes:
            if node.op == "placeholder":
                self.read[node] = next(waiting)
            elif node.op == "call_function":
                self._call(module, node)
        (last,) = module.graph.find_nodes(op="output")
        return list(self._returned(last.args))

    def _returned(self, given: Any) -> Iterator[Value]:
        if isinstance(given, list | tuple):
            for item in given:
                yield from self._returned(item)
        elif given is not None:
            yield from _spread(self.read[given])

    def _call(self, module: GraphModule, node: FxNode) -> None:
        name = operator_name(node.target)
        if node.target is operator.getitem:
            self._pick(node)
        elif name in WRAPPERS:
            self._wrapped(module, node)
        elif name not in WITHOUT_EFFECT:
            self.read[node] = self._constant(node, node.name) if self._is_constant(node) else self._layer(node, _functional(name))

    def _pick(self, node: FxNode) -> None:
        """One of the outputs of a call; readers give no outputs that only training uses, such as where a maximum stood."""
        (source,) = node.all_input_nodes
        outputs = _spread(self.read[source])
        if _index(node) < len(outputs):
            self.read[node] = outputs[_index(node)]
        elif node.users:
            raise GraphError(f"output {_index(node)} of {operator_name(source.target)} is not known to hwcost", node=place(source))

    def _wrapped(self, module: GraphModule, node: FxNode) -> None:
        part, *given = node.all_input_nodes
        inner: Any = getattr(module, str(part.target))
        self.read[node] = tuple(self._run(inner, [self.read[operand] for operand in given]))

    def _is_constant(self, node: FxNode) -> bool:
        """Whether a call depends on no input of the network."""
        return all(value.is_constant for operand in node.all_input_nodes for value in _spread(self.read[operand]))

    def _layer(self, node: FxNode, name: str) -> Read:
        inputs, attributes = operands(node, lambda given: self._operand(node, given))
        call = Call(name, place(node), 0, inputs, attributes, len(_described(node)), self.builder)
        made = TORCH_READERS[name](call)
        read = made if isinstance(made, Value) else tuple(made)
        _require_agreement(call, node, read)
        if isinstance(read, Value) and read.is_constant:
            self.computed[node] = self.tensor_of(read.array())
        for target in _changed(node):
            self.read[target] = read
        return read

    def _operand(self, node: FxNode, given: Any) -> Value | None:
        if given is None:
            return None
        if isinstance(given, bool | int | float):
            return scalar(self.builder.unique(f"{node.name}.constant"), given)
        read = self.read[given]
        if not isinstance(read, Value):
            raise GraphError(f"{operator_name(node.target)} takes {len(read)} tensors where one is expected", node=place(node))
        return read

    def _constant(self, node: FxNode, name: str) -> Read:
        """What torch will compute, when asked, of parameters and numbers alone."""
        if isinstance(node.meta["val"], list | tuple):
            return tuple(self._constant_tensor(node, f"{name}.{i}", tensor, i) for i, tensor in enumerate(node.meta["val"]))
        return self._constant_tensor(node, name, node.meta["val"], None)

    def _constant_tensor(self, node: FxNode, name: str, tensor: Any, index: int | None) -> Value:
        shape, bits, kind = described(tensor)
        return Value(name, shape, None, bits, kind, read=lambda: _array(self._tensor(node) if index is None else self._tensor(node)[index]))

    def _tensor(self, given: Any) -> Any:
        """The torch value of an argument that depends on no input."""
        if isinstance(given, list | tuple):
            return type(given)(self._tensor(item) for item in given)
        if not hasattr(given, "all_input_nodes"):
            return given
        if given not in self.computed:
            self.computed[given] = given.target(
                *self._tensor(given.args), **{key: self._tensor(item) for key, item in given.kwargs.items()}
            )
        return self.computed[given]


def _functional(name: str) -> str:
    """`aten.relu` for `aten.relu_`: in-place forms are read as what they compute."""
    return name if name.endswith("__") else name.removesuffix("_")


def _spread(read: Read) -> tuple[Value, ...]:
    return (read,) if isinstance(read, Value) else read


def _index(node: FxNode) -> int:
    index: Any = node.args[1]
    return int(index)


def _described(node: FxNode) -> list[Any]:
    """What torch says the call makes: descriptions of its tensors."""
    made = node.meta.get("val")
    return list(made) if isinstance(made, list | tuple) else [made]


def _require_agreement(call: Call, node: FxNode, read: Read) -> None:
    """Raise GraphError if a reader understood a call otherwise than torch does: its shape, or whether it holds floats."""
    for value, tensor in zip(_spread(read), _described(node), strict=False):
        shape, _, kind = described(tensor)
        if value.shape != shape or (value.kind == "float") != (kind == "float"):
            call.refuse(
                f"read as {value.kind} {value.shape}, but torch makes {kind} {shape}; this is a mistake in hwcost, please report it"
            )


def _array(tensor: Any) -> Array:
    """The numbers of a torch tensor, copied, so that nobody writes into a module through them."""
    plain = tensor.detach().cpu()
    return np.array((plain.float() if str(plain.dtype) == "torch.bfloat16" else plain).numpy())
