"""What holds for every operator: one example per kind, and every test below runs on each of them.

A new operator adds one line to EXAMPLES; no size of an example should equal another by chance, so that mixed-up axes show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import FrozenInstanceError, dataclass, fields, replace
from math import inf
from typing import Any

import numpy as np
import pytest
import torch

import hwcost.ops as ops
from hwcost.errors import ShapeError
from hwcost.ops import REGISTRY, Op, Work
from hwcost.ops.flow import AxisFlow, Joined, Own, Part, Repeated, Same, Spread
from hwcost.sizes import Size, prod
from hwcost.tensor import TensorSpec

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Example:
    op: Op
    shapes: tuple[Shape, ...]

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return tuple(TensorSpec(shape) for shape in self.shapes)


def on(op: Op, *shapes: Shape) -> Example:
    return Example(op, shapes)


IMAGE, SEQUENCE = (6, 9, 11), (9, 5)

EXAMPLES = [
    on(ops.Conv2d(8, (3, 2), (2, 1), ((1, 2), (0, 1)), (1, 2)), IMAGE),
    on(ops.Conv2d(8, (3, 3), groups=2, bias=False, activation=ops.Relu()), IMAGE),
    on(ops.Conv1d(8, (3,), (2,), ((1, 0),), (2,)), (5, 17)),
    on(ops.DepthwiseConv2d((3, 5), (2, 2), ((1, 1), (2, 2)), multiplier=2), IMAGE),
    on(ops.DepthwiseConv1d((3,), dilation=(4,)), (5, 17)),
    on(ops.ConvTranspose2d(8, (3, 2), (2, 2), ((1, 0), (0, 0)), output_padding=(1, 0)), IMAGE),
    on(ops.ConvTranspose1d(8, (4,), (3,), ((1, 1),)), (5, 17)),
    on(ops.Dense(7), SEQUENCE),
    on(ops.Dense(7, bias=False), (12,)),
    on(ops.MatMul(), (4, 9, 5), (5, 7)),
    on(ops.MatMul(), (4, 9, 5), (1, 5, 7)),
    *(on(pool((3, 2), (2, 1), ((1, 1), (0, 1))), IMAGE) for pool in (ops.MaxPool2d, ops.AveragePool2d)),
    *(on(pool((3,), (2,), ((0, 1),), (2,)), SEQUENCE) for pool in (ops.MaxPool1d, ops.AveragePool1d)),
    *(on(pool(), shape) for pool in (ops.GlobalAveragePool, ops.GlobalMaxPool) for shape in (IMAGE, SEQUENCE)),
    on(ops.AdaptiveAveragePool((4, 7)), IMAGE),
    *(on(binary(), IMAGE, IMAGE) for binary in (ops.Add, ops.Sub, ops.Mul, ops.Div, ops.Minimum, ops.Maximum, ops.Pow)),
    on(ops.Mul(), IMAGE, (6, 1, 1)),
    on(ops.Add(), (11,), IMAGE),
    on(ops.Add((True, False, False), activation=ops.relu6()), IMAGE),
    on(ops.Sub((), constant_first=True), IMAGE),
    on(ops.Compare(relation="less"), IMAGE, (9, 11)),
    on(ops.Logical((False, True, True), relation="or"), IMAGE),
    on(ops.Where(), (9, 1), IMAGE, (6, 1, 11)),
    *(
        on(function(), IMAGE)
        for function in (
            *(ops.Relu, ops.Sigmoid, ops.Tanh, ops.HardSwish, ops.Silu, ops.Selu, ops.Softplus, ops.Softsign, ops.Mish, ops.Erf, ops.Exp),
            *(ops.Log, ops.Sqrt, ops.Reciprocal, ops.Neg, ops.Abs, ops.Sign, ops.Sin, ops.Cos, ops.Floor, ops.Ceil, ops.Round, ops.Not),
        )
    ),
    on(ops.Clip(maximum=6.0), IMAGE),
    on(ops.LeakyRelu(0.2), IMAGE),
    on(ops.PRelu(), IMAGE),
    on(ops.PRelu(per_channel=False), IMAGE),
    on(ops.HardSigmoid(0.2, 0.5), IMAGE),
    on(ops.Gelu("tanh"), IMAGE),
    on(ops.Elu(0.5), IMAGE),
    on(ops.Softmax(1), SEQUENCE),
    on(ops.LogSoftmax(0), (12,)),
    on(ops.BatchNorm(), IMAGE),
    on(ops.LayerNorm(2), IMAGE),
    on(ops.LayerNorm(1, bias=False), SEQUENCE),
    on(ops.RMSNorm(), SEQUENCE),
    on(ops.GroupNorm(3), IMAGE),
    on(ops.InstanceNorm(affine=False), IMAGE),
    on(ops.LpNormalize(axis=1, p=1), SEQUENCE),
    on(ops.Concat(0), IMAGE, (4, 9, 11), IMAGE),
    on(ops.Split(0, (4, 2)), IMAGE),
    on(ops.Slice(1, 2, 8), IMAGE),
    on(ops.Slice(2, 10, -1, -2), IMAGE),
    on(ops.Pad(((0, 0), (1, 2), (3, 0)), "reflect"), IMAGE),
    on(ops.Expand((1, 3)), SEQUENCE),
    on(ops.Constant((4, 3), bits=8, stored="int")),
    on(ops.Resize(((2, 1), (3, 2)), "linear", "half_pixel"), IMAGE),
    on(ops.DepthToSpace(2), (12, 5, 7)),
    *(on(ops.SpaceToDepth(2, mode), (3, 8, 10)) for mode in ("DCR", "CRD")),
    on(ops.Reshape.between(IMAGE, (6, 99)), IMAGE),
    on(ops.Reshape.between((6, 1, 4), (3, 2, 4)), (6, 1, 4)),
    on(ops.Transpose((2, 0, 1)), IMAGE),
    *(
        on(reduce((0, 2), keepdims), IMAGE)
        for reduce in (ops.ReduceMean, ops.ReduceSum, ops.ReduceMax, ops.ReduceMin, ops.ReduceProd, ops.ReduceL2)
        for keepdims in (False, True)
    ),
    on(ops.ArgMax(0), IMAGE),
    on(ops.ArgMin(1, keepdims=True), IMAGE),
    on(ops.Gather(1, (4, 0, 4)), IMAGE),
    on(ops.Gather(0, -0), IMAGE),
    on(ops.Gather(1), IMAGE, (2, 3)),
    on(ops.Embedding(100, 7), (9,)),
    on(ops.Identity(), IMAGE),
    on(ops.Cast(8, "uint"), IMAGE),
    on(ops.Quantize(4), IMAGE),
    on(ops.Dequantize(), IMAGE),
    on(ops.LSTM(7, "bidirectional"), SEQUENCE),
    on(ops.LSTM(7), SEQUENCE, (1, 7), (1, 7)),
    on(ops.GRU(7, "reverse", linear_before_reset=False), SEQUENCE),
    on(ops.RNN(7, bias=False, nonlinearity="relu"), SEQUENCE),
]

every_operator = pytest.mark.parametrize("example", EXAMPLES, ids=[f"{e.op.kind}-{i}" for i, e in enumerate(EXAMPLES)])


# What of an example may grow: each operator says itself which of its input axes are pinned and which are tied.


def free_axes(example: Example) -> Iterator[tuple[tuple[int, int], ...]]:
    """Sets of input axes that may grow, each with the axes tied to it."""
    op, inputs = example.op, example.inputs
    pinned = set(op.pinned(*inputs))
    tied = {(i, axis): {(i, axis)} for i, x in enumerate(inputs) for axis in range(len(x.shape))}
    for tie in op.ties(*inputs):
        joined = set().union(*(tied[axis] for axis in tie))
        tied.update(dict.fromkeys(joined, joined))
    for joined in {id(axes): axes for axes in tied.values()}.values():
        if not joined & pinned:
            yield tuple(sorted(joined))


def sized(example: Example, axes: tuple[tuple[int, int], ...], size: Any) -> tuple[TensorSpec, ...]:
    """The inputs with the given axes replaced by `size(n)`."""
    shapes = [[size(n) if (i, axis) in axes else n for axis, n in enumerate(shape)] for i, shape in enumerate(example.shapes)]
    return tuple(TensorSpec(tuple(shape)) for shape in shapes)


def grown(example: Example) -> list[tuple[tuple[TensorSpec, ...], Op]]:
    """The example with each thing that may grow at twice its size."""
    made = [(sized(example, axes, lambda n: 2 * n), example.op) for axes in free_axes(example)]
    return [*made, (example.inputs, wider(example.op))] if owns_width(example) else made


def owns_width(example: Example) -> bool:
    return any(isinstance(axis, Own) for axes in example.op.flows(*example.inputs) for axis in axes)


def wider(op: Op) -> Op:
    return op.with_width(2 * op.own_width)


# Everything an operator says in numbers, flat.


def numbers(op: Op, inputs: tuple[TensorSpec, ...]) -> list[Size]:
    shapes = [x.shape for x in op.outputs(*inputs)] + list(op.parameters(*inputs).values())
    return [*(n for shape in shapes for n in shape), *quantities(op.work(*inputs)).values()]


def quantities(work: Work) -> Mapping[str, Size]:
    return {field.name: getattr(work, field.name) for field in fields(work)}


def tensor(n: int) -> torch.Tensor:
    return torch.tensor(float(n), dtype=torch.float64, requires_grad=True)


def test_every_kind_has_an_example() -> None:
    assert {example.op.kind for example in EXAMPLES} == set(REGISTRY)


@pytest.mark.parametrize("kind", REGISTRY)
def test_is_named_documented_and_final(kind: str) -> None:
    cls = REGISTRY[kind]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", kind)
    assert cls.__doc__
    assert not cls.__doc__.startswith(f"{cls.__name__}(")
    assert not cls.__subclasses__()
    assert cls.resident in ("ram", "flash")
    assert cls.width is None or cls.width in {field.name for field in fields(cls)}


@every_operator
def test_searched_sizes_give_the_numbers_of_ints(example: Example) -> None:
    every_axis = tuple((i, axis) for i, shape in enumerate(example.shapes) for axis in range(len(shape)))
    op = example.op if example.op.width is None else example.op.with_width(tensor(example.op.own_width))
    searched = numbers(op, sized(example, every_axis, tensor))
    assert [float(n.detach()) if isinstance(n, torch.Tensor) else n for n in searched] == numbers(example.op, example.inputs)


@every_operator
def test_columns_give_the_numbers_of_each_candidate(example: Example) -> None:
    for axes in free_axes(example):
        column = numbers(example.op, sized(example, axes, lambda n: np.array([n, 2 * n])))
        candidates = [numbers(example.op, sized(example, axes, lambda n, times=times: n * times)) for times in (1, 2)]
        rows = [np.broadcast_to(n, (2,)).tolist() for n in column]
        assert rows == [list(pair) for pair in zip(*candidates, strict=True)]


@every_operator
def test_attributes_may_be_columns(example: Example) -> None:
    every_axis = tuple((i, axis) for i, shape in enumerate(example.shapes) for axis in range(len(shape)))
    batched = replace(example.op, **{f.name: columns(getattr(example.op, f.name)) for f in fields(example.op) if holds_sizes(str(f.type))})
    rows = numbers(batched, sized(example, every_axis, columns))
    assert [np.broadcast_to(n, (2,)).tolist() for n in rows] == [[n, n] for n in numbers(example.op, example.inputs)]


def holds_sizes(annotation: str) -> bool:
    return "Size" in annotation or annotation == "Padding"


def columns(attribute: Any) -> Any:
    return tuple(map(columns, attribute)) if isinstance(attribute, tuple) else np.array([attribute, attribute])


@every_operator
def test_whatever_grows_with_a_size_has_a_gradient_to_it(example: Example) -> None:
    before = quantities(example.op.work(*example.inputs))
    for axes in free_axes(example):
        sources: list[torch.Tensor] = []

        def searched(n: int, sources: list[torch.Tensor] = sources) -> torch.Tensor:
            sources.append(tensor(n))
            return sources[-1]

        work = quantities(example.op.work(*sized(example, axes, searched)))
        after = quantities(example.op.work(*sized(example, axes, lambda n: 2 * n)))
        require_gradients(work, sources, [name for name in before if after[name] > before[name]])


@every_operator
def test_whatever_grows_with_the_width_has_a_gradient_to_it(example: Example) -> None:
    if owns_width(example):
        width = tensor(example.op.own_width)
        before, after = (quantities(op.work(*example.inputs)) for op in (example.op, wider(example.op)))
        work = quantities(example.op.with_width(width).work(*example.inputs))
        require_gradients(work, [width], [name for name in before if after[name] > before[name]])


def require_gradients(work: Mapping[str, Size], sources: list[torch.Tensor], names: list[str]) -> None:
    for name in names:
        slopes = torch.autograd.grad(work[name], sources, retain_graph=True, allow_unused=True)
        total = sum(float(slope) for slope in slopes if slope is not None)
        assert np.isfinite(total), name
        assert total > 0, name


@every_operator
def test_work_does_not_shrink_when_a_size_grows(example: Example) -> None:
    before = quantities(example.op.work(*example.inputs))
    for inputs, op in grown(example):
        after = quantities(op.work(*inputs))
        assert all(after[name] >= before[name] for name in before)


@every_operator
def test_params_are_the_elements_of_its_parameters(example: Example) -> None:
    op, inputs = example.op, example.inputs
    expected = sum(prod(shape) for shape in op.parameters(*inputs).values())
    assert op.params(*inputs) == op.work(*inputs).params == expected


@every_operator
def test_elements_and_bytes_are_those_of_its_tensors(example: Example) -> None:
    work, made = example.op.work(*example.inputs), example.op.outputs(*example.inputs)
    assert work.in_elements == sum(x.elements for x in example.inputs)
    assert work.in_bytes == 4 * work.in_elements
    assert work.out_elements == sum(y.elements for y in made)
    assert work.out_bytes == sum(y.bytes for y in made)
    assert example.op.infer(*example.inputs) == made[0]


@every_operator
def test_macs_are_a_matrix_product_or_none(example: Example) -> None:
    work = example.op.work(*example.inputs)
    assert work.macs in (0, work.positions * work.out_channels * work.patch_elements)


@every_operator
def test_flow_holds_whatever_grows(example: Example) -> None:
    flows = example.op.flows(*example.inputs)
    assert example.op.flow(*example.inputs) == flows[0]
    assert len(flows) == len(example.op.outputs(*example.inputs))
    for inputs, op in [(example.inputs, example.op), *grown(example)]:
        for output, axes in zip(op.outputs(*inputs), flows, strict=True):
            assert len(axes) == len(output.shape)
            for n, axis in zip(output.shape, axes, strict=True):
                assert n == expected_size(axis, n, inputs, op)


def expected_size(axis: AxisFlow, n: int, inputs: tuple[TensorSpec, ...], op: Op) -> int:
    """What the flow says of an output axis; `n` itself where it says nothing (geometry)."""

    def size(source: tuple[int, int]) -> int:
        return int(inputs[source[0]].shape[source[1]])

    match axis:
        case Own():
            return int(op.own_width)
        case Same(sources):
            (only,) = {size(source) for source in sources}
            return only
        case Joined(sources):
            return sum(map(size, sources))
        case Spread(merged):
            return int(prod(size((0, source)) for source in merged))
        case Repeated(source, times):
            return size(source) * times
        case Part(_, start, stop):
            return stop - start
    return n


@every_operator
def test_tied_axes_are_equally_long_and_pinned_axes_exist(example: Example) -> None:
    op, inputs = example.op, example.inputs
    for tie in op.ties(*inputs):
        assert len({inputs[i].shape[axis] for i, axis in tie}) == 1
    for i, axis in op.pinned(*inputs):
        assert 0 <= axis < len(inputs[i].shape)


@every_operator
def test_what_may_overwrite_or_alias_its_input_fits_into_it(example: Example) -> None:
    op, inputs = example.op, example.inputs
    if op.elementwise:
        assert op.infer(*inputs).bytes <= max(x.bytes for x in inputs)
    if inputs and not op.moves_data(*inputs):
        assert op.infer(*inputs).bytes == inputs[0].bytes


@every_operator
def test_is_a_value(example: Example) -> None:
    op = example.op
    assert not hasattr(op, "__dict__")
    assert eval(repr(op), {**vars(ops), "inf": inf}) == op
    assert hash(replace(op)) == hash(op)
    if op.attributes():
        with pytest.raises((FrozenInstanceError, TypeError)):
            setattr(op, next(iter(op.attributes())), None)


@every_operator
def test_misfits_are_shape_errors(example: Example) -> None:
    """Inputs of any rank either fit or are refused by name: never an IndexError from inside."""
    for rank in range(6):
        inputs = tuple(TensorSpec((2,) * rank) for _ in example.shapes)
        made, refusal = outcome(example.op, inputs)
        assert type(example.op).__name__ in refusal or made
        assert all(n > 0 for y in made for n in y.shape)


def outcome(op: Op, inputs: tuple[TensorSpec, ...]) -> tuple[tuple[TensorSpec, ...], str]:
    """What the operator makes of inputs, or the words in which it refuses them."""
    try:
        return op.outputs(*inputs), ""
    except ShapeError as error:
        return (), str(error)


@every_operator
def test_width_belongs_to_those_that_have_one(example: Example) -> None:
    if example.op.width is None:
        with pytest.raises(ShapeError, match=type(example.op).__name__):
            example.op.with_width(4)
        with pytest.raises(ShapeError, match=type(example.op).__name__):
            _ = example.op.own_width
    else:
        assert example.op.with_width(4).own_width == 4
        assert example.op.with_width(example.op.own_width) == example.op


@pytest.mark.parametrize("kind", REGISTRY)
def test_no_attribute_is_the_width_of_an_input(kind: str) -> None:
    """Shapes arrive as arguments; a stored one would contradict the layer before when a search changes it."""
    assert not {field.name for field in fields(REGISTRY[kind])} & {"in_channels", "in_features", "input_size", "num_features"}
