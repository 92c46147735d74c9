"""Attention as one node, written out in the products it consists of."""

from __future__ import annotations

import numpy as np

from hwcost.ops import forms
from hwcost.ops.activation import Softmax
from hwcost.ops.binary import Add, Mul
from hwcost.ops.reading import Call, Value, onnx_reader


@onnx_reader("Attention")
def read_attention(call: Call) -> Value:
    """softmax(scale q kT + mask) v over (batch, heads, steps, features); queries and keys each take the root of the scale.

    Operands of three axes hold their heads side by side. Source: Attention of the ONNX operator reference, opset 23.
    """
    if (
        call.attribute("is_causal", 0)
        or call.attribute("softcap", 0.0)
        or any(call.optional(i) is not None for i in range(4, len(call.inputs)))
    ):
        call.refuse("a causal mask, a soft cap, or keys of earlier steps are not known")
    query, key, value = (_heads(call, call.value(i), name) for i, name in ((0, "q_num_heads"), (1, "kv_num_heads"), (2, "kv_num_heads")))
    if query.shape[:2] != key.shape[:2]:
        call.refuse(f"queries {query.shape} and keys {key.shape} have different numbers of heads")
    scale = call.attribute("scale") or query.shape[-1] ** -0.5
    if not scale > 0:
        call.refuse(f"a scale of {scale} is not above 0")
    root = np.float32(np.sqrt(scale))
    rank = len(key.shape)
    key = forms.transpose(call, key, (*range(rank - 2), rank - 1, rank - 2))
    query, key = (forms.binary(call, Mul, each, call.constant(root, name)) for each, name in ((query, "q_scale"), (key, "k_scale")))
    scores = forms.matmul(call, query, key)
    mask = call.optional(3)
    scores = scores if mask is None else forms.binary(call, Add, scores, mask)
    made = forms.matmul(call, forms.mapped(call, Softmax(scores.graph_axis(-1)), scores), value)
    return made if len(call.value(0).shape) == 4 else _side_by_side(call, made)


def _heads(call: Call, x: Value, attribute: str) -> Value:
    if len(x.shape) == 4:
        return x
    heads = int(call.attribute(attribute, 0))
    if len(x.shape) != 3 or heads < 1 or x.shape[-1] % heads:
        call.refuse(f"{heads} heads cannot share the features of {x.shape}")
    batch, steps, features = x.shape
    return forms.transpose(call, forms.reshape(call, x, (batch, steps, heads, features // heads), 0), (0, 2, 1, 3))


def _side_by_side(call: Call, x: Value) -> Value:
    batch, heads, steps, features = x.shape
    return forms.reshape(call, forms.transpose(call, x, (0, 2, 1, 3)), (batch, steps, heads * features), 0)
