"""Arithmetic and comparison of two operands, choice, and reductions."""

from __future__ import annotations

from hwcost.ops import forms
from hwcost.ops import reduce as reductions
from hwcost.ops.activation import Exp, Log, Not, Sqrt
from hwcost.ops.base import Op
from hwcost.ops.binary import Add, Compare, Div, Logical, Maximum, Minimum, Mul, Pow, Sub
from hwcost.ops.reading import Call, Value, torch_reader

BINARY: dict[str, type[Op]] = {
    "add": Add,
    "div": Div,
    "maximum": Maximum,
    "minimum": Minimum,
    "mul": Mul,
    "pow": Pow,
    "sub": Sub,
    "true_divide": Div,
}

RELATIONS = {"eq": "equal", "ge": "greater_or_equal", "gt": "greater", "le": "less_or_equal", "lt": "less"}

LOGIC = {
    "__and__": "and",
    "__or__": "or",
    "__xor__": "xor",
    "bitwise_and": "and",
    "bitwise_or": "or",
    "bitwise_xor": "xor",
    "logical_and": "and",
    "logical_or": "or",
    "logical_xor": "xor",
}

REDUCTIONS: dict[str, type[Op]] = {
    "amax": reductions.ReduceMax,
    "amin": reductions.ReduceMin,
    "max": reductions.ReduceMax,
    "mean": reductions.ReduceMean,
    "min": reductions.ReduceMin,
    "prod": reductions.ReduceProd,
    "sum": reductions.ReduceSum,
}


def _operands(call: Call) -> tuple[Value, Value]:
    """Both operands; a number may stand in the place of either."""
    names = ("self", "other", "exponent")
    numbers = [call.constant(call.attribute(name), name) for name in names if call.attribute(name) is not None]
    tensors = [value for value in call.inputs if value is not None]
    first_is_number = call.attribute("self") is not None
    left, right = (numbers + tensors) if first_is_number else (tensors + numbers)
    return left, right


@torch_reader(*(f"aten.{name}" for name in BINARY))
def read_binary(call: Call) -> Value:
    """`alpha` scales the second operand of a sum or difference; a rounding division is refused."""
    left, right = _operands(call)
    if call.attribute("rounding_mode") is not None:
        call.refuse("division with rounding is not known")
    alpha = call.attribute("alpha", 1)
    if alpha != 1:
        factor = call.constant(alpha, "alpha")
        right = (
            right.mapped(right.shape, lambda values: values * alpha, ".scaled")
            if right.is_constant
            else forms.binary(call, Mul, right, factor)
        )
    return forms.binary(call, BINARY[call.op.removeprefix("aten.")], left, right)


@torch_reader("aten.expm1")
def read_expm1(call: Call) -> Value:
    return forms.binary(call, Sub, forms.mapped(call, Exp(), call.value(0)), call.constant(1.0, "one"))


@torch_reader("aten.log1p")
def read_log1p(call: Call) -> Value:
    return forms.mapped(call, Log(), forms.binary(call, Add, call.value(0), call.constant(1.0, "one")))


@torch_reader("aten.exp2")
def read_exp2(call: Call) -> Value:
    return forms.binary(call, Pow, call.constant(2.0, "base"), call.value(0))


@torch_reader("aten.rsub")
def read_rsub(call: Call) -> Value:
    left, right = _operands(call)
    if call.attribute("alpha", 1) != 1:
        call.refuse("expected an alpha of 1")
    return forms.binary(call, Sub, right, left)


@torch_reader(*(f"aten.{name}" for name in RELATIONS))
def read_compare(call: Call) -> Value:
    left, right = _operands(call)
    return forms.binary(call, Compare, left, right, relation=RELATIONS[call.op.removeprefix("aten.")])


@torch_reader("aten.ne")
def read_not_equal(call: Call) -> Value:
    left, right = _operands(call)
    return forms.mapped(call, Not(), forms.binary(call, Compare, left, right, relation="equal"))


@torch_reader(*(f"aten.{name}" for name in LOGIC))
def read_logical(call: Call) -> Value:
    left, right = _operands(call)
    if {left.kind, right.kind} != {"bool"}:
        call.refuse("bits of integers are not known, only truth values")
    return forms.binary(call, Logical, left, right, relation=LOGIC[call.op.removeprefix("aten.")])


@torch_reader("aten.where")
def read_where(call: Call) -> Value:
    """Either side may be a number, which is then no tensor operand."""
    condition, *tensors = (value for value in call.inputs if value is not None)
    sides = [None if call.attribute(name) is None else call.constant(call.attribute(name), name) for name in ("self", "other")]
    left, right = (side if side is not None else tensors.pop(0) for side in sides)
    return forms.choose(call, condition, left, right)


@torch_reader("aten.masked_fill")
def read_masked_fill(call: Call) -> Value:
    x, mask = call.value(0), call.value(1)
    filling = call.optional(2) or call.constant(float(call.attribute("value")), "value")
    return forms.choose(call, mask, filling, x)


@torch_reader(*(f"aten.{name}" for name in REDUCTIONS))
def read_reduction(call: Call) -> Value:
    """Over `dim`, one or several, or over everything; `max(dim)` also tells where, which is not read."""
    if len(call.inputs) == 2:
        return forms.binary(call, {"aten.max": Maximum, "aten.min": Minimum}[call.op], call.value(0), call.value(1))
    dim = call.attribute("dim")
    axes = (dim,) if isinstance(dim, int) else dim
    return forms.reduce(call, REDUCTIONS[call.op.removeprefix("aten.")], call.value(0), axes, bool(call.attribute("keepdim")))


@torch_reader("aten.linalg_vector_norm", "aten.norm")
def read_norm(call: Call) -> Value:
    order = call.attribute("ord", call.attribute("p"))
    if order not in {2, None}:
        call.refuse("expected the norm of order 2")
    dim = call.attribute("dim")
    return forms.reduce(call, reductions.ReduceL2, call.value(0), (dim,) if isinstance(dim, int) else dim, bool(call.attribute("keepdim")))


@torch_reader("aten.var")
def read_var(call: Call) -> Value:
    return _variance(call)


@torch_reader("aten.std")
def read_std(call: Call) -> Value:
    return forms.mapped(call, Sqrt(), _variance(call))


def _variance(call: Call) -> Value:
    """Mean of the squared distance from the mean, over n (a correction of 0)."""
    x = call.value(0)
    if call.attribute("unbiased") or call.attribute("correction") not in {0, None}:
        call.refuse("expected the variance over n (correction=0), as layers use it")
    dim = call.attribute("dim")
    axes = (dim,) if isinstance(dim, int) else dim
    apart = forms.binary(call, Sub, x, forms.reduce(call, reductions.ReduceMean, x, axes, True))
    return forms.reduce(call, reductions.ReduceMean, forms.binary(call, Mul, apart, apart), axes, bool(call.attribute("keepdim")))


@torch_reader("aten.argmax", "aten.argmin")
def read_arg(call: Call) -> Value:
    x = call.value(0)
    op = reductions.ArgMax if call.op == "aten.argmax" else reductions.ArgMin
    dim, keepdims = call.attribute("dim"), bool(call.attribute("keepdim"))
    if dim is None:
        x, dim, keepdims = forms.reshape(call, x, (1, x.elements)), 1, False
        return call.emit(op(0, False), x, batch_axis=None) if call.outputs else x
    at = x.axis(dim)
    batch = x.batch_axis if keepdims or x.batch_axis is None or x.batch_axis < at else x.batch_axis - 1
    return call.emit(op(x.graph_axis(at), keepdims), x, batch_axis=batch)
