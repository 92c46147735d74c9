"""Generated images of many candidates: what check counts for one network, for columns of layers.

Which kernel a layer takes depends on its channels, and code is shared between layers, so no formula in widths says it all. Each layer is
asked for its kernel once for each numbers of channels it is seen with, by the same choice that check makes; what it answered is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from hwcost.columns import Layer
from hwcost.kernels.choose import kernel_of
from hwcost.kernels.generated import VARIANTS
from hwcost.kernels.variant import Needs, words
from hwcost.latency.columns import VARYING
from hwcost.sizes import Size
from hwcost.slopes import Sloped
from hwcost.target import Functions, LayerFacts, Target

Column: TypeAlias = "np.ndarray[Any, Any]"

NOTHING = 0
"""The number of no code at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a layer takes at some widths: bytes of its own, and the numbers of the code it shares with others."""

    scratch_bytes: int
    own_bytes: int
    parts: tuple[int, ...]
    stack_bytes: int
    implementation: str | None


@dataclass
class Code:
    """Functions, the compiler's own functions and generated units by number, with their sizes."""

    numbers: dict[str, int] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=lambda: [0])

    def number(self, name: str, size: int) -> int:
        """The number of a piece of code; a new one the first time it is seen."""
        if name not in self.numbers:
            self.numbers[name] = len(self.sizes)
            self.sizes.append(size)
        return self.numbers[name]

    def of(self, needs: Needs, table: Functions) -> tuple[int, ...]:
        """All that a layer brings in."""
        helpers = {name: table.helpers[name] for function in needs.functions for name in table.uses.get(function, ())}
        sizes = {f: table.functions[f] for f in needs.functions} | helpers | {n: int(words(s)) for n, s in needs.unit_bytes.items()}
        return tuple(self.number(name, size) for name, size in sizes.items())


