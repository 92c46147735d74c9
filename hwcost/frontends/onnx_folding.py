"""Arithmetic on constants, done while reading: shapes are known, so everything that exporters compute from them is too.

One table from ONNX operator to numpy. Tensors larger than `MOST_FOLDED` are never made here; a file that asks for them is refused.
Source of the semantics: onnx/docs/Operators.md and Changelog.md for the older opsets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from hwcost.errors import GraphError
from hwcost.ops.onnx_readers.axes import reshaped
from hwcost.ops.reading import Array
from hwcost.sizes import prod

MOST_FOLDED = 1 << 20
"""Elements of any tensor that is computed while reading."""

Folded: TypeAlias = "Array | tuple[Array, ...]"


@dataclass(frozen=True, slots=True)
class Fold:
    """One call whose operands are all known: their values (None where left out), attributes, opset, and how many outputs."""

    operands: tuple[Array | None, ...]
    attributes: Mapping[str, Any]
    version: int
    outputs: int

    def __getitem__(self, index: int) -> Array:
        value = self.get(index)
        if value is None:
            raise ValueError(f"input {index} is missing")
        return value

    def get(self, index: int) -> Array | None:
        """Operand `index`, None if it is left out."""
        return self.operands[index] if index < len(self.operands) else None

    def ints(self, index: int, attribute: str) -> tuple[int, ...] | None:
        """Integers given as an attribute (older opsets) or as an operand (newer ones)."""
        given = self.attributes.get(attribute)
        if given is None:
            operand = self.get(index)
            return None if operand is None else tuple(int(n) for n in operand.reshape(-1))
        return tuple(given) if isinstance(given, (list, tuple)) else (int(given),)


def room(*shape: int) -> tuple[int, ...]:
    """`shape`, if a tensor of it may be made; raises GraphError if not."""
    if any(n < 0 for n in shape):
        raise GraphError(f"a constant of shape {shape} is asked for: sizes cannot be negative")
    if prod(shape) > MOST_FOLDED:
        raise GraphError(f"a constant of {prod(shape):,} elements is computed in the file, at most {MOST_FOLDED:,} are")
    return shape


def _elementwise(function: Callable[..., Any]) -> Callable[[Fold], Array]:
    def fold(call: Fold) -> Array:
        operands = [operand for operand in call.operands if operand is not None]
        if len(operands) != getattr(function, "nin", len(operands)):  # numpy would take one too many for the place of the result
            raise ValueError(f"it has {len(operands)} inputs")
        room(*np.broadcast_shapes(*(operand.shape for operand in operands)))
        return np.asarray(function(*operands), dtype=None)

    return fold


def _variadic(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def total(*operands: Array) -> Any:
        result: Any = operands[0]
        for operand in operands[1:]:
            result = function(result, operand)
        return result

    return total


def divide(a: Array, b: Array) -> Array:
    """ONNX Div: integers truncate towards zero."""
    if a.dtype.kind == "f" or b.dtype.kind == "f":
        return np.asarray(a / b)
    with np.errstate(all="ignore"):
        whole = np.floor_divide(a, b)
        return np.asarray(whole + ((whole < 0) & (whole * b != a)).astype(whole.dtype))


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "Abs": np.abs,
    "Add": np.add,
    "And": np.logical_and,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Div": divide,
    "Equal": np.equal,
    "Exp": np.exp,
    "Floor": np.floor,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "IsInf": np.isinf,
    "IsNaN": np.isnan,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Log": np.log,
    "Max": _variadic(np.maximum),
    "Mean": lambda *operands: _variadic(np.add)(*operands) / len(operands),
    "Min": _variadic(np.minimum),
    "Mul": np.multiply,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Or": np.logical_or,
    "Pow": lambda a, b: np.power(a, b.astype(a.dtype)),
    "Reciprocal": np.reciprocal,
    "Relu": lambda a: np.maximum(a, 0),
    "Round": np.round,
    "Sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "Sign": np.sign,
    "Sin": np.sin,
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Sum": _variadic(np.add),
    "Tanh": np.tanh,
    "Where": np.where,
    "Xor": np.logical_xor,
}
"""Operators that compute each element from the ones at the same place; of large constants, they are computed when asked."""

NUMPY_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64",
    12: "uint32", 13: "uint64",
}  # fmt: skip


def cast(values: Array, data_type: int) -> Array:
    """ONNX Cast to a type that numpy has too."""
    if data_type not in NUMPY_TYPES:
        raise GraphError(f"a constant is cast to type {data_type}, which hwcost does not compute with")
    with np.errstate(all="ignore"):
        return values.astype(NUMPY_TYPES[data_type])


def _shape_part(call: Fold) -> Array:
    shape = call[0].shape
    return np.asarray(shape[slice(call.attributes.get("start", 0), call.attributes.get("end"))], dtype=np.int64)


def _mod(call: Fold) -> Array:
    function = np.fmod if call.attributes.get("fmod") else np.mod
    return _elementwise(function)(call)


def _clip(call: Fold) -> Array:
    low = call.attributes.get("min", call.get(1))
    high = call.attributes.get("max", call.get(2))
    return np.asarray(np.clip(call[0], low, high)).astype(call[0].dtype)


def _constant_of_shape(call: Fold) -> Array:
    value = call.attributes.get("value")
    filler = np.zeros(1, np.float32) if value is None else value.array()
    return np.full(room(*(int(n) for n in call[0].reshape(-1))), filler.reshape(-1)[0], dtype=filler.dtype)


def _range(call: Fold) -> Array:
    start, stop, step = (call[i].reshape(()).item() for i in range(3))
    room(max(0, int(np.ceil((stop - start) / step))))
    return np.arange(start, stop, step).astype(call[0].dtype)


def _gather(call: Fold) -> Array:
    values, indices, axis = call[0], call[1], call.attributes.get("axis", 0)
    room(values.size // max(values.shape[axis], 1), indices.size)
    return np.take(values, indices.astype(np.int64), axis=axis)


def _slice(call: Fold) -> Array:
    values = call[0]
    starts, ends = call.ints(1, "starts"), call.ints(2, "ends")
    if starts is None or ends is None:
        raise ValueError("its starts or ends are missing")
    axes = call.ints(3, "axes") or tuple(range(len(starts)))
    steps = call.ints(4, "steps") or (1,) * len(starts)
    for start, stop, axis, step in zip(starts, ends, axes, steps, strict=True):
        n = values.shape[axis]
        # A negative step runs down to and including index 0, which no stop but None says in numpy.
        end = None if step < 0 and stop < -n else stop
        picked: list[Any] = [slice(None)] * values.ndim
        picked[axis] = slice(start, end, step)
        values = values[tuple(picked)]
    return values


def _squeeze(call: Fold) -> Array:
    return np.squeeze(call[0], axis=call.ints(1, "axes"))


def _unsqueeze(call: Fold) -> Array:
    return np.expand_dims(call[0], call.ints(1, "axes") or ())


def _reshape(call: Fold) -> Array:
    target = call.ints(1, "shape") or ()
    return call[0].reshape(reshaped(call[0].shape, target, allow_zero=bool(call.attributes.get("allowzero"))))


def _flatten(call: Fold) -> Array:
    axis = call.attributes.get("axis", 1)
    axis = axis + call[0].ndim if axis < 0 else axis
    return call[0].reshape(prod(call[0].shape[:axis]), -1)


def _expand(call: Fold) -> Array:
    shape = np.broadcast_shapes(call[0].shape, room(*(int(n) for n in call[1].reshape(-1))))
    return np.broadcast_to(call[0], room(*shape)).copy()


def _tile(call: Fold) -> Array:
    times = tuple(int(n) for n in call[1].reshape(-1))
    room(*times, call[0].size)
    return np.tile(call[0], times)


def _concat(call: Fold) -> Array:
    return np.concatenate([operand for operand in call.operands if operand is not None], axis=call.attributes["axis"])


def _split(call: Fold) -> tuple[Array, ...]:
    axis = call.attributes.get("axis", 0)
    sizes = call.ints(1, "split")
    if sizes is None:
        return tuple(np.array_split(call[0], call.outputs, axis=axis))
    return tuple(np.split(call[0], np.cumsum(sizes)[:-1], axis=axis))


def _pad(call: Fold) -> Array:
    pads, rank = call.ints(1, "pads") or (), call[0].ndim
    if call.get(3) is not None or call.attributes.get("mode", "constant") != "constant" or len(pads) != 2 * rank:
        raise ValueError("only plain constant padding of constants is computed")
    room(*(n + max(pads[i], 0) + max(pads[i + rank], 0) for i, n in enumerate(call[0].shape)))
    value = call.get(2)
    filler = 0 if value is None else value.reshape(())
    return np.pad(call[0], list(zip(pads[:rank], pads[rank:], strict=True)), constant_values=filler)


def _one_hot(call: Fold) -> Array:
    depth, axis = int(call[1].reshape(())), call.attributes.get("axis", -1)
    room(call[0].size, depth)
    off, on = call[2].reshape(-1)
    return np.moveaxis(np.where(np.arange(depth) == (call[0] % depth)[..., None], on, off), -1, axis)


def _trilu(call: Fold) -> Array:
    shift = call.get(1)
    k = 0 if shift is None else int(shift.reshape(()))
    return np.triu(call[0], k) if call.attributes.get("upper", 1) else np.tril(call[0], k)


def _reduction(function: Callable[..., Any]) -> Callable[[Fold], Array]:
    def fold(call: Fold) -> Array:
        axes = call.ints(1, "axes")
        if not axes and call.attributes.get("noop_with_empty_axes"):
            return call[0]
        keep = bool(call.attributes.get("keepdims", 1))
        return np.asarray(function(call[0], axis=tuple(axes) if axes else None, keepdims=keep)).astype(call[0].dtype)

    return fold


def _arg(function: Callable[..., Any]) -> Callable[[Fold], Array]:
    def fold(call: Fold) -> Array:
        return np.asarray(function(call[0], axis=call.attributes.get("axis", 0), keepdims=bool(call.attributes.get("keepdims", 1))))

    return fold


def _matmul(call: Fold) -> Array:
    a, b = call[0], call[1]
    room(a.size, b.shape[-1] if b.ndim > 1 else 1)
    return np.asarray(a @ b)


def _cumsum(call: Fold) -> Array:
    if call.attributes.get("exclusive") or call.attributes.get("reverse"):
        raise ValueError("only plain cumulative sums of constants are computed")
    return np.cumsum(call[0], axis=int(call[1].reshape(())), dtype=call[0].dtype)


def _norm2(x: Array, axis: Any, keepdims: bool) -> Array:
    return np.asarray(np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims)))


FOLDS: dict[str, Callable[[Fold], Folded]] = {
    **{name: _elementwise(function) for name, function in ELEMENTWISE.items()},
    "ArgMax": _arg(np.argmax),
    "ArgMin": _arg(np.argmin),
    "Cast": lambda call: cast(call[0], call.attributes["to"]),
    "Clip": _clip,
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "CumSum": _cumsum,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "MatMul": _matmul,
    "Mod": _mod,
    "NonZero": lambda call: np.stack(np.nonzero(call[0])).astype(np.int64) if call[0].ndim else np.zeros((0, 1), np.int64),
    "OneHot": _one_hot,
    "Pad": _pad,
    "Range": _range,
    "ReduceL2": _reduction(_norm2),
    "ReduceMax": _reduction(np.max),
    "ReduceMean": _reduction(np.mean),
    "ReduceMin": _reduction(np.min),
    "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(np.sum),
    "Reshape": _reshape,
    "Shape": _shape_part,
    "Size": lambda call: np.asarray(call[0].size, dtype=np.int64),
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": lambda call: call[0].transpose(call.attributes.get("perm")),
    "Trilu": _trilu,
    "Unsqueeze": _unsqueeze,
}
"""What can be computed of constants alone, by operator of the default domain."""
