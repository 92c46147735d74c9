"""Which block of RAM lives when: the structure of a schedule, apart from the sizes of its tensors.

Lifetimes depend on the order of nodes, on which operators rename memory (reshape) and on which ones may overwrite an input; not on
how wide a layer is. So a search finds them once, and only sizes change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from hwcost.graph import Graph, Step
from hwcost.sizes import Size, equal, largest
from hwcost.tensor import TensorSpec


@dataclass(frozen=True, slots=True)
class Span:
    """One block of memory and the tensors that pass through it.

    It is live during steps `start` to `stop`, the last excluded; `tensors` holds the tensor that is stored there first and those
    that take its place: views of it, and results computed over it.
    """

    name: str
    tensors: tuple[str, ...]
    start: int
    stop: int
    is_io: bool = False

    def covers(self, step: int) -> bool:
        """Whether the block is live during `step`."""
        return self.start <= step < self.stop


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Every block of a network in the order given, and how many steps there are."""

    spans: tuple[Span, ...]
    steps: int

    def live(self, step: int) -> tuple[Span, ...]:
        """The blocks that hold something during `step`."""
        return tuple(span for span in self.spans if span.covers(step))

    def live_bytes(self, values: Mapping[str, TensorSpec]) -> tuple[Size, ...]:
        """Bytes live during each step, scratch not counted: the rows of which the peak is the largest."""
        sizes = self.sizes(values)
        rows: list[Size] = [0] * self.steps
        for span, size in zip(self.spans, sizes, strict=True):
            for step in range(span.start, span.stop):
                rows[step] = rows[step] + size
        return tuple(rows)

    def sizes(self, values: Mapping[str, TensorSpec]) -> tuple[Size, ...]:
        """Bytes of each block: of the tensor first stored there, whose successors are as large by construction."""
        return tuple(values[span.name].bytes for span in self.spans)

    def peak_bytes(self, values: Mapping[str, TensorSpec]) -> Size:
        """The most that is live at once; 0 for a network without tensors."""
        rows = self.live_bytes(values)
        return largest(*rows) if rows else 0


@dataclass(slots=True)
class _Block:
    """A span while it grows."""

    name: str
    start: int
    stop: int
    tensors: list[str] = field(default_factory=list)
    is_io: bool = False


def lifetimes(graph: Graph, in_place: Collection[str] = ()) -> Lifetimes:
    """The blocks of `graph` in its execution order.

    `in_place` names operator kinds that a runtime computes over an input of the same size that nothing reads afterwards.
    Network inputs live from the start, network outputs to the end; a tensor that a layer reads and one that it makes are live
    during the same step, so they never overlap unless the layer works in place.
    """
    end = max(len(graph.steps), 1)
    last_use = _last_uses(graph, end)
    blocks: dict[str, _Block] = {}
    held: dict[str, _Block] = {}

    def open_block(tensor: str, start: int, *, is_io: bool) -> None:
        block = _Block(tensor, start, last_use[tensor], [tensor], is_io)
        blocks[tensor] = held[tensor] = block

    for tensor in graph.inputs:
        open_block(tensor, 0, is_io=True)
    for index, step in enumerate(graph.steps):
        if step.node.op.resident == "flash":
            continue
        for tensor in step.node.outputs:
            home = _home(step, tensor, index, held, graph, in_place)
            if home is None:
                open_block(tensor, index, is_io=tensor in graph.outputs)
                continue
            home.tensors.append(tensor)
            home.stop = max(home.stop, last_use[tensor])
            home.is_io = home.is_io or tensor in graph.outputs
            held[tensor] = home
    return Lifetimes(tuple(Span(b.name, tuple(b.tensors), b.start, b.stop, b.is_io) for b in blocks.values()), end)


def _last_uses(graph: Graph, end: int) -> dict[str, int]:
    """For each tensor the first step at which it is no longer needed."""
    last: dict[str, int] = dict.fromkeys(graph.inputs, 1)
    for index, step in enumerate(graph.steps):
        for tensor in (*step.node.inputs, *step.node.outputs):
            last[tensor] = index + 1
    for tensor in graph.outputs:
        last[tensor] = end
    return last


def _home(step: Step, tensor: str, index: int, held: Mapping[str, _Block], graph: Graph, in_place: Collection[str]) -> _Block | None:
    """The block that already holds an input and takes `tensor` too: a view of it, or a result written over it."""
    if len(step.node.outputs) > 1:
        return None
    op = step.node.op
    inputs = [name for name in step.node.inputs if name in held]
    if op.alias and inputs:
        return held[inputs[0]]
    if op.kind not in in_place:
        return None
    same_size = [name for name in inputs if equal(graph.values[name].bytes, graph.values[tensor].bytes)]
    return next((held[name] for name in same_size if _dies(held[name], index, graph)), None)


def _dies(block: _Block, index: int, graph: Graph) -> bool:
    """Whether nothing needs a block after step `index`; the network's outputs are needed by the caller."""
    return block.stop == index + 1 and not any(tensor in graph.outputs for tensor in block.tensors)