class FirmwareColumns:
    """Flash and working memory of generated images, for the layers of a compiled network."""

    def __init__(self, layers: Sequence[Layer], target: Target, table: Functions) -> None:
        self._facts = [kernel.layer for _, kernel in layers]
        self._target, self._table = target, table
        self._known: list[dict[tuple[int, ...], Answer]] = [{} for _ in layers]
        self._code = Code()

    def at(self, facts: LayerFacts, shares: Any) -> tuple[Size, Size, Column]:
        """Working memory of every layer, flash and stack of the image; of several forms of a layer, the share of each."""
        numbers = _numbers(facts)
        answers = [self._answers(index, numbers[..., index, :].reshape(-1, len(VARYING))) for index in range(len(self._facts))]
        shape = numbers.shape[:-2]
        own: Size = _column(answers, "own_bytes", shape)
        scratch: Size = _column(answers, "scratch_bytes", shape)
        sloped = facts.in_channels if isinstance(facts.in_channels, Sloped) else facts.out_channels
        if isinstance(sloped, Sloped):
            own, scratch = self._sloped(facts, [rows[0] for rows in answers], len(sloped.slopes), own, scratch)
        code = self._shared_bytes(answers, shape, shares)
        stack = _column(answers, "stack_bytes", shape)
        if shares is not None:
            stack = np.where(_present(shares), stack, 0)
        image = (own if shares is None else own * shares).sum(axis=-1) + (code + self._table.base_code_bytes)
        return scratch, image, stack.max(axis=-1, initial=self._table.stack_bytes)

    def _answers(self, layer: int, rows: Column) -> list[Answer]:
        if len(rows) == 1:
            return [self._answer(layer, tuple(rows[0].tolist()))]
        unique, where = np.unique(rows, axis=0, return_inverse=True)
        found = [self._answer(layer, tuple(row)) for row in unique.tolist()]
        return [found[index] for index in where.reshape(-1).tolist()]

    def _answer(self, layer: int, numbers: tuple[int, ...]) -> Answer:
        known = self._known[layer]
        if numbers not in known:
            known[numbers] = self._asked(_sized(self._facts[layer], dict(zip(VARYING, numbers, strict=True))))
        return known[numbers]

    def _asked(self, facts: LayerFacts) -> Answer:
        kernel = kernel_of(facts, self._target.runtime, self._target.core)
        needs = kernel.needs
        if needs is None:
            return Answer(0, 0, (), 0, None)
        own = int(needs.packed_bytes) + self._call_bytes(needs)
        stack = self._table.stack_of(needs.functions[:1])
        return Answer(int(needs.scratch_bytes), own, self._code.of(needs, self._table), stack, kernel.implementation)

    def _call_bytes(self, needs: Needs) -> int:
        return needs.calls * (self._table.structs[needs.struct] + self._table.call_bytes)

    def _shared_bytes(self, answers: Sequence[Sequence[Answer]], shape: tuple[int, ...], shares: Any) -> Column:
        """Code of each candidate, every piece once."""
        most = max((len(answer.parts) for rows in answers for answer in rows), default=0)
        filled = [[[*answer.parts, *[NOTHING] * (most - len(answer.parts))] for answer in rows] for rows in answers]
        parts = np.array(filled, dtype=np.int64).reshape(len(answers), -1, most).swapaxes(0, 1)
        if shares is not None:
            parts = np.where(np.broadcast_to(_present(shares), (*shape, len(answers))).reshape(-1, len(answers), 1), parts, NOTHING)
        parts = np.sort(parts.reshape(len(parts), -1), axis=-1)
        first = np.diff(parts, axis=-1, prepend=-1) != 0
        return np.asarray((np.array(self._code.sizes)[parts] * first).sum(axis=-1).reshape(shape))

    def _sloped(self, facts: LayerFacts, answers: Sequence[Answer], unknowns: int, own: Column, scratch: Column) -> tuple[Sloped, Sloped]:
        """The formulas of the kernels themselves, where widths carry slopes; layers without channels of their own stay as they are."""
        flat = np.zeros((unknowns, len(answers)))
        owned, working = Sloped.of(own, flat), Sloped.of(scratch, flat)
        for layer, implementation, where in self._alike(answers):
            sizes = {name: _entries(getattr(facts, name), where) for name in VARYING}
            needs = _VARIANTS[implementation].needs(_sized(layer, sizes))
            owned[where] = needs.packed_bytes + self._call_bytes(needs)
            working[where] = needs.scratch_bytes
        return owned, working

    def _alike(self, answers: Sequence[Answer]) -> list[tuple[LayerFacts, str, Column]]:
        """Layers with weights that differ in nothing but their channels and take the same kernel."""
        groups: dict[Any, list[int]] = {}
        for index, (layer, answer) in enumerate(zip(self._facts, answers, strict=True)):
            if answer.implementation is not None and layer.weight_bits and layer.kind in WEIGHTED:
                groups.setdefault((answer.implementation, *_fixed(layer)), []).append(index)
        return [(self._facts[found[0]], key[0], np.array(found)) for key, found in groups.items()]


WEIGHTED = frozenset(("conv2d", "conv1d", "depthwise_conv2d", "depthwise_conv1d", "conv_transpose2d", "conv_transpose1d", "dense"))
_VARIANTS: Mapping[str, Any] = {variant.name: variant for variant in VARIANTS}


def _present(shares: Any) -> Column:
    """Which forms of layers an image has; between two forms the one it has more of."""
    return np.asarray((shares.value if isinstance(shares, Sloped) else shares) >= 0.5)


def _sized(layer: LayerFacts, sizes: Mapping[str, Any]) -> LayerFacts:
    return replace(layer, **sizes)


def _fixed(layer: LayerFacts) -> tuple[Any, ...]:
    """What no width changes of a layer."""
    window = (layer.kind, layer.kernel, layer.stride, layer.dilation, layer.padding, layer.groups)
    return (*window, layer.input_height, layer.input_width, layer.output_height, layer.output_width)


def _numbers(facts: LayerFacts) -> Column:
    """(..., layers, VARYING): whole numbers, those of fractional widths rounded."""
    columns = [getattr(facts, name) for name in VARYING]
    plain = [np.rint(column.value) if isinstance(column, Sloped) else column for column in columns]
    return np.stack(np.broadcast_arrays(*plain), axis=-1).astype(np.int64)


def _column(answers: Sequence[Sequence[Answer]], name: str, shape: tuple[int, ...]) -> Column:
    rows = np.array([[getattr(answer, name) for answer in row] for row in answers], dtype=np.int64)
    return rows.T.reshape(*shape, len(answers))


def _entries(column: Any, where: Column) -> Any:
    return column[..., where] if isinstance(column, Sloped | np.ndarray) and column.ndim else column
