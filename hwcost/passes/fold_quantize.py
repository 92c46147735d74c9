"""Quantise and dequantise nodes around a layer say that it computes on integers: afterwards the storage of its values says so.

Every value stands for real numbers. Where all readers of a value quantise it alike, it is stored so; a layer whose real inputs and
outputs are all stored as integers is an integer layer. What is left computes on floats (a *float island*), with quantise and
dequantise nodes exactly where integers and floats meet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from hwcost.graph import BIAS_BITS, Graph, Node, Parameter, Storage
from hwcost.ops.activation import Clip, Relu
from hwcost.ops.conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, DepthwiseConv1d, DepthwiseConv2d
from hwcost.ops.dense import Dense
from hwcost.ops.gather import Gather
from hwcost.ops.joining import Concat, Constant, Expand, Pad, Slice, Split
from hwcost.ops.pool import GlobalMaxPool, MaxPool1d, MaxPool2d
from hwcost.ops.reduce import ReduceMax, ReduceMin
from hwcost.ops.resize import DepthToSpace, SpaceToDepth
from hwcost.ops.shape import Reshape, Transpose
from hwcost.ops.storage import Cast, Dequantize, Identity, Quantize
from hwcost.passes.real_numbers import Array, numbers
from hwcost.passes.rewriting import rewritten
from hwcost.tensor import TensorSpec

SELECTING = (
    *(Reshape, Transpose, Identity, Slice, Split, Concat, Expand, Pad, Gather, DepthToSpace, SpaceToDepth),
    *(MaxPool1d, MaxPool2d, GlobalMaxPool, ReduceMax, ReduceMin, Relu, Clip),
)
"""Operators whose outputs are numbers of their inputs: integers stay what they are, of the same scale."""

WEIGHTED = (Conv1d, Conv2d, DepthwiseConv1d, DepthwiseConv2d, ConvTranspose1d, ConvTranspose2d, Dense)
ON_FLOATS = (Cast, Constant, Quantize, Dequantize)
"""Operators that mean something else of integers, or that make what they make of nothing."""


def fold_quantize(graph: Graph) -> Graph:
    """The network with integer layers in place of layers between dequantise and quantise nodes.

    An input that is only quantised is taken as integers, an output that is only dequantised is given as integers; notes say so.
    Biases of integer layers have 32 bits and no scale of their own: it is the product of the others.
    """
    graph = _spread(graph)
    if not any(isinstance(node.op, Quantize | Dequantize) for node in graph.nodes):
        return graph
    return _Folding(graph).folded()


def _scale_of(graph: Graph, node: Node) -> Storage:
    """How the integers of a quantise or dequantise node are stored."""
    return _storage(graph.values[node.output if isinstance(node.op, Quantize) else node.inputs[0]])


def _storage(spec: TensorSpec) -> Storage:
    return Storage(spec.bits, spec.quantisation, spec.kind)


def _known(storage: Storage) -> bool:
    """Whether the scale is in the file; one found at run time belongs to no value."""
    return storage.quantisation is not None and bool(storage.quantisation.scale)


def _spread(graph: Graph) -> Graph:
    """Integers that only change place before they are dequantised have had their scale all along."""
    specs: dict[str, TensorSpec] = dict(graph.values)
    found: dict[str, Storage] = {}
    for node in reversed(graph.nodes):
        scale = _storage(specs[node.output])
        if not isinstance(node.op, SELECTING) or not _known(scale):
            continue
        for name in node.inputs:
            spec = specs[name]
            if (spec.kind, spec.bits, spec.quantisation) == (scale.kind, scale.bits, None):
                found[name] = scale
                specs[name] = scale.of(spec)
    if not found:
        return graph
    inputs = {name: found[name].of(spec) if name in found else spec for name, spec in graph.inputs.items()}
    storage = {name: scale for name, scale in found.items() if name not in inputs}
    return replace(graph, inputs=inputs, storage={**graph.storage, **storage})


@dataclass
class _Folding:
    """One network: which real value each name stands for, how it is stored, and the new nodes."""

    graph: Graph
    same: dict[str, str] = field(default_factory=dict)
    """Names that stand for the value of another name."""
    stored: dict[str, Storage] = field(default_factory=dict)
    """How a value is stored as integers, for those that are."""
    made: dict[tuple[str, bool], str] = field(default_factory=dict)
    """The name under which a value is there as integers (True) or floats (False); not yet where it is still to be rounded."""
    nodes: list[Node] = field(default_factory=list)
    storage: dict[str, Storage] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def real(self, name: str) -> str:
        """The value behind a name."""
        while name in self.same:
            name = self.same[name]
        return name

    def folded(self) -> Graph:
        """The network with integer layers; the one given if nothing changes."""
        self._store_integers()
        self._store_backwards()
        self._store_forwards()
        self._absorb()
        for name, spec in self.graph.inputs.items():
            self._take(name, spec)
        for node in self.graph.nodes:
            if node.output not in self.same:
                self._rewrite(node)
        outputs = tuple(self._output(name) for name in self.graph.outputs)
        made = self._graph(outputs)
        unchanged = (made.nodes, made.outputs, made.inputs, made.storage) == (
            self.graph.nodes, self.graph.outputs, self.graph.inputs, self.graph.storage
        )  # fmt: skip
        return self.graph if unchanged and made.parameters == self.graph.parameters else made

    def _graph(self, outputs: tuple[str, ...]) -> Graph:
        inputs = {name: self.stored[name].of(spec) if name in self.stored else spec for name, spec in self.graph.inputs.items()}
        changed = replace(
            self.graph,
            inputs=inputs,
            outputs=outputs,
            nodes=tuple(self.nodes),
            parameters={**self.graph.parameters, **self.parameters},
            storage=self.storage,
            notes=tuple(dict.fromkeys((*self.graph.notes, *self.notes))),
        )
        return rewritten(changed, changed.nodes)

    def _store_integers(self) -> None:
        """What the file has as integers of a known scale; dequantised, it is still the same value."""
        for name, spec in self.graph.values.items():
            if not spec.is_float and _known(_storage(spec)):
                self.stored[name] = _storage(spec)
        for node in self.graph.nodes:
            if isinstance(node.op, Dequantize) and node.inputs[0] in self.stored:
                self.same[node.output] = self.real(node.inputs[0])

    def _store_backwards(self) -> None:
        """A value that is only quantised, always by one scale, is stored so; also through operators that select."""
        wanted: dict[str, set[Storage | None]] = {name: {None} for name in self.graph.outputs}
        for node in reversed(self.graph.nodes):
            agreed = self._agreed(node, wanted)
            for name in node.inputs:
                wanted.setdefault(name, set()).add(agreed)
        for name in self.graph.inputs:
            self._settle(name, wanted)

    def _agreed(self, node: Node, wanted: Mapping[str, set[Storage | None]]) -> Storage | None:
        """How a node wants its inputs stored; None if it does not say."""
        if isinstance(node.op, Quantize):
            scale = _scale_of(self.graph, node)
            return scale if _known(scale) else None
        for output in node.outputs:
            self._settle(output, wanted)
        found = {self.stored.get(output) for output in node.outputs}
        return found.pop() if isinstance(node.op, SELECTING) and len(found) == 1 else None

    def _settle(self, name: str, wanted: Mapping[str, set[Storage | None]]) -> None:
        readers = wanted.get(name, set())
        if len(readers) == 1 and self.graph.values[name].is_float and name not in self.same:
            (storage,) = readers
            if storage is not None:
                self.stored[name] = storage

    def _store_forwards(self) -> None:
        """What is selected from integers is integers of their scale, whoever reads it."""
        for node in self.graph.nodes:
            found = {self.stored.get(self.real(name)) for name in node.inputs if self._is_real(name)}
            if isinstance(node.op, SELECTING) and len(found) == 1 and self.graph.values[node.output].is_float:
                (storage,) = found
                if storage is not None:
                    self.stored.update((name, storage) for name in node.outputs if name not in self.stored)

    def _absorb(self) -> None:
        """A quantise node that only states how its input is stored makes nothing new."""
        for node in self.graph.nodes:
            if isinstance(node.op, Quantize) and self.stored.get(self.real(node.inputs[0])) == _scale_of(self.graph, node):
                self.same[node.output] = self.real(node.inputs[0])

    def _is_real(self, name: str) -> bool:
        """Whether a value stands for real numbers, as indices and truth values do not."""
        return self.graph.values[name].is_float or self.real(name) in self.stored

    def _on_integers(self, node: Node) -> bool:
        """Whether a node computes on integers: all its real values are stored so, and so are its constants, or can be."""
        if isinstance(node.op, ON_FLOATS):
            return all(name in self.stored for name in node.outputs)
        real = [self.real(name) for name in (*node.inputs, *node.outputs) if self._is_real(name)]
        integers = bool(real) and all(name in self.stored for name in real)
        return integers and all(self._is_integer(node, role, name) for role, name in node.parameters)

    def _is_integer(self, node: Node, role: str, name: str) -> bool:
        if role == "bias" and isinstance(node.op, WEIGHTED):
            return True
        parameter = self.graph.parameters[name]
        return parameter.kind != "float" or parameter.quantisation is not None

    def _take(self, name: str, spec: TensorSpec) -> None:
        """An input, as it comes."""
        if name in self.stored and spec.is_float:
            self.notes.append(f"input '{name}' is taken as {self.stored[name].bits}-bit integers: quantising it is left to the application")
        self.made[name, name in self.stored or not spec.is_float] = name

    def _rewrite(self, node: Node) -> None:
        integers = self._on_integers(node)
        inputs = tuple(self._input(node, name, integers) if self._is_real(name) else name for name in node.inputs)
        self.nodes.append(replace(node, inputs=inputs, parameters=self._constants(node) if integers else node.parameters))
        for name in node.outputs:
            as_integers = integers or not self.graph.values[name].is_float
            if as_integers or name not in self.stored:
                self.made[name, as_integers] = name
            if as_integers and name in self.stored:
                self.storage[name] = self.stored[name]
            elif name in self.graph.storage:
                self.storage[name] = self.graph.storage[name]

    def _input(self, node: Node, name: str, integers: bool) -> str:
        """The name of a value as integers or floats; quantising again takes it as it is there."""
        value = self.real(name)
        if isinstance(node.op, Quantize):
            integers = (value, True) in self.made
        there = self.made.get((value, integers))
        return self._converted(value, integers) if there is None else there

    def _converted(self, value: str, integers: bool) -> str:
        """Integers turned into floats or the other way round, where that is first needed.

        What a layer on floats makes and is stored as integers, is rounded before anybody reads it, also as floats.
        """
        stored = self.stored[value]
        source = value if integers else self.made.get((value, True)) or self._converted(value, True)
        made = f"{value}.{'quantized' if integers else 'dequantized'}"
        self.nodes.append(Node(made, Quantize(stored.bits, stored.kind) if integers else Dequantize(), (source,), (made,)))
        if integers:
            self.storage[made] = stored
        self.made[value, integers] = made
        return made

    def _constants(self, node: Node) -> tuple[tuple[str, str], ...]:
        """The constants of an integer layer, its bias as wide as the accumulator it starts."""
        weighted = isinstance(node.op, WEIGHTED)
        return tuple((role, self._bias(node, name) if role == "bias" and weighted else name) for role, name in node.parameters)

    def _bias(self, node: Node, name: str) -> str:
        bias = self.graph.parameters[name]
        if bias.kind != "float":
            self.parameters[name] = replace(bias, bits=BIAS_BITS, kind="int", quantisation=None)
            return name
        weight = self.graph.parameters[dict(node.parameters)["weight"]]
        scale = self.stored[self.real(node.inputs[0])]
        own = name if self._uses[name] == 1 else f"{name}.{node.name}"
        self.parameters[own] = replace(bias, name=own, bits=BIAS_BITS, kind="int", read=lambda: _accumulated(bias, weight, scale))
        return own

    @cached_property
    def _uses(self) -> Counter[str]:
        """How many nodes read each constant."""
        return Counter(name for node in self.graph.nodes for name in {name for _, name in node.parameters})

    def _output(self, name: str) -> str:
        value = self.real(name)
        if value not in self.stored:
            return name
        if self.graph.values[name].is_float:
            self.notes.append(f"an output is given as {self.stored[value].bits}-bit integers: dequantising it is left to the application")
        return self.made.get((value, True)) or self._converted(value, True)


def _accumulated(bias: Parameter, weight: Parameter, x: Storage) -> Array:
    """A real bias in steps of the accumulator, which are those of the input times those of the weights."""
    assert weight.quantisation is not None
    assert x.quantisation is not None
    step = np.asarray(weight.quantisation.scale, dtype=np.float64) * np.asarray(x.quantisation.scale, dtype=np.float64)
    limit = (1 << (BIAS_BITS - 1)) - 1
    return np.clip(np.rint(numbers(bias) / step), -limit, limit).astype(np.int32)
