"""Files made to take for ever: many of everything, long chains, and what a few bytes can ask for."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.errors import HwcostError
from hwcost.frontends.from_onnx import from_onnx
from tests.onnx_files import floats, model, node

MANY = 50_000
LONG = 3_000
X = {"x": [1, 4, 8, 8]}

REFUSED = {
    "operands": ([node("Sum", ["x"] * MANY)], {}, "more than 20,000 layers"),
    "parts": ([node("Split", ["x"], [f"y{i}" if i else "y" for i in range(MANY)], axis=1, num_outputs=MANY)], {}, "into 50000 parts"),
    "axes": ([node("Unsqueeze", ["x", "a"])], {"a": np.arange(MANY)}, "at most 1,024 are read"),
    "sizes": ([node("Reshape", ["x", "a"])], {"a": np.ones(MANY, np.int64)}, "at most 1,024 are read"),
    "ends": ([node("Slice", ["x", "a", "b"])], {"a": np.zeros(MANY, np.int64), "b": np.ones(MANY, np.int64)}, "at most 1,024 are read"),
    "strides": ([node("Conv", ["x", "w"], strides=[1] * MANY)], {"w": floats(2, 4, 1, 1)}, "expected 2 strides"),
    "positions": (
        [node("ConvTranspose", ["x", "w"], strides=[2**40, 2**40])],
        {"w": floats(4, 2, 3, 3)},
        "more than 1,099,511,627,776 elements",
    ),
    "padding": ([node("Pad", ["x", "a"])], {"a": np.array([0, 0, 2**50, 0, 0, 0, 0, 0])}, "elements"),
    "pixels": ([node("Resize", ["x", "", "s"])], {"s": np.array([1, 1, 1e9, 1e9], np.float32)}, "elements"),
    "text": ([node("Einsum", ["x", "x"], equation="a" * 1_000_000)], {}, "einsum 'aaa"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_too_much_of_anything_is_refused_in_one_line(what):
    nodes, stored, why = REFUSED[what]
    with pytest.raises(HwcostError, match=why) as caught:
        from_onnx(model(nodes, X, stored))
    assert len(str(caught.value)) < 600


def chained(op, *constants, **attributes):
    names = ["x", *(f"v{i}" for i in range(LONG - 1)), "y"]
    return [node(op, [names[i], *constants], [names[i + 1]], **attributes) for i in range(LONG)]


CHAINS = {
    "relu": (chained("Relu"), {}, LONG),
    "identity": (chained("Identity"), {}, 0),
    "transpose": (chained("Transpose", perm=[0, 2, 3, 1]), {}, 0),
    "factor": (
        [node("Conv", ["x", "w"], ["c"]), *(chained("Mul", "k")[1:]), node("Mul", ["c", "k"], ["v0"])],
        {"w": floats(4, 4, 1, 1), "k": np.float32(2)},
        LONG + 1,
    ),
    "backwards": (chained("Neg")[::-1], {}, LONG),
}


@pytest.mark.parametrize("name", CHAINS)
def test_long_chains_are_read_to_their_end(name):
    nodes, stored, left = CHAINS[name]
    assert len(from_onnx(model(nodes, X, stored)).nodes) == left


def test_a_value_that_is_doubled_three_thousand_times_is_no_trouble():
    nodes = [node("Add", [f"v{i}" if i else "x"] * 2, [f"v{i + 1}"]) for i in range(LONG)]
    assert len(from_onnx(model(nodes, X, outputs=[f"v{LONG}"])).nodes) == LONG
