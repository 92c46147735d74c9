"""Axes that can be walked as one: the loops of kernels that take any shape, in a fixed number of axes."""

from __future__ import annotations

from collections.abc import Sequence

from hwcost.deploy.emission import Placed
from hwcost.errors import GraphError

PAIR_AXES = 4
REDUCED_AXES = 2


def strides(shape: Sequence[int], rank: int) -> list[int]:
    """Elements from one index of each axis to the next, 0 where the axis has one place and is repeated; leading axes of 1 are added."""
    steps, step = [], 1
    for size in reversed((*([1] * (rank - len(shape))), *shape)):
        steps.append(step if size > 1 else 0)
        step *= size
    return steps[::-1]


def merged(axes: Sequence[tuple[int, tuple[int, ...]]]) -> list[tuple[int, tuple[int, ...]]]:
    """(Size, steps of each operand) of the same walk in as few axes as possible."""
    found: list[tuple[int, tuple[int, ...]]] = []
    for size, steps in (axis for axis in axes if axis[0] > 1):
        if found and all(outer == inner * size for outer, inner in zip(found[-1][1], steps, strict=True)):
            found[-1] = (found[-1][0] * size, steps)
        else:
            found.append((size, steps))
    return found


def pair_fields(placed: Placed, left: Sequence[int], right: Sequence[int]) -> str:
    """The initialiser of struct hwc_pairs: the output's axes, and each operand's steps along them."""
    shape = placed.output.shape
    rank = max(len(shape), len(left), len(right))
    full = (*([1] * (rank - len(shape))), *shape)
    axes = merged(list(zip(full, zip(strides(left, rank), strides(right, rank), strict=True), strict=True)))
    if len(axes) > PAIR_AXES:
        raise GraphError(f"shapes {tuple(left)} and {tuple(right)} repeat along more axes than a kernel walks", node=placed.node)
    axes = [(1, (0, 0))] * (PAIR_AXES - len(axes)) + axes
    columns = ([size for size, _ in axes], *zip(*(steps for _, steps in axes), strict=True))
    return f"{{{', '.join(braced(column) for column in columns)}}}"


def reduction_fields(placed: Placed, axes: Sequence[int]) -> dict[str, str]:
    """Members of struct hwc_reduction that say where inputs lie: two axes that are kept, two that are reduced."""
    shape = placed.inputs[0].shape
    over = {axis % len(shape) for axis in axes}
    walk = list(zip(range(len(shape)), shape, strides(shape, len(shape)), strict=True))
    fields: dict[str, str] = {}
    for name, chosen in (("kept", False), ("reduced", True)):
        found = merged([(size, (step,)) for axis, size, step in walk if (axis in over) == chosen])
        if len(found) > REDUCED_AXES:
            raise GraphError(f"axes {tuple(axes)} of {shape} are not reduced in {REDUCED_AXES} loops", node=placed.node)
        found = [(1, (0,))] * (REDUCED_AXES - len(found)) + found
        fields[name] = braced([size for size, _ in found])
        fields[f"{name}_step"] = braced([steps[0] for _, steps in found])
    return fields


def braced(numbers: Sequence[int]) -> str:
    """Numbers as a C initialiser."""
    return f"{{{', '.join(map(str, numbers))}}}"
