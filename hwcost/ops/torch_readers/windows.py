"""Pools, changes of resolution, and channels traded for positions."""

from __future__ import annotations

from hwcost.ops import forms
from hwcost.ops.pool import AdaptiveAveragePool
from hwcost.ops.reading import Call, Value, torch_reader
from hwcost.ops.resize import Coordinates, DepthToSpace, Mode
from hwcost.ops.torch_readers.arguments import per_axis, symmetric

MODES: dict[str, Mode] = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "bicubic": "cubic"}


def _rank(call: Call) -> int:
    return int(next(digit for digit in call.op if digit.isdigit()))


@torch_reader("aten.max_pool1d", "aten.max_pool2d", "aten.max_pool1d_with_indices", "aten.max_pool2d_with_indices")
def read_max_pool(call: Call) -> Value:
    """The second output, where the largest stood, is not read: a call that uses it fails on its name."""
    return _pool(call, "max")


@torch_reader("aten.avg_pool1d", "aten.avg_pool2d")
def read_avg_pool(call: Call) -> Value:
    if call.attribute("divisor_override"):
        call.refuse("a divisor of one's own is not known")
    return _pool(call, "average")


def _pool(call: Call, kind: str) -> Value:
    rank = _rank(call)
    kernel = per_axis(call, "kernel_size", rank)
    return forms.pool(
        call,
        call.value(0),
        kind,
        kernel=kernel,
        stride=per_axis(call, "stride", rank) if call.attribute("stride") else kernel,
        padding=symmetric(per_axis(call, "padding", rank)),
        dilation=per_axis(call, "dilation", rank) if call.attribute("dilation") else (),
        ceil_mode=bool(call.attribute("ceil_mode")),
        count_include_pad=bool(call.attribute("count_include_pad")),
    )


@torch_reader("aten.adaptive_avg_pool1d", "aten.adaptive_avg_pool2d", "aten.adaptive_max_pool1d", "aten.adaptive_max_pool2d")
def read_adaptive_pool(call: Call) -> Value:
    """A pool of one window size where the output divides the input; else windows of different sizes, which only means have."""
    x, rank = call.value(0), _rank(call)
    places = x.shape[-rank:]
    wanted = tuple(n if m is None else m for n, m in zip(places, per_axis(call, "output_size", rank), strict=True))
    kind = "average" if "avg" in call.op else "max"
    if any(n % m for n, m in zip(places, wanted, strict=True)):
        if kind == "max":
            call.refuse(f"adaptive max pool from {places} to {wanted} has windows of different sizes")
        return call.emit(AdaptiveAveragePool(wanted), x, batch_axis=x.batch_axis)
    window = tuple(n // m for n, m in zip(places, wanted, strict=True))
    return forms.pool(call, x, kind, kernel=window, stride=window, padding=((0, 0),) * rank)


@torch_reader(
    *(f"aten.upsample_{mode}{rank}d" for mode, rank in (("nearest", 1), ("nearest", 2), ("linear", 1), ("bilinear", 2), ("bicubic", 2)))
)
def read_upsample(call: Call) -> Value:
    """To a size, or by factors; factors that do not come out whole are taken as the size they make."""
    x, rank = call.value(0), _rank(call)
    size = call.attribute("output_size")
    factors = call.attribute("scale_factors")
    places = tuple(size) if size else tuple(int(n * factor) for n, factor in zip(x.shape[-rank:], factors, strict=True))
    mode = MODES[call.op.removeprefix("aten.upsample_").rstrip("12d")]
    coordinates: Coordinates = (
        "asymmetric" if mode == "nearest" else "align_corners" if call.attribute("align_corners") else "pytorch_half_pixel"
    )
    return forms.resize(call, x, places, mode, coordinates)


@torch_reader("aten.pixel_shuffle")
def read_pixel_shuffle(call: Call) -> Value:
    return forms.mapped(call, DepthToSpace(call.attribute("upscale_factor"), "CRD"), call.value(0))


@torch_reader("aten.pixel_unshuffle")
def read_pixel_unshuffle(call: Call) -> Value:
    """Split, transposed and merged, as files have it: ONNX orders the channels of its own operator otherwise."""
    x, n = call.value(0), call.attribute("downscale_factor")
    batch, channels, height, width = x.shape
    blocks = forms.reshape(call, x, (batch, channels, height // n, n, width // n, n))
    return forms.reshape(call, forms.transpose(call, blocks, (0, 1, 3, 5, 2, 4)), (batch, channels * n * n, height // n, width // n))
