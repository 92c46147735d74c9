"""Recurrent layers: their parameters are in ONNX's order here too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from hwcost.ops import forms
from hwcost.ops.onnx_readers.quantised import MICROSOFT, quantisation_of
from hwcost.ops.reading import Call, Value, onnx_reader
from hwcost.ops.recurrent import GRU, LSTM, RNN

DIRECTIONS: dict[str, Literal["forward", "reverse", "bidirectional"]] = {
    "forward": "forward",
    "reverse": "reverse",
    "bidirectional": "bidirectional",
}
DEFAULTS = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh"), "RNN": ("tanh",)}


@onnx_reader("LSTM", "GRU", "RNN")
def read_recurrent(call: Call) -> Sequence[Value]:
    """The sequence, the last state, and for LSTM the last cell; layout 0 is (steps, batch, features), layout 1 batch first."""
    layout = int(call.attribute("layout", 0))
    x = _sequence(call, call.value(0), batch=1 - layout)
    op = _operator(call)
    _refuse_what_is_not_known(call, x.shape[layout])
    bias = call.optional(3)
    initial = [_state(call, index, layout) for index in (5, 6) if index == 5 or call.op == "LSTM"]
    given = [state for state in initial if state is not None]
    if given and len(given) != len(initial):
        call.refuse("one of its initial states is given and the other is not: hwcost knows both or none")
    made = call.emit_all(op, x, *given, batch_axis=None, weight_ih=call.value(1), weight_hh=call.value(2), bias=bias)
    sequence, *states = made
    return [_batched(sequence, 0 if layout else 2), *(_batched(state, 0 if layout else 1) for state in states)]


@onnx_reader("DynamicQuantizeLSTM", domain=MICROSOFT)
def read_dynamic_lstm(call: Call) -> Sequence[Value]:
    """An LSTM whose weights are stored as integers, with their last two axes exchanged; scales and zero points come last."""
    weights = [_exchanged(call, index, scale) for index, scale in ((1, 8), (2, 10))]
    plain = (call.optional(0), *weights, *(call.optional(index) for index in range(3, 8)))
    return read_recurrent(replace(call, op="LSTM", inputs=plain))


def _exchanged(call: Call, index: int, scale: int) -> Value:
    stored = call.value(index)
    if len(stored.shape) != 3:
        call.refuse(f"expected weights of directions, features and gates, got {stored.shape}")
    turned = forms.transpose(call, stored, (0, 2, 1))
    if call.value(scale).elements not in {1, stored.shape[0]}:
        call.refuse("its weights have a scale for each gate: hwcost knows one for each direction")
    meant = quantisation_of(replace(call, attributes={"axis": 0}), turned, call.value(scale), call.optional(scale + 1))
    return replace(turned, quantisation=meant)


def _batched(value: Value, axis: int) -> Value:
    return replace(value, shape=(*value.shape[:axis], 1, *value.shape[axis:]), batch_axis=axis)


def _sequence(call: Call, x: Value, batch: int) -> Value:
    """The input with its batch where the layout says."""
    if len(x.shape) != 3 or x.shape[batch] != 1:
        call.refuse(f"expected steps, a batch of 1 and features, got shape {x.shape} with the batch at axis {batch}")
    return x if x.batch_axis == batch else forms.reshape(call, x, x.shape, batch_axis=batch)


def _operator(call: Call) -> Any:
    hidden = int(call.attribute("hidden_size", 0)) or call.value(2).shape[-1]
    direction = DIRECTIONS.get(call.attribute("direction", "forward"))
    if direction is None:
        call.refuse(f"direction '{call.attribute('direction')}' is not forward, reverse or bidirectional")
    rows = {"LSTM": 4, "GRU": 3, "RNN": 1}[call.op] * hidden
    expected = (2 if direction == "bidirectional" else 1, rows, call.value(0).shape[-1])
    if call.value(1).shape != expected or not call.value(1).is_constant or not call.value(2).is_constant:
        call.refuse(f"expected stored weights of {expected}, got {call.value(1).shape}")
    has_bias = call.optional(3) is not None
    if call.op == "LSTM":
        return LSTM(hidden, direction, has_bias)
    if call.op == "GRU":
        return GRU(hidden, direction, has_bias, linear_before_reset=bool(call.attribute("linear_before_reset", 0)))
    return RNN(hidden, direction, has_bias, nonlinearity=_nonlinearity(call))


def _nonlinearity(call: Call) -> Literal["tanh", "relu"]:
    names = {str(name).lower() for name in call.attribute("activations") or ("tanh",)}
    if names == {"relu"}:
        return "relu"
    return "tanh" if names == {"tanh"} else call.refuse(f"activations {sorted(names)} are not all tanh or all relu")


def _refuse_what_is_not_known(call: Call, steps: int) -> None:
    names = tuple(str(name).lower() for name in call.attribute("activations") or ())
    usual = DEFAULTS[call.op]
    if call.op != "RNN" and names not in {(), usual, usual * 2}:
        call.refuse(f"activations {names} are not the usual ones {usual}")
    if call.attribute("clip") or call.attribute("input_forget", 0) or call.optional(7) is not None:
        call.refuse("clipped cells, coupled gates and peepholes are not known")
    lengths = call.optional(4)
    if lengths is not None and (not lengths.is_constant or any(int(n) != steps for n in lengths.array().reshape(-1))):
        call.refuse("sequences shorter than the input are not known")


def _state(call: Call, index: int, layout: int) -> Value | None:
    """An initial state as `(directions, hidden)`; None for zeros, which need not be stored."""
    state = call.optional(index)
    if state is None or (state.is_constant and not np.any(state.array())):
        return None
    batch = 0 if layout else 1
    if len(state.shape) != 3 or state.shape[batch] != 1:
        call.refuse(f"expected an initial state of directions, a batch of 1 and units, got {state.shape}")
    return forms.reshape(call, forms.materialised(call, state, batch), state.shape, batch_axis=batch)
