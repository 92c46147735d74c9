"""Damaged target files are refused or read, never anything else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hwcost.errors import TargetError
from hwcost.shipped import targets_folder
from hwcost.target.catalogue import validate_file

SOURCES = ["devices/stm32h743.toml", "boards/esp32s3-n16r8.toml", "cores/cortex-m4.toml", "runtimes/hwcost-c/0.1/runtime.toml"]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A few bytes flipped, a piece cut out, or a piece doubled."""
    changed = bytearray(data)
    start, length = rng.randrange(len(changed)), rng.randrange(1, 40)
    how = rng.randrange(3)
    if how == 0:
        for _ in range(rng.randrange(1, 5)):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    elif how == 1:
        del changed[start : start + length]
    else:
        changed[start:start] = changed[start : start + length]
    return bytes(changed)


@pytest.mark.parametrize("name", SOURCES)
def test_a_damaged_file_is_refused_in_words(name, tmp_path):
    data = (targets_folder() / name).read_bytes()
    rng = random.Random(name)
    path = tmp_path / "damaged.toml"
    answers = [answer(path, mutated(data, rng)) for _ in range(150)]
    refusals = [text for text in answers if text]
    assert len(refusals) > 30
    assert [text for text in refusals if "expected" not in text and "got" not in text] == []


def answer(path: Path, data: bytes) -> str:
    """What hwcost says of a file; nothing where it is valid all the same."""
    path.write_bytes(data)
    try:
        validate_file(path)
    except TargetError as error:
        return str(error)
    return ""
