"""Cycles looked up: exactly those measured where a layer was, between measured widths what lies between, beyond them marked guesses.

A table holds layers that differ in nothing but their channels. Where its points fill a grid, cycles are linear between them along
each axis, so searched widths keep their gradients. Where they do not, and for tables nobody measured, cycles per unit of work are
averaged, nearer points counting more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from hwcost.errors import shown
from hwcost.graph import Step
from hwcost.kernels import Kernel
from hwcost.latency.features import groups_of
from hwcost.latency.fitted import FittedModel, Label
from hwcost.latency.model import Unpriced, some
from hwcost.sizes import Size, is_int, value
from hwcost.target import LayerFacts, Target
from hwcost.target.cited import Count, Factor, Limits, Positive, Strict

__all__ = ["Form", "LookupModel", "LookupParameters", "Table", "form_of"]

_MOST = Limits(min_length=1, max_length=200_000)
Places = Annotated[int, Limits(strict=True, ge=0, le=2**20)]


@dataclass(frozen=True, slots=True)
class Form(Strict):
    """All of a layer but its channels: layers of equal form differ in widths alone. `multiplier` is 0 where widths are free."""

    kernel: tuple[Count, Count]
    stride: tuple[Count, Count]
    dilation: tuple[Count, Count]
    padding: tuple[Places, Places, Places, Places]
    groups: Count
    height: Count
    width: Count
    inputs: Count = 1
    multiplier: Places = 0

    def distance(self, other: Form) -> float:
        """How unlike two forms are: differences in the logarithm of places and windows, and one for each other thing that differs."""
        sizes = ((self.height * self.width, other.height * other.width), (math.prod(self.kernel), math.prod(other.kernel)))
        far = sum(abs(math.log(a / b)) for a, b in sizes)
        return far + sum(
            mine != theirs for mine, theirs in ((self.stride, other.stride), (self.groups, other.groups), (self.inputs, other.inputs))
        )


@dataclass(frozen=True, slots=True)
class Table(Strict):
    """Measured layers of one form: widths in, widths out and cycles, in step."""

    form: Form
    in_channels: Annotated[tuple[Count, ...], _MOST]
    out_channels: Annotated[tuple[Count, ...], _MOST]
    cycles: Annotated[tuple[Positive, ...], _MOST]
    work: Annotated[tuple[Factor, ...], _MOST]
    """MACs of each, or the elements it makes where it multiplies nothing."""

    def __post_init__(self) -> None:
        """Refuse columns of different lengths, and widths measured twice."""
        lengths = {len(self.in_channels), len(self.out_channels), len(self.cycles), len(self.work)}
        if len(lengths) > 1:
            raise ValueError("expected as many widths as cycles")
        if len(set(zip(self.in_channels, self.out_channels, strict=True))) < len(self.cycles):
            raise ValueError("expected each pair of widths once")


@dataclass(frozen=True, slots=True)
class LookupParameters(Strict):
    """Tables by group of layers (`features.groups_of`)."""

    tables: Annotated[Mapping[Label, tuple[Table, ...]], Limits(min_length=1, max_length=1000)]


Found = Literal["measured", "between", "beyond"]


@dataclass(frozen=True)
class LookupModel(FittedModel):
    """Measured cycles by layer. Gradients survive in widths; every guess beyond the table is named in the remarks."""

    parameters: LookupParameters

    kind: ClassVar[str] = "lookup"
    method: ClassVar[Literal["lookup", "fitted"]] = "lookup"
    Parameters: ClassVar[type] = LookupParameters

    @property
    def differentiable(self) -> bool:
        """Linear between widths."""
        return True

    def kernel_cycles(self, step: Step, kernel: Kernel, target: Target) -> Size | Unpriced:
        """Cycles of the table of its form, or of the form most like it."""
        table = self._table(kernel)
        if table is None:
            return Unpriced(step.node.name, f"{self.name} was made from no layer like this {kernel.name}")
        layer = kernel.layer
        if table.form != form_of(layer):
            return _averaged(table, layer)
        grid = self._grids[id(table)]
        return _averaged(table, layer) if grid is None else grid.cycles(layer)

    def remarks(self, steps: Sequence[Step], kernels: Sequence[Kernel], target: Target) -> tuple[str, ...]:
        """Layers that were not measured and do not lie between layers that were."""
        beyond = [
            shown(step.node.name)
            for step, kernel in zip(steps, kernels, strict=True)
            if kernel.is_supported and not kernel.is_free and self.found(kernel) == "beyond"
        ]
        return (f"guessed beyond the layers that {self.name} was made from: {some(beyond)}",) if beyond else ()

    def found(self, kernel: Kernel) -> Found:
        """Whether a layer was measured, lies between measured widths, or beyond them."""
        table, layer = self._table(kernel), kernel.layer
        if table is None or table.form != form_of(layer):
            return "beyond"
        widths = value(layer.in_channels), value(layer.out_channels)
        if widths in set(zip(table.in_channels, table.out_channels, strict=True)):
            return "measured"
        inside = all(min(axis) <= width <= max(axis) for axis, width in zip((table.in_channels, table.out_channels), widths, strict=True))
        return "between" if inside and self._grids[id(table)] is not None else "beyond"

    @cached_property
    def _grids(self) -> Mapping[int, _Grid | None]:
        """The grid of each table, by its identity, made once."""
        return {id(table): _Grid.of(table) for tables in self.parameters.tables.values() for table in tables}

    @cached_property
    def _by_form(self) -> Mapping[str, Mapping[Form, Table]]:
        """The tables of each group by their form."""
        return {group: {table.form: table for table in tables} for group, tables in self.parameters.tables.items()}

    def _table(self, kernel: Kernel) -> Table | None:
        """The table of the layer's form in its closest group that has one, else the most similar of its closest group."""
        form = form_of(kernel.layer)
        groups = [self.parameters.tables[group] for group in groups_of(kernel)[:2] if group in self.parameters.tables]
        same = (self._by_form[group].get(form) for group in groups_of(kernel)[:2] if group in self._by_form)
        measured = next((table for table in same if table is not None), None)
        if measured is not None or not groups:
            return measured
        return min(groups[0], key=lambda table: table.form.distance(form))


