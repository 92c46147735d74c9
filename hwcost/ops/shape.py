"""The same numbers under another shape (reshape, an alias) or in another order (transpose)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from hwcost.errors import ShapeError
from hwcost.ops.base import Op, operator, shape_text
from hwcost.ops.flow import AxisFlow, Fixed, InputAxis, Same, Spread
from hwcost.sizes import Size, equal, exact_div, is_int, prod
from hwcost.tensor import TensorSpec

FOLLOWS = -1
"""In a block's `makes`: the axis that holds whatever the others leave of the block's elements."""


class Block(NamedTuple):
    """A step of a reshape: the next `takes` axes of the input become axes of sizes `makes`.

    `(1, (-1,))` keeps an axis, `(3, (-1,))` merges three, `(1, (4, -1))` splits one, `(0, (1,))` inserts an axis of one element and
    `(1, ())` drops one.
    """

    takes: int
    makes: tuple[int, ...]

    @property
    def follows(self) -> bool:
        """Whether one of its output axes follows the input."""
        return FOLLOWS in self.makes


@operator
@dataclass(frozen=True, slots=True)
class Reshape(Op):
    """Reshape, flatten, view, squeeze and unsqueeze: axes merged and split in blocks, so that it holds whatever the widths are.

    `blocks` walk input and output axes together, each as small as can be; `Reshape.between` finds them.
    """

    blocks: tuple[Block, ...]

    kind: ClassVar[str] = "reshape"
    alias: ClassVar[bool] = True

    @classmethod
    def between(cls, before: tuple[int, ...], after: tuple[int, ...]) -> Reshape:
        """The reshape from one shape to another; the same for every way of writing it. Raises ShapeError if elements differ.

        Both shapes are walked from the first axis. Equal axes are kept; where they differ, axes of one element are dropped or
        inserted; what remains is merged and split in the smallest blocks of equal elements, whose last output axis follows.
        """
        if 0 in before or prod(before) != prod(after):
            raise ShapeError("a reshape keeps every element", shapes=(before, after))
        return cls(tuple(_blocks(before, after)))

    def infer(self, x: TensorSpec) -> TensorSpec:
        if len(x.shape) != sum(block.takes for block in self.blocks):
            raise ShapeError(f"Reshape of {sum(block.takes for block in self.blocks)} axes got shape {shape_text(x.shape)}")
        return x.with_shape(tuple(n for block, axes in self._walk(x) for n in self._made(block, axes, x)))

    def _walk(self, x: TensorSpec) -> Iterator[tuple[Block, tuple[int, ...]]]:
        """Each block with the input axes it takes."""
        at = 0
        for block in self.blocks:
            yield block, tuple(range(at, at + block.takes))
            at += block.takes

    def _made(self, block: Block, axes: tuple[int, ...], x: TensorSpec) -> tuple[Size, ...]:
        taken = prod(x.shape[axis] for axis in axes)
        known = prod(n for n in block.makes if n != FOLLOWS)
        if is_int(taken) and (taken % known or (not block.follows and taken != known)):
            raise ShapeError(f"Reshape cannot make {block.makes} of the {taken} elements of axes {axes} of {shape_text(x.shape)}")
        return tuple(exact_div(taken, known) if n == FOLLOWS else n for n in block.makes)

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return tuple(flow for block, axes in self._walk(x) for flow in _block_flow(block, axes))

    def pinned(self, x: TensorSpec) -> tuple[InputAxis, ...]:
        return tuple((0, axis) for block, axes in self._walk(x) if block.makes != (FOLLOWS,) for axis in axes)


def _blocks(before: tuple[int, ...], after: tuple[int, ...]) -> Iterator[Block]:
    i = j = 0
    while i < len(before) or j < len(after):
        block = _next_block(before[i:], after[j:])
        yield block
        i, j = i + block.takes, j + len(block.makes)


def _next_block(before: tuple[int, ...], after: tuple[int, ...]) -> Block:
    """The smallest block at the front of both shapes, of which at least one is not used up."""
    if before and after and before[0] == after[0]:
        return Block(1, (FOLLOWS,))
    if before and before[0] == 1:
        return Block(1, ())
    if after and after[0] == 1:
        return Block(0, (1,))
    takes = makes = 1
    while (taken := prod(before[:takes])) != (made := prod(after[:makes])):
        takes, makes = (takes + 1, makes) if taken < made else (takes, makes + 1)
    return Block(takes, (*after[: makes - 1], FOLLOWS))


def _block_flow(block: Block, axes: tuple[int, ...]) -> tuple[AxisFlow, ...]:
    if block.makes != (FOLLOWS,):
        return tuple(Fixed() for _ in block.makes)
    return (Same(((0, axes[0]),)),) if len(axes) == 1 else (Spread(axes),)


@operator
@dataclass(frozen=True, slots=True)
class Transpose(Op):
    """Axes in another order: output axis i is input axis `order[i]`."""

    order: tuple[int, ...]

    kind: ClassVar[str] = "transpose"

    def infer(self, x: TensorSpec) -> TensorSpec:
        if sorted(self.order) != list(range(len(x.shape))):
            raise ShapeError(f"Transpose to {self.order} expects each axis once, got shape {shape_text(x.shape)}")
        return x.with_shape(tuple(x.shape[axis] for axis in self.order))

    def flow(self, x: TensorSpec) -> tuple[AxisFlow, ...]:
        return tuple(Same(((0, axis),)) for axis in self.order)

    def moves_data(self, x: TensorSpec) -> bool:
        """Whether the order in memory changes: not if only axes of one element change places."""
        longer = [axis for axis in self.order if not equal(x.shape[axis], 1)]
        return longer != sorted(longer)
