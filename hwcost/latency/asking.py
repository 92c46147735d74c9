"""Layers of many candidates, priced by the model that prices one: each asked once for every widths it is seen with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hwcost.errors import ModelError
from hwcost.graph import Step
from hwcost.kernels import Kernel
from hwcost.kernels.choose import kernel_of
from hwcost.latency.columns import VARYING
from hwcost.latency.counts import Counts
from hwcost.latency.model import Unpriced
from hwcost.sizes import Size
from hwcost.slopes import Sloped
from hwcost.target import LayerFacts, Target

__all__ = ["Asking"]

Ask = Callable[[Step, Kernel, Target], Size | Unpriced]


class Asking:
    """Cycles of all layers of a network at any widths; which kernel a layer takes follows its widths, as it does when it is walked."""

    def __init__(self, ask: Ask, layers: Sequence[tuple[Step, Kernel]], target: Target) -> None:
        self._ask, self._layers, self._target = ask, tuple(layers), target
        self._known: list[dict[tuple[int, ...], float]] = [{} for _ in layers]

    def __call__(self, counts: Counts, facts: LayerFacts) -> Size:
        """Columns of cycles, the last axis that of layers."""
        columns = [getattr(facts, name) for name in VARYING]
        sloped = next((column for column in columns if isinstance(column, Sloped)), None)
        if sloped is not None:
            return self._sloped(columns, len(sloped.slopes))
        numbers = np.stack(np.broadcast_arrays(*columns), axis=-1).astype(np.int64)
        made = [self._column(index, numbers[..., index, :].reshape(-1, len(VARYING))) for index in range(len(self._layers))]
        return np.array(made).T.reshape(numbers.shape[:-1])

    def _column(self, layer: int, rows: Any) -> list[float]:
        known = self._known[layer]
        keys = [tuple(row) for row in rows.tolist()]
        for key in set(keys) - known.keys():
            known[key] = float(self._cycles(layer, dict(zip(VARYING, key, strict=True))))
        return [known[key] for key in keys]

    def _sloped(self, columns: Sequence[Any], unknowns: int) -> Sloped:
        parts = []
        for layer in range(len(self._layers)):
            sizes = {name: _entry(column, layer) for name, column in zip(VARYING, columns, strict=True)}
            cycles = self._cycles(layer, sizes)
            carrying = cycles if isinstance(cycles, Sloped) else Sloped.of(np.asarray(float(cycles)), np.zeros(unknowns))
            parts.append(carrying.parts)
        return Sloped(np.stack(parts, axis=-1))

    def _cycles(self, layer: int, sizes: dict[str, Size]) -> Size:
        step, now = self._layers[layer]
        kernel = kernel_of(replace(now.layer, **sizes), self._target.runtime, self._target.core)
        if kernel.is_free:
            return 0.0
        found = self._ask(step, kernel, self._target) if kernel.is_supported else Unpriced(step.node.name, kernel.why)
        if isinstance(found, Unpriced):
            raise ModelError(f"node '{found.node}' has no price at some of the widths asked for: {found.why}")
        return found


def _entry(column: Any, layer: int) -> Size:
    """One layer's; a number that is the same for all is that number."""
    return column[layer] if isinstance(column, Sloped | np.ndarray) and column.ndim else column
