"""Pools and changes of resolution: windows whose sizes a file may state in several ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from hwcost.ops.base import Op
from hwcost.ops.forms.axes import pad
from hwcost.ops.forms.layers import require_image
from hwcost.ops.pool import AveragePool1d, AveragePool2d, GlobalAveragePool, GlobalMaxPool, MaxPool1d, MaxPool2d
from hwcost.ops.reading import Call, Value
from hwcost.ops.resize import Coordinates, Mode, Resize, Rounding

Pairs: TypeAlias = tuple[tuple[int, int], ...]

MAX: dict[int, type[Op]] = {1: MaxPool1d, 2: MaxPool2d}
AVERAGE: dict[int, type[Op]] = {1: AveragePool1d, 2: AveragePool2d}


def pool(
    call: Call,
    x: Value,
    kind: str,
    *,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int] = (),
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Value:
    """A "max" or "average" pool; `ceil_mode` becomes padding at the end, a window over everything a global pool."""
    rank = len(kernel)
    require_image(call, x, rank)
    dilation = tuple(dilation) or (1,) * rank
    places = x.graph_shape[1:]
    if tuple(kernel) == places and not any(map(any, padding)):
        return call.emit(GlobalMaxPool() if kind == "max" else GlobalAveragePool(), x, batch_axis=x.batch_axis)
    extra = _ceil_padding(places, kernel, stride, padding, dilation) if ceil_mode else (0,) * rank
    if kind == "average" and count_include_pad and any(map(any, padding)) and any(extra):
        # Padding counts and what ceil_mode adds does not: two things, so the first is an operator of its own.
        x = pad(call, x, ((0, 0),) * (len(x.shape) - rank) + padding)
        padding = ((0, 0),) * rank
    padded = tuple((before, after + more) for (before, after), more in zip(padding, extra, strict=True))
    window: dict[str, Any] = {"kernel": tuple(kernel), "stride": tuple(stride), "padding": padded, "dilation": dilation}
    if kind == "average":
        window["count_include_pad"] = count_include_pad and any(map(any, padding))
    classes = MAX if kind == "max" else AVERAGE
    if rank not in classes:
        call.refuse(f"pool over {rank} axes: hwcost knows one and two")
    return call.emit(classes[rank](**window), x, batch_axis=x.batch_axis)


def _ceil_padding(
    places: Sequence[int], kernel: Sequence[int], stride: Sequence[int], padding: Pairs, dilation: Sequence[int]
) -> tuple[int, ...]:
    """Padding at the end that makes the last, incomplete window a whole one; a window may not start in it."""
    extra = []
    for n, k, step, (before, after), apart in zip(places, kernel, stride, padding, dilation, strict=True):
        reach = apart * (k - 1) + 1
        count = -(-(n + before + after - reach) // step) + 1
        if (count - 1) * step >= n + before:
            count -= 1
        extra.append(max(0, (count - 1) * step + reach - n - before - after))
    return tuple(extra)


def resize(
    call: Call, x: Value, places: Sequence[int], mode: Mode, coordinates: Coordinates = "asymmetric", rounding: Rounding = "floor"
) -> Value:
    """Positions interpolated to `places`; none changed, nothing is emitted.

    `rounding` means something to "nearest" only, and the two half-pixel conventions differ for a single output position only.
    """
    require_image(call, x, len(places))
    before = x.graph_shape[1:]
    if tuple(places) == before:
        return x
    if coordinates == "pytorch_half_pixel" and all(n > 1 for n in places):
        coordinates = "half_pixel"
    op = Resize.between(before, tuple(places), mode, coordinates, rounding if mode == "nearest" else "floor")
    return call.emit(op, x, batch_axis=x.batch_axis)
