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
    """A column of numbers, and the slopes of each by the same few unknowns: shapes (...) and (..., unknowns), float64.

    Rounding keeps the slope of what is rounded; comparisons, remainders and `where` ask the numbers alone.
    """

    __slots__ = ("slopes", "value")
    __array_ufunc__ = None  # numpy's arithmetic leaves the operation to this class

    def __init__(self, value: Any, slopes: Column) -> None:
        self.value = np.asarray(value)
        shape = self.value.shape + slopes.shape[-1:]
        self.slopes = slopes if slopes.shape == shape else np.broadcast_to(slopes, shape)

    @classmethod
    def unknowns(cls, values: Column) -> Self:
        """Numbers that are the unknowns themselves."""
        return cls(np.asarray(values, dtype=np.float64), np.eye(len(values)))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the numbers."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """How many axes the numbers have."""
        return self.value.ndim

    def __neg__(self) -> Sloped:
        return Sloped(-self.value, -self.slopes)

    def __add__(self, other: Any) -> Sloped:
        if isinstance(other, Sloped):
            return Sloped(self.value + other.value, self.slopes + other.slopes)
        return Sloped(self.value + other, self.slopes)

    def __sub__(self, other: Any) -> Sloped:
        if isinstance(other, Sloped):
            return Sloped(self.value - other.value, self.slopes - other.slopes)
        return Sloped(self.value - other, self.slopes)

    def __rsub__(self, other: Any) -> Sloped:
        return Sloped(other - self.value, -self.slopes)

    def __mul__(self, other: Any) -> Sloped:
        if isinstance(other, Sloped):
            slopes = self.value[..., None] * other.slopes + other.value[..., None] * self.slopes
            return Sloped(self.value * other.value, slopes)
        return Sloped(self.value * other, self.slopes * _beside_slopes(other))

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: Any) -> Sloped:
        if isinstance(other, Sloped):
            ratio = self.value / other.value
            return Sloped(ratio, (self.slopes - ratio[..., None] * other.slopes) / other.value[..., None])
        return Sloped(self.value / other, self.slopes / _beside_slopes(other))

    def __rtruediv__(self, other: Any) -> Sloped:
        ratio = np.asarray(other / self.value)
        return Sloped(ratio, -(ratio / self.value)[..., None] * self.slopes)

    def __floordiv__(self, other: Any) -> Sloped:
        exact = self / other
        return Sloped(np.floor(exact.value), exact.slopes)

    def __rfloordiv__(self, other: Any) -> Sloped:
        exact = other / self
        return Sloped(np.floor(exact.value), exact.slopes)

    def __pow__(self, power: float) -> Sloped:
        return Sloped(self.value**power, (power * self.value ** (power - 1))[..., None] * self.slopes)

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
        return Sloped(self.value @ matrix, matrix.T @ self.slopes)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> Sloped:
        return Sloped(self.value[index], self.slopes[_with_slopes(index)])

    def __setitem__(self, index: Any, given: Any) -> None:
        self.value[index] = _number(given)
        self.slopes[_with_slopes(index)] = given.slopes if isinstance(given, Sloped) else 0.0

    def sum(self, axis: int) -> Sloped:
        """The sum along an axis."""
        return Sloped(self.value.sum(axis=axis), self.slopes.sum(axis=axis % self.ndim))

    def max(self, axis: int) -> Sloped:
        """The largest along an axis; of equal ones the first gives the slopes."""
        where = np.expand_dims(self.value.argmax(axis=axis), axis)
        slopes = np.take_along_axis(self.slopes, where[..., None], axis % self.ndim)
        return Sloped(np.take_along_axis(self.value, where, axis).squeeze(axis), slopes.squeeze(axis % self.ndim))

    def larger(self, other: Any) -> Sloped:
        """The larger of two, entry by entry; where they are equal, half of the slopes of both, as torch has it."""
        mine, theirs = self.value, np.asarray(_number(other))
        share = (((mine > theirs) + (mine >= theirs) * 1.0) / 2)[..., None]
        return Sloped(np.maximum(mine, theirs), share * self.slopes + (1 - share) * _slopes(other, self.slopes.shape[-1]))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """The functions of numpy that rearrange arrays rearrange these as well."""
        return _REARRANGED[function](*args, **kwargs) if function in _REARRANGED else NotImplemented


def _beside_slopes(other: Any) -> Any:
    """Plain numbers as factors of slopes."""
    return other[..., None] if isinstance(other, np.ndarray) and other.ndim else other


def _number(other: Any) -> Any:
    return other.value if isinstance(other, Sloped) else other


def _with_slopes(index: Any) -> tuple[Any, ...]:
    """An index of numbers as one of their slopes, whose last axis is that of the unknowns."""
    parts = index if isinstance(index, tuple) else (index,)
    return (*parts, slice(None)) if any(part is Ellipsis for part in parts) else (*parts, ...)


def _slopes(part: Any, unknowns: int) -> Column:
    return part.slopes if isinstance(part, Sloped) else np.zeros((*np.shape(part), unknowns))


def _unknowns(parts: Sequence[Any]) -> int:
    return next(int(part.slopes.shape[-1]) for part in parts if isinstance(part, Sloped))


def _where(held: Any, first: Any, second: Any) -> Sloped:
    """`numpy.where`: entries of the first where something holds, of the second elsewhere."""
    chosen, unknowns = np.asarray(held), _unknowns([first, second])
    slopes = np.where(chosen[..., None], _slopes(first, unknowns), _slopes(second, unknowns))
    return Sloped(np.where(chosen, _number(first), _number(second)), slopes)


def _broadcast_to(part: Sloped, shape: tuple[int, ...]) -> Sloped:
    return Sloped(np.broadcast_to(part.value, shape), part.slopes)


def _broadcast_arrays(*parts: Any) -> list[Any]:
    shape = np.broadcast_shapes(*(np.shape(_number(part)) for part in parts))
    return [np.broadcast_to(part, shape) for part in parts]


def _concatenate(parts: Sequence[Any], axis: int = 0) -> Sloped:
    unknowns = _unknowns(parts)
    ndim = np.ndim(_number(parts[0]))
    values = np.concatenate([_number(part) for part in parts], axis=axis)
    return Sloped(values, np.concatenate([_slopes(part, unknowns) for part in parts], axis=axis % ndim))


def _moveaxis(part: Sloped, source: int, target: int) -> Sloped:
    return Sloped(np.moveaxis(part.value, source, target), np.moveaxis(part.slopes, source % part.ndim, target % part.ndim))


_REARRANGED: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.broadcast_to: _broadcast_to,
    np.broadcast_arrays: _broadcast_arrays,
    np.concatenate: _concatenate,
    np.moveaxis: _moveaxis,
    np.shape: lambda part: part.shape,
}
