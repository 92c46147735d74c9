"""The place of an operator that hwcost does not know, in a network that is priced in spite of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hwcost.ops.base import Op
from hwcost.tensor import TensorSpec


@dataclass(frozen=True, slots=True)
class Unknown(Op):
    """An operator of a file, known by name and by the shapes the file gives its outputs; its work is not known and counts as none.

    No runtime has a kernel for it, so it is not registered: whoever prices it says that the total is a lower bound.
    """

    op: str
    made: tuple[TensorSpec, ...]

    kind: ClassVar[str] = "unknown"

    def infer(self, *inputs: TensorSpec) -> TensorSpec:
        return self.made[0]

    def outputs(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        return self.made
