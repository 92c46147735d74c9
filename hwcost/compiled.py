"""The cost of thousands of candidate widths: the formulas of a walk, evaluated on columns of layers.

A walk asks each node in turn. Compiled, what every layer counts is a column (`columns.py`) whose entries follow the widths; every axis is
a sum of widths (`channels.py`), found by one matrix product; live bytes are linear in the widths too, one row for each step. No
formula is restated: a contract test holds a compiled cost against a walked one, number by number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hwcost import energy, latency
from hwcost.channels import ChannelGroup, TapsGroup, trace_channels
from hwcost.columns import Affine, Forms, Layer, LayerColumns, Rows
from hwcost.cost import placement
from hwcost.errors import InputError
from hwcost.firmware_columns import FirmwareColumns
from hwcost.graph import Graph
from hwcost.kernels import choose
from hwcost.latency import Absent, LatencyModel
from hwcost.latency.columns import Pricing
from hwcost.memory.flash import flash
from hwcost.memory.lifetime import lifetimes
from hwcost.memory.ram import fixed_bytes
from hwcost.ops.conv import Taps
from hwcost.sizes import Size
from hwcost.slopes import Sloped
from hwcost.target import LayerFacts, Scratch, Target

Widths = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Four metrics of one candidate (numbers) or of many (arrays); one that nobody can price is None, with the reason in `absent`.

    `ram_bytes` is the live peak with scratch and everything fixed; the arena that `check` places can only be larger. `step_bytes`
    has a last axis of steps, each a bound of its own: what is live, scratch included, and everything fixed.
    """

    latency_s: Size | None
    flash_bytes: Size
    energy_j: Size | None
    step_bytes: Size
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def ram_bytes(self) -> Size:
        """The step that takes most."""
        return self.step_bytes.max(axis=-1)

    def constraints(self, metrics: Sequence[str]) -> list[Size]:
        """What some metrics take, each with a last axis of constraints: RAM has one for every step of the schedule, others have one.

        Raises InputError for a metric that nobody can price.
        """
        taken = {metric: self.step_bytes if metric == "ram_bytes" else getattr(self, metric) for metric in metrics}
        absent = [f"{metric}: {self.absent.get(metric, 'no reason given')}" for metric, used in taken.items() if used is None]
        if absent:
            raise InputError(f"a limit cannot be judged, because its metric is absent: {'; '.join(absent)}")
        return [used if metric == "ram_bytes" else used[..., None] for metric, used in taken.items()]


