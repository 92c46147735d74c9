"""Padding as ONNX files state it, made explicit: `((before, after), ...)` along each axis.

Source: the attributes `auto_pad`, `pads` and `output_shape` of Conv, ConvTranspose and the pools in the ONNX operator reference.
"""

from __future__ import annotations

from collections.abc import Sequence

from hwcost.ops.reading import Call, Value
from hwcost.sizes import ceil_div

Pairs = tuple[tuple[int, int], ...]


def explicit_pads(call: Call, x: Value, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Pairs:
    """The padding of a window that slides over `x`."""
    auto = _auto_pad(call)
    if auto is None:
        return _stated(call, len(kernel))
    if auto == "VALID":
        return ((0, 0),) * len(kernel)
    axes = zip(x.shape[2:], kernel, stride, dilation, strict=True)
    totals = [max((ceil_div(n, step) - 1) * step + (k - 1) * apart + 1 - n, 0) for n, k, step, apart in axes]
    return tuple(_halves(total, extra_first=auto == "SAME_LOWER") for total in totals)


def transposed_pads(
    call: Call, x: Value, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], extra: Sequence[int]
) -> Pairs:
    """The padding of a transposed convolution, which cuts its output; `output_shape` asks for what leaves that many positions."""
    auto, wanted = _auto_pad(call), call.attribute("output_shape")
    if not wanted and auto is None:
        return _stated(call, len(kernel))
    if not wanted and auto == "VALID":
        return ((0, 0),) * len(kernel)
    places = x.shape[2:]
    if len(extra) != len(kernel) or (wanted and len(wanted) < len(kernel)):
        call.refuse("its output shape or output padding has too few axes")
    target = wanted[-len(kernel) :] if wanted else [n * step for n, step in zip(places, stride, strict=True)]
    axes = zip(places, kernel, stride, dilation, extra, target, strict=True)
    totals = [step * (n - 1) + more + (k - 1) * apart + 1 - m for n, k, step, apart, more, m in axes]
    return tuple(_halves(max(total, 0), extra_first=auto != "SAME_UPPER") for total in totals)


def _auto_pad(call: Call) -> str | None:
    """What the call asks for by name; None if it states its pads."""
    auto = call.attribute("auto_pad") or "NOTSET"
    if auto not in {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}:
        call.refuse(f"auto_pad '{auto}' is not one of NOTSET, VALID, SAME_UPPER, SAME_LOWER")
    return None if auto == "NOTSET" else str(auto)


def _stated(call: Call, rank: int) -> Pairs:
    pads = tuple(call.attribute("pads") or (0,) * (2 * rank))
    if len(pads) != 2 * rank:
        call.refuse(f"expected {2 * rank} pads, got {len(pads)}")
    return tuple(zip(pads[:rank], pads[rank:], strict=True))


def _halves(total: int, *, extra_first: bool) -> tuple[int, int]:
    small = total // 2
    return (total - small, small) if extra_first else (small, total - small)