def form_of(layer: LayerFacts) -> Form:
    """The form of a layer; sizes of places are whole numbers even where channels are searched."""
    ties = layer.kind.startswith("depthwise")
    return Form(
        kernel=layer.kernel,
        stride=layer.stride,
        dilation=layer.dilation,
        padding=layer.padding,
        groups=1 if ties else value(layer.groups),
        height=value(layer.input_height),
        width=value(layer.input_width),
        inputs=max(1, layer.inputs),
        multiplier=max(1, value(layer.out_channels) // max(1, value(layer.in_channels))) if ties else 0,
    )


def work_of(layer: LayerFacts) -> Size:
    """What cycles are compared per unit of: MACs, or elements made by layers that multiply nothing."""
    window = layer.patch_elements
    return layer.output_elements * window if not is_int(window) or window else layer.output_elements


@dataclass(frozen=True, slots=True)
class _Grid:
    """A table whose points fill every crossing of its widths; `tied` where the width out follows from the width in."""

    ins: tuple[int, ...]
    outs: tuple[int, ...]
    cycles_at: Mapping[tuple[int, int], float]

    @classmethod
    def of(cls, table: Table) -> _Grid | None:
        """The grid of a table; None where crossings are missing."""
        points = dict(zip(zip(table.in_channels, table.out_channels, strict=True), table.cycles, strict=True))
        ins, outs = (tuple(sorted(set(axis))) for axis in (table.in_channels, table.out_channels))
        if len(points) == len(ins) * len(outs):
            return cls(ins, outs, points)
        if len(points) == len(ins) == len(outs):  # one width follows from the other
            return cls(ins, (0,), {(into, 0): cycles for (into, _), cycles in points.items()})
        return None

    def cycles(self, layer: LayerFacts) -> Size:
        """Linear along each axis, in the cell the widths lie in; beyond the last point the last cell goes on."""
        rows, columns = _weights(self.ins, layer.in_channels), _weights(self.outs, layer.out_channels)
        return sum(a * b * self.cycles_at[into, out] for into, a in rows for out, b in columns)


def _weights(knots: tuple[int, ...], width: Size) -> list[tuple[int, Size]]:
    """The two points around a width and how much each counts; a lone point stands for every width, in proportion."""
    if knots == (0,):
        return [(0, 1.0)]
    if len(knots) == 1:
        return [(knots[0], width / knots[0])]
    at = value(width)
    if at in knots and is_int(width):
        return [(at, 1.0)]
    cell = next((i for i in range(len(knots) - 2) if at <= knots[i + 1]), len(knots) - 2)
    low, high = knots[cell], knots[cell + 1]
    share = (width - low) / (high - low)
    return [(low, 1 - share), (high, share)]


def _averaged(table: Table, layer: LayerFacts) -> Size:
    """Work times the cycles per unit of it, averaged over the table: the nearer in the logarithm of widths, the more it counts."""
    at = (value(layer.in_channels), value(layer.out_channels))
    total, weights = 0.0, 0.0
    for into, out, cycles, work in zip(table.in_channels, table.out_channels, table.cycles, table.work, strict=True):
        far = math.log(into / at[0]) ** 2 + math.log(out / at[1]) ** 2
        weight = 1.0 / (far + 1e-12) ** 2
        total, weights = total + weight * cycles / work, weights + weight
    return work_of(layer) * (total / weights)
