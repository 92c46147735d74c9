"""What models made from measurements share: what they were made from, how far they were off, and where they know nothing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self, final

from hwcost.errors import MeasurementError, shown
from hwcost.graph import Step
from hwcost.kernels import Kernel
from hwcost.latency.asking import Asking
from hwcost.latency.columns import Pricing
from hwcost.latency.features import groups_of
from hwcost.latency.model import NOWHERE, Basis, LatencyModel, Unpriced, some
from hwcost.latency.traffic import extra_cycles, transfers, unknown_speeds
from hwcost.sizes import Size, is_int
from hwcost.target import Latency, LinearPrice, Price, Target
from hwcost.target.cited import Count, Factor, Limits, Positive, Share, Strict

__all__ = ["About", "Accuracy", "FittedModel", "Ratios"]

MOST_COUNTS = 300
"""Things that the kernels of a group do."""

MOST_KEPT = 100_000
"""Layers whose prices are remembered."""

Label = Annotated[str, Limits(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_@./*+ -]+$")]
Hash = Annotated[str, Limits(pattern=r"^[0-9a-f]{64}$")]
Source = Literal["measured", "emulated", "published", "documented"]


@dataclass(frozen=True, slots=True)
class Ratios(Strict):
    """Truth over prediction on layers that were held out: values that so many of them do not pass, in rising order."""

    rows: Count
    values: Annotated[tuple[Positive, ...], Limits(min_length=2, max_length=1001)]
    """At equal steps of probability from 0 to 1."""

    def __post_init__(self) -> None:
        """Refuse quantiles that fall."""
        if list(self.values) != sorted(self.values):
            raise ValueError("expected quantiles in rising order")

    def between(self, confidence: float) -> tuple[float, float]:
        """The bounds that hold a ratio with this confidence, by the rule of split conformal prediction for so many rows.

        With too few rows for a confidence the bounds are the outermost ratios seen.
        """
        outside = (1 - confidence) / 2
        low = (outside * (self.rows + 1) - 1) / max(1, self.rows - 1)
        return self._at(low), self._at(1 - low)

    def _at(self, share: float) -> float:
        place = min(max(share, 0.0), 1.0) * (len(self.values) - 1)
        below = min(int(place), len(self.values) - 2)
        return self.values[below] + (place - below) * (self.values[below + 1] - self.values[below])


@dataclass(frozen=True, slots=True)
class Accuracy(Strict):
    """How far predictions of held-out rows were off, relative to the measured cycles."""

    rows: Count
    mape: Factor
    rmspe: Factor
    within_5_percent: Share
    within_10_percent: Share
    tau: Annotated[float, Limits(ge=-1, le=1)]
    """Kendall's: how well the order of layers is kept."""
    coverage: Share | None = None
    """How many lay in their interval of nine in ten, made without them."""


@dataclass(frozen=True, slots=True)
class About(Strict):
    """What a model is of and what it was made from; errors, ranges and accuracy by group of layers (`features.groups_of`)."""

    runtime: Label
    """`name@version`."""
    core: Label
    device: Label
    """What the rows were measured on; `emulated-CORE` stands for every device with that core."""
    clock_hz: Positive
    source: Source
    rows: Count
    data_sha256: Hash
    compiler: str = ""
    flags: str = ""
    memory: str = ""
    wait_states: str = ""
    caches: str = ""
    accelerator: str = ""
    supply: str = ""
    errors: Mapping[Label, Ratios] = field(default_factory=dict)
    ranges: Mapping[Label, tuple[Factor, Factor]] = field(default_factory=dict)
    """MACs (or output elements of kinds without) of the smallest and the largest layer of a group."""
    accuracy: Mapping[Label, Accuracy] = field(default_factory=dict)
    """By kind, `*` for all layers and `networks` for whole ones."""

    @property
    def is_emulated(self) -> bool:
        """Whether it is of a core rather than of one device."""
        return self.device == f"emulated-{self.core}"

    def suits(self, target: Target) -> bool:
        """Whether it is of this device, or of its core emulated, and of a version of its runtime."""
        same = self.core == target.core.name and self.runtime.partition("@")[0] == target.runtime.name
        return same and (self.is_emulated or self.device == target.device.name)


