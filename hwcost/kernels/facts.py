"""A layer of a graph in the terms that the rules of a runtime's file are written in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hwcost.graph import Step
from hwcost.sizes import Size, prod
from hwcost.target import LayerFacts
from hwcost.tensor import TensorSpec

__all__ = ["axis_entries", "facts"]


def facts(step: Step) -> LayerFacts:
    """What kernels may ask about a layer; sizes stay what they are: numbers, searched tensors or columns."""
    op, x, y, work = step.node.op, _first(step.inputs), step.output, step.work
    rows_in, columns_in = _places(x)
    rows_out, columns_out = _places(y)
    return LayerFacts(
        kind=step.kind,
        activation_bits=_activation_bits(step),
        weight_bits=step.weight_bits or None,
        per_channel=any(p.quantisation is not None and p.quantisation.per_channel for role, p in step.parameters if role != "bias"),
        kernel=_pair(getattr(op, "kernel", ()), 1),
        stride=_pair(getattr(op, "stride", ()), 1),
        dilation=_pair(getattr(op, "dilation", ()), 1),
        padding=_sides(getattr(op, "padding", ())),
        groups=getattr(op, "groups", 1),
        directions=getattr(op, "directions", 1),
        in_channels=work.in_channels,
        out_channels=work.out_channels,
        patch_elements=work.patch_elements,
        weight_elements=sum(parameter.elements for role, parameter in step.parameters if role != "bias"),
        input_elements=work.in_elements,
        output_elements=work.out_elements,
        input_height=rows_in,
        input_width=columns_in,
        output_height=rows_out,
        output_width=columns_out,
        inputs=len(step.inputs),
        outputs=len(step.outputs),
        output_axes=sum(len(spec.shape) for spec in step.outputs),
        axis_entries=axis_entries(step.outputs),
        tables=_tables(step),
    )


def axis_entries(outputs: Sequence[TensorSpec]) -> Size:
    """The lengths of all axes of all outputs, added up."""
    return sum(sum(spec.shape) for spec in outputs)


def _tables(step: Step) -> int:
    """Tables of 256 entries: of inputs on a scale other than the output's, each scale once; one where a layer has no such inputs.

    Scales that nobody knows yet, as in a network that was never quantised, count as different.
    """
    if step.kind != "concat":
        return 1
    known = {_scale(x) or index for index, x in enumerate(step.inputs)}
    return len(known - {_scale(step.output)})


def _scale(spec: TensorSpec) -> tuple[tuple[float, ...], tuple[int, ...]] | None:
    """How stored integers map to real values, None where that is not known."""
    quantisation = spec.quantisation
    return (quantisation.scale, quantisation.zero_point) if quantisation and quantisation.scale else None


def _first(specs: Sequence[TensorSpec]) -> TensorSpec:
    return specs[0] if specs else TensorSpec(())


def _activation_bits(step: Step) -> int:
    """Width of what the kernel computes with: 32 as soon as one side of it is float, as in a float island of an int8 network.

    Between integers it is the narrower side: indices that go in or come out are wider than the values they belong to.
    """
    specs = (*step.inputs[:1], step.output)
    if any(spec.is_float for spec in specs):
        return 32
    widths = [spec.bits for spec in specs if spec.kind != "bool"]
    return min(widths, default=8)


def _places(spec: TensorSpec) -> tuple[Size, Size]:
    """Height and width: of a sequence 1 and its steps, of a vector 1 and 1; axes beyond two are folded into the height."""
    places = spec.shape[1:]
    if not places:
        return 1, 1
    return (prod(places[:-1]), places[-1])


def _pair(sizes: Any, filler: int) -> tuple[Any, Any]:
    """Attributes of one axis or two as height and width."""
    if not isinstance(sizes, tuple) or not sizes:
        return filler, filler
    return (filler, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])


def _sides(padding: Any) -> tuple[Any, Any, Any, Any]:
    """((top, bottom), (left, right)) as top, left, bottom, right."""
    if not isinstance(padding, tuple) or not padding or not isinstance(padding[0], tuple):
        return 0, 0, 0, 0
    (top, bottom), (left, right) = ((0, 0), *padding)[-2:]
    return top, left, bottom, right
