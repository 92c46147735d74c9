"""Pools, changes of resolution, and channels traded for positions."""

from __future__ import annotations

from math import floor
from typing import Literal

from hwcost.ops import forms
from hwcost.ops.onnx_readers.layers import window
from hwcost.ops.onnx_readers.padding import explicit_pads
from hwcost.ops.pool import GlobalAveragePool, GlobalMaxPool
from hwcost.ops.reading import Call, Value, onnx_reader
from hwcost.ops.resize import Coordinates, DepthToSpace, Mode, Rounding, SpaceToDepth

MODES: dict[str, Mode] = {"nearest": "nearest", "linear": "linear", "cubic": "cubic"}
COORDINATES: dict[str, Coordinates] = {
    "half_pixel": "half_pixel",
    "pytorch_half_pixel": "pytorch_half_pixel",
    "align_corners": "align_corners",
    "asymmetric": "asymmetric",
}
ROUNDINGS: dict[str, Rounding] = {
    "round_prefer_floor": "round_prefer_floor",
    "round_prefer_ceil": "round_prefer_ceil",
    "floor": "floor",
    "ceil": "ceil",
}


@onnx_reader("MaxPool")
def read_max_pool(call: Call) -> Value:
    """The second output, where the largest stood, is not read."""
    return _pool(call, "max")


@onnx_reader("AveragePool")
def read_average_pool(call: Call) -> Value:
    return _pool(call, "average")


def _pool(call: Call, kind: Literal["max", "average"]) -> Value:
    x, kernel = call.value(0), tuple(call.attribute("kernel_shape") or ())
    if not kernel or len(x.shape) != len(kernel) + 2 or min(kernel) < 1:
        call.refuse(f"expected a window for each axis behind the channels of {x.shape}, got {kernel}")
    stride, dilation = window(call, len(kernel))
    return forms.pool(
        call,
        x,
        kind,
        kernel=kernel,
        stride=stride,
        padding=explicit_pads(call, x, kernel, stride, dilation),
        dilation=dilation,
        ceil_mode=bool(call.attribute("ceil_mode", 0)),
        count_include_pad=bool(call.attribute("count_include_pad", 0)),
    )


@onnx_reader("GlobalAveragePool")
def read_global_average_pool(call: Call) -> Value:
    return forms.mapped(call, GlobalAveragePool(), call.value(0))


@onnx_reader("GlobalMaxPool")
def read_global_max_pool(call: Call) -> Value:
    return forms.mapped(call, GlobalMaxPool(), call.value(0))


@onnx_reader("Resize", "Upsample")
def read_resize(call: Call) -> Value:
    """To sizes, or by factors: Upsample and Resize 10 have factors second, later ones third, sizes fourth."""
    x = call.value(0)
    rank = len(x.shape) - 2
    places = _places(call, x)
    if rank < 1 or places[:2] != x.shape[:2]:
        call.refuse(f"from {x.shape} to {places}: hwcost resizes positions behind the channels only")
    if places == x.shape:
        return x
    mode, coordinates, rounding = _manner(call)
    return forms.resize(call, x, places[2:], mode, coordinates, rounding)


def _places(call: Call, x: Value) -> tuple[int, ...]:
    sizes = call.optional(3)
    if sizes is not None and sizes.elements:
        return _whole(call, x, sizes.array().reshape(-1).tolist())
    scales = call.optional(2) if len(call.inputs) > 2 else call.optional(1)
    factors: list[float] = list(call.attribute("scales") or ()) or ([] if scales is None else scales.array().reshape(-1).tolist())
    return _whole(call, x, factors, by_factor=True)


def _whole(call: Call, x: Value, given: list[float], *, by_factor: bool = False) -> tuple[int, ...]:
    """Sizes along every axis of `x`; the call may name only some axes."""
    axes = [x.axis(axis) for axis in call.attribute("axes") or range(len(x.shape))]
    if len(given) != len(axes) or call.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        call.refuse(f"expected a size or factor for each of {len(axes)} axes, and aspect ratio policy 'stretch'; got {tuple(given)}")
    places = list(x.shape)
    for axis, asked in zip(axes, given, strict=True):
        # Factors are stored as float32: 1.3333334 times 3 must not lose a position.
        places[axis] = floor(x.shape[axis] * asked + 1e-4) if by_factor else int(asked)
    if min(places) < 1:
        call.refuse(f"from {x.shape} to {tuple(places)}: an axis would be empty")
    return tuple(places)


def _manner(call: Call) -> tuple[Mode, Coordinates, Rounding]:
    mode = MODES.get(call.attribute("mode", "nearest"))
    old = call.op == "Upsample" or call.version < 11
    coordinates = COORDINATES.get(call.attribute("coordinate_transformation_mode", "asymmetric" if old else "half_pixel"))
    rounding = ROUNDINGS.get(call.attribute("nearest_mode", "floor" if old else "round_prefer_floor"))
    if mode is None or coordinates is None or rounding is None:
        call.refuse(f"mode {dict(call.attributes)} is not known")
    return mode, coordinates, rounding


@onnx_reader("DepthToSpace")
def read_depth_to_space(call: Call) -> Value:
    mode = call.attribute("mode", "DCR")
    if mode not in {"DCR", "CRD"}:
        call.refuse(f"mode '{mode}' is neither DCR nor CRD")
    return forms.mapped(call, DepthToSpace(_block(call), mode), call.value(0))


@onnx_reader("SpaceToDepth")
def read_space_to_depth(call: Call) -> Value:
    return forms.mapped(call, SpaceToDepth(_block(call), "DCR"), call.value(0))


def _block(call: Call) -> int:
    block = int(call.attribute("blocksize", 0))
    if block < 1:
        call.refuse(f"expected a block size above 0, got {block}")
    return block