class CompiledCost:
    """Latency, RAM, flash and energy of a network as functions of its channel widths, and of the taps of kernels where those are given.

    Call it with a mapping of group names to widths (groups left out stay as they are) or with an array (..., groups) of candidates,
    in the order of `groups`. Tensors and weights stay in the memories that the network as given is placed in. Widths that carry
    slopes (`Sloped`, one candidate) may be fractional, and every figure then carries slopes too. `taps` follow the channels in `groups`;
    their widths are the numbers of taps that have a pattern, and between two of these a figure is a share of both.
    Raises InputError for a name that is no group, a width below 1, another width for a group that is frozen, and a number of taps
    without a pattern.
    """

    def __init__(self, graph: Graph, target: Target, *, latency_model: LatencyModel | None = None, taps: Sequence[TapsGroup] = ()) -> None:
        channels = trace_channels(graph)
        self.graph, self.target = graph, target
        self._channels, self._taps = channels.groups, tuple(taps)
        self.groups: tuple[ChannelGroup | TapsGroup, ...] = (*self._channels, *self._taps)
        self.base: Widths = np.array([group.size for group in self.groups], dtype=np.int64)
        forms = Forms.of(graph, self._taps, len(self._channels))
        layers = [(step, choose(step, target.runtime, target.core)) for step in forms.steps]
        self._frozen: Widths = np.array([group.frozen is not None for group in self.groups], dtype=bool)
        self._free = [index for index, group in enumerate(self._channels) if group.frozen is None]
        self._columns = LayerColumns.of(layers, forms, channels)
        self._forms = self._columns.forms if self._columns.forms.are_several else None
        rows = lifetimes(graph, () if target.runtime.ram is None else target.runtime.ram.in_place)
        self._live = self._probe(lambda sized: rows.live_bytes(sized.values))
        self._fixed = self._probe(lambda sized: (fixed_bytes(sized, target), _other_flash(sized, target)))
        ordered = [layers[index] for index in self._columns.order]
        self._firmware = _firmware(ordered, target)
        self._scratch = [] if self._firmware else self._scratch_rules(layers)
        self._latency = _Latency.of(graph, target, latency_model, ordered)

    def __call__(self, widths: Mapping[str, int] | Widths | Sloped) -> Candidates:
        """The cost at these widths."""
        chosen = self._widths(widths)
        channels = chosen[..., : len(self._channels)]
        shares = None if self._forms is None else self._forms.shares(chosen)
        rows = self._columns.at(channels)
        fixed = self._fixed.at(channels)
        step_bytes = self._live.at(channels)
        asked = _asking(rows.facts)
        for scratch in self._scratch:
            scratch.add(step_bytes, scratch.bytes(rows.facts, asked), shares)
        step_bytes += fixed[..., :1]
        if self._firmware is None:
            weight_bytes = rows.weight_bytes if shares is None else rows.weight_bytes * shares
            flash_bytes = weight_bytes.sum(axis=-1) + fixed[..., 1]
        else:
            working, flash_bytes, stack_bytes = self._firmware.at(rows.facts, shares)
            step_bytes += stack_bytes[..., None]
            everything = _Scratch((), np.arange(len(self._columns.order)), self._columns.forms.places)
            everything.add(step_bytes, working, shares)
        latency_s = self._latency.at(rows, shares, lambda: self._sized(chosen))
        joules = energy.of(latency_s, self.target)
        absent = dict(self._latency.absent) | ({"energy_j": joules.reason} if isinstance(joules, Absent) else {})
        return Candidates(
            latency_s=latency_s,
            flash_bytes=flash_bytes,
            energy_j=None if isinstance(joules, Absent) else joules,
            step_bytes=step_bytes,
            absent=absent,
        )

    @property
    def pricing_is_columnar(self) -> bool:
        """Whether latency is evaluated for all layers at once; else each candidate is walked, which is exact and slower."""
        return self._latency.pricing is not None

    def _widths(self, widths: Mapping[str, int] | Widths | Sloped) -> Any:
        """Candidates as an array, checked; widths that carry slopes as they are."""
        if isinstance(widths, Sloped):
            return widths
        if isinstance(widths, Mapping):
            names = [group.name for group in self.groups]
            unknown = [name for name in widths if name not in names]
            if unknown:
                raise InputError(f"expected channel groups out of {', '.join(names)}, got {', '.join(unknown)}")
            widths = np.array([widths.get(group.name, group.size) for group in self.groups], dtype=np.int64)
        if widths.shape[-1:] != self.base.shape or (widths.size and widths.min() < 1):
            raise InputError(f"expected {len(self.base)} widths of at least 1 for each candidate, got an array of shape {widths.shape}")
        moved = (widths != self.base) & self._frozen
        if moved.any():
            group = self.groups[int(np.argwhere(moved)[0][-1])]
            raise InputError(f"group '{group.name}' keeps its {group.size} channels: {group.frozen}")
        self._require_patterns(widths)
        return np.asarray(widths, dtype=np.int64)

    def _require_patterns(self, widths: Widths) -> None:
        for group, counts in zip(self._taps, np.moveaxis(widths[..., len(self._channels) :], -1, 0), strict=True):
            strange = np.setdiff1d(counts, list(group.patterns))
            if strange.size:
                known = ", ".join(map(str, sorted(group.patterns)))
                raise InputError(f"group '{group.name}' can keep {known} taps, got {strange[0]}")

    def _sized(self, widths: Widths | Sloped) -> list[Graph]:
        """The network at each candidate, in the order of the flattened candidates."""
        if isinstance(widths, Sloped):
            free = {node: widths[index] for index in self._free for node in self._channels[index].nodes}
            return [self.graph.rebind(free, self._patterns(widths.value))]
        return [self._bound(row) for row in widths.reshape(-1, len(self.groups))]

    def _bound(self, row: Widths) -> Graph:
        channels = {node: int(n) for group, n in zip(self._channels, row, strict=False) for node in group.nodes}
        return self.graph.rebind(channels, self._patterns(row))

    def _patterns(self, row: Widths) -> dict[str, Taps]:
        """The taps of every kernel at one candidate; a fractional number of them is rounded up to one that has a pattern."""
        counts = zip(self._taps, row[len(self._channels) :], strict=True)
        return {group.node: group.patterns[_at_least(count, group)] for group, count in counts}

    def _probe(self, figures: Callable[[Graph], Sequence[Size]]) -> Affine:
        """Figures of the network that are sums of its widths, found by doubling each in turn."""

        def at(trials: Widths) -> Sequence[Size]:
            free = {node: trials[:, index] for index in self._free for node in self._channels[index].nodes}
            return figures(self.graph.rebind(free))

        return Affine.probe(at, self.base[: len(self._channels)], self._free)

    def _scratch_rules(self, layers: Sequence[Layer]) -> list[_Scratch]:
        """The layers that may ask for working memory, by the rules they may meet."""
        runtime, extensions = self.target.runtime, self.target.core.extensions
        shared: dict[tuple[int, ...], tuple[list[Scratch], list[int]]] = {}
        for column, index in enumerate(self._columns.order):
            kernel = layers[index][1]
            runs = kernel.is_supported and not kernel.is_free
            rules = [r for r in runtime.scratch if runs and kernel.layer.kind in r.kinds and r.when.may_hold(kernel.layer, extensions)]
            shared.setdefault(tuple(map(id, rules)), (rules, []))[1].append(column)
        places = self._columns.forms.places
        used = (_Scratch(tuple(rules), np.array(columns), places[columns]) for rules, columns in shared.values())
        return [scratch for scratch in used if any(rule.terms for rule in scratch.rules)]


