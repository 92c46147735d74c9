"""The layers of a model file behind the entries of a log that does not say what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwcost.errors import MeasurementError, shown
from hwcost.graph import Graph, Step
from hwcost.measure.importers.kinds import GLUE, kinds_of, plain
from hwcost.measure.importers.log import Entry, Log
from hwcost.records import Layer

__all__ = ["Joined", "join", "layer_of_step"]


@dataclass(frozen=True, slots=True)
class Joined:
    """Entries with their layers, and the entries that compute no layer of the model (glue, and shapes that change for free)."""

    rows: tuple[tuple[Entry, Layer], ...]
    left_out: tuple[Entry, ...]


def join(log: Log, graph: Graph) -> Joined:
    """Each entry with the layer of `graph` it ran: by name where the names agree, else in order.

    Raises MeasurementError at the first entry that cannot be the layer it would have to be: another model, or another order.
    """
    named = _by_name(log.entries, graph)
    return named if named is not None else _in_order(log, graph)


def layer_of_step(step: Step) -> Layer:
    """A step of a network as a layer of its own."""
    return Layer(step.node.op, step.inputs, step.weight_bits or 8)


def _by_name(entries: Sequence[Entry], graph: Graph) -> Joined | None:
    """Where every entry that is not glue has the name of a step that it can be, and no two the same."""
    steps = {step.node.name: step for step in graph.steps}
    found = [(entry, steps.get(entry.name)) for entry in entries]
    rows = [(entry, step) for entry, step in found if step is not None and _can_be(entry, step) and not step.node.op.alias]
    rest = [entry for entry, step in found if step is None or step.node.op.alias or not _can_be(entry, step)]
    if not rows or any(plain(entry.kind) not in GLUE for entry in rest) or len({entry.name for entry, _ in rows}) < len(rows):
        return None
    return Joined(tuple((entry, layer_of_step(step)) for entry, step in rows), tuple(rest))


def _in_order(log: Log, graph: Graph) -> Joined:
    steps = list(graph.steps)
    rows: list[tuple[Entry, Layer]] = []
    left_out: list[Entry] = []
    at = 0
    for entry in log.entries:
        ahead = next((i for i in range(at, len(steps)) if _can_be(entry, steps[i])), None)
        if ahead is not None and all(_is_glue(step) for step in steps[at:ahead]):
            at = ahead + 1
            if steps[ahead].node.op.alias:
                left_out.append(entry)
            else:
                rows.append((entry, layer_of_step(steps[ahead])))
        elif plain(entry.kind) in GLUE:
            left_out.append(entry)
        else:
            raise _mismatch(log, entry, steps[at:])
    after = [step for step in steps[at:] if not _is_glue(step)]
    if after:
        raise MeasurementError(
            f"the log ends before the model does: {len(after)} layers from {shown(after[0].node.name)} ({after[0].kind}) on were not "
            "profiled; is it the log of this model?",
            file=log.path,
        )
    return Joined(tuple(rows), tuple(left_out))


def _can_be(entry: Entry, step: Step) -> bool:
    if step.kind not in kinds_of(entry.kind) and plain(step.kind) != plain(entry.kind):
        return False
    return entry.elements is None or not step.inputs or entry.elements == step.inputs[0].elements


def _is_glue(step: Step) -> bool:
    """Layers that a tool may have run inside another one, or not at all."""
    return not step.weight_bits and (step.node.op.alias or plain(step.kind) in GLUE or step.work.macs == 0)


def _mismatch(log: Log, entry: Entry, steps: Sequence[Step]) -> MeasurementError:
    expected = next((step for step in steps if not _is_glue(step)), None)
    wanted = f"{shown(expected.node.name)} ({expected.kind})" if expected else "no further layer"
    return MeasurementError(
        f"expected {wanted} next, as the model has it, got {shown(entry.kind)}: another model, or layers in another order",
        file=log.path,
        row=entry.line,
    )
