"""Operators that only move values: each is done once on element numbers, and what comes out is a table of offsets per axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.lower.site import RefusedError, Site
from hwcost.deploy.program import Alias, Move, Tensor
from hwcost.ops.joining import Pad

Places = NDArray[np.int64]
"""For each element of the output, the number of the input's element it is; -1 for one that is filled."""


def reshape(site: Site) -> Alias | Move:
    """The same bytes where the order in memory stays (or the reader was turned to it), else a move."""
    if site.step.node.op.alias:
        return Alias()
    return move(site, _as_is)


def alias(site: Site) -> Alias:
    """The input itself."""
    site.same_scale(site.x)
    return Alias()


def moving(rule: Callable[[Any, Places], Places]) -> Callable[[Site], Move]:
    """The lowering of an operator that moves values, from what it does to an array of element numbers in the graph's axes."""
    return lambda site: move(site, rule)


def move(site: Site, rule: Callable[[Any, Places], Places]) -> Move:
    """One output."""
    return _moves(site, lambda op, x: (rule(op, x),))[0]


def split(site: Site) -> Move | tuple[Move, ...]:
    """One move for each output."""
    made = _moves(site, lambda op, x: tuple(np.split(x, np.cumsum(op.sizes)[:-1], axis=op.axis)))
    return made[0] if len(made) == 1 else made


def _moves(site: Site, rule: Callable[[Any, Places], tuple[Places, ...]]) -> tuple[Move, ...]:
    site.same_scale(site.x)
    where = memory_numbers(site.x)
    parts = rule(site.op, where)
    fill = _fill(site) if isinstance(site.op, Pad) else 0
    return tuple(_tabled(part.reshape(_graph_shape(y)).transpose(y.order), fill) for part, y in zip(parts, site.outputs, strict=True))


def memory_numbers(x: Tensor) -> Places:
    """For each element in the graph's order of axes, its number in memory."""
    return np.arange(x.elements).reshape(x.shape).transpose(np.argsort(x.order) if x.order else ())


def _graph_shape(y: Tensor) -> tuple[int, ...]:
    return tuple(y.shape[y.order.index(axis)] for axis in range(len(y.order)))


def _fill(site: Site) -> int:
    return site.stored(site.op.value)


def _tabled(places: Places, fill: int) -> Move:
    """Offsets per axis; one table over everything where the axes do not part."""
    found = _parted(places)
    tables, base = found if found is not None else ([places.ravel()], 0)
    return Move(tuple(t.astype(np.int32) for t in tables), base, fill)


def _parted(places: Places) -> tuple[list[Places], int] | None:
    """Tables and base that make `places`, or None where no such tables do."""
    inside = np.argwhere(places >= 0)
    if not inside.size:
        return None
    origin = inside[0]
    start, tables, base = int(places[tuple(origin)]), list[Places](), int(places[tuple(origin)])
    for axis in range(places.ndim):
        line = places[tuple(slice(None) if i == axis else origin[i] for i in range(places.ndim))]
        least = int(line[line >= 0].min()) - start
        tables.append(np.where(line >= 0, line - start - least, -1))
        base += least
    return (tables, base) if np.array_equal(moved(tables, base), places) else None


def moved(tables: list[Places], base: int) -> Places:
    """What a Move reads at each place of its output: -1 where it fills."""
    shape = [len(t) for t in tables]
    grids = [np.asarray(t, np.int64).reshape([-1 if i == axis else 1 for i in range(len(tables))]) for axis, t in enumerate(tables)]
    filled = np.zeros(shape, dtype=bool)
    total = np.full(shape, base, dtype=np.int64)
    for grid in grids:
        filled |= grid < 0
        total += grid
    return np.where(filled, -1, total)


def _as_is(op: Any, x: Places) -> Places:
    return x.ravel()


def transpose(op: Any, x: Places) -> Places:
    """Axes in another order."""
    return x.transpose(op.order)


def cut(op: Any, x: Places) -> Places:
    """A slice of one axis."""
    stop = None if op.step < 0 and op.stop < 0 else op.stop
    return x[(*(slice(None) for _ in range(op.axis)), slice(op.start, stop, op.step))]


def pad(op: Any, x: Places) -> Places:
    """Filled, mirrored or repeated edges; negative pads cut."""
    for axis, (before, after) in enumerate(op.pads):
        x = x.take(range(max(0, -before), x.shape[axis] - max(0, -after)), axis=axis)
    pads = [(max(0, before), max(0, after)) for before, after in op.pads]
    modes: dict[str, Any] = {"constant": {"constant_values": -1}, "reflect": {}, "edge": {}, "wrap": {}}
    return np.asarray(np.pad(x, pads, mode=op.mode, **modes[op.mode]))


def expand(op: Any, x: Places) -> Places:
    """Repeated along each axis."""
    return np.tile(x, op.repeats)


def gather(op: Any, x: Places) -> Places:
    """Constant indices of one axis."""
    if op.indices is None:
        raise RefusedError("gather by indices found at run time has no integer form: make them constant")
    return np.asarray(x.take(op.indices, axis=op.axis))


def depth_to_space(op: Any, x: Places) -> Places:
    """Channels laid out as blocks of places."""
    channels, height, width, b = *x.shape, op.block
    if op.mode == "DCR":
        return x.reshape(b, b, channels // b**2, height, width).transpose(2, 3, 0, 4, 1).reshape(-1, height * b, width * b)
    return x.reshape(channels // b**2, b, b, height, width).transpose(0, 3, 1, 4, 2).reshape(-1, height * b, width * b)


def space_to_depth(op: Any, x: Places) -> Places:
    """Blocks of places laid out as channels."""
    channels, height, width, b = *x.shape, op.block
    blocks = x.reshape(channels, height // b, b, width // b, b)
    order = (2, 4, 0, 1, 3) if op.mode == "DCR" else (0, 2, 4, 1, 3)
    return blocks.transpose(order).reshape(-1, height // b, width // b)


def resize(op: Any, x: Places) -> Places:
    """Nearest places; other modes compute new values."""
    if op.mode != "nearest":
        raise RefusedError(f"resize by {op.mode} interpolation has no integer form: use nearest")
    for axis, (up, down) in enumerate(op.scale, start=1):
        x = x.take(_nearest(x.shape[axis], up, down, op), axis=axis)
    return x


def _nearest(n: int, up: int, down: int, op: Any) -> Places:
    """The input place of each output place, as ONNX's Resize defines it; sums in whole numbers over 2 * up."""
    made = n * up // down
    at = np.arange(made)
    unit = 2 * up
    if op.coordinates == "asymmetric":
        place = 2 * at * down
    elif op.coordinates == "align_corners":
        unit, place = max(made - 1, 1) * 2, 2 * at * (n - 1)
    elif op.coordinates == "pytorch_half_pixel" and made == 1:
        place = 0 * at
    else:
        place = (2 * at + 1) * down - up
    rounded: dict[str, Callable[[], Places]] = {
        "floor": lambda: place // unit,
        "ceil": lambda: -(-place // unit),
        "round_prefer_floor": lambda: -((unit // 2 - place) // unit),
        "round_prefer_ceil": lambda: (place + unit // 2) // unit,
    }
    return np.asarray(np.clip(rounded[op.rounding](), 0, n - 1), np.int64)
