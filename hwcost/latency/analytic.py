"""Latency from the coefficients of a runtime's file: cycles per MAC, per element, per layer, by operator kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from hwcost.errors import NotFittedError, shown
from hwcost.graph import Step
from hwcost.kernels import Kernel
from hwcost.latency.columns import Pricing, column_pricing
from hwcost.latency.counts import Counts, cycles
from hwcost.latency.model import NOWHERE, Basis, LatencyModel, Unpriced, some
from hwcost.latency.traffic import Transfer, extra_cycles, transfers, unknown_speeds
from hwcost.sizes import Size, is_int
from hwcost.target import Latency, Price, Runtime, Target

__all__ = ["AnalyticModel"]


@dataclass(frozen=True)
class AnalyticModel(LatencyModel):
    """Cycles = coefficients x counts, plus what memories slower than the measured ones add. Any gradient survives it."""

    figures: Latency

    @classmethod
    def of(cls, runtime: Runtime, core: str) -> Self:
        """The model of a runtime on a core; raises NotFittedError where nobody has figures for it."""
        figures = runtime.latency.get(core)
        if figures is None:
            raise NotFittedError(f"{runtime.reference} has no latency figures on {core}")
        return cls(
            name=f"analytic {runtime.reference} on {core}",
            runtime=runtime.reference,
            core=core,
            basis=Basis("analytic", figures.basis.source, f"analytic {runtime.reference}/{core}"),
            per_inference_cycles=figures.per_inference_cycles,
            figures=figures,
        )

    @property
    def differentiable(self) -> bool:
        """Every term is a product of sizes."""
        return True

    def price(self, kernel: Kernel, target: Target) -> Price | None:
        """The first price that is of the layer's kind and kernel and whose condition it meets."""
        return next((price for price in self.figures.prices if _holds(price, kernel, target)), None)

    def layer_cycles(self, step: Step, kernel: Kernel, target: Target, placed: Mapping[str, str] = NOWHERE) -> Size | Unpriced:
        """Cycles of the kernel, and of the memory it has to wait for."""
        price = self.price(kernel, target)
        if price is None:
            return Unpriced(step.node.name, f"{self.runtime} has no latency figure for a {kernel.name} on {self.core}")
        moved = tuple(transfers(step, kernel, price, target, placed))
        unknown = tuple(dict.fromkeys(unknown_speeds(iter(moved), target, self.figures)))
        if unknown:
            return Unpriced(step.node.name, f"the speed of external memory {' and '.join(unknown)} is not described")
        return cycles(price, Counts.of(step, kernel)) + sum(extra_cycles(transfer, target, self.figures) for transfer in moved)

    def pricing(self, layers: Sequence[tuple[Step, Kernel]], target: Target, placed: Mapping[str, str] = NOWHERE) -> Pricing | None:
        """Prices stacked; layers that wait for slow memory, or whose price depends on their channels, must be asked one by one."""
        prices = [self.price(kernel, target) for _, kernel in layers]
        rules = [price for price in self.figures.prices if any(kernel.layer.kind in price.kinds for _, kernel in layers)]
        found = [price for price in prices if price is not None]
        if len(found) < len(layers) or any(rule.when.asks_channels for rule in rules):
            return None
        moved = (t for (step, kernel), price in zip(layers, found, strict=True) for t in transfers(step, kernel, price, target, placed))
        if any(self._is_slow(transfer, target) for transfer in moved):
            return None
        return column_pricing(found)

    def _is_slow(self, transfer: Transfer, target: Target) -> bool:
        return bool(extra_cycles(transfer, target, self.figures)) or any(unknown_speeds(iter([transfer]), target, self.figures))

    def remarks(self, steps: Sequence[Step], kernels: Sequence[Kernel], target: Target) -> tuple[str, ...]:
        """Layers larger or smaller than any that was measured."""
        if self.figures.macs_range is None:
            return ()
        low, high = self.figures.macs_range
        sized = ((step.node.name, step.work.macs) for step in steps if is_int(step.work.macs) and step.work.macs)
        outside = [shown(name) for name, macs in sized if not low <= macs <= high]
        if not outside:
            return ()
        return (f"outside of the {low:,} to {high:,} MACs a layer behind the figures: {some(outside)}",)


def _holds(price: Price, kernel: Kernel, target: Target) -> bool:
    layer = kernel.layer
    return layer.kind in price.kinds and kernel.variant in price.kernels and price.when.holds(layer, target.core.extensions)
