"""From a file's operands to one operator in its one canonical form: what readers of every format share.

Each function takes operands with the file's shapes and axes (batch included) and emits operators of this package: a depthwise
layer is never a grouped convolution, a window that covers its whole input is a global pool, a reshape that only touches the batch
is nothing at all. So two formats that mean the same layer build equal nodes.
"""

from __future__ import annotations

from hwcost.ops.forms.arithmetic import binary, bounded, choose, mapped, reduce
from hwcost.ops.forms.axes import concat, expand, materialised, pad, repeat, reshape, select, slice_axis, split, take, transpose
from hwcost.ops.forms.contraction import einsum
from hwcost.ops.forms.layers import conv, conv_transpose, dense, matmul
from hwcost.ops.forms.norms import batch_norm
from hwcost.ops.forms.windows import pool, resize

__all__ = [
    "batch_norm",
    "binary",
    "bounded",
    "choose",
    "concat",
    "conv",
    "conv_transpose",
    "dense",
    "einsum",
    "expand",
    "mapped",
    "materialised",
    "matmul",
    "pad",
    "pool",
    "reduce",
    "repeat",
    "reshape",
    "resize",
    "select",
    "slice_axis",
    "split",
    "take",
    "transpose",
]
