"""The nodes of a file as one flat list: functions inlined, names resolved, in an order in which they can be read.

What contributes to no output is left out before anything of it is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from hwcost.errors import GraphError, InputError, shown
from hwcost.frontends.onnx_text import clean, text

if TYPE_CHECKING:
    import onnx

MOST_NODES = 10_000
DEEPEST = 24
"""Functions inside functions, and branches inside branches."""

OLDEST_OPSET = 7
DEFAULT_DOMAINS = {"", "ai.onnx"}
CONTROL_FLOW = {"If", "Loop", "Scan", "SequenceMap"}


@dataclass(frozen=True)
class Scope:
    """What a name in a graph, branch or function body stands for in the flat list."""

    prefix: str = ""
    """In front of values made here, different for every call; empty for the network itself."""
    label: str = ""
    """In front of the names of nodes."""
    names: dict[str, str] = field(default_factory=dict)
    parent: Scope | None = None
    depth: int = 0

    def resolve(self, name: str) -> str:
        """The value that `name` means here."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return name

    def define(self, name: str) -> str:
        """A value made here; outside of functions and branches it keeps its name."""
        return self.names.setdefault(name, f"{self.prefix}{name}") if self.prefix else name


@dataclass(frozen=True, slots=True)
class FileNode:
    """One node: operator, opset of its domain, names of values as they are in the flat list, attributes as the file has them."""

    op: str
    domain: str
    version: int
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, onnx.AttributeProto]
    scope: Scope
    captured: tuple[str, ...] = ()
    """Values of the graph that its branches read."""

    @property
    def kind(self) -> str:
        """Operator with its domain where that is not the default one, as messages name it."""
        return f"{self.domain}.{self.op}" if self.domain else self.op


@dataclass
class Flattening:
    """The functions and opsets of one model, with which nodes are flattened."""

    model: onnx.ModelProto
    functions: dict[tuple[str, str], onnx.FunctionProto] = field(default_factory=dict)
    known: frozenset[tuple[str, str]] = frozenset()
    made: int = 0

    def __post_init__(self) -> None:
        self.functions = {(_domain(f.domain), clean(f.name)): f for f in self.model.functions}
        self.opsets = opsets(self.model.opset_import)
        if not self.opsets:
            raise InputError("the file names no opset: it is no ONNX model, or damaged")
        version = self.opsets.get("")
        if version is not None and version < OLDEST_OPSET:
            raise GraphError(f"the file has opset {version}, hwcost reads {OLDEST_OPSET} and newer: convert it with onnx.version_converter")

    def nodes(self, protos: Iterable[onnx.NodeProto], scope: Scope, versions: Mapping[str, int] | None = None) -> list[FileNode]:
        """The nodes of a graph, in its order, with calls of the model's own functions replaced by what they do."""
        made: list[FileNode] = []
        for proto in protos:
            node = self._node(proto, scope, self.opsets if versions is None else versions)
            function = self.functions.get((node.domain, node.op)) if (node.domain, node.op) not in self.known else None
            made.extend([node] if function is None else self._inlined(node, function))
        return made

    def _node(self, proto: onnx.NodeProto, scope: Scope, versions: Mapping[str, int]) -> FileNode:
        self.made += 1
        if self.made > MOST_NODES:
            raise GraphError(f"the network has more than {MOST_NODES:,} nodes: hwcost reads no more")
        domain, op = _domain(proto.domain), clean(proto.op_type)
        if domain not in versions and not domain:
            raise GraphError("the file names no opset for ONNX's own operators", node=node_name(proto, op))
        inputs = tuple(scope.resolve(text(name)) if name else "" for name in proto.input)
        captured = _captured(proto, scope) if op in CONTROL_FLOW else ()
        outputs = tuple(scope.define(text(name)) if name else "" for name in proto.output)
        attributes = {clean(attribute.name): attribute for attribute in proto.attribute}
        name = clean(f"{scope.label}{node_name(proto, op)}")
        return FileNode(op, domain, versions.get(domain, 0), name, inputs, outputs, attributes, scope, captured)

    def _inlined(self, call: FileNode, function: onnx.FunctionProto) -> list[FileNode]:
        if call.scope.depth >= DEEPEST:
            raise GraphError(f"functions call each other more than {DEEPEST} deep", node=call.name)
        scope = Scope(f"{self.made}:", f"{call.name}/", {}, None, call.scope.depth + 1)
        formal = [text(name) for name in function.input]
        scope.names.update(dict.fromkeys(formal, ""))
        scope.names.update(zip(formal, call.inputs, strict=False))
        for name, outside in zip((text(name) for name in function.output), call.outputs, strict=False):
            scope.names.setdefault(name, outside or f"{scope.prefix}{name}")
        body = self.nodes(function.node, scope, {**self.opsets, **opsets(function.opset_import)})
        defaults = {clean(attribute.name): attribute for attribute in function.attribute_proto}
        return [_bound(node, {**defaults, **call.attributes}) for node in body] + _passed_through(call, function, formal)


