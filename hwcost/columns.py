"""What layers count, as columns over the layers and as functions of the channel widths alone.

What an operator counts is, for nearly every kind, linear in the width of its input and in its own, and in their product: four
coefficients. They are found by asking the operator's own `work` at four widths, and held against it at two more; an operator that is
no such function is asked again for each candidate. So no formula is stated twice, and a network costs a few array operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from hwcost.channels import Channels, Extent, TapsGroup
from hwcost.graph import Graph, Parameter, Step
from hwcost.kernels import Kernel
from hwcost.kernels.facts import axis_entries
from hwcost.latency.counts import Counts
from hwcost.sizes import Size, prod
from hwcost.slopes import Sloped
from hwcost.target import LayerFacts
from hwcost.tensor import TensorSpec

Column: TypeAlias = "np.ndarray[Any, Any]"
Layer: TypeAlias = tuple[Step, Kernel]


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


WORKED = ("positions", "out_channels", "patch_elements", "in_elements", "out_elements", "in_channels")
COUNTED = (*WORKED, "tensor_bytes", "axis_entries", "weight_elements", "weight_bytes")


@dataclass(frozen=True, slots=True)
class Rows:
    """What all layers count at some widths; the last axis of every column is that of layers."""

    counts: Counts
    facts: LayerFacts
    weight_bytes: Column


@dataclass(frozen=True, slots=True)
class Forms:
    """What layers can be: one form each, and one for every number of taps where the taps of a kernel are searched.

    `places` is the step that each form belongs to, `groups` the position of its taps among the widths, -1 where there are none;
    `counts` are its taps, `below` and `above` the next fewer and the next more.
    """

    steps: tuple[Step, ...]
    places: Column
    groups: Column
    counts: Column
    below: Column
    above: Column

    @classmethod
    def of(cls, graph: Graph, taps: Sequence[TapsGroup], first: int) -> Forms:
        """The forms of a network; the widths of `taps` stand from position `first` on."""
        counts = {group.node: sorted(group.patterns) for group in taps}
        turns = range(max(map(len, counts.values()), default=1))
        chosen = [{group.node: group.patterns[_turn(counts[group.node], turn)] for group in taps} for turn in turns]
        walked = [graph.rebind({}, patterns).steps if patterns else graph.steps for patterns in chosen]
        position = {group.node: first + index for index, group in enumerate(taps)}
        rows = [
            (walked[turn][place], place, position.get(step.node.name, -1), *_neighbours(counts.get(step.node.name, [1]), turn))
            for place, step in enumerate(graph.steps)
            for turn in range(len(counts.get(step.node.name, [1])))
        ]
        columns = [np.array([row[at] for row in rows], dtype=np.int64) for at in range(1, 6)]
        return cls(tuple(row[0] for row in rows), *columns)

    def some(self, order: Sequence[int]) -> Forms:
        """Some of the forms."""
        chosen = np.array(order, dtype=np.int64)
        columns = (self.places, self.groups, self.counts, self.below, self.above)
        return Forms(tuple(self.steps[index] for index in order), *(column[chosen] for column in columns))

    @property
    def are_several(self) -> bool:
        """Whether any layer has more than one."""
        return bool((self.groups >= 0).any())

    def shares(self, widths: Column | Sloped) -> Any:
        """1 for the form that each layer takes at these widths and 0 for its others; between two numbers of taps a share of both."""
        taps = widths[..., self.groups]
        if not isinstance(taps, Sloped):
            return ((taps == self.counts) | (self.groups < 0)).astype(np.int64)
        rising = (self.below < taps.value) & (taps.value <= self.counts)
        falling = (self.counts < taps.value) & (taps.value <= self.above)
        slope = np.where(rising, 1 / (self.counts - self.below), 0.0) - np.where(falling, 1 / (self.above - self.counts), 0.0)
        # Beyond the fewest and the most taps there is no other form.
        alone = (self.groups < 0) | (rising & (self.below == 0)) | (falling & (self.above == np.iinfo(np.int64).max))
        slope = np.where(alone, 0.0, slope)
        share = np.where(alone, 1.0, np.where(rising | falling, 1 + slope * (taps.value - self.counts), 0.0))
        return Sloped.of(share, slope * taps.slopes)


def _turn(counts: Sequence[int], turn: int) -> int:
    return counts[min(turn, len(counts) - 1)]


def _neighbours(counts: Sequence[int], turn: int) -> tuple[int, int, int]:
    """A number of taps, the next fewer (0: none) and the next more (the largest number there is: none)."""
    above = counts[turn + 1] if turn + 1 < len(counts) else np.iinfo(np.int64).max
    return counts[turn], counts[turn - 1] if turn else 0, above


@dataclass(frozen=True, slots=True)
class _Reached:
    """A layer, the axes of its inputs that widths reach (input, axis, extent), and the group of its own width."""

    step: Step
    axes: tuple[tuple[int, int, Extent], ...]
    own: int | None

    @classmethod
    def of(cls, step: Step, channels: Channels) -> _Reached:
        """A step and the groups that are not frozen."""
        frozen = {group.name for group in channels.groups if group.frozen is not None}
        axes = tuple(
            (which, axis, extent)
            for which, name in enumerate(step.node.inputs)
            for axis, extent in enumerate(channels.extents[name])
            if set(extent.groups) - frozen
        )
        own = next((i for i, group in enumerate(channels.groups) if step.node.name in group.nodes), None)
        return cls(step, axes, None if own is None or channels.groups[own].frozen is not None else own)

    @property
    def extents(self) -> tuple[Extent, ...]:
        """The different lengths among those axes."""
        return tuple(dict.fromkeys(extent for _, _, extent in self.axes))

    def count(self, lengths: Mapping[Extent, Size], own: Size) -> list[Size]:
        """Every figure of COUNTED where the extents have these lengths and the layer this width of its own."""
        shapes = [list(spec.shape) for spec in self.step.inputs]
        for which, axis, extent in self.axes:
            shapes[which][axis] = lengths[extent]
        given = zip(self.step.inputs, shapes, strict=True)
        inputs = [TensorSpec(tuple(shape), x.bits, x.quantisation, x.kind) for x, shape in given]
        op = self.step.node.op if self.own is None else self.step.node.op.with_width(own)
        work = op.work(*inputs)
        elements = sum(prod(shape) for role, shape in op.parameters(*inputs).items() if role != "bias")
        out_bytes = TensorSpec((work.out_elements,), self.step.output.bits).bytes
        weight_bytes = Parameter("", (elements,), self.step.weight_bits).bytes
        entries = axis_entries(op.outputs(*inputs))
        return [*(getattr(work, name) for name in WORKED), work.in_bytes + out_bytes, entries, elements, weight_bytes]

    def coefficients(self, now: Mapping[Extent, int], own: int) -> Column | None:
        """(4, figures): constant, per length, per own width, per product of both; None where the figures are no such function."""
        if len(self.extents) > 1:
            return None
        extent = self.extents[0] if self.extents else Extent(())
        length = now.get(extent, 1)

        def at(x: int, y: int) -> Column:
            return np.array(self.count({extent: x}, y), dtype=np.int64)

        base, wide, own_wide, both = at(length, own), at(2 * length, own), at(length, 2 * own), at(2 * length, 2 * own)
        product = (both - wide - own_wide + base) // (length * own)
        per_length = (wide - base) // length - product * own
        per_own = (own_wide - base) // own - product * length
        found = np.array([base - per_length * length - per_own * own - product * length * own, per_length, per_own, product])
        # A moved width of a layer whose groups must divide it is frozen, so odd widths are legal here.
        trials = ((length, own), (length + 1, own + 3), (3 * length + 2, own + 1))
        exact = all((found[0] + found[1] * x + found[2] * y + found[3] * (x * y) == at(x, y)).all() for x, y in trials)
        return found if exact else None


@dataclass(frozen=True, slots=True)
class LayerColumns:
    """Every form of a layer that a runtime does anything for; `order` holds the index of each among all forms."""

    order: tuple[int, ...]
    forms: Forms
    coefficients: Column
    lengths: Affine
    own: Column
    asked: tuple[tuple[int, _Reached, slice], ...]
    """Layers that are asked for each candidate: their column, and where their lengths stand."""
    facts: LayerFacts
    counted_once: Column
    unmoved: tuple[str, ...]
    """Figures that no width changes in any layer."""

    @classmethod
    def of(cls, layers: Sequence[Layer], forms: Forms, channels: Channels) -> LayerColumns:
        """The columns of a walked network; `layers` are its forms with their kernels."""
        order = tuple(index for index, (step, kernel) in enumerate(layers) if not kernel.is_free or step.weight_bits)
        reached = [_Reached.of(layers[index][0], channels) for index in order]
        found = [each.coefficients(_now(each, channels), 1 if each.own is None else channels.groups[each.own].size) for each in reached]
        extents = [each.extents[0] if each.extents else Extent(()) for each in reached]
        asked = []
        for column, (each, known) in enumerate(zip(reached, found, strict=True)):
            if known is None:
                asked.append((column, each, slice(len(extents), len(extents) + len(each.extents))))
                extents += each.extents
        nothing = np.zeros((4, len(COUNTED)), dtype=np.int64)
        stacked = [nothing if known is None else known for known in found]
        chosen = forms.some(order)
        coefficients = np.stack(stacked, axis=-1) if stacked else np.zeros((4, len(COUNTED), 0), dtype=np.int64)
        return cls(
            order=order,
            forms=chosen,
            coefficients=coefficients,
            lengths=Affine.of_extents(extents, channels),
            own=np.array([each.own or 0 for each in reached], dtype=np.int64),
            asked=tuple(asked),
            facts=_stacked_facts([layers[index][1].layer for index in order]),
            counted_once=_counted_once(chosen),
            unmoved=() if asked else tuple(name for row, name in enumerate(COUNTED) if not coefficients[1:, row].any()),
        )

    def at(self, widths: Column) -> Rows:
        """What all layers count at these widths: (groups,) for one candidate, (..., groups) for many."""
        lengths = self.lengths.at(widths)
        x, y = lengths[..., : len(self.order)], widths[..., self.own]
        shape = (4, len(COUNTED), *(1,) * (widths.ndim - 1), len(self.order))
        constant, per_length, per_own, product = self.coefficients.reshape(shape)
        filled = constant + per_length * x + per_own * y + product * (x * y)
        for column, layer, where in self.asked:
            known = dict(zip(layer.extents, np.moveaxis(lengths[..., where], -1, 0), strict=True))
            for row, figure in enumerate(layer.count(known, widths[..., layer.own or 0])):
                filled[row, ..., column] = figure
        rows = dict(zip(COUNTED, filled, strict=True))
        if isinstance(filled, Sloped):
            rows |= {name: rows[name].value for name in self.unmoved}
        return self._rows(rows)

    def _rows(self, filled: Mapping[str, Column]) -> Rows:
        facts = replace(
            self.facts,
            in_channels=filled["in_channels"],
            out_channels=filled["out_channels"],
            patch_elements=filled["patch_elements"],
            weight_elements=filled["weight_elements"],
            input_elements=filled["in_elements"],
            output_elements=filled["out_elements"],
            axis_entries=filled["axis_entries"],
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


def _now(layer: _Reached, channels: Channels) -> dict[Extent, int]:
    return {extent: extent.size(channels.widths) for extent in layer.extents}


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


def _counted_once(forms: Forms) -> Column:
    """1 for a layer whose weights are its own or that reads shared ones first, else 0; the same for all forms of it."""
    seen: set[str] = set()
    marks: dict[int, int] = {}
    for step, place in zip(forms.steps, forms.places.tolist(), strict=True):
        if place not in marks:
            names = {name for role, name in step.node.parameters if role != "bias"}
            marks[place] = 0 if names and names <= seen else 1
            seen |= names
    return np.array([marks[place] for place in forms.places.tolist()], dtype=np.int64)
