"""Transposes between channel-last and channel-first, which are a habit of exporters and no work of the network.

Runtimes for microcontrollers keep one order of axes throughout. So operators between two transposes that do not care are computed in
the other order, until transposes meet and cancel; and what is left at an input or output is a matter of how the application
hands its data over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from hwcost.graph import Graph, Node, Parameter, Storage
from hwcost.ops.dense import Dense
from hwcost.ops.forms.arithmetic import WHOLE
from hwcost.ops.shape import Reshape, Transpose
from hwcost.passes.axis_order import Order, composed, inverse, reordered
from hwcost.passes.real_numbers import Array
from hwcost.passes.rewriting import producers, rewritten
from hwcost.sizes import Size
from hwcost.tensor import TensorSpec

TO_CHANNELS_FIRST: dict[int, Order] = {2: (1, 0), 3: (2, 0, 1)}
"""By number of axes: from (H, W, C) to (C, H, W), from (T, C) to (C, T)."""


def drop_layout(graph: Graph) -> Graph:
    """The network without transposes that only serve a channel-last layout; notes say where an input or output changed its order."""
    graph = _taken_first(graph)
    for order in sorted({node.op.order for node in graph.nodes if isinstance(node.op, Transpose)}):
        changed = _Flip(graph, order).flipped()
        if changed is not graph and _moved_elements(changed) < _moved_elements(graph):
            graph = changed
    return graph


def _moved_elements(graph: Graph) -> int:
    """What transposes move in all; reshapes move nothing."""
    return sum(
        step.output.elements for step in graph.steps if isinstance(step.node.op, Transpose) and step.node.op.moves_data(*step.inputs)
    )


def _taken_first(graph: Graph) -> Graph:
    """Inputs that are only read through a transpose to channels first are taken in that order."""
    inputs, gone, notes = dict(graph.inputs), dict[str, str](), list(graph.notes)
    for name, spec in graph.inputs.items():
        order = TO_CHANNELS_FIRST.get(len(spec.shape), ())
        readers = graph.consumers[name]
        if not readers or name in graph.outputs or not all(_moves(graph, node, order) for node in readers):
            continue
        inputs[name] = spec.with_shape(tuple(spec.shape[axis] for axis in order))
        notes.append(f"input '{name}' is taken channels first: {'x'.join(map(str, inputs[name].shape))}")
        gone |= {node.output: name for node in readers}
    return _without(graph, inputs, gone, notes) if gone else graph


def _without(graph: Graph, inputs: Mapping[str, TensorSpec], gone: Mapping[str, str], notes: list[str]) -> Graph:
    """The network with other inputs, whose readers of old have become nothing."""
    names = {**{name: name for name in graph.values}, **gone}
    nodes = [replace(node, inputs=tuple(names[name] for name in node.inputs)) for node in graph.nodes if node.output not in gone]
    outputs = tuple(names[name] for name in graph.outputs)
    changed = replace(graph, inputs=inputs, nodes=tuple(nodes), outputs=outputs, notes=tuple(notes))
    return rewritten(changed, changed.nodes)


def _moves(graph: Graph, node: Node, order: Order) -> bool:
    """Whether a node does nothing but bring its input into `order`."""
    if isinstance(node.op, Transpose):
        return node.op.order == order
    if not isinstance(node.op, Reshape) or not order:
        return False
    before, after = graph.values[node.inputs[0]].shape, graph.values[node.output].shape
    return not Transpose(order).moves_data(graph.values[node.inputs[0]]) and after == tuple(before[axis] for axis in order) != before


@dataclass
class _Flip:
    """All operators behind transposes to `order` that can just as well be computed before them."""

    graph: Graph
    order: Order
    parameters: dict[str, Parameter] = field(default_factory=dict)
    storage: dict[str, Storage] = field(default_factory=dict)

    @cached_property
    def makers(self) -> dict[str, Node]:
        """The node that makes each value."""
        return producers(self.graph)

    def flipped(self) -> Graph:
        """The network with those operators on values in their own order; the one given if there are none."""
        inner = self._inner()
        turned = {node.output: node.inputs[0] for node in self.graph.nodes if self._is_transpose(node)}
        turned |= {name: name for node in inner.values() if self._keeps_order(node) for name in node.outputs}
        nodes = [made for node in self.graph.nodes for made in self._rewritten(node, inner, turned)]
        outputs = tuple(turned.get(name, name) if self._gives_either_order else name for name in self.graph.outputs)
        shapes = [self.graph.values[name].shape for name in self.graph.outputs if name in turned and self._gives_either_order]
        notes = (f"an output is given channels first instead of {'x'.join(map(str, shape))}" for shape in shapes)
        changed = replace(
            self.graph,
            nodes=tuple(nodes),
            outputs=outputs,
            parameters={**self.graph.parameters, **self.parameters},
            storage={**self.graph.storage, **self.storage},
            notes=tuple(dict.fromkeys((*self.graph.notes, *notes))),
        )
        return rewritten(changed, changed.nodes)

    @property
    def _gives_either_order(self) -> bool:
        """Whether an output may be left in the order before the transpose: the one to channels last."""
        return inverse(self.order) == TO_CHANNELS_FIRST.get(len(self.order))

    # The new nodes.

    def _rewritten(self, node: Node, inner: Mapping[str, Node], turned: Mapping[str, str]) -> list[Node]:
        if node.name in inner:
            return self._flipped(node, turned)
        if not any(name in turned for name in node.inputs):
            return [node]
        source = turned.get(node.inputs[0], "")
        if isinstance(node.op, Transpose):
            return [replace(node, op=Transpose(composed(self.order, node.op.order)), inputs=(source,))]
        if self._is_flatten(node):
            return [self._flattened(node, source)]
        return [node]

    def _flipped(self, node: Node, turned: Mapping[str, str]) -> list[Node]:
        """An operator with its axes renamed, and the transposes, of axes of one element only, that its other operands need."""
        back = inverse(self.order)
        before: list[Node] = []
        inputs: list[str] = []
        for i, name in enumerate(node.inputs):
            if name not in turned:
                before.append(Node(f"{node.name}.order_{i}", Transpose(back), (name,), (f"{node.output}.order_{i}",)))
            inputs.append(turned.get(name, f"{node.output}.order_{i}"))
        found = reordered(node.op, self.order)
        assert found is not None
        roles = tuple((role, self._operand(name)) for role, name in node.parameters)
        return [*before, *self._as_pool(replace(node, op=found[0], inputs=tuple(inputs), parameters=roles))]

    def _as_pool(self, node: Node) -> list[Node]:
        """A reduction that is now over every axis but the first, as the global pool it is."""
        op: Any = node.op
        if type(op) not in WHOLE or op.axes != tuple(range(1, len(self.order))):
            return [node]
        pool = WHOLE[type(op)]()
        if op.keepdims:
            return [replace(node, op=pool)]
        channels = self.graph.values[node.output].shape[0]
        pooled = f"{node.output}.pooled"
        if node.output in self.graph.storage:
            self.storage[pooled] = self.graph.storage[node.output]
        reshape = Reshape.between((channels, *(1 for _ in op.axes)), (channels,))
        return [replace(node, op=pool, outputs=(pooled,)), Node(f"{node.name}.reshape", reshape, (pooled,), node.outputs)]

    def _operand(self, name: str) -> str:
        """The constant beside an operator, its axes in the other order; one that others read too is copied."""
        operand = self.graph.parameters[name]
        if len(operand.shape) != len(self.order):
            return name
        back, read = inverse(self.order), operand.read
        made = name if self._uses[name] == 1 else f"{name}.{'_'.join(map(str, back))}"
        shape = tuple(operand.shape[axis] for axis in back)
        self.parameters[made] = replace(operand, name=made, shape=shape, read=read and (lambda: read().transpose(back)))
        return made

    def _flattened(self, node: Node, source: str) -> Node:
        """A flatten of the value in its own order; the columns of the dense layers behind follow."""
        before = self.graph.values[node.inputs[0]].shape
        back = inverse(self.order)
        for reader in self.graph.consumers[node.output]:
            name = dict(reader.parameters)["weight"]
            self.parameters[name] = _columns_moved(self.graph.parameters[name], before, back)
        shape = tuple(before[axis] for axis in back)
        return replace(node, op=Reshape.between(shape, self.graph.values[node.output].shape), inputs=(source,))

    # Which operators.

    def _inner(self) -> dict[str, Node]:
        """The largest set of operators that read and are read only in ways that allow it."""
        inner = {node.name: node for node in self._reached()}
        while refused := [name for name, node in inner.items() if not (self._may_read(node, inner) and self._may_be_read(node, inner))]:
            for name in refused:
                del inner[name]
        return inner

    def _reached(self) -> list[Node]:
        """Operators behind a transpose to `order`, as far as they do not care."""
        reached: set[str] = {node.output for node in self.graph.nodes if self._is_transpose(node)}
        found = []
        for node in self.graph.nodes:
            if not reached.isdisjoint(node.inputs) and self._does_not_care(node):
                found.append(node)
                reached.update(node.outputs)
        return found

    def _is_transpose(self, node: Node) -> bool:
        return isinstance(node.op, Transpose) and node.op.order == self.order

    def _does_not_care(self, node: Node) -> bool:
        specs = [self.graph.values[name] for name in (*node.inputs, *node.outputs)]
        if any(spec.quantisation is not None and spec.quantisation.per_channel for spec in specs):
            return False
        ranks = {len(self.graph.values[name].shape) for name in node.inputs}
        return ranks == {len(self.order)} and reordered(node.op, self.order) is not None

    def _may_read(self, node: Node, inner: Mapping[str, Node]) -> bool:
        return all(self._is_inner(name, inner) or self._is_free(name) for name in node.inputs)

    def _is_inner(self, name: str, inner: Mapping[str, Node]) -> bool:
        maker = self.makers.get(name)
        return maker is not None and (self._is_transpose(maker) or (maker.name in inner and self._keeps_order(maker)))

    def _is_free(self, name: str) -> bool:
        """Whether a value can be had in the other order for nothing, because only axes of one element move."""
        return not Transpose(inverse(self.order)).moves_data(self.graph.values[name])

    def _keeps_order(self, node: Node) -> bool:
        """Whether the result of an operator is in the other order too; if not, axes are gone and it is the same in both."""
        found = reordered(node.op, self.order)
        return found is not None and found[1] == self.order

    def _may_be_read(self, node: Node, inner: Mapping[str, Node]) -> bool:
        found = reordered(node.op, self.order)
        if found is None or found[1] == tuple(range(len(found[1]))):
            return found is not None
        if found[1] != self.order or (any(name in self.graph.outputs for name in node.outputs) and not self._gives_either_order):
            return False
        readers = [reader for name in node.outputs for reader in self.graph.consumers[name]]
        return all(reader.name in inner or self._ends(reader) for reader in readers)

    def _ends(self, node: Node) -> bool:
        """Whether an operator behind takes a value in either order: a transpose, or a flatten before dense layers."""
        return isinstance(node.op, Transpose) or self._is_flatten(node)

    def _is_flatten(self, node: Node) -> bool:
        """Whether all axes become one, read by dense layers alone, whose columns can be put into any order."""
        after = self.graph.values[node.output].shape
        if not isinstance(node.op, Reshape) or len(after) != 1 or node.output in self.graph.outputs:
            return False
        readers = self.graph.consumers[node.output]
        return bool(readers) and all(isinstance(reader.op, Dense) and self._owns_weight(reader) for reader in readers)

    def _owns_weight(self, node: Node) -> bool:
        weight = dict(node.parameters)["weight"]
        quantisation = self.graph.parameters[weight].quantisation
        return self._uses[weight] == 1 and (quantisation is None or quantisation.axis in {None, 0})

    @cached_property
    def _uses(self) -> dict[str, int]:
        uses: dict[str, int] = {}
        for node in self.graph.nodes:
            for _, name in node.parameters:
                uses[name] = uses.get(name, 0) + 1
        return uses


def _columns_moved(weight: Parameter, before: tuple[Size, ...], back: Order) -> Parameter:
    """The weights of a dense layer behind a flatten, for a value whose axes come in the order `back`."""
    read = weight.read
    if read is None:
        return weight

    def values() -> Array:
        stored = read()
        by_axis = stored.reshape(stored.shape[0], *before).transpose(0, *(axis + 1 for axis in back))
        return np.asarray(by_axis.reshape(stored.shape))

    return replace(weight, read=values)
