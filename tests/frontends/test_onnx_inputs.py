"""Inputs of a file: batches pinned to 1, symbolic sizes asked for by name, and nothing assumed in silence."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.errors import HwcostError, InputError
from hwcost.frontends.from_onnx import from_onnx
from tests.onnx_files import FLOAT, INT64, floats, model, node

RELU = [node("Relu", ["x"])]
CONV = [node("Conv", ["x", "w"])]
WEIGHT = {"w": floats(2, 3, 3, 3)}


def test_a_fixed_batch_of_one_is_left_out():
    graph = from_onnx(model(CONV, {"x": [1, 3, 8, 9]}, WEIGHT))
    assert graph.inputs["x"].shape == (3, 8, 9)
    assert graph.notes == ()


@pytest.mark.parametrize("batch", ["N", None])
def test_a_symbolic_batch_is_pinned_to_one_and_said(batch):
    graph = from_onnx(model(CONV, {"x": [batch, 3, 8, 9]}, WEIGHT))
    assert graph.inputs["x"].shape == (3, 8, 9)
    assert graph.notes == ("the batch of input 'x' was pinned to 1",)


def test_a_fixed_batch_of_images_is_pinned_to_one_and_said():
    reshape = [*CONV[:-1], node("Conv", ["x", "w"], ["c"]), node("Reshape", ["c", "s"])]
    graph = from_onnx(model(reshape, {"x": [8, 3, 8, 9]}, {**WEIGHT, "s": np.array([8, 84])}))
    assert graph.macs == 2 * 6 * 7 * 27
    assert graph.notes == ("the batch of input 'x' was pinned to 1, the file has 8",)


@pytest.mark.parametrize("shape", [[8, 640], [8, 3, 100]])
def test_a_first_axis_that_may_be_a_batch_or_not_is_asked_for(shape):
    with pytest.raises(InputError) as caught:
        from_onnx(model(RELU, {"x": shape}))
    once = ",".join(map(str, [1, *shape[1:]]))
    assert f"--shape x={once}," in str(caught.value)
    assert f"--shape x={','.join(map(str, shape))} if it is no batch" in str(caught.value)


def test_the_user_says_whether_a_first_axis_is_a_batch():
    file = model(RELU, {"x": [8, 640]})
    assert from_onnx(file, shapes={"x": (1, 640)}).inputs["x"].shape == (640,)
    assert from_onnx(file, shapes={"x": (8, 640)}).inputs["x"].shape == (8, 640)


def test_every_missing_size_is_named_at_once():
    file = model([node("Concat", ["x", "z"], axis=1)], {"x": ["N", 3, "height", None], "z": ["N", 1, 5, "w"]})
    with pytest.raises(InputError) as caught:
        from_onnx(file)
    message = str(caught.value)
    assert "input 'x' has no size along axis 2 (height), axis 3 (no name): give its shape with --shape x=1,3,N,N" in message
    assert "input 'z' has no size along axis 3 (w): give its shape with --shape z=1,1,5,N" in message


def test_shapes_given_stand_above_the_files():
    file = model(CONV, {"x": ["N", 3, "h", "w"]}, WEIGHT)
    graph = from_onnx(file, shapes={"x": [1, 3, 10, 20]})
    assert graph.inputs["x"].shape == (3, 10, 20)
    assert graph.notes == ()


@pytest.mark.parametrize(
    ("shapes", "why"),
    [
        ({"y": [1, 2]}, "there is no input 'y'; the network has 'x'"),
        ({"x": [1, 2]}, "has 4 axes, the shape given for it 2"),
        ({"x": [1, 3, 0, 4]}, "sizes are whole numbers above 0"),
        ({"x": [1, 3, -4, 4]}, "sizes are whole numbers above 0"),
        ({"x": [1, 3, 4.5, 4]}, "sizes are whole numbers above 0"),
        ({"x": [1, 2**31, 2**31, 4]}, "more than 1,099,511,627,776 elements"),
    ],
)
def test_shapes_that_cannot_be_are_refused(shapes, why):
    with pytest.raises(HwcostError, match=why):
        from_onnx(model(RELU, {"x": ["N", 3, "h", "w"]}), shapes=shapes)


def test_initialisers_listed_as_inputs_are_constants():
    graph = from_onnx(model(CONV, {"x": [1, 3, 8, 8]}, WEIGHT, opset=8, constants_are_inputs=True))
    assert list(graph.inputs) == ["x"]
    assert graph.params == 54


def test_a_sequence_read_by_a_recurrent_layer_has_its_batch_second():
    stored = {"w": floats(1, 20, 3), "r": floats(1, 20, 5)}
    lstm = [node("LSTM", ["x", "w", "r"], hidden_size=5)]
    assert from_onnx(model(lstm, {"x": [7, "N", 3]}, stored)).inputs["x"].shape == (7, 3)
    with pytest.raises(InputError, match="axis 0"):
        from_onnx(model(lstm, {"x": ["T", 1, 3]}, stored))


def test_vectors_and_numbers_have_no_batch():
    assert from_onnx(model(RELU, {"x": [5]})).inputs["x"].shape == (5,)
    assert from_onnx(model(RELU, {"x": []})).inputs["x"].shape == ()


def test_indices_have_their_own_type():
    graph = from_onnx(model([node("Gather", ["w", "x"])], {"x": ([1, 4], INT64)}, {"w": floats(10, 3)}))
    assert (graph.inputs["x"].kind, graph.inputs["x"].bits, graph.inputs["x"].shape) == ("int", 64, (4,))


@pytest.mark.parametrize(
    ("shape", "why"),
    [([1, 3, -2, 4], "negative size"), ([1, 2**40, 2**40, 2], "elements"), ([1] * 17, "17 axes"), ([1, 2**62, 2**62], "elements")],
)
def test_absurd_inputs_are_refused(shape, why):
    with pytest.raises(HwcostError, match=why):
        from_onnx(model(RELU, {"x": shape}))


def test_inputs_that_are_no_tensors_are_refused():
    file = model(RELU, {"x": ([1, 3], FLOAT)})
    file.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = FLOAT
    with pytest.raises(HwcostError, match="no tensor"):
        from_onnx(file)


def test_an_input_without_a_shape_is_asked_for():
    file = model(RELU, {"x": [1, 3]})
    file.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(InputError, match=r"--shape x=1,\.\.\."):
        from_onnx(file)
    assert from_onnx(file, shapes={"x": [1, 4]}).inputs["x"].shape == (4,)


def test_products_beyond_64_bits_are_refused():
    convs = [node("Conv", ["x", "w"], ["a"]), node("Relu", ["a"])]
    with pytest.raises(HwcostError, match=r"multiply-accumulates|elements"):
        from_onnx(model(convs, {"x": [1, 3, 2**19, 2**19]}, {"w": floats(64, 3, 300, 300)}))
