"""From a path, bytes or a parsed model to a ModelProto that can be read safely.

Files come from anywhere: what is no regular file, no ONNX, too large, or would take far more memory than its own size is refused
here, in one sentence.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import onnx

from hwcost.errors import InputError, shown
from hwcost.frontends.onnx_wire import require_modest

LARGEST_FILE_BYTES = 400_000_000
"""A parsed file takes twice its size in memory. Larger networks fit no microcontroller; their weights can stand in external data."""

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | onnx.ModelProto

_OTHER_FORMATS = (
    (4, b"TFL3", "a TensorFlow Lite model; convert it with tf2onnx"),
    (4, b"ORTM", "a model in ONNX Runtime's own format; give the .onnx file it was made from"),
    (0, b"PK\x03\x04", "a zip archive (a PyTorch or Keras file, perhaps); export the network to ONNX"),
    (0, b"\x89HDF", "an HDF5 file (Keras, perhaps); convert it with tf2onnx"),
    (0, b"version https://git-lfs", "a Git LFS pointer; fetch the file itself with 'git lfs pull'"),
    (0, b"{", "a JSON or text file"),
    (0, b"\x1f\x8b", "a gzip archive; unpack it first"),
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A parsed model, the folder its external data must lie in (None if it came without one), and what to call it."""

    model: onnx.ModelProto
    folder: Path | None
    name: str


def load(source: Source) -> Loaded:
    """The model behind a path, the bytes of a file, or a ModelProto; weights in external data stay where they are.

    Raises InputError for what is no ONNX model.
    """
    if isinstance(source, onnx.ModelProto):
        return Loaded(source, None, "model")
    if isinstance(source, bytes | bytearray | memoryview):
        return Loaded(_parsed(bytes(source), "the bytes given"), None, "model")
    path = _path(source)
    return Loaded(_parsed(_contents(path), f"'{path}'"), path.parent, path.stem)


def _path(source: object) -> Path:
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        if isinstance(path, str) and path:
            return Path(path)
    raise InputError(f"expected the path of an ONNX file, its bytes or a ModelProto, got {shown(source)}")


def _contents(path: Path) -> bytes:
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise InputError(f"expected an ONNX file, got {_kind(about.st_mode)}: '{path}'")
            if about.st_size > LARGEST_FILE_BYTES:
                raise InputError(
                    f"'{path}' has {about.st_size:,} bytes, hwcost reads up to {LARGEST_FILE_BYTES:,}: save its weights as external data"
                )
            return file.read()
    except OSError as error:
        if Path(path).is_dir():  # Windows refuses to open a directory at all
            raise InputError(f"expected an ONNX file, got a directory: '{path}'") from None
        raise InputError(f"cannot read '{path}': {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the name
        raise InputError(f"cannot read {shown(str(path))}: {error}") from error


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _parsed(data: bytes, where: str) -> onnx.ModelProto:
    if not data:
        raise InputError(f"{where} is empty; expected an ONNX model")
    for offset, magic, what in _OTHER_FORMATS:
        if data.startswith(magic, offset):
            raise InputError(f"{where} is {what}")
    require_modest(data, onnx.ModelProto.DESCRIPTOR, where)
    try:
        model: onnx.ModelProto = onnx.ModelProto.FromString(data)
    except Exception as error:  # protobuf's own errors derive from nothing more precise
        raise InputError(f"{where} is no ONNX model, or is damaged: it does not parse") from error
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise InputError(f"{where} is no ONNX model: there is no network in it")
    return model