@dataclass(frozen=True)
class FittedModel(LatencyModel):
    """A model with a file. Subclasses are frozen dataclasses with one field `parameters`, whose class is `Parameters`.

    `Parameters` is a frozen dataclass of validated fields (`Strict`); it is all that the file holds besides `about`.
    """

    about: About
    parameters: Any

    kind: ClassVar[str]
    """As `hwcost fit --model` names it."""
    method: ClassVar[Literal["lookup", "fitted"]] = "fitted"
    Parameters: ClassVar[type[Any]]

    @classmethod
    def of(cls, about: About, parameters: Any) -> Self:
        """The model that these parameters are of."""
        name = f"{cls.kind} {about.runtime} on {about.device}"
        basis = Basis(cls.method, about.source, f"{name}, {about.rows} rows {about.data_sha256[:8]}")
        return cls(name, about.runtime, about.core, basis, about, parameters)

    def refusal(self, target: Target) -> str | None:
        """Why it is not for a target: another core, device, runtime or version of that; None where it is."""
        wanted = target.runtime.reference
        if not self.about.suits(target):
            own = f"{self.about.runtime} on {self.about.device} ({self.about.core})"
            return f"it is of {own}, not of {wanted} on {target.device.name} ({target.core.name})"
        return None if self.runtime == wanted else f"it is stale: made for {self.runtime}, and the runtime is {wanted}"

    def require(self, target: Target) -> None:
        """Raise MeasurementError for a target that it is not of, or whose runtime has another version."""
        refusal = self.refusal(target)
        if refusal is not None:
            raise MeasurementError(f"latency model '{self.name}': {refusal}; figures of one do not hold for another, fit a model for it")

    @abstractmethod
    def kernel_cycles(self, step: Step, kernel: Kernel, target: Target) -> Size | Unpriced:
        """Cycles of a layer with memories as those it was measured with."""

    @final
    def layer_cycles(self, step: Step, kernel: Kernel, target: Target, placed: Mapping[str, str] = NOWHERE) -> Size | Unpriced:
        """Cycles of the kernel, and of slower memory it has to wait for."""
        cycles = self._known_cycles(step, kernel, target)
        if isinstance(cycles, Unpriced) or not self._may_wait(target):
            return cycles
        moved = tuple(transfers(step, kernel, _price(kernel, target), target, placed))
        figures = self._figures()
        unknown = tuple(dict.fromkeys(unknown_speeds(iter(moved), target, figures)))
        if unknown:
            return Unpriced(step.node.name, f"the speed of external memory {' and '.join(unknown)} is not described")
        return cycles + sum(extra_cycles(transfer, target, figures) for transfer in moved)

    def _known_cycles(self, step: Step, kernel: Kernel, target: Target) -> Size | Unpriced:
        """A layer of whole numbers is priced once: networks repeat their layers, and searches their networks."""
        layer = kernel.layer
        if not (is_int(layer.in_channels) and is_int(layer.out_channels) and is_int(layer.output_elements)):
            return self.kernel_cycles(step, kernel, target)
        key = (layer, kernel.implementation, target.core.extensions)
        if key not in self._prices:
            if len(self._prices) >= MOST_KEPT:
                self._prices.clear()
            self._prices[key] = self.kernel_cycles(step, kernel, target)
        found = self._prices[key]
        return replace(found, node=step.node.name) if isinstance(found, Unpriced) else found

    @cached_property
    def _prices(self) -> dict[tuple[Any, ...], Size | Unpriced]:
        """Cycles of layers that were asked for before."""
        return {}

    def waits(self, layers: Sequence[tuple[Step, Kernel]], target: Target, placed: Mapping[str, str]) -> bool:
        """Whether any layer has to wait for memory slower than that of the measurements."""
        if not self._may_wait(target):
            return False
        figures = self._figures()
        moved = [t for step, kernel in layers for t in transfers(step, kernel, _price(kernel, target), target, placed)]
        return any(extra_cycles(t, target, figures) for t in moved) or any(unknown_speeds(iter(moved), target, figures))

    def pricing(self, layers: Sequence[tuple[Step, Kernel]], target: Target, placed: Mapping[str, str] = NOWHERE) -> Pricing | None:
        """Each layer asked once for every widths it is seen with, its kernel chosen by them; memories stay as they are."""
        return None if self.waits(layers, target, placed) else Asking(self.kernel_cycles, layers, target)

    def _may_wait(self, target: Target) -> bool:
        """Memories inside a chip are in the figures."""
        return any(memory.external for memory in target.memories)

    def _figures(self) -> Latency:
        """What is compared to learn how much slower a memory is."""
        from hwcost.target.latency import Basis as Section

        section = Section(method="fitted", source=self.about.source, rows=self.about.rows)
        runtime = self.about.runtime.partition("@")[0]
        return Latency(runtime, self.core, "measurements", section, (), device=None if self.about.is_emulated else self.about.device)

    def layer_error(self, step: Step, kernel: Kernel, confidence: float) -> tuple[float, float] | None:
        """The ratios of truth to prediction that held-out layers of its closest group kept to."""
        found = next((self.about.errors[group] for group in groups_of(kernel) if group in self.about.errors), None)
        return None if found is None else found.between(confidence)

    def remarks(self, steps: Sequence[Step], kernels: Sequence[Kernel], target: Target) -> tuple[str, ...]:
        """Layers larger or smaller than any that was measured, and kinds of which none was."""
        known = self.about.ranges
        priced = [(step, kernel) for step, kernel in zip(steps, kernels, strict=True) if kernel.is_supported and not kernel.is_free]
        strange = [shown(step.node.name) for step, kernel in priced if groups_of(kernel)[1] not in known]
        beyond = list(self._beyond((step, groups_of(kernel)[1]) for step, kernel in priced))
        remarks = [f"outside of the sizes that {self.name} was made from: {some(beyond)}"] if beyond else []
        return (*remarks, *([f"of a kind that {self.name} was not made from: {some(strange)}"] if strange else []))

    def _beyond(self, labelled: Iterator[tuple[Step, str]] | Any) -> Iterator[str]:
        for step, label in labelled:
            low, high = self.about.ranges.get(label, (0.0, float("inf")))
            size = extent(step)
            if is_int(size) and not low <= size <= high:
                yield shown(step.node.name)


def extent(step: Step) -> Size:
    """How large a layer is: its MACs, or the elements it makes where it multiplies nothing."""
    return step.work.macs if not is_int(step.work.macs) or step.work.macs else step.work.out_elements


def _price(kernel: Kernel, target: Target) -> Price:
    """A price of the runtime's file for the layer, whose tiles say how often weights are read again; else one place at a time."""
    prices = target.latency.prices if target.latency is not None else ()
    found = next((price for price in prices if kernel.layer.kind in price.kinds), None)
    return found or LinearPrice("linear", (kernel.layer.kind,), "one place at a time")
