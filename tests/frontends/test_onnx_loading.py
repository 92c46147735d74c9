"""What is no ONNX model, or no safe one: one sentence each, and nothing read that lies outside of the model's folder."""

from __future__ import annotations

import os
import re
import socket

import numpy as np
import onnx
import pytest

from hwcost.errors import GraphError, HwcostError, InputError
from hwcost.frontends import onnx_loading
from hwcost.frontends.from_onnx import from_onnx
from hwcost.frontends.onnx_wire import HARMLESS_BYTES
from tests.onnx_files import floats, model, node

SMALL = model([node("Gemm", ["x", "w"])], {"x": [1, 4]}, {"w": floats(4, 3)})


def refused(source) -> str:
    with pytest.raises(HwcostError) as caught:
        from_onnx(source)
    message = str(caught.value)
    assert "\n" not in message
    assert message.isprintable()
    return message


def test_a_path_bytes_and_a_parsed_model_are_the_same_network(tmp_path):
    path = tmp_path / "small.onnx"
    path.write_bytes(SMALL.SerializeToString())
    graphs = [from_onnx(source) for source in (path, str(path), path.read_bytes(), memoryview(path.read_bytes()), SMALL)]
    assert graphs == [graphs[0]] * 5
    assert [graph.name for graph in graphs[:3]] == ["small", "small", "model"]
    assert graphs[0].params == 12


def test_the_file_may_be_gone_when_weights_are_read(tmp_path):
    path = tmp_path / "small.onnx"
    path.write_bytes(SMALL.SerializeToString())
    graph = from_onnx(path)
    path.unlink()
    (parameter,) = graph.parameters.values()
    np.testing.assert_array_equal(parameter.array(), floats(4, 3).T)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"hello, world", "does not parse|no network in it"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"\x1c\x00\x00\x00TFL3", "TensorFlow Lite"),
        (b"\x10\x00\x00\x00ORTM", "ONNX Runtime's own format"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b'{"graph": 1}', "JSON"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x08\x07", "no network in it"),
        (SMALL.SerializeToString()[:60], "does not parse"),
    ],
)
def test_other_contents_are_named(data, why):
    assert re.search(why, refused(data))


def test_what_is_no_file_is_named(tmp_path):
    assert "No such file" in refused(tmp_path / "missing.onnx")
    assert "a directory" in refused(tmp_path)
    assert "expected the path" in refused(None)
    assert "expected the path" in refused("")
    assert "null" in refused("a\0b").lower()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of Unix")
def test_pipes_and_sockets_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "a pipe" in refused(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        assert "cannot read" in refused(tmp_path / "s")


def test_a_file_too_large_to_be_read_is_refused_unread(tmp_path):
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(onnx_loading.LARGEST_FILE_BYTES + 1)
    assert "external data" in refused(path)


def varint(n: int) -> bytes:
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number: int, contents: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(contents)) + contents


@pytest.mark.parametrize("number", [1, 5, 11], ids=["nodes", "initializers", "inputs"])
def test_a_file_that_would_fill_the_memory_is_refused_before_it_is_parsed(number):
    empty = field(7, bytes(varint(number << 3 | 2) + b"\0") * (HARMLESS_BYTES // 2 + 1))
    assert "would take too much memory" in refused(empty)


def test_a_large_file_of_weights_is_read():
    large = model([node("Gemm", ["x", "w"])], {"x": [1, 1200]}, {"w": floats(1200, 1000)})
    assert len(large.SerializeToString()) > HARMLESS_BYTES
    assert from_onnx(large.SerializeToString()).params == 1_200_000


@pytest.mark.parametrize("cut", [5, 4_000_000, 4_799_000])
def test_a_large_file_cut_short_is_refused(cut):
    data = model([node("Gemm", ["x", "w"])], {"x": [1, 1200]}, {"w": floats(1200, 1000)}).SerializeToString()
    refused(data[:cut] if cut < HARMLESS_BYTES else data[:cut] + b"\xff" * 400_000)


# External data.


def with_external_data(folder, location: str, values: np.ndarray, **entries: str):
    """A model whose weights are in another file."""
    file = onnx.ModelProto.FromString(SMALL.SerializeToString())
    tensor = file.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    path = folder / "model.onnx"
    path.write_bytes(file.SerializeToString())
    return path


def test_external_data_is_read_when_asked(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(b"skip" + floats(4, 3).tobytes())
    graph = from_onnx(with_external_data(tmp_path, "data/w.bin", floats(4, 3), offset="4", length="48"))
    (parameter,) = graph.parameters.values()
    np.testing.assert_array_equal(parameter.array(), floats(4, 3).T)


@pytest.mark.parametrize("location", ["../w.bin", "/etc/passwd", "data/../../w.bin", "", ".", "link.bin"])
def test_external_data_outside_of_the_folder_is_not_read(tmp_path, location):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "w.bin").write_bytes(floats(4, 3).tobytes())
    (inside / "link.bin").symlink_to(tmp_path / "w.bin")
    assert "outside the folder" in refused(with_external_data(inside, location, floats(4, 3)))


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({"length": "40"}, "needs 48 bytes, the file has 40"),
        ({"offset": "1"}, "ends at byte 49"),
        ({"offset": "-1"}, "'-1' for an offset"),
        ({"offset": "9" * 30}, "for an offset"),
        ({"length": "many"}, "'many' for an offset or length"),
    ],
)
def test_external_data_that_cannot_be_is_refused(tmp_path, entries, why):
    (tmp_path / "w.bin").write_bytes(floats(4, 3).tobytes())
    assert why in refused(with_external_data(tmp_path, "w.bin", floats(4, 3), **entries))


