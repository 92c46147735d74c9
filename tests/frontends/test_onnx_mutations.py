"""Damaged files: whatever is done to a model, reading it ends in a network or in one error of ours.

The corpus is seeded: the same 2,400 files every time. Half of them are damaged as bytes, half as models that still parse.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable

import onnx
import pytest

from hwcost.errors import HwcostError
from hwcost.frontends.from_onnx import from_onnx
from hwcost.frontends.onnx_folding import FOLDS
from hwcost.ops.reading import ONNX_READERS
from tests.ops.onnx_cases import CASES
from tests.ops.onnx_layer_cases import LAYERS
from tests.ops.onnx_quantised_cases import DYNAMIC, OPERATORS, PAIRS

FILES = [parameter.values[0].SerializeToString() for parameter in (*LAYERS, *CASES, *PAIRS, *OPERATORS, *DYNAMIC)]
SIZES = [0, -1, 1, 2, 3, 7, 255, 65_536, 1_000_003, 2**31, -(2**31), 2**40, 2**62, -(2**62), 2**63 - 1, -(2**63)]
NUMBERS = [float("nan"), float("inf"), -1.0, 0.0, 1e38, -1e-40]
ATTRIBUTES = ["pads", "axis", "perm", "axes", "shape", "to", "strides", "group", "split", "keepdims", "value", "auto_pad", "mode", "scales"]

SEEDS = 24
EACH = 100

Rng = random.Random


def flip_bits(data: bytearray, rng: Rng) -> None:
    for _ in range(rng.randrange(1, 6)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def cut_short(data: bytearray, rng: Rng) -> None:
    del data[rng.randrange(len(data)) :]


def repeat_a_piece(data: bytearray, rng: Rng) -> None:
    start = rng.randrange(len(data))
    piece = data[start : start + rng.randrange(1, 64)] * rng.randrange(1, 4)
    at = rng.randrange(len(data))
    data[at:at] = piece


def values_of(model: onnx.ModelProto) -> list[str]:
    made = [name for each in model.graph.node for name in each.output]
    return [*made, *(t.name for t in model.graph.initializer), *(i.name for i in model.graph.input), "", "nothing"]


def change_an_attribute(model: onnx.ModelProto, rng: Rng) -> None:
    attributes = [attribute for each in model.graph.node for attribute in each.attribute]
    if not attributes:
        return
    attribute = rng.choice(attributes)
    if rng.random() < 0.2:
        attribute.type = rng.randrange(15)
    elif attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(SIZES)
    else:
        attribute.i, attribute.f = rng.choice(SIZES), rng.choice(NUMBERS)


def add_an_attribute(model: onnx.ModelProto, rng: Rng) -> None:
    attribute = rng.choice(model.graph.node).attribute.add(name=rng.choice(ATTRIBUTES))
    attribute.type = rng.choice([onnx.AttributeProto.INTS, onnx.AttributeProto.INT])
    attribute.ints.extend(rng.choice(SIZES) for _ in range(rng.randrange(5)))
    attribute.i = rng.choice(SIZES)


def drop_an_attribute(model: onnx.ModelProto, rng: Rng) -> None:
    del rng.choice(model.graph.node).attribute[:1]


def change_an_operator(model: onnx.ModelProto, rng: Rng) -> None:
    each = rng.choice(model.graph.node)
    each.domain, each.op_type = rng.choice([*sorted(ONNX_READERS), *(("", op) for op in sorted(FOLDS))])


def change_a_wire(model: onnx.ModelProto, rng: Rng) -> None:
    each = rng.choice(model.graph.node)
    wires = each.input if rng.random() < 0.7 else each.output
    if wires:
        wires[rng.randrange(len(wires))] = rng.choice(values_of(model))


def add_or_drop_a_wire(model: onnx.ModelProto, rng: Rng) -> None:
    each = rng.choice(model.graph.node)
    if rng.random() < 0.5:
        each.input.append(rng.choice(values_of(model)))
    elif each.input:
        del each.input[rng.randrange(len(each.input))]


def copy_or_drop_a_node(model: onnx.ModelProto, rng: Rng) -> None:
    if rng.random() < 0.5:
        model.graph.node.add().CopyFrom(rng.choice(model.graph.node))
    else:
        del model.graph.node[rng.randrange(len(model.graph.node))]


def change_a_constant(model: onnx.ModelProto, rng: Rng) -> None:
    if not model.graph.initializer:
        return
    tensor = rng.choice(model.graph.initializer)
    change = rng.randrange(5)
    if change == 0 and tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(SIZES)
    elif change == 1:
        tensor.data_type = rng.randrange(30)
    elif change == 2:
        tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data) + 1)]
    elif change == 3:
        tensor.raw_data = bytes(rng.randrange(256) for _ in tensor.raw_data)
    else:
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=rng.choice(["/etc/passwd", "../x", "w.bin", "", "\0"]))


def change_an_input(model: onnx.ModelProto, rng: Rng) -> None:
    if not model.graph.input:
        return
    tensor = rng.choice(model.graph.input).type.tensor_type
    if rng.random() < 0.3:
        tensor.elem_type = rng.randrange(30)
    elif tensor.shape.dim and rng.random() < 0.6:
        rng.choice(tensor.shape.dim).dim_value = rng.choice(SIZES)
    else:
        tensor.shape.dim.add().dim_value = rng.choice(SIZES)


def change_the_opset(model: onnx.ModelProto, rng: Rng) -> None:
    model.opset_import[0].version = rng.choice([*range(-1, 30), 2**40])


BYTES: list[Callable[[bytearray, Rng], None]] = [flip_bits, cut_short, repeat_a_piece]
MODELS: list[Callable[[onnx.ModelProto, Rng], None]] = [
    *(change_an_attribute, add_an_attribute, drop_an_attribute, change_an_operator, change_a_wire, add_or_drop_a_wire),
    *(copy_or_drop_a_node, change_a_constant, change_an_input, change_the_opset),
]


def damaged(rng: Rng) -> bytes:
    data = rng.choice(FILES)
    if rng.random() < 0.5:
        changed = bytearray(data)
        rng.choice(BYTES)(changed, rng)
        return bytes(changed)
    model = onnx.ModelProto.FromString(data)
    for _ in range(rng.randrange(1, 4)):
        if model.graph.node:
            rng.choice(MODELS)(model, rng)
    return model.SerializeToString()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_damaged_file_ends_in_a_network_or_in_one_error_of_ours(seed):
    rng = random.Random(seed)
    messages = [said(damaged(rng), allow_unsupported=rng.random() < 0.2) for _ in range(EACH)]
    assert 20 < sum(bool(message) for message in messages) < EACH - 5
    assert all(line.isprintable() and len(line) < 1000 for message in messages for line in message.splitlines())


def said(data: bytes, *, allow_unsupported: bool = False) -> str:
    """The message of the error that reading ends in; nothing where it ends in a network."""
    try:
        graph = from_onnx(data, allow_unsupported=allow_unsupported)
    except HwcostError as error:
        return str(error)
    return "" if 0 <= graph.macs < 2**63 else f"{graph.macs} MACs"


@pytest.mark.skipif(sys.platform == "win32", reason="the operating system does not tell")
def test_damaged_files_do_not_fill_the_memory():
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rng = random.Random(SEEDS)
    messages = [said(damaged(rng)) for _ in range(EACH)]
    assert any(messages)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20  # KiB


def test_there_are_as_many_mutations_as_promised():
    assert SEEDS * EACH >= 2000
