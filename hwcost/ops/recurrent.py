"""Recurrent layers over a sequence `(steps, features)`, with parameters laid out as ONNX has them.

Outputs: the whole sequence `(steps, directions, hidden)`, the last state `(directions, hidden)`, and for LSTM the last cell, shaped
as the state. Further inputs are initial states; without them they are zero. A stack of layers is one node each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from hwcost.errors import ShapeError
from hwcost.ops.base import Op, Work, operator, require_rank, shape_text
from hwcost.ops.flow import AxisFlow, Fixed, InputAxis, Own, Same
from hwcost.sizes import Size, equal
from hwcost.tensor import TensorSpec


@dataclass(frozen=True, slots=True)
class _Recurrent(Op):
    hidden: Size
    direction: Literal["forward", "reverse", "bidirectional"] = "forward"
    bias: bool = True

    width: ClassVar[str | None] = "hidden"
    gates: ClassVar[int] = 1
    states: ClassVar[int] = 1
    """How many tensors it carries from step to step."""

    @property
    def directions(self) -> int:
        """2 if the sequence is read both ways, else 1."""
        return 2 if self.direction == "bidirectional" else 1

    def infer(self, x: TensorSpec, *initial: TensorSpec) -> TensorSpec:
        require_rank(self, x, 2, "steps x features")
        state = (self.directions, self.hidden)
        for given in initial:
            if len(given.shape) != 2 or not all(equal(n, m) for n, m in zip(given.shape, state, strict=True)):
                raise ShapeError(f"{type(self).__name__} expects an initial state of {shape_text(state)}, got {shape_text(given.shape)}")
        return x.with_shape((x.shape[0], *state))

    def outputs(self, x: TensorSpec, *initial: TensorSpec) -> tuple[TensorSpec, ...]:
        sequence = self.infer(x, *initial)
        return (sequence, *(x.with_shape(sequence.shape[1:]) for _ in range(self.states)))

    def parameters(self, x: TensorSpec, *initial: TensorSpec) -> Mapping[str, tuple[Size, ...]]:
        rows = self.gates * self.hidden
        shapes: dict[str, tuple[Size, ...]] = {
            "weight_ih": (self.directions, rows, x.features),
            "weight_hh": (self.directions, rows, self.hidden),
        }
        if self.bias:
            shapes["bias"] = (self.directions, 2 * rows)
        return shapes

    def work(self, x: TensorSpec, *initial: TensorSpec) -> Work:
        """At each step every gate of every unit sums over the features and the state: one patch."""
        steps, patch, made = x.shape[0], x.features + self.hidden, self.directions * self.gates * self.hidden
        moved = Op.work(self, x, *initial)
        return replace(moved, macs=steps * made * patch, patch_elements=patch, positions=steps, in_channels=x.features, out_channels=made)

    def flow(self, x: TensorSpec, *initial: TensorSpec) -> tuple[AxisFlow, ...]:
        return (Same(((0, 0),)), *self._state_flow(initial))

    def flows(self, x: TensorSpec, *initial: TensorSpec) -> tuple[tuple[AxisFlow, ...], ...]:
        return (self.flow(x, *initial), *(self._state_flow(initial) for _ in range(self.states)))

    def _state_flow(self, initial: tuple[TensorSpec, ...]) -> tuple[AxisFlow, ...]:
        # A state that is handed in has the width it has: the layer's own cannot change without it.
        return (Fixed(), Fixed() if initial else Own())

    def pinned(self, x: TensorSpec, *initial: TensorSpec) -> tuple[InputAxis, ...]:
        return tuple((i, axis) for i in range(1, 1 + len(initial)) for axis in (0, 1))


@operator
class LSTM(_Recurrent):
    """Long short-term memory; gates in ONNX order input, output, forget, cell."""

    __slots__ = ()

    kind: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4
    states: ClassVar[int] = 2


@operator
@dataclass(frozen=True, slots=True)
class GRU(_Recurrent):
    """Gated recurrent unit; gates in ONNX order update, reset, hidden. torch resets after the product (`linear_before_reset`)."""

    linear_before_reset: bool = True

    kind: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3


@operator
@dataclass(frozen=True, slots=True)
class RNN(_Recurrent):
    """A plain recurrent layer."""

    nonlinearity: Literal["tanh", "relu"] = "tanh"

    kind: ClassVar[str] = "rnn"
