"""Numbers that carry their slopes: what a formula says at fractional widths, and how it changes with each of them, in one pass.

A search asks for the cost of widths that are no whole numbers, and for its slopes by them. `sizes.py` computes with these numbers as
with any other, so every formula written on sizes gives its slopes too: exactly, without a second statement of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self, TypeAlias

import numpy as np

Column: TypeAlias = "np.ndarray[Any, Any]"


class Sloped:
    """A column of numbers, and the slopes of each by the same few unknowns, float64.

    `parts` holds both, (1 + unknowns, ...): the numbers come first. Rounding keeps the slope of what is rounded; comparisons, remainders
    and `where` ask the numbers alone.
    """

    __slots__ = ("parts",)
    __array_ufunc__ = None  # numpy's arithmetic leaves the operation to this class

    def __init__(self, parts: Column) -> None:
        self.parts = parts

    @classmethod
    def of(cls, value: Column, slopes: Column) -> Self:
        """Numbers (...) with their slopes (unknowns, ...)."""
        return cls(np.concatenate([np.asarray(value, dtype=np.float64)[None], slopes]))

    @property
    def value(self) -> Column:
        """The numbers."""
        return np.asarray(self.parts[0])

    @property
    def slopes(self) -> Column:
        """The slopes, (unknowns, ...)."""
        return self.parts[1:]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the numbers."""
        return tuple(self.parts.shape[1:])

    @property
    def ndim(self) -> int:
        """How many axes the numbers have."""
        return self.parts.ndim - 1

    def __neg__(self) -> Sloped:
        return Sloped(-self.parts)

    def __add__(self, other: Any) -> Sloped:
        if isinstance(other, Sloped):
            return Sloped(self._beside(other) + other._beside(self))
        return _shifted(self.parts, other)

    def __sub__(self, other: Any) -> Sloped:
        return Sloped(self._beside(other) - other._beside(self)) if isinstance(other, Sloped) else _shifted(self.parts, -other)

    def __rsub__(self, other: Any) -> Sloped:
        return _shifted(-self.parts, other)

    def __mul__(self, other: Any) -> Sloped:
        if not isinstance(other, Sloped):
            return Sloped((self._beside(other) if isinstance(other, np.ndarray) else self.parts) * other)
        mine, theirs = self._beside(other), other._beside(self)
        product = mine[0] * theirs + theirs[0] * mine
        product[:1] *= 0.5  # the numbers' own product came twice
        return Sloped(product)

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: Any) -> Sloped:
        if not isinstance(other, Sloped):
            return Sloped(self._beside(other) / other)
        mine, theirs = self._beside(other), other._beside(self)
        ratio = mine[0] / theirs[0]
        made = (mine - ratio * theirs) / theirs[0]
        made[:1] = ratio
        return Sloped(made)

    def __rtruediv__(self, other: Any) -> Sloped:
        mine = self._beside(other)
        ratio = other / mine[0]
        made = mine * (-ratio / mine[0])
        made[:1] = ratio
        return Sloped(made)

    def __floordiv__(self, other: Any) -> Sloped:
        return _floored(self / other)

    def __rfloordiv__(self, other: Any) -> Sloped:
        return _floored(self.__rtruediv__(other))

    def __pow__(self, power: float) -> Sloped:
        made = self.parts * (power * self.parts[0] ** (power - 1))
        made[:1] = self.parts[0] ** power
        return Sloped(made)

    def __mod__(self, other: Any) -> Column:
        return np.asarray(self.value % _number(other))

    def __lt__(self, other: Any) -> Any:
        return self.value < _number(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= _number(other)

    def __gt__(self, other: Any) -> Any:
        return self.value > _number(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= _number(other)

    def __eq__(self, other: object) -> Any:
        return self.value == _number(other)

    __hash__ = None  # type: ignore[assignment]  # equal entry by entry, as arrays are

    def __matmul__(self, matrix: Column) -> Sloped:
        return Sloped(self.parts @ matrix)

    def __len__(self) -> int:
        return int(self.parts.shape[1])

    def __getitem__(self, index: Any) -> Sloped:
        return Sloped(self.parts[_with_slopes(index)])

    def __setitem__(self, index: Any, given: Any) -> None:
        if isinstance(given, Sloped):
            self.parts[_with_slopes(index)] = given.parts
        else:
            self.parts[_with_slopes(index)] = 0.0
            self.parts[0][index] = given

    def sum(self, axis: int) -> Sloped:
        """The sum along an axis."""
        return Sloped(self.parts.sum(axis=_counted_from_the_end(axis, self.ndim)))

    def max(self, axis: int) -> Sloped:
        """The largest along an axis; of equal ones the first gives the slopes."""
        axis = _counted_from_the_end(axis, self.ndim)
        where = np.expand_dims(self.parts[0].argmax(axis=axis), axis)
        return Sloped(np.take_along_axis(self.parts, where[None], axis).squeeze(axis))

    def larger(self, other: Any) -> Sloped:
        """The larger of two, entry by entry; where they are equal, half of the slopes of both, as torch has it."""
        mine, theirs = _broadcast_arrays(self, _carrying(other, len(self.slopes)))
        share = ((mine.value > theirs.value) + (mine.value >= theirs.value) * 1.0) / 2
        return Sloped(share * mine.parts + (1 - share) * theirs.parts)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """The functions of numpy that rearrange arrays rearrange these as well."""
        return _REARRANGED[function](*args, **kwargs) if function in _REARRANGED else NotImplemented

    def _beside(self, other: Any) -> Column:
        """The parts with as many axes as something else has, so that numpy stretches them along its own."""
        more = other.ndim - self.parts.ndim + 1 if isinstance(other, Sloped | np.ndarray) else 0
        return self.parts if more <= 0 else self.parts.reshape(len(self.parts), *(1,) * more, *self.shape)


def _floored(numbers: Sloped) -> Sloped:
    """Rounded down, in place."""
    np.floor(numbers.parts[:1], out=numbers.parts[:1])
    return numbers


def _shifted(parts: Column, other: Any) -> Sloped:
    """Parts with plain numbers added, which change no slope."""
    shape = np.shape(other)
    if shape != parts.shape[1:] and shape:
        whole = np.broadcast_shapes(shape, parts.shape[1:])
        parts = np.broadcast_to(parts.reshape(len(parts), *(1,) * (len(whole) - parts.ndim + 1), *parts.shape[1:]), (len(parts), *whole))
    made = parts.copy()
    made[:1] += other
    return Sloped(made)


def _counted_from_the_end(axis: int, ndim: int) -> int:
    return axis if axis < 0 else axis - ndim


def _number(other: Any) -> Any:
    return other.value if isinstance(other, Sloped) else other


def _with_slopes(index: Any) -> Any:
    """An index of numbers as one of their parts, whose first axis is that of the slopes."""
    if isinstance(index, tuple):
        return index if index[0] is Ellipsis else (slice(None), *index)
    return (slice(None), index)


def _carrying(part: Any, unknowns: int) -> Sloped:
    """Plain numbers as numbers whose slopes are 0."""
    return part if isinstance(part, Sloped) else Sloped.of(part, np.zeros((unknowns, *np.shape(part))))


def _all_carrying(parts: Sequence[Any]) -> list[Sloped]:
    unknowns = next(len(part.slopes) for part in parts if isinstance(part, Sloped))
    return [_carrying(part, unknowns) for part in parts]


def _where(held: Any, first: Any, second: Any) -> Sloped:
    """`numpy.where`: entries of the first where something holds, of the second elsewhere."""
    mine, theirs = _all_carrying([first, second])
    return Sloped(np.where(held, mine._beside(theirs), theirs._beside(mine)))


def _broadcast_to(part: Sloped, shape: tuple[int, ...]) -> Sloped:
    stretched = part.parts.reshape(len(part.parts), *(1,) * (len(shape) - part.ndim), *part.shape)
    return Sloped(np.broadcast_to(stretched, (len(part.parts), *shape)))


def _broadcast_arrays(*parts: Any) -> list[Any]:
    shape = np.broadcast_shapes(*(np.shape(part) for part in parts))
    return [np.broadcast_to(part, shape) for part in parts]


def _concatenate(parts: Sequence[Any], axis: int = 0) -> Sloped:
    carrying = _all_carrying(parts)
    return Sloped(np.concatenate([part.parts for part in carrying], axis=_counted_from_the_end(axis, carrying[0].ndim)))


def _moveaxis(part: Sloped, source: int, target: int) -> Sloped:
    ndim = part.ndim
    return Sloped(np.moveaxis(part.parts, _counted_from_the_end(source, ndim), target % ndim + 1))


_REARRANGED: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.broadcast_to: _broadcast_to,
    np.broadcast_arrays: _broadcast_arrays,
    np.concatenate: _concatenate,
    np.moveaxis: _moveaxis,
    np.shape: lambda part: part.shape,
}
