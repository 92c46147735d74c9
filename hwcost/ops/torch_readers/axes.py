"""Shapes, orders, parts and joints of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hwcost.ops import forms
from hwcost.ops.gather import Gather
from hwcost.ops.reading import Call, Value, torch_reader
from hwcost.sizes import prod


@torch_reader("aten.view", "aten.reshape", "aten._unsafe_view", "aten.view_as", "aten.reshape_as")
def read_view(call: Call) -> Value:
    x = call.value(0)
    other = call.optional(1)
    size = other.shape if other is not None else call.attribute("size", call.attribute("shape"))
    return forms.reshape(call, x, _filled(x.elements, size))


def _filled(elements: int, size: Sequence[int]) -> tuple[int, ...]:
    """A shape whose -1 is what the other axes leave."""
    known = prod(n for n in size if n != -1)
    return tuple(elements // known if n == -1 else n for n in size)


@torch_reader("aten.flatten")
def read_flatten(call: Call) -> Value:
    x = call.value(0)
    start, stop = x.axis(call.attribute("start_dim")), x.axis(call.attribute("end_dim"))
    return forms.reshape(call, x, (*x.shape[:start], prod(x.shape[start : stop + 1]), *x.shape[stop + 1 :]))


@torch_reader("aten.unflatten")
def read_unflatten(call: Call) -> Value:
    x = call.value(0)
    at = x.axis(call.attribute("dim"))
    return forms.reshape(call, x, (*x.shape[:at], *_filled(x.shape[at], call.attribute("sizes")), *x.shape[at + 1 :]))


@torch_reader("aten.squeeze")
def read_squeeze(call: Call) -> Value:
    x = call.value(0)
    dim = call.attribute("dim")
    wanted = range(len(x.shape)) if dim is None else [x.axis(axis) for axis in ((dim,) if isinstance(dim, int) else dim)]
    gone = {axis for axis in wanted if x.shape[axis] == 1}
    shape = tuple(n for axis, n in enumerate(x.shape) if axis not in gone)
    if x.batch_axis is None:
        return forms.reshape(call, x, shape)
    batch = None if x.batch_axis in gone else x.batch_axis - sum(axis < x.batch_axis for axis in gone)
    return forms.reshape(call, x, shape, batch_axis=batch)


@torch_reader("aten.unsqueeze")
def read_unsqueeze(call: Call) -> Value:
    x = call.value(0)
    at = call.attribute("dim")
    at = at + len(x.shape) + 1 if at < 0 else at
    shape = (*x.shape[:at], 1, *x.shape[at:])
    if x.batch_axis is None:
        return forms.reshape(call, x, shape)
    return forms.reshape(call, x, shape, batch_axis=x.batch_axis + (at <= x.batch_axis))


@torch_reader("aten.permute")
def read_permute(call: Call) -> Value:
    return forms.transpose(call, call.value(0), call.attribute("dims"))


@torch_reader("aten.transpose", "aten.swapaxes", "aten.swapdims")
def read_transpose(call: Call) -> Value:
    x = call.value(0)
    order = list(range(len(x.shape)))
    first, second = (x.axis(call.attribute(a, call.attribute(b))) for a, b in (("dim0", "axis0"), ("dim1", "axis1")))
    order[first], order[second] = second, first
    return forms.transpose(call, x, order)


@torch_reader("aten.t", "aten.numpy_T", "aten.mT")
def read_t(call: Call) -> Value:
    x = call.value(0)
    rank = len(x.shape)
    order = [*range(rank - 2), rank - 1, rank - 2] if call.op == "aten.mT" else range(rank)[::-1]
    return forms.transpose(call, x, order)


@torch_reader("aten.movedim")
def read_movedim(call: Call) -> Value:
    x = call.value(0)
    sources, places = (_axes(x, call.attribute(name)) for name in ("source", "destination"))
    order = [axis for axis in range(len(x.shape)) if axis not in sources]
    for place, source in sorted(zip(places, sources, strict=True)):
        order.insert(place, source)
    return forms.transpose(call, x, order)


def _axes(x: Value, given: int | Sequence[int]) -> tuple[int, ...]:
    return tuple(x.axis(axis) for axis in ((given,) if isinstance(given, int) else given))


@torch_reader("aten.cat", "aten.concat", "aten.concatenate")
def read_cat(call: Call) -> Value:
    return forms.concat(call, [value for value in call.inputs if value is not None], call.attribute("dim"))


@torch_reader("aten.stack")
def read_stack(call: Call) -> Value:
    """Each operand gets the new axis, and they are joined along it."""
    parts = [value for value in call.inputs if value is not None]
    rank = len(parts[0].shape)
    at = call.attribute("dim")
    at = at + rank + 1 if at < 0 else at
    wide = [forms.reshape(call, part, (*part.shape[:at], 1, *part.shape[at:]), batch_axis=_moved(part, at)) for part in parts]
    return forms.concat(call, wide, at)


def _moved(x: Value, at: int) -> int | None:
    return None if x.batch_axis is None else x.batch_axis + (at <= x.batch_axis)


@torch_reader("aten.split", "aten.split_with_sizes", "aten.unsafe_split")
def read_split(call: Call) -> Sequence[Value]:
    """Into runs of one size, the last of which may be shorter, or of sizes listed."""
    x, axis = call.value(0), call.attribute("dim")
    n, size = x.shape[x.axis(axis)], call.attribute("split_size", call.attribute("split_sizes"))
    return forms.split(call, x, axis, size if isinstance(size, tuple) else _runs(n, size))


@torch_reader("aten.chunk", "aten.unsafe_chunk")
def read_chunk(call: Call) -> Sequence[Value]:
    x, axis = call.value(0), call.attribute("dim")
    n = x.shape[x.axis(axis)]
    return forms.split(call, x, axis, _runs(n, -(-n // call.attribute("chunks"))))


def _runs(n: int, size: int) -> tuple[int, ...]:
    return tuple(min(size, n - start) for start in range(0, n, size))


@torch_reader("aten.tensor_split")
def read_tensor_split(call: Call) -> Sequence[Value]:
    """Into a number of parts, the first of which may be longer by one, or at places listed."""
    x, axis = call.value(0), call.attribute("dim")
    n, sections = x.shape[x.axis(axis)], call.attribute("sections")
    if sections is None:
        places = [0, *call.attribute("indices"), n]
        return forms.split(call, x, axis, [stop - start for start, stop in pairwise(places)])
    return forms.split(call, x, axis, [n // sections + (i < n % sections) for i in range(sections)])


@torch_reader("aten.unbind")
def read_unbind(call: Call) -> Sequence[Value]:
    """One index after the other, each without the axis."""
    x, axis = call.value(0), call.attribute("dim")
    return [forms.select(call, x, axis, index) for index in range(x.shape[x.axis(axis)])]


@torch_reader("aten.slice")
def read_slice(call: Call) -> Value:
    start, end = call.attribute("start"), call.attribute("end")
    x, axis = call.value(0), call.attribute("dim")
    stop = x.shape[x.axis(axis)] if end is None else end
    return forms.slice_axis(call, x, axis, start or 0, stop, call.attribute("step"))


@torch_reader("aten.narrow")
def read_narrow(call: Call) -> Value:
    start = call.attribute("start")
    return forms.slice_axis(call, call.value(0), call.attribute("dim"), start, start + call.attribute("length"))


@torch_reader("aten.select")
def read_select(call: Call) -> Value:
    return forms.select(call, call.value(0), call.attribute("dim"), call.attribute("index"))


@torch_reader("aten.index_select")
def read_index_select(call: Call) -> Value:
    x, indices = call.value(0), call.value(1)
    if indices.is_constant:
        return forms.take(call, x, call.attribute("dim"), [int(n) for n in indices.array().reshape(-1)])
    return call.emit(Gather(x.graph_axis(call.attribute("dim"))), x, indices, batch_axis=x.batch_axis)


@torch_reader("aten.index")
def read_index(call: Call) -> Value:
    """`x[:, order]` with one stored tensor of whole numbers."""
    x, indices = call.value(0), call.inputs[1:]
    given = [(axis, index) for axis, index in enumerate(indices) if index is not None]
    if len(given) != 1 or not given[0][1].is_constant or len(given[0][1].shape) != 1 or given[0][1].kind == "bool":
        call.refuse("indexing is known with one stored list of whole numbers only")
    axis, index = given[0]
    return forms.take(call, x, axis, [int(n) for n in index.array()])


@torch_reader("aten.flip")
def read_flip(call: Call) -> Value:
    x = call.value(0)
    for axis in call.attribute("dims"):
        x = forms.slice_axis(call, x, axis, -1, -x.shape[x.axis(axis)] - 1, -1)
    return x


PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicat": "edge", "replicate": "edge", "circular": "wrap"}


@torch_reader(
    "aten.pad", "aten.constant_pad_nd", "aten.reflection_pad1d", "aten.reflection_pad2d", "aten.replication_pad1d", "aten.replication_pad2d"
)
def read_pad(call: Call) -> Value:
    """Pads are listed from the last axis backwards, (before, after) each."""
    x = call.value(0)
    flat = call.attribute("pad", call.attribute("padding"))
    pairs = [(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]
    mode = PAD_MODES[next((name for name in PAD_MODES if name in call.op), call.attribute("mode", "constant"))]
    return forms.pad(call, x, [*((0, 0) for _ in range(len(x.shape) - len(pairs))), *reversed(pairs)], mode, call.attribute("value") or 0.0)


@torch_reader("aten.copy")
def read_copy(call: Call) -> Value:
    """The second operand, repeated to the shape of the first, which lends nothing else."""
    return forms.expand(call, call.value(1), call.value(0).shape)


@torch_reader("aten.expand", "aten.expand_as", "aten.broadcast_to")
def read_expand(call: Call) -> Value:
    other = call.optional(1)
    return forms.expand(call, call.value(0), other.shape if other is not None else call.attribute("size"))


@torch_reader("aten.repeat", "aten.tile")
def read_repeat(call: Call) -> Value:
    x, times = call.value(0), call.attribute("repeats", call.attribute("dims"))
    return forms.repeat(call, x, (1,) * (len(x.shape) - len(times)) + times)


@torch_reader("aten.channel_shuffle")
def read_channel_shuffle(call: Call) -> Value:
    """Groups of channels dealt out like cards: split, transposed, merged."""
    x, groups = call.value(0), call.attribute("groups")
    batch, channels, *places = x.shape
    dealt = forms.reshape(call, x, (batch, groups, channels // groups, *places))
    return forms.reshape(call, forms.transpose(call, dealt, (0, 2, 1, *range(3, len(places) + 3))), x.shape)


@torch_reader("aten.roll")
def read_roll(call: Call) -> Value:
    """What leaves an axis at its end comes in at its start: two parts in the other order."""
    x, shifts, dims = call.value(0), call.attribute("shifts"), call.attribute("dims")
    if not dims:
        call.refuse("roll of a tensor taken as a vector is not known: name its axes")
    for shift, axis in zip(shifts, dims, strict=True):
        n = x.shape[x.axis(axis)]
        if place := -shift % n:
            first, second = (forms.slice_axis(call, x, axis, *ends) for ends in ((0, place), (place, n)))
            x = forms.concat(call, [second, first], axis)
    return x


@torch_reader("aten.slice_scatter")
def read_slice_scatter(call: Call) -> Value:
    """A run of an axis replaced: what stands before it, the new part, what stands behind."""
    x, axis = call.value(0), call.attribute("dim")
    n = x.shape[x.axis(axis)]
    start, stop, step = slice(call.attribute("start"), call.attribute("end"), call.attribute("step")).indices(n)
    if step != 1:
        call.refuse("assignment to every other index is not known")
    return _replaced(call, x, call.value(1), axis, start, stop)


@torch_reader("aten.select_scatter")
def read_select_scatter(call: Call) -> Value:
    """One index of an axis replaced."""
    x, part = call.value(0), call.value(1)
    at = x.axis(call.attribute("dim"))
    index = call.attribute("index") % x.shape[at]
    wide = forms.reshape(call, part, (*x.shape[:at], 1, *x.shape[at + 1 :]), batch_axis=x.batch_axis)
    return _replaced(call, x, wide, at, index, index + 1)


def _replaced(call: Call, x: Value, part: Value, axis: int, start: int, stop: int) -> Value:
    n = x.shape[x.axis(axis)]
    before = [forms.slice_axis(call, x, axis, 0, start)] if start > 0 else []
    after = [forms.slice_axis(call, x, axis, stop, n)] if stop < n else []
    return forms.concat(call, [*before, part, *after], axis) if before or after else part
