"""Arithmetic on operands that broadcast, reductions over axes, comparisons and choices."""

from __future__ import annotations

from functools import reduce as chain

import numpy as np

from hwcost.ops import binary as operators
from hwcost.ops import forms
from hwcost.ops import reduce as reductions
from hwcost.ops.activation import Abs, Exp, Log
from hwcost.ops.base import Op
from hwcost.ops.onnx_readers.quantised import scaled
from hwcost.ops.reading import Call, Value, onnx_reader

BINARY: dict[str, type[Op]] = {"Add": operators.Add, "Sub": operators.Sub, "Mul": operators.Mul, "Div": operators.Div, "Pow": operators.Pow}
VARIADIC: dict[str, type[Op]] = {"Max": operators.Maximum, "Min": operators.Minimum, "Sum": operators.Add}
COMPARISONS = {
    "Equal": "equal",
    "Less": "less",
    "LessOrEqual": "less_or_equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_or_equal",
}
LOGIC = {"And": "and", "Or": "or", "Xor": "xor"}
REDUCTIONS: dict[str, type[Op]] = {
    "ReduceMean": reductions.ReduceMean,
    "ReduceSum": reductions.ReduceSum,
    "ReduceMax": reductions.ReduceMax,
    "ReduceMin": reductions.ReduceMin,
    "ReduceProd": reductions.ReduceProd,
    "ReduceL2": reductions.ReduceL2,
}


@onnx_reader(*BINARY)
def read_binary(call: Call) -> Value:
    a, b = call.value(0), call.value(1)
    if call.op == "Mul":
        product = scaled(call, (a, b))
        if product is not None:
            return product
    return forms.binary(call, BINARY[call.op], a, b)


@onnx_reader(*VARIADIC, "Mean")
def read_variadic(call: Call) -> Value:
    """Any number of operands, taken two at a time."""
    operands = [value for value in call.inputs if value is not None]
    op = VARIADIC.get(call.op, operators.Add)
    made = chain(lambda a, b: forms.binary(call, op, a, b), operands)
    if call.op == "Mean" and len(operands) > 1:
        made = forms.binary(call, operators.Mul, made, call.constant(np.float32(1 / len(operands)), "share"))
    return made


@onnx_reader(*COMPARISONS)
def read_comparison(call: Call) -> Value:
    return forms.binary(call, operators.Compare, call.value(0), call.value(1), relation=COMPARISONS[call.op])


@onnx_reader(*LOGIC)
def read_logic(call: Call) -> Value:
    return forms.binary(call, operators.Logical, call.value(0), call.value(1), relation=LOGIC[call.op])


@onnx_reader("Where")
def read_where(call: Call) -> Value:
    return forms.choose(call, call.value(0), call.value(1), call.value(2))


@onnx_reader(*REDUCTIONS, "ReduceSumSquare", "ReduceL1", "ReduceLogSumExp", "ReduceLogSum")
def read_reduction(call: Call) -> Value:
    """Axes are an attribute in older opsets and an operand in newer ones; none named means all of them, or none if the call says so."""
    x = call.value(0)
    axes = call.ints(1, "axes")
    if not axes and call.attribute("noop_with_empty_axes", 0):
        return x
    op = REDUCTIONS.get(call.op, reductions.ReduceSum)
    made = forms.reduce(call, op, _before(call, x), axes, bool(call.attribute("keepdims", 1)))
    return forms.mapped(call, Log(), made) if call.op in {"ReduceLogSumExp", "ReduceLogSum"} else made


def _before(call: Call, x: Value) -> Value:
    """What a compound reduction does to each element first."""
    if call.op == "ReduceSumSquare":
        return forms.binary(call, operators.Mul, x, x)
    if call.op == "ReduceL1":
        return forms.mapped(call, Abs(), x)
    return forms.mapped(call, Exp(), x) if call.op == "ReduceLogSumExp" else x


@onnx_reader("ArgMax", "ArgMin")
def read_arg(call: Call) -> Value:
    x, keepdims = call.value(0), bool(call.attribute("keepdims", 1))
    op = reductions.ArgMax if call.op == "ArgMax" else reductions.ArgMin
    at = x.axis(int(call.attribute("axis", 0)))
    within = x.graph_axis(at)
    batch = x.batch_axis if keepdims or x.batch_axis is None or x.batch_axis < at else x.batch_axis - 1
    return call.emit(op(within, keepdims), x, batch_axis=batch)
