"""The contract of an operator: attributes only; shapes arrive as arguments.

An operator never stores the width of its input, so when a search shrinks one layer, changing that layer's own attribute is
enough: every consumer, its weights and the arena follow by inference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self, TypeVar

from hwcost.errors import ShapeError
from hwcost.ops.flow import AxisFlow, Fixed, InputAxis, Part, Same
from hwcost.sizes import Size, is_int, prod
from hwcost.tensor import TensorSpec


@dataclass(frozen=True, slots=True)
class Work:
    """What an operator needs on *any* device; a kernel library turns it into cycles and scratch.

    A layer that multiplies is read as a matrix product repeated over places: at each of `positions` output places,
    `out_channels` numbers are made, each from a patch of `patch_elements` inputs; so `macs = positions * out_channels *
    patch_elements` for convolutions and dense layers. Layers that do not multiply have 0 MACs; of these, pools and reductions tell
    the inputs behind one output number as its patch, all others have 0 patch elements.
    """

    macs: Size
    params: Size
    in_elements: Size
    out_elements: Size
    in_bytes: Size
    out_bytes: Size
    patch_elements: Size = 0
    positions: Size = 1
    in_channels: Size = 1
    out_channels: Size = 1


@dataclass(frozen=True, slots=True)
class Op:
    """One operator: what it makes of its inputs, what it needs for that, how channels flow through it.

    Concrete operators are final: one frozen dataclass each, registered under `kind` by being defined. `kind` is the name by
    which the files of `targets/runtimes` price and support it.
    """

    kind: ClassVar[str] = ""
    width: ClassVar[str | None] = None
    """Name of the attribute that sets the operator's own output channels, if it has one (`out_channels` of a convolution)."""
    alias: ClassVar[bool] = False
    """Whether the output is the input's memory under another shape, so that nothing is moved or stored."""
    elementwise: ClassVar[bool] = False
    """Whether each output element depends only on the input elements at the same place, so that it may overwrite its input."""
    resident: ClassVar[str] = "ram"
    """Where the output lives: in "ram", or in "flash", as a constant that is read in place."""

    def infer(self, *inputs: TensorSpec) -> TensorSpec:
        """The first (usually only) output; raises ShapeError where the inputs cannot be."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it makes")

    def outputs(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """Every output, in order."""
        return (self.infer(*inputs),)

    def parameters(self, *inputs: TensorSpec) -> Mapping[str, tuple[Size, ...]]:
        """Shapes of the constants the operator reads, by role (`weight`, `bias`, `operand`, ...)."""
        return {}

    def work(self, *inputs: TensorSpec) -> Work:
        """What the operator needs; the default is that of a layer which moves every element once and multiplies none."""
        made = self.outputs(*inputs)
        y = made[0]
        return Work(
            macs=0,
            params=self.params(*inputs),
            in_elements=sum(x.elements for x in inputs),
            out_elements=sum(out.elements for out in made),
            in_bytes=sum(x.bytes for x in inputs),
            out_bytes=sum(out.bytes for out in made),
            positions=y.positions,
            in_channels=inputs[0].channels if inputs else 0,
            out_channels=y.channels,
        )

    def params(self, *inputs: TensorSpec) -> Size:
        """How many constants the operator reads."""
        return sum(prod(shape) for shape in self.parameters(*inputs).values())

    def flow(self, *inputs: TensorSpec) -> tuple[AxisFlow, ...]:
        """For each axis of the first output, where its size comes from; the default says: fixed, never searched."""
        return tuple(Fixed() for _ in self.infer(*inputs).shape)

    def flows(self, *inputs: TensorSpec) -> tuple[tuple[AxisFlow, ...], ...]:
        """`flow` of every output, in order."""
        return (self.flow(*inputs),)

    def pinned(self, *inputs: TensorSpec) -> tuple[InputAxis, ...]:
        """Input axes whose size the operator needs exactly as it is; by default those of which it takes a part."""
        return tuple(dict.fromkeys(axis.source for axes in self.flows(*inputs) for axis in axes if isinstance(axis, Part)))

    def ties(self, *inputs: TensorSpec) -> tuple[tuple[InputAxis, ...], ...]:
        """Input axes that must stay equally long: by default those that are one output axis together."""
        return tuple(axis.sources for axes in self.flows(*inputs) for axis in axes if isinstance(axis, Same) and len(axis.sources) > 1)

    def moves_data(self, *inputs: TensorSpec) -> bool:
        """Whether an output is memory of its own; if not, it is the input's memory under another shape."""
        return not self.alias

    def scale_axis(self, role: str) -> int | None:
        """The axis of parameter `role` along which int8 quantisation keeps a scale per index; None: one scale for the whole."""
        return 0 if role == "weight" and self.width is not None else None

    def with_width(self, size: Size) -> Self:
        """The same operator with another number of own output channels; raises ShapeError if it has none of its own."""
        if self.width is None:
            raise ShapeError(f"{type(self).__name__} takes its channels from its input: they cannot be set")
        return replace(self, **{self.width: size})

    def with_taps(self, taps: Any) -> Self:
        """The same convolution with these of its taps (`Taps`), its padding following; raises ShapeError where there are none to take."""
        raise ShapeError(f"{type(self).__name__} is no convolution over time: it has no taps to choose from")

    @property
    def own_width(self) -> Size:
        """The operator's own output channels; raises ShapeError if it has none."""
        if self.width is None:
            raise ShapeError(f"{type(self).__name__} takes its channels from its input: it has no width of its own")
        return getattr(self, self.width)

    def attributes(self) -> dict[str, Any]:
        """Attributes by name, in the order they are declared."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


REGISTRY: dict[str, type[Op]] = {}
"""Every concrete operator by its `kind`; contract tests and the runtimes' files are held against it."""


Concrete = TypeVar("Concrete", bound=Op)


def operator(cls: type[Concrete]) -> type[Concrete]:
    """Register a concrete operator class under its `kind`; two classes of one kind are a mistake in this package.

    A class without attributes of its own needs no `@dataclass`, which takes half a millisecond at every start: it has its parent's
    methods, and `__slots__ = ()`.
    """
    if not cls.kind or cls.kind in REGISTRY:
        raise TypeError(f"{cls.__name__}: kind {cls.kind!r} is empty or taken")
    REGISTRY[cls.kind] = cls
    return cls


def require_rank(op: Op, x: TensorSpec, rank: int, axes: str) -> None:
    """Raise ShapeError unless `x` has `rank` axes; `axes` names them for the reader."""
    if len(x.shape) != rank:
        raise ShapeError(f"{type(op).__name__} expects {axes}, got shape {shape_text(x.shape)}")


def require_axis(op: Op, x: TensorSpec, axis: int) -> None:
    """Raise ShapeError unless `x` has axis `axis`, counted from 0."""
    if not 0 <= axis < len(x.shape):
        raise ShapeError(f"{type(op).__name__} along axis {axis} expects that axis, got shape {shape_text(x.shape)}")


def require_positive(op: Op, shape: tuple[Size, ...], x: TensorSpec) -> None:
    """Raise ShapeError if an output axis came out empty."""
    if any(is_int(n) and n < 1 for n in shape):
        raise ShapeError(
            f"{type(op).__name__} makes an empty output {shape_text(shape)} from {shape_text(x.shape)}: its window does not fit"
        )


def shape_text(shape: tuple[Size, ...]) -> str:
    """A shape as people write it, without the batch: `3x32x32`."""
    return "x".join(str(n) for n in shape) if shape else "scalar"
