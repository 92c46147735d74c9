"""What one layer becomes in C: a struct of its numbers, arrays in flash, the functions it calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.program import Layer, Tensor


@dataclass(frozen=True, slots=True)
class Placed:
    """A layer with what is around it: the node it was, its tensors in memory order, and the number that makes its C names unique."""

    number: int
    node: str
    layer: Layer
    inputs: tuple[Tensor, ...]
    output: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """A constant array of the firmware. `values` may be of int8, int16, int32, uint32 or float32, which is also its C type."""

    name: str
    values: NDArray[Any]
    alignment_bytes: int = 4

    @property
    def bytes(self) -> int:
        """Bytes it takes in flash, padding after it not counted."""
        return int(self.values.nbytes)

    @property
    def c_type(self) -> str:
        """Its element in C."""
        return "float" if self.values.dtype == np.float32 else f"{self.values.dtype.name}_t"


@dataclass(frozen=True, slots=True)
class Unit:
    """Generated code that is compiled with the project once, however many layers use it: equal names mean equal text.

    `name` is the function it defines; a line of `text` is its prototype, `void NAME(...);`.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Emission:
    """How a layer is run: `function(&layer_struct, inputs..., output, scratch)`; no `function` is no code at all (a view of the input).

    `struct` is the C type of the layer's numbers and `fields` its members by name, as C expressions; the emitter writes them as a
    designated initialiser. `sources` are files of `hwcost/deploy/c/` that must be linked, `units` what was generated for it.
    """

    function: str
    struct: str
    fields: tuple[tuple[str, str], ...]
    arrays: tuple[Array, ...] = ()
    sources: tuple[str, ...] = ()
    units: tuple[Unit, ...] = field(default=())
    gathers: bool = False
    """Whether the inputs are given as one array of pointers."""
