"""Where the batches of two operands stand that broadcast against each other."""

from __future__ import annotations

from hwcost.ops.forms.axes import reshape, reshape_keeping
from hwcost.ops.reading import Call, Value


def meeting(call: Call, a: Value, b: Value) -> tuple[Value, Value]:
    """Two activations whose batches stand at the same place counted from the last axis, or that have none.

    An axis of one element that meets the batch of the other is a batch too.
    """
    a, b = _with_batch_of(call, a, b), _with_batch_of(call, b, a)
    if _from_end(a) == _from_end(b) or not _clash(a, b):
        return a, b
    return reshape_keeping(call, a), reshape_keeping(call, b)


def _with_batch_of(call: Call, x: Value, other: Value) -> Value:
    place = _from_end(other)
    if x.batch_axis is not None or place is None or len(x.shape) < -place or x.shape[place] != 1:
        return x
    return reshape(call, x, x.shape, place + len(x.shape))


def _from_end(x: Value) -> int | None:
    return None if x.batch_axis is None else x.batch_axis - len(x.shape)


def _clash(a: Value, b: Value) -> bool:
    """Whether the batch of one meets an ordinary axis of the other."""
    return any(place is not None and -place <= len(other.shape) for place, other in ((_from_end(a), b), (_from_end(b), a)))


def met_batch(a: Value, b: Value) -> int | None:
    """Where the batch is in what two operands that met make."""
    places = [place for place in (_from_end(a), _from_end(b)) if place is not None]
    return None if not places else places[0] + max(len(a.shape), len(b.shape))
