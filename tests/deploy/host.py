"""C projects run on this computer: compiled to a shared library and called."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

FLAGS = ("-std=gnu11", "-O1", "-fno-sanitize=undefined", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")


def library(sources: Sequence[Path], include: Path, into: Path) -> ctypes.CDLL:
    """The sources as a library of this computer; the test is skipped where there is no compiler."""
    pytest.importorskip("ziglang")
    made = into / "host.so"
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, "-I", str(include), *map(str, sources), "-o", str(made)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(made))


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


def element(tensor) -> type:
    """The numpy type of a tensor's elements."""
    if tensor.bits == 8:
        return np.int8
    return np.float32 if tensor.kind == "float" else np.int32
