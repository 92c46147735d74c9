"""Sums of products over named axes, as the products of matrices that they are."""

from __future__ import annotations

from collections.abc import Sequence

from hwcost.ops.forms.axes import reshape, transpose
from hwcost.ops.forms.layers import matmul
from hwcost.ops.reading import Call, Value
from hwcost.sizes import prod


def einsum(call: Call, equation: str, operands: Sequence[Value]) -> Value:
    """One operand with its axes in another order, or two of which the axes that the result lacks are summed over.

    Raises GraphError for an equation with dots, an axis repeated within an operand, or an axis that only one operand has and the
    result lacks.
    """
    terms, out = _terms(call, equation.replace(" ", ""), operands)
    if len(operands) == 1 and sorted(terms[0]) == sorted(out):
        return transpose(call, operands[0], [terms[0].index(axis) for axis in out])
    if len(operands) != 2:
        call.refuse(f"einsum '{equation}' is no product of two operands")
    pairs = list(zip(terms, operands, strict=True))
    # A stored operand goes to the right, where it makes a dense layer.
    (left, a), (right, b) = pairs[::-1] if operands[0].is_constant else pairs
    batch = [axis for axis in left if axis in right and axis in out]
    summed = [axis for axis in left if axis in right and axis not in out]
    rows, columns = [axis for axis in left if axis not in right], [axis for axis in right if axis not in left]
    order = [*batch, *rows, *columns]
    if not summed or sorted(order) != sorted(out):
        call.refuse(f"einsum '{equation}' sums over an axis of one operand alone, or over none")
    sizes = {axis: n for term, value in pairs for axis, n in zip(term, value.shape, strict=True)}
    free = rows if b.is_constant and not batch else ["".join(rows)]
    first = _laid_out(call, a, left, [*batch, *free, "".join(summed)], sizes)
    second = _laid_out(call, b, right, [*batch, "".join(summed), "".join(columns)], sizes)
    made = reshape(call, matmul(call, first, second), [sizes[axis] for axis in order])
    return transpose(call, made, [order.index(axis) for axis in out])


def _laid_out(call: Call, x: Value, term: str, merged: Sequence[str], sizes: dict[str, int]) -> Value:
    """The operand with the axes of each word of `merged` as one axis."""
    ordered = transpose(call, x, [term.index(axis) for axis in "".join(merged)])
    return reshape(call, ordered, [int(prod(sizes[axis] for axis in word)) for word in merged])


def _terms(call: Call, equation: str, operands: Sequence[Value]) -> tuple[list[str], str]:
    given, arrow, out = equation.partition("->")
    terms = given.split(",")
    if [len(term) for term in terms] != [len(value.shape) for value in operands] or "." in equation:
        call.refuse(f"einsum '{equation}' does not name every axis of its operands")
    if not arrow:
        out = "".join(sorted(axis for axis in set(given) - {","} if given.count(axis) == 1))
    if any(len(set(term)) != len(term) for term in (*terms, out)):
        call.refuse(f"einsum '{equation}' repeats an axis within an operand")
    return terms, out
