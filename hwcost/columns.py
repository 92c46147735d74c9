"""Layers as columns: one operator of arrays in place of many operators of numbers, evaluated by the same methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from hwcost.channels import Channels, Extent
from hwcost.graph import Parameter, Step
from hwcost.kernels import Kernel
from hwcost.latency.counts import Counts
from hwcost.ops.base import Op, Work
from hwcost.sizes import Size, prod
from hwcost.target import LayerFacts
from hwcost.tensor import TensorSpec

Column: TypeAlias = "np.ndarray[Any, Any]"
Layer: TypeAlias = tuple[Step, Kernel]

NUMERIC = ("kernel", "stride", "padding", "dilation", "output_padding", "groups", "multiplier")
"""Attributes that are sizes: they may differ between the members of a table."""
FUSED = ("activation",)
"""Attributes that change no count: the first member's stands for all. Any other attribute must be alike."""


@dataclass(frozen=True, slots=True)
class Affine:
    """Whole numbers that are sums of widths: `widths @ slopes + base`, one for each column of `slopes`."""

    slopes: Column
    base: Column

    def at(self, widths: Column) -> Column:
        """The numbers at these widths, in a new array; axes of candidates come first."""
        made: Column = widths @ self.slopes + self.base
        return made

    @classmethod
    def probe(cls, figures: Callable[[Column], Sequence[Size]], base: Column, free: Sequence[int]) -> Affine:
        """The sums behind figures known to be such, from their values at `base` and with each free width doubled in turn.

        Doubling keeps a width a multiple of what it was, so that the groups of a convolution still divide it.
        """
        trials = np.vstack([base, *(base + np.where(np.arange(len(base)) == index, base, 0) for index in free)])
        rows = np.array([np.broadcast_to(np.asarray(n, dtype=np.int64), (len(trials),)) for n in figures(trials)], dtype=np.int64)
        slopes = np.zeros((len(base), len(rows)), dtype=np.int64)
        for at, index in enumerate(free, start=1):
            slopes[index] = (rows[:, at] - rows[:, 0]) // base[index]
        return cls(slopes, rows[:, 0] - base @ slopes)

    @classmethod
    def of_extents(cls, extents: Sequence[Extent], channels: Channels) -> Affine:
        """Lengths of axes as the sums of widths that the operators' flow makes them."""
        index = {group.name: i for i, group in enumerate(channels.groups)}
        slopes = np.zeros((len(index), len(extents)), dtype=np.int64)
        base = np.zeros(len(extents), dtype=np.int64)
        for column, extent in enumerate(extents):
            for segment in extent.segments:
                if segment.group is None:
                    base[column] += segment.times
                else:
                    slopes[index[segment.group], column] += segment.times
        return cls(slopes, base)


@dataclass(frozen=True, slots=True)
class Rows:
    """What the layers of all tables count at some widths; the last axis of every column is that of layers."""

    counts: Counts
    facts: LayerFacts
    weight_bytes: Column


@dataclass(frozen=True, slots=True)
class _Table:
    """Layers of one operator: a template of columns, and which of its sizes follow the widths."""

    op: Op
    own: Column | None
    inputs: tuple[TensorSpec, ...]
    moving: tuple[tuple[int, int, slice], ...]
    out_bits: int
    weight_bits: int
    members: slice

    @property
    def is_moving(self) -> bool:
        """Whether any width reaches these layers."""
        return self.own is not None or bool(self.moving)

    def work(self, axes: Column, widths: Column) -> tuple[Work, Size]:
        """Work of every member and how many weights each reads, biases not counted."""
        op = self.op if self.own is None else self.op.with_width(widths[..., self.own])
        inputs = self.inputs
        if self.moving:
            shapes = [list(spec.shape) for spec in inputs]
            for which, axis, columns in self.moving:
                shapes[which][axis] = axes[..., columns]
            inputs = tuple(TensorSpec(tuple(shape), x.bits, x.quantisation, x.kind) for x, shape in zip(inputs, shapes, strict=True))
        roles = op.parameters(*inputs).items() if self.weight_bits else ()
        return op.work(*inputs), sum(prod(shape) for role, shape in roles if role != "bias")


WORKED = ("positions", "out_channels", "patch_elements", "in_elements", "out_elements", "in_channels")
COUNTED = (*WORKED, "tensor_bytes", "weight_elements", "weight_bytes")