def _passed_through(call: FileNode, function: onnx.FunctionProto, formal: Sequence[str]) -> list[FileNode]:
    """A function may return one of its inputs: then its output is that value under another name."""
    given = dict(zip(formal, call.inputs, strict=False))
    pairs = zip((text(name) for name in function.output), call.outputs, strict=False)
    renamed = [(given[name], output) for name, output in pairs if name in given and output]
    return [FileNode("Identity", "", call.version, call.name, (source,), (output,), {}, call.scope) for source, output in renamed]


def _bound(node: FileNode, given: Mapping[str, onnx.AttributeProto]) -> FileNode:
    """A node of a function body with references to the function's attributes replaced by what the call gave."""
    if not any(attribute.ref_attr_name for attribute in node.attributes.values()):
        return node
    bound = {}
    for name, attribute in node.attributes.items():
        source = given.get(clean(attribute.ref_attr_name)) if attribute.ref_attr_name else attribute
        if source is not None:
            bound[name] = source
    return FileNode(node.op, node.domain, node.version, node.name, node.inputs, node.outputs, bound, node.scope, node.captured)


def opsets(imports: Iterable[onnx.OperatorSetIdProto]) -> dict[str, int]:
    """Opset version by domain, the default domain being ''."""
    return {_domain(entry.domain): entry.version for entry in imports}


def _domain(domain: object) -> str:
    name = clean(domain)
    return "" if name in DEFAULT_DOMAINS else name


def node_name(proto: onnx.NodeProto, op: str) -> str:
    """What people call a node: the module path torch's exporter kept, else its name, else its operator and what it makes."""
    for entry in proto.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes":
            path = _module_path(clean(entry.value, longest=2000), proto)
            if path:
                return clean(path)
    if proto.name:
        return clean(_last_of_fused(text(proto.name)))
    return f"{op}_{clean(proto.output[0])}" if proto.output else op


def _last_of_fused(name: str) -> str:
    """TensorFlow Lite joins the names of all operators it fused with semicolons; the last is the layer's own."""
    last = name.rpartition(";")[2]
    return last or name


def _module_path(scopes: str, proto: onnx.NodeProto) -> str:
    """The path in a list such as `['', 'layer1', 'layer1.conv1', 'conv2d_3']`, in which the last entry is the call itself.

    A call that is not the only one of its module (the sum in a residual block) gets the operator behind the path.
    """
    *modules, _ = [part.strip(" '\"") for part in scopes.strip("[]").split(",")]
    path = modules[-1] if modules else ""
    classes = next((clean(e.value, longest=2000) for e in proto.metadata_props if e.key == "pkg.torch.onnx.class_hierarchy"), "")
    *kinds, _ = [part.strip(" '\"") for part in classes.strip("[]").split(",")]
    is_layer = bool(kinds) and kinds[-1].startswith("torch.nn.modules.") and ".container." not in kinds[-1]
    operator = clean(proto.op_type).lower()
    if is_layer and path:
        return path
    return f"{path}.{operator}" if path else operator


