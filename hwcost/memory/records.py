"""What a runtime keeps per model, tensor, operator or channel, counted for one network; RAM and flash both hold such records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hwcost.graph import Graph
from hwcost.sizes import Size
from hwcost.target import Record


def record_bytes(records: Iterable[Record], graph: Graph, pointer_bytes: int) -> Size:
    """Bytes of every record a runtime keeps for `graph`, where pointers take `pointer_bytes`."""
    return sum(record.size_bytes(pointer_bytes) * _count(record, graph) for record in records)


def _count(record: Record, graph: Graph) -> Size:
    """How many records there are of one sort."""
    if record.per == "model":
        return 1
    if record.per == "tensor":
        return len(graph.values) + len(graph.used_parameters)
    if record.per == "io_tensor":
        return len(graph.inputs) + len(graph.outputs)
    if record.per == "operator":
        return sum(1 for step in graph.steps if _applies(record.kinds, step.kind))
    return sum(step.work.out_channels for step in graph.steps if step.weight_bits and _applies(record.kinds, step.kind))


def _applies(kinds: Sequence[str], kind: str) -> bool:
    return not kinds or kind in kinds