@dataclass(frozen=True, slots=True)
class LayerTables:
    """Every layer that a runtime does anything for, sorted into tables; `order` holds their steps, table by table."""

    tables: tuple[_Table, ...]
    axes: Affine
    order: tuple[int, ...]
    facts: LayerFacts
    counted_once: Column
    now: Mapping[str, Column]
    """Every count at the widths the network has: those of tables that no width reaches never change."""

    @classmethod
    def of(cls, layers: Sequence[Layer], channels: Channels) -> LayerTables:
        """The tables of a walked network."""
        groups: dict[Any, list[int]] = {}
        for index, (step, kernel) in enumerate(layers):
            if not kernel.is_free or step.weight_bits:
                groups.setdefault(_key(step), []).append(index)
        order = tuple(index for members in groups.values() for index in members)
        extents: list[Extent] = []
        ends = np.cumsum([len(members) for members in groups.values()]).tolist()
        tables = tuple(
            _table([layers[index][0] for index in members], channels, extents, end - len(members))
            for members, end in zip(groups.values(), ends, strict=True)
        )
        steps = [layers[index][0] for index in order]
        facts = _stacked_facts([layers[index][1].layer for index in order])
        none = {name: np.zeros(len(order), dtype=np.int64) for name in COUNTED}
        empty = cls(tables, Affine.of_extents(extents, channels), order, facts, _counted_once(steps), none)
        widths = np.array([group.size for group in channels.groups], dtype=np.int64)
        return replace(empty, now=empty._filled(widths, tables))

    def at(self, widths: Column) -> Rows:
        """What all layers count at these widths: (groups,) for one candidate, (..., groups) for many."""
        return self._rows(self._filled(widths, tuple(table for table in self.tables if table.is_moving)))

    def _filled(self, widths: Column, tables: Sequence[_Table]) -> dict[str, Column]:
        """Every count, those of `tables` worked out at these widths."""
        axes = self.axes.at(widths)
        filled = {name: np.empty((*widths.shape[:-1], len(self.order)), dtype=np.int64) for name in COUNTED}
        for name, column in filled.items():
            column[...] = self.now[name]
        for table in tables:
            work, elements = table.work(axes, widths)
            weight_bytes = Parameter("", (elements,), table.weight_bits).bytes
            out_bytes = TensorSpec((work.out_elements,), table.out_bits).bytes
            for name in WORKED:
                filled[name][..., table.members] = getattr(work, name)
            filled["weight_elements"][..., table.members] = elements
            filled["weight_bytes"][..., table.members] = weight_bytes
            filled["tensor_bytes"][..., table.members] = work.in_bytes + out_bytes
        return filled

    def _rows(self, filled: Mapping[str, Column]) -> Rows:
        facts = replace(
            self.facts,
            in_channels=filled["in_channels"],
            out_channels=filled["out_channels"],
            patch_elements=filled["patch_elements"],
            weight_elements=filled["weight_elements"],
            input_elements=filled["in_elements"],
            output_elements=filled["out_elements"],
        )
        counts = Counts(
            positions=filled["positions"],
            out_channels=filled["out_channels"],
            patch_elements=filled["patch_elements"],
            window=facts.kernel[0] * facts.kernel[1],
            in_elements=filled["in_elements"],
            out_elements=filled["out_elements"],
            out_height=facts.output_height,
            out_width=facts.output_width,
            weight_bytes=filled["weight_bytes"],
            tensor_bytes=filled["tensor_bytes"],
        )
        return Rows(counts, facts, filled["weight_bytes"] * self.counted_once)


def _key(step: Step) -> Any:
    """What members of a table have in common: everything that is not a size."""
    op = step.node.op
    alike = tuple((name, term) for name, term in op.attributes().items() if name not in (*NUMERIC, *FUSED, op.width))
    specs = tuple((len(spec.shape), spec.bits, spec.kind) for spec in step.inputs)
    weights = tuple((role, parameter.bits) for role, parameter in step.parameters)
    return type(op), alike, specs, tuple((spec.bits, spec.kind) for spec in step.outputs), weights


def _table(steps: Sequence[Step], channels: Channels, extents: list[Extent], start: int) -> _Table:
    """Stack layers from column `start` on; axes that widths reach are appended to `extents`, in the order the table reads them."""
    frozen = {group.name for group in channels.groups if group.frozen is not None}
    first = steps[0]
    op = first.node.op
    attributes = {name: _stack([getattr(s.node.op, name) for s in steps]) for name in op.attributes() if name in NUMERIC}
    inputs, moving = [], []
    for which, spec in enumerate(first.inputs):
        for axis in range(len(spec.shape)):
            rows = [channels.extents[s.node.inputs[which]][axis] for s in steps]
            if any(set(row.groups) - frozen for row in rows):
                moving.append((which, axis, slice(len(extents), len(extents) + len(steps))))
                extents += rows
        inputs.append(replace(spec, shape=_stack([s.inputs[which].shape for s in steps])))
    index = {node: i for i, group in enumerate(channels.groups) for node in group.nodes}
    own = None if op.width is None else np.array([index[s.node.name] for s in steps])
    members = slice(start, start + len(steps))
    return _Table(replace(op, **attributes), own, tuple(inputs), tuple(moving), first.output.bits, first.weight_bits, members)


def _stack(terms: Sequence[Any]) -> Any:
    """Numbers as a column; tuples of numbers as tuples of columns. A column of one number is that number."""
    if isinstance(terms[0], tuple):
        return tuple(_stack(parts) for parts in zip(*terms, strict=True))
    return terms[0] if len(set(terms)) == 1 else np.array(terms, dtype=np.int64)


def _stacked_facts(layers: Sequence[LayerFacts]) -> LayerFacts:
    """Geometry that no search changes, as columns; the sizes are filled in for each candidate."""
    if not layers:
        return LayerFacts(kind="none", activation_bits=8)
    fixed = ("kernel", "stride", "dilation", "padding", "groups", "input_height", "input_width", "output_height", "output_width")
    return replace(layers[0], **{name: _stack([getattr(layer, name) for layer in layers]) for name in fixed})


def _counted_once(steps: Sequence[Step]) -> Column:
    """1 for a layer whose weights are its own or that reads shared ones first, else 0."""
    seen: set[str] = set()
    marks = []
    for step in steps:
        names = {name for role, name in step.node.parameters if role != "bias"}
        marks.append(0 if names and names <= seen else 1)
        seen |= names
    return np.array(marks, dtype=np.int64)
