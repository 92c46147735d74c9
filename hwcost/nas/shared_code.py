"""Code that several layers share, and how much of it an image with open choices holds on average.

A kernel is linked once however many layers call it, so its bytes are no sum over choices: with nine blocks of which each may be
depthwise-separable, the first one brings the depthwise kernel and the other eight bring nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch

from hwcost.graph import Graph, Step
from hwcost.kernels import choose
from hwcost.kernels.variant import words
from hwcost.nas.mixture import Mixture
from hwcost.nas.selection import Block, Selection
from hwcost.target import Functions, Target

Column: TypeAlias = "np.ndarray[Any, Any]"
Pieces: TypeAlias = Mapping[str, int]
"""Pieces of code that an image holds once, with their bytes."""


def pieces_of(step: Step, target: Target) -> Pieces:
    """What one layer brings into an image of its target's runtime, however many layers bring the same."""
    runtime = target.runtime
    if runtime.generated:
        table = runtime.functions.get(target.core.name)
        return {} if table is None else _generated(step, target, table)
    entries = () if runtime.flash is None else runtime.flash.code
    shared = ((f"{number}", entry) for number, entry in enumerate(entries) if step.kind in entry.kinds and entry.per != "layer")
    return {name if entry.per == "program" else f"{name} {step.kind}": entry.bytes.value for name, entry in shared}


def _generated(step: Step, target: Target, table: Functions) -> Pieces:
    needs = choose(step, target.runtime, target.core).needs
    if needs is None:
        return {}
    functions = {name: table.functions[name] for name in needs.functions}
    helpers = {name: table.helpers[name] for function in needs.functions for name in table.uses.get(function, ())}
    return {**functions, **helpers, **{name: int(words(size)) for name, size in needs.unit_bytes.items()}}


class SharedCode:
    """The bytes that shared code takes on average beside what a mixture makes of them, for choices of which it prices one change at a time.

    A piece that a layer outside of all choices brings is always there; another is there unless every choice takes an alternative without
    it: 1 - product over choices of (1 - its probability there). Kernels are those of the network with all its channels.
    """

    def __init__(self, blocks: Sequence[Block], mixture: Mixture, graph_of: Callable[[Selection], Graph], target: Target) -> None:
        found = {selection: _by_home(graph_of(selection), blocks, target) for selection in mixture.selections}
        sizes = {piece: size for homes in found.values() for pieces in homes.values() for piece, size in pieces.items()}
        rows = {selection: _Rows.of(homes, len(blocks), list(sizes)) for selection, homes in found.items()}
        self._mixture, self._sizes = mixture, torch.tensor([float(size) for size in sizes.values()], dtype=torch.float64)
        uses, moved = zip(*(_uses(rows, mixture.base, at, len(block.names)) for at, block in enumerate(blocks)), strict=True)
        always = rows[mixture.base].outside & ~np.any(moved, axis=0)
        held = [np.any([always, *(use[index] for use, index in zip(uses, s, strict=True))], axis=0) for s in mixture.selections]
        self._uses = [torch.from_numpy(use).double() for use in uses]
        self._absent = torch.from_numpy(~always).double()
        self._held = torch.from_numpy(np.array(held)).double() @ self._sizes

    def unseen(self, thetas: Sequence[torch.Tensor]) -> torch.Tensor:
        """Bytes to add to the flash that the mixture makes: what images hold on average, less what the mixture has of that."""
        absent = self._absent
        for theta, use in zip(thetas, self._uses, strict=True):
            absent = absent * (1 - theta @ use)
        return (1 - absent) @ self._sizes - self._mixture.weights(thetas) @ self._held


@dataclass(frozen=True, slots=True)
class _Rows:
    """Which pieces a selection has, outside of all choices and inside each: booleans (pieces,)."""

    outside: Column
    inside: tuple[Column, ...]

    @classmethod
    def of(cls, homes: Mapping[int | None, Pieces], blocks: int, pieces: Sequence[str]) -> _Rows:
        rows = {home: np.array([piece in has for piece in pieces], dtype=bool) for home, has in homes.items()}
        return cls(rows[None], tuple(rows[at] for at in range(blocks)))


def _by_home(graph: Graph, blocks: Sequence[Block], target: Target) -> Mapping[int | None, Pieces]:
    """The pieces of the layers of every block, by its number, and as None of those outside."""
    homes: dict[int | None, dict[str, int]] = {None: {}, **{at: {} for at in range(len(blocks))}}
    for step in graph.steps:
        at = next((at for at, block in enumerate(blocks) if block.holds(step.node.name)), None)
        homes[at].update(pieces_of(step, target))
    return homes


def _uses(rows: Mapping[Selection, _Rows], base: Selection, at: int, count: int) -> tuple[Column, Column]:
    """The pieces that each alternative of a block brings (alternatives, pieces), and those outside that depend on it.

    A layer outside may be there with some alternatives only: a rectifier that most of them take in stands alone behind an identity.
    """
    views = [rows.get((*base[:at], index, *base[at + 1 :])) for index in range(count)]
    outside = rows[base].outside
    moved = np.any([view.outside != outside for view in views if view is not None], axis=0)
    nothing = np.zeros_like(outside)
    return np.array([nothing if view is None else view.inside[at] | (view.outside & moved) for view in views]), moved
