"""Other tools' names of operators, and which operators of a graph each may be.

Names are compared without case, spaces, dashes and underscores: `DEPTHWISE_CONV_2D` and `depthwise_conv_2d` are one.
"""

from __future__ import annotations

import re

__all__ = ["GLUE", "kinds_of", "plain"]

_CONV = ("conv2d", "conv1d")
_DEPTHWISE = ("depthwise_conv2d", "depthwise_conv1d")
_AVERAGE = ("average_pool2d", "average_pool1d", "global_average_pool", "adaptive_average_pool", "reduce_mean")
_MAX = ("max_pool2d", "max_pool1d", "global_max_pool", "reduce_max")
_DENSE = ("dense", "matmul", *_CONV)

_KINDS: dict[str, tuple[str, ...]] = {
    # A convolution of one channel is a depthwise one to some converters, and a grouped one an ordinary one to others.
    **dict.fromkeys(("conv", "conv2d", "qlinearconv", "convinteger", "convolution", "fusedconv"), (*_CONV, *_DEPTHWISE)),
    **dict.fromkeys(("depthwiseconv2d", "dwconv", "dwconv2d", "depthwiseconv", "depthwiseconvolution"), (*_DEPTHWISE, *_CONV)),
    **dict.fromkeys(
        ("fullyconnected", "dense", "fc", "gemm", "qgemm", "matmul", "qlinearmatmul", "matmulinteger", "fusedgemm", "fusedmatmul"), _DENSE
    ),
    **dict.fromkeys(
        ("averagepool2d", "averagepool", "qlinearaveragepool", "avgpool", "globalaveragepool", "qlinearglobalaveragepool"), _AVERAGE
    ),
    **dict.fromkeys(("mean", "reducemean", "qlinearreducemean"), _AVERAGE),
    **dict.fromkeys(("maxpool2d", "maxpool", "globalmaxpool"), _MAX),
    **dict.fromkeys(("pool",), (*_AVERAGE, *_MAX)),
    **dict.fromkeys(("add", "qlinearadd", "eltwise"), ("add",)),
    **dict.fromkeys(("mul", "qlinearmul"), ("mul",)),
    **dict.fromkeys(("sub",), ("sub",)),
    **dict.fromkeys(("softmax", "qlinearsoftmax"), ("softmax", "log_softmax")),
    **dict.fromkeys(("concatenation", "concat", "qlinearconcat"), ("concat",)),
    **dict.fromkeys(("transposeconv", "convtranspose"), ("conv_transpose2d", "conv_transpose1d")),
    **dict.fromkeys(("logistic", "sigmoid", "qlinearsigmoid"), ("sigmoid",)),
    **dict.fromkeys(("unidirectionalsequencelstm", "lstm"), ("lstm",)),
    **dict.fromkeys(("gru",), ("gru",)),
    **dict.fromkeys(("relu",), ("relu",)),
    **dict.fromkeys(("relu6", "clip"), ("clip",)),
    **dict.fromkeys(("tanh",), ("tanh",)),
    **dict.fromkeys(("hardswish",), ("hard_swish",)),
    **dict.fromkeys(("resizenearestneighbor", "resizebilinear", "resize"), ("resize",)),
}

GLUE = frozenset(
    (
        *("reshape", "flatten", "squeeze", "unsqueeze", "expanddims", "identity", "quantize", "dequantize", "quantizelinear"),
        *("dequantizelinear", "pad", "padv2", "transpose", "nl", "activation", "cast", "shape", "relu", "relu6", "clip"),
        *("reordertonchwc", "reordertonhwc", "reorderinput", "reorderoutput", "constant", "stridedslice", "pack"),
    )
)
"""Operators that one tool runs and another does not have: they may stand in a log without a layer of the model, and the reverse."""


def plain(name: str) -> str:
    """A name as it is compared: `Conv2D (0x103)` and `CONV_2D` are both `conv2d`."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\(0x[0-9a-f]+\)", "", name.lower()))


def kinds_of(name: str) -> tuple[str, ...]:
    """The operators of a graph that a tool may mean by a name, likeliest first; none where the name is not known."""
    bare = plain(name)
    return _KINDS.get(bare) or _KINDS.get(bare.removesuffix("v2"), ())