def test_missing_external_data_is_named(tmp_path):
    assert "'gone.bin', and there is no such file" in refused(with_external_data(tmp_path, "gone.bin", floats(4, 3)))


def test_external_data_of_bytes_is_counted_and_cannot_be_read(tmp_path):
    (tmp_path / "w.bin").write_bytes(floats(4, 3).tobytes())
    graph = from_onnx(with_external_data(tmp_path, "w.bin", floats(4, 3)).read_bytes())
    (parameter,) = graph.parameters.values()
    assert parameter.elements == 12
    with pytest.raises(GraphError, match="without a folder"):
        parameter.array()


# Stored tensors.


def stored(**fields) -> onnx.ModelProto:
    file = onnx.ModelProto.FromString(SMALL.SerializeToString())
    tensor = file.graph.initializer[0]
    tensor.ClearField("raw_data")
    for name, value in fields.items():
        if isinstance(value, list):
            tensor.ClearField(name)
            getattr(tensor, name).extend(value)
        else:
            setattr(tensor, name, value)
    return file


@pytest.mark.parametrize(
    ("data_type", "numbers", "dtype"),
    [
        (1, {"float_data": [0.5] * 12}, np.float32),
        (11, {"double_data": [0.5] * 12}, np.float64),
        (10, {"int32_data": [int(np.float16(0.5).view(np.uint16))] * 12}, np.float16),
        (10, {"raw_data": np.full(12, 0.5, np.float16).tobytes()}, np.float16),
        (16, {"raw_data": np.full(12, 0x3F00, np.uint16).tobytes()}, np.float32),
    ],
)
def test_stored_floats_are_decoded(data_type, numbers, dtype):
    (parameter,) = from_onnx(stored(data_type=data_type, **numbers)).parameters.values()
    assert parameter.bits == {1: 32, 11: 64, 10: 16, 16: 16}[data_type]
    assert parameter.array().dtype == dtype
    assert np.all(parameter.array() == 0.5)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"raw_data": b"\0" * 44}, "needs 48 bytes, the file has 44"),
        ({"raw_data": b"\0" * 52}, "needs 48 bytes, the file has 52"),
        ({"float_data": [0.0] * 11}, "needs 12 numbers, the file has 11"),
        ({"data_type": 8, "string_data": [b"a"] * 12}, "type STRING"),
        ({"data_type": 99}, "type 99"),
        ({"dims": [4, -3]}, "negative size"),
        ({"dims": [2**40, 2**40]}, "more than 1,099,511,627,776 elements"),
        ({"dims": [2**62, 4, 0]}, "needs|negative|elements|malformed|shape"),
        ({"dims": [1] * 40}, "40 axes"),
    ],
)
def test_stored_tensors_that_cannot_be_are_refused(fields, why):
    assert re.search(why, refused(stored(**fields)))


def test_errors_name_things_without_control_characters():
    file = model([node("Gemm", ["x", "\x1b[31mw" + "w" * 500])], {"x": [1, 4]}, {"\x1b[31mw" + "w" * 500: floats(5, 3)})
    message = refused(file)
    assert len(message) < 600


def test_input_errors_are_value_errors():
    with pytest.raises(InputError):
        from_onnx(b"")
