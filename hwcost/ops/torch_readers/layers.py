"""Convolutions, dense layers, products of activations, attention and embedding."""

from __future__ import annotations

import numpy as np

from hwcost.ops import forms
from hwcost.ops.activation import Softmax
from hwcost.ops.base import Op
from hwcost.ops.binary import Add, Mul
from hwcost.ops.gather import Embedding
from hwcost.ops.reading import Call, Value, torch_reader
from hwcost.ops.torch_readers.arguments import per_axis, symmetric


@torch_reader("aten.conv1d", "aten.conv2d")
def read_conv(call: Call) -> Value:
    """`padding` is a number per axis, "valid", or "same", which adds the odd element at the end."""
    x, weight = call.value(0), call.value(1)
    rank = len(weight.shape) - 2
    dilation = per_axis(call, "dilation", rank)
    padding = call.attribute("padding")
    if padding == "same":
        totals = [apart * (k - 1) for k, apart in zip(weight.shape[2:], dilation, strict=True)]
        pairs = tuple((total // 2, total - total // 2) for total in totals)
    else:
        pairs = ((0, 0),) * rank if padding == "valid" else symmetric(per_axis(call, "padding", rank))
    return forms.conv(
        call,
        x,
        weight,
        call.optional(2),
        stride=per_axis(call, "stride", rank),
        padding=pairs,
        dilation=dilation,
        groups=call.attribute("groups"),
    )


@torch_reader("aten.conv_transpose1d", "aten.conv_transpose2d")
def read_conv_transpose(call: Call) -> Value:
    x, weight = call.value(0), call.value(1)
    rank = len(weight.shape) - 2
    return forms.conv_transpose(
        call,
        x,
        weight,
        call.optional(2),
        stride=per_axis(call, "stride", rank),
        padding=symmetric(per_axis(call, "padding", rank)),
        dilation=per_axis(call, "dilation", rank),
        groups=call.attribute("groups"),
        output_padding=per_axis(call, "output_padding", rank),
    )


@torch_reader("aten.linear")
def read_linear(call: Call) -> Value:
    return forms.dense(call, call.value(0), call.value(1), call.optional(2))


@torch_reader("aten.addmm")
def read_addmm(call: Call) -> Value:
    """Bias plus x @ weight, the weight stored as `(in, out)`."""
    bias, x, weight = call.value(0), call.value(1), call.value(2)
    if call.attribute("alpha") != 1 or call.attribute("beta") != 1:
        call.refuse("expected alpha and beta of 1")
    if weight.is_constant and bias.is_constant and bias.shape == weight.shape[1:]:
        return forms.dense(call, x, forms.transpose(call, weight, (1, 0)), bias)
    return forms.binary(call, Add, forms.matmul(call, x, weight), bias)


@torch_reader("aten.matmul", "aten.mm", "aten.bmm")
def read_matmul(call: Call) -> Value:
    return forms.matmul(call, call.value(0), call.value(1))


@torch_reader("aten.einsum")
def read_einsum(call: Call) -> Value:
    return forms.einsum(call, call.attribute("equation"), [value for value in call.inputs if value is not None])


@torch_reader("aten.scaled_dot_product_attention")
def read_attention(call: Call) -> Value:
    """softmax(q kT / sqrt(features)) v, as products of activations; queries and keys each take the root of the scale, as exporters do."""
    query, key, value, mask = call.value(0), call.value(1), call.value(2), call.optional(3)
    if call.attribute("enable_gqa"):
        call.refuse("attention with grouped queries is not known")
    if call.attribute("is_causal"):
        mask = call.constant(np.triu(np.full((query.shape[-2], key.shape[-2]), -np.inf, np.float32), 1), "mask")
    scale = call.attribute("scale")
    root = np.float32(np.sqrt(query.shape[-1] ** -0.5 if scale is None else scale))
    rank = len(key.shape)
    key = forms.transpose(call, key, (*range(rank - 2), rank - 1, rank - 2))
    scores = forms.matmul(
        call, *(forms.binary(call, Mul, each, call.constant(root, suffix)) for each, suffix in ((query, "q_scale"), (key, "k_scale")))
    )
    if mask is not None:
        scores = forms.binary(call, Add, scores, mask)
    return forms.matmul(call, forms.mapped(call, Softmax(scores.graph_axis(-1)), scores), value)


@torch_reader("aten.embedding")
def read_embedding(call: Call) -> Value:
    table, indices = call.value(0), call.value(1)
    op: Op = Embedding(table.shape[0], table.shape[1])
    return call.emit(op, indices, batch_axis=indices.batch_axis, weight=table)