def _captured(proto: onnx.NodeProto, scope: Scope) -> tuple[str, ...]:
    """Values around a node with branches that the branches read."""
    inner: dict[str, None] = {}
    todo = [attribute.g for attribute in proto.attribute if attribute.HasField("g")]
    while todo:
        graph = todo.pop()
        for node in graph.node:
            inner.update(dict.fromkeys(text(name) for name in node.input if name))
            todo.extend(attribute.g for attribute in node.attribute if attribute.HasField("g"))
        inner.update(dict.fromkeys(text(output.name) for output in graph.output))
    return tuple(scope.resolve(name) for name in inner)


def in_order(nodes: Sequence[FileNode], given: Iterable[str], wanted: Sequence[str]) -> list[FileNode]:
    """The nodes that `wanted` needs, each after those it reads; file order where that does.

    Raises GraphError for values made twice, made by nothing, or made from themselves.
    """
    makers = _makers(nodes, set(given))
    needed = _needed(nodes, makers, wanted)
    _require_made(nodes, needed, makers, set(given), wanted)
    return [nodes[i] for i in _sorted(nodes, needed, makers)]


def _makers(nodes: Sequence[FileNode], given: set[str]) -> dict[str, int]:
    makers: dict[str, int] = {}
    for i, node in enumerate(nodes):
        for output in filter(None, node.outputs):
            if output in makers or output in given:
                other = f"node '{nodes[makers[output]].name}'" if output in makers else "an input or a stored constant"
                raise GraphError(f"value {shown(output)} is made twice, also by {other}", node=node.name)
            makers[output] = i
    return makers


def _reads(node: FileNode) -> Iterator[str]:
    yield from filter(None, node.inputs)
    yield from node.captured


def _needed(nodes: Sequence[FileNode], makers: Mapping[str, int], wanted: Sequence[str]) -> list[int]:
    """Indices of all nodes that something wanted depends on, in file order."""
    todo = [makers[name] for name in wanted if name in makers]
    needed = set(todo)
    while todo:
        for name in _reads(nodes[todo.pop()]):
            maker = makers.get(name)
            if maker is not None and maker not in needed:
                needed.add(maker)
                todo.append(maker)
    return sorted(needed)


def _require_made(
    nodes: Sequence[FileNode], needed: Sequence[int], makers: Mapping[str, int], given: set[str], wanted: Sequence[str]
) -> None:
    for name in wanted:
        if name not in makers and name not in given:
            raise GraphError(f"output {shown(name)} is made by no node")
    for i in needed:
        for name in filter(None, nodes[i].inputs):
            if name not in makers and name not in given:
                raise GraphError(f"reads {shown(name)}, which is no input, no stored constant and made by no node", node=nodes[i].name)


def _sorted(nodes: Sequence[FileNode], needed: Sequence[int], makers: Mapping[str, int]) -> list[int]:
    waiting = {i: len({makers[name] for name in _reads(nodes[i]) if name in makers}) for i in needed}
    readers: dict[int, list[int]] = {i: [] for i in needed}
    for i in needed:
        for maker in {makers[name] for name in _reads(nodes[i]) if name in makers}:
            readers[maker].append(i)
    ready = [i for i in needed if not waiting[i]]
    heapify(ready)
    order: list[int] = []
    while ready:
        i = heappop(ready)
        order.append(i)
        for reader in readers[i]:
            waiting[reader] -= 1
            if not waiting[reader]:
                heappush(ready, reader)
    if len(order) < len(needed):
        stuck = next(nodes[i] for i in needed if waiting[i])
        raise GraphError("depends on its own output: the network has a cycle", node=stuck.name)
    return order
