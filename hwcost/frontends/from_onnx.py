"""From an ONNX file to a graph in normal form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hwcost.errors import GraphError, HwcostError, shown
from hwcost.frontends.onnx_graph import MALFORMED, Reading
from hwcost.frontends.onnx_loading import Source, load
from hwcost.graph import Graph
from hwcost.passes import normalise


def from_onnx(source: Source, *, shapes: Mapping[str, Sequence[int]] | None = None, allow_unsupported: bool = False) -> Graph:
    """The network of an ONNX file (its path, its bytes or a ModelProto), in normal form.

    A symbolic batch is pinned to 1; other symbolic sizes are given by `shapes`, whole shapes by input name. Weights are read when
    asked. With `allow_unsupported`, operators hwcost does not know are left out and listed in `Graph.unknown`: totals are then
    lower bounds. Raises InputError for what is no ONNX model or lacks a size, UnsupportedOpError naming every unknown operator,
    GraphError for a network that is none.
    """
    return _read(source, shapes, allow_unsupported, normalise)


def as_written(source: Source, *, shapes: Mapping[str, Sequence[int]] | None = None, allow_unsupported: bool = False) -> Graph:
    """The same network before it is brought to normal form: the operators the file has, constants folded."""
    return _read(source, shapes, allow_unsupported, lambda graph: graph)


def _read(source: Source, shapes: Mapping[str, Sequence[int]] | None, allow_unsupported: bool, rewrite: Callable[[Graph], Graph]) -> Graph:
    loaded = load(source)
    try:
        return rewrite(_priceable(Reading(loaded.model, loaded.folder, loaded.name, allow_unsupported).graph(shapes)))
    except HwcostError:
        raise
    except RecursionError as error:
        raise GraphError(f"'{loaded.name}' is nested too deeply to be read") from error
    except MALFORMED as error:
        raise GraphError(f"'{loaded.name}' is malformed: {shown(str(error))}") from error


def _priceable(graph: Graph) -> Graph:
    """The network, if its work can be counted at all."""
    for step in graph.steps:
        if step.work.macs >= 1 << 63:
            raise GraphError(f"needs {step.work.macs:,} multiply-accumulates: no device computes that", node=step.node.name)
    return graph
