"""From a torch module to a graph: the module is traced by `torch.export`, and each ATen call is read by its reader.

This is the one file that imports torch for reading. The module is left as it was found: parameters untouched, no gradient, the
training flags of every submodule put back.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram, default_decompositions

from hwcost.errors import GraphError
from hwcost.frontends.building import GraphBuilder
from hwcost.frontends.torch_calls import failed_line
from hwcost.frontends.torch_program import ProgramReading, needs_functional_form, unknown_calls
from hwcost.graph import Graph
from hwcost.passes import normalise

Example = torch.Tensor | Sequence[torch.Tensor]


FOREIGN = (Path(torch.__file__).parent, Path(__file__).parent.parent)
"""Folders whose code is never the module's own: torch's, and this package's."""


MOST_ROUNDS = 4
"""Parts of a call may have to be taken apart again."""


def from_torch(module: torch.nn.Module, example_input: Example, *, name: str | None = None) -> Graph:
    """The network that `module` is in evaluation mode, in normal form, for inputs shaped like `example_input`.

    `example_input` is a tensor, or a tuple of them for several inputs; its first axis is the batch, of which one is taken. Nodes
    are named by module path (`layers.0.conv1`), weights by their parameter names, and weights are read when asked.
    Raises UnsupportedOpError naming every operator hwcost does not know, GraphError for control flow that depends on data.
    """
    return normalise(as_written(module, example_input, name=name))


def as_written(module: torch.nn.Module, example_input: Example, *, name: str | None = None) -> Graph:
    """The network before any rewrite: every layer of the module is a node and reads the module's own parameters by their names.

    A search masks and slices these; prices are those of the normal form. Errors are those of `from_torch`.
    """
    inputs = _inputs(module, example_input)
    pinned = tuple(x[:1] if x.dim() else x for x in inputs)
    program = exported(module, pinned)
    builder = GraphBuilder(name or type(module).__name__)
    batches = sorted({x.shape[0] for x in inputs if x.dim() and x.shape[0] != 1})
    builder.notes.extend(f"a batch of {batch} was pinned to 1" for batch in batches)
    with torch.no_grad():
        return ProgramReading(program, builder, torch.from_numpy).graph()


def exported(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> ExportedProgram:
    """The module as ATen calls without side effects on values.

    Raises GraphError naming the line of the module's code that cannot be traced.
    """
    with _as_evaluated(module), _quietly():
        try:
            program = torch.export.export(module, inputs)
            return _in_known_calls(program)
        except Exception as error:
            raise _refusal(error) from error


def _in_known_calls(program: ExportedProgram) -> ExportedProgram:
    """The program with calls that have no reader taken apart, as far as torch says how; all others stay whole."""
    known: Any = default_decompositions()
    table: dict[Any, Any] = {}
    for _ in range(MOST_ROUNDS):
        more = {call: known[call] for call in {node.target for node in unknown_calls(program)} - table.keys() if call in known}
        if not more and not needs_functional_form(program):
            break
        table |= more
        program = program.run_decompositions(dict(table))
    return program


def _inputs(module: object, example_input: object) -> tuple[torch.Tensor, ...]:
    if not isinstance(module, torch.nn.Module):
        raise GraphError(f"expected a torch.nn.Module, got {type(module).__name__}")
    inputs = (example_input,) if isinstance(example_input, torch.Tensor) else example_input
    if not isinstance(inputs, Sequence) or not inputs or not all(isinstance(x, torch.Tensor) for x in inputs):
        raise GraphError(f"expected a tensor or a tuple of tensors as example input, got {type(example_input).__name__}")
    empty = [tuple(x.shape) for x in inputs if x.numel() == 0]
    if empty:
        raise GraphError(f"expected an example input with elements, got shape {empty[0]}")
    return tuple(inputs)


@contextmanager
def _as_evaluated(module: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients inside; each submodule's own flag put back after."""
    flags = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in flags:
            part.training = training


@contextmanager
def _quietly() -> Iterator[None]:
    """The exporter's talk about itself kept from the user's terminal; what matters of it comes back as an error."""
    log = logging.getLogger("torch.fx.experimental.symbolic_shapes")
    before = log.disabled
    log.disabled = True
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before


def _refusal(error: Exception) -> GraphError:
    """Why the module cannot be traced, in one sentence with the line of code."""
    line = failed_line(error, FOREIGN)
    place = f" at {line}" if line else ""
    if isinstance(error, torch.fx.experimental.symbolic_shapes.GuardOnDataDependentSymNode):
        return GraphError(
            f"the path through the module depends on the values of its input{place}: only a fixed sequence of layers can be priced"
        )
    reason = str(error).strip().splitlines()
    return GraphError(f"the module cannot be traced{place}: {type(error).__name__}: {reason[0] if reason else 'no reason given'}")
