"""Recurrent stacks: torch's one call becomes one operator per layer, its parameters brought to ONNX's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from hwcost.ops import forms
from hwcost.ops.reading import Array, Call, Value, torch_reader
from hwcost.ops.recurrent import GRU, LSTM, RNN

GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn_tanh": (0,), "rnn_relu": (0,)}
"""For each gate in ONNX's order, its place in torch's: LSTM has input, forget, cell, output; GRU reset, update, new."""

STATES = {"lstm": 2, "gru": 1, "rnn_tanh": 1, "rnn_relu": 1}


@dataclass(frozen=True, slots=True)
class _Stack:
    """What a call says about all its layers, and its parameters, layer by layer and direction by direction."""

    kind: str
    directions: int
    biases: bool
    layers: tuple[tuple[tuple[Value, ...], ...], ...]


@torch_reader("aten.lstm", "aten.gru", "aten.rnn_tanh", "aten.rnn_relu")
def read_recurrent(call: Call) -> Sequence[Value]:
    """The sequence of the last layer, and each layer's last states, one below the other."""
    kind = call.op.removeprefix("aten.")
    states = STATES[kind]
    x, initial = call.value(0), [value for value in call.inputs[1 : 1 + states] if value is not None]
    time = 1 if call.attribute("batch_first") else 0
    if x.batch_axis not in {None, 1 - time} or (len(x.shape) == 3 and x.batch_axis is None):
        call.refuse(f"expected steps at axis {time} and the batch beside it, got shape {x.shape}")
    stack = _stack(call, kind, [value for value in call.inputs[1 + states :] if value is not None])
    last: list[list[Value]] = [[] for _ in range(states)]
    sequence = x
    for number, parameters in enumerate(stack.layers):
        named = replace(call, name=f"{call.name}.l{number}" if len(stack.layers) > 1 else call.name)
        sequence, ends = _layer(named, stack, sequence, parameters, _of_layer(named, stack, initial, number))
        for kept, end in zip(last, ends, strict=True):
            kept.append(end)
    return [sequence, *(forms.concat(call, ends, 0) for ends in last)]


def _of_layer(call: Call, stack: _Stack, initial: Sequence[Value], number: int) -> list[Value]:
    """The states that one layer begins with, as `(directions, hidden)`; none if all of them are zero."""
    if all(state.is_constant and not np.any(state.array()) for state in initial):
        return []
    first = number * stack.directions
    given = [forms.materialised(call, state, 1) for state in initial]
    parts = [forms.slice_axis(call, state, 0, first, first + stack.directions) for state in given]
    return [forms.reshape(call, part, (stack.directions, part.shape[-1]), batch_axis=None) for part in parts]


def _stack(call: Call, kind: str, parameters: Sequence[Value]) -> _Stack:
    directions = 2 if call.attribute("bidirectional") else 1
    biases = bool(call.attribute("has_biases"))
    each = 4 if biases else 2
    sets = [tuple(parameters[i : i + each]) for i in range(0, len(parameters), each)]
    if len(parameters) % each or len(sets) != directions * call.attribute("num_layers"):
        call.refuse("projected states are not known: use a layer without proj_size")
    return _Stack(kind, directions, biases, tuple(tuple(sets[i : i + directions]) for i in range(0, len(sets), directions)))


def _layer(
    call: Call, stack: _Stack, x: Value, parameters: Sequence[Sequence[Value]], initial: Sequence[Value]
) -> tuple[Value, list[Value]]:
    """One layer: its sequence in the shape of the file, and its last states as `(directions, batch, hidden)`."""
    hidden = parameters[0][1].shape[1]
    given = {"weight_ih": _stacked(stack, parameters, 0), "weight_hh": _stacked(stack, parameters, 1)}
    if stack.biases:
        given["bias"] = _joined_bias(stack, parameters)
    sequence, *states = call.emit_all(_operator(stack, hidden), x, *initial, batch_axis=None, **given)
    steps = sequence.shape[0]
    flat = forms.reshape(call, sequence, (steps, stack.directions * hidden))
    shape = (*x.shape[:-1], stack.directions * hidden)
    ends = [replace(state, shape=(stack.directions, 1, hidden), batch_axis=1) if x.batch_axis is not None else state for state in states]
    return replace(flat, shape=shape, batch_axis=x.batch_axis), ends


def _operator(stack: _Stack, hidden: int) -> Any:
    direction: Literal["forward", "bidirectional"] = "bidirectional" if stack.directions == 2 else "forward"
    if stack.kind == "lstm":
        return LSTM(hidden, direction, stack.biases)
    if stack.kind == "gru":
        return GRU(hidden, direction, stack.biases)
    return RNN(hidden, direction, stack.biases, nonlinearity="tanh" if stack.kind == "rnn_tanh" else "relu")


def _stacked(stack: _Stack, parameters: Sequence[Sequence[Value]], which: int) -> Value:
    """Weights of both directions as one constant, gates in ONNX's order."""
    each = [direction[which] for direction in parameters]
    return replace(
        each[0], shape=(len(each), *each[0].shape), read=lambda: np.stack([_reordered(stack.kind, value.array()) for value in each])
    )


def _joined_bias(stack: _Stack, parameters: Sequence[Sequence[Value]]) -> Value:
    """Input and state biases of each direction one behind the other."""

    def values() -> Array:
        return np.stack([np.concatenate([_reordered(stack.kind, value.array()) for value in direction[2:]]) for direction in parameters])

    first = parameters[0][2]
    return replace(first, shape=(len(parameters), 2 * first.shape[0]), read=values)


def _reordered(kind: str, rows: Array) -> Array:
    gates = np.split(rows, len(GATES[kind]))
    return np.concatenate([gates[place] for place in GATES[kind]])