@dataclass(frozen=True, slots=True)
class _Scratch:
    """Layers (as columns and as steps) and the rules of working memory they may meet; the first one met counts."""

    rules: tuple[Scratch, ...]
    columns: Widths
    steps: Widths

    def bytes(self, facts: LayerFacts, asked: Callable[[Scratch], Size]) -> Widths:
        """Working memory of these layers, where `asked` says what a rule asks for every layer."""
        found: Size = 0
        for rule in reversed(self.rules):
            met = rule.when.channels_hold(facts)
            found = asked(rule) if met is True else np.where(met, asked(rule), found)
        return np.broadcast_to(found, facts.in_channels.shape)[..., self.columns]

    def add(self, step_bytes: Any, asked: Any, shares: Any) -> None:
        """Add the working memory of these layers to that of their steps; of several forms of a layer, as much of each as it has a share."""
        if shares is None:
            step_bytes[..., self.steps] += asked
            return
        steps, forms = np.unique(self.steps, return_inverse=True)
        step_bytes[..., steps] += (asked * shares[..., self.columns]) @ np.eye(len(steps), dtype=np.int64)[forms]


def _asking(facts: LayerFacts) -> Callable[[Scratch], Size]:
    """Bytes that a rule asks for every layer, each rule worked out once."""
    known: dict[int, Size] = {}

    def asked(rule: Scratch) -> Size:
        if id(rule) not in known:
            known[id(rule)] = sum(term.total(facts) for term in rule.terms)
        return known[id(rule)]

    return asked


def _at_least(count: Any, group: TapsGroup) -> int:
    """The smallest number of taps with a pattern that is no smaller."""
    return next((known for known in sorted(group.patterns) if known >= count), group.size)


def _firmware(layers: Sequence[Layer], target: Target) -> FirmwareColumns | None:
    """The images of a runtime that we generate; None of any other, and where nobody measured its functions."""
    table = target.runtime.functions.get(target.core.name)
    return FirmwareColumns(layers, target, table) if target.runtime.generated and table is not None else None


def _other_flash(graph: Graph, target: Target) -> Size:
    """Flash besides the weights: linear in the widths, while weights are products of two. Generated images are counted by layers."""
    if target.runtime.generated:
        return 0
    content = flash(graph, target.runtime)
    return content.total_bytes - content.weight_bytes


@dataclass(frozen=True, slots=True)
class _Latency:
    """Latency of candidates: all layers at once where the model can, one candidate after the other where it cannot."""

    model: LatencyModel | None
    pricing: Pricing | None
    target: Target
    placed: Mapping[str, str]
    absent: Mapping[str, str]

    @classmethod
    def of(cls, graph: Graph, target: Target, model: LatencyModel | None, layers: Sequence[Layer]) -> _Latency:
        chosen = model if model is not None else latency.choose(target)
        if isinstance(chosen, Absent):
            return cls(None, None, target, {}, {"latency_s": chosen.reason})
        placed = placement(graph, target)
        reason = chosen.predict(graph, target, placed).reason
        if reason is not None:
            return cls(None, None, target, placed, {"latency_s": reason})
        kinds = {step.kind for step in graph.steps}
        by_channels = any(rule.when.asks_channels for rule in target.runtime.kernels if kinds & set(rule.kinds))
        return cls(chosen, None if by_channels else chosen.pricing(layers, target, placed), target, placed, {})

    def at(self, rows: Rows, shares: Any, sized: Callable[[], list[Graph]]) -> Size | None:
        """Seconds of each candidate; None where there is no model."""
        if self.model is None:
            return None
        if self.pricing is not None:
            cycles = self.pricing(rows.counts, rows.facts)
            cycles = cycles if shares is None else cycles * shares
            return (cycles.sum(axis=-1) + self.model.per_inference_cycles) / self.target.clock_hz
        found = [self.model.predict(graph, self.target, self.placed).known_s for graph in sized()]
        return found[0] if isinstance(found[0], Sloped) else np.array(found).reshape(np.shape(rows.counts.positions)[:-1])
