"""Every layer of a program as one call, in the order the firmware makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwcost.deploy.emission import Emission, Placed
from hwcost.deploy.program import Alias, Program
from hwcost.deploy.variants import emitter
from hwcost.errors import GraphError, HwcostError, listed


@dataclass(frozen=True, slots=True)
class Call:
    """A layer where it stands, and how it is run."""

    placed: Placed
    emission: Emission

    @property
    def struct_name(self) -> str:
        """The C name of the layer's numbers: `conv_3`."""
        return f"{self.emission.function.removeprefix('hwc_')}_{self.placed.number}"


def calls(program: Program, variants: Sequence[str] | None = None) -> tuple[Call, ...]:
    """The calls of a program; `variants` names a kernel for each node, portable ones where it is None.

    Raises GraphError with every layer that no kernel covers.
    """
    made: list[Call] = []
    faults: list[str] = []
    for placed, variant in _placed(program, variants or ["portable"] * len(program.layers)):
        try:
            made.append(Call(placed, emitter("portable" if isinstance(placed.layer, Alias) else variant)(placed)))
        except GraphError as error:
            faults.append(str(error))
        except HwcostError as error:
            faults.append(f"node '{placed.node}': {error}")
    if faults:
        raise GraphError(listed(faults))
    return tuple(made)


def _placed(program: Program, variants: Sequence[str]) -> list[tuple[Placed, str]]:
    """One call for each output of each node."""
    found: list[tuple[Placed, str]] = []
    for node, layers, variant in zip(program.graph.nodes, program.layers, variants, strict=True):
        inputs = tuple(program.tensors[name] for name in node.inputs)
        several = layers if isinstance(layers, tuple) else (layers,)
        for layer, output in zip(several, node.outputs, strict=True):
            found.append((Placed(len(found), node.name, layer, inputs, program.tensors[output]), variant))
    return found
