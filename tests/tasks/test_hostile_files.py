"""Damaged and hostile data: one sentence that names the file, no traceback, no memory that a file's own claims decide."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from hwcost.errors import InputError
from hwcost.tasks import TASKS, task_named
from hwcost.tasks.audio import read_wav
from hwcost.tasks.images import read_jpegs
from tests.tasks.archives import WNIDS, WRITERS, noise, write_jpeg, write_wav

RANDOM = np.random.default_rng(0)
WORD = "yes/00000000_nohash_0.wav"
NORMAL = "train/normal_id_01_00000000.wav"
PERSON = "person/COCO_train2014_000000000003.jpg"
Damage = Callable[[Path], object]


def wav_of(samples: int) -> bytes:
    """The header of a WAV file that promises many samples, and two of them."""
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    data = struct.pack("<4sI4s", b"data", 2 * samples, b"abcd")
    return struct.pack("<4sI4s", b"RIFF", len(fmt) + len(data) + 4, b"WAVE") + fmt + data


def huge_png(path: Path) -> None:
    """An image of 60,000 by 60,000 pixels in a hundred bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


def huge_jpeg(path: Path) -> None:
    """A JPEG file whose header says 60,000 by 60,000 pixels."""
    write_jpeg(path, (96, 96), RANDOM)
    data = path.read_bytes()
    at = data.index(b"\xff\xc0")
    path.write_bytes(data[: at + 5] + struct.pack(">HH", 60_000, 60_000) + data[at + 9 :])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def add_line(path: Path, line: str) -> None:
    path.write_text(path.read_text() + line + "\n")


def link_out(path: Path) -> None:
    outside = path.resolve().parents[3] / f"outside{path.suffix}"
    shutil.copy(path, outside)
    path.unlink()
    path.symlink_to(outside)


def folder_out(path: Path) -> None:
    path.rename(path.parents[2] / "outside")
    path.symlink_to(path.parents[2] / "outside")


CASES: dict[str, tuple[str, str, Damage, str]] = {
    "cut records": ("cifar10", "data_batch_3.bin", cut, "expected whole records of 3,073 bytes, at least one, got 61,360 bytes"),
    "no records": ("cifar10", "test_batch.bin", lambda p: p.write_bytes(b""), "got 0 bytes"),
    "a label that is none": ("cifar10", "data_batch_1.bin", lambda p: p.write_bytes(b"\x0b" + p.read_bytes()[1:]), "got 11 in record 0"),
    "too many records": ("cifar10", "data_batch_2.bin", lambda p: p.write_bytes(bytes(3073 * 10_001)), "at most 30,730,000 bytes"),
    "a folder for a file": ("cifar10", "data_batch_4.bin", lambda p: (p.unlink(), p.mkdir()), "expected a file, got something else"),
    "a link that leads out": ("cifar10", "data_batch_5.bin", link_out, "got a link that leads out"),
    "another rate": ("speech-commands", WORD, lambda p: write_wav(p, noise(RANDOM, 8000), rate_hz=8000), "got 1 of 16 bits at 8,000 Hz"),
    "two channels": ("speech-commands", WORD, lambda p: write_wav(p, noise(RANDOM, 800), channels=2), "got 2 of 16 bits at 16,000 Hz"),
    "eight bits": ("speech-commands", WORD, lambda p: write_wav(p, noise(RANDOM, 80), sample_bytes=1), "got 1 of 8 bits"),
    "no sound": ("speech-commands", WORD, lambda p: p.write_bytes(b"yes"), "got one that cannot be read"),
    "no samples": ("speech-commands", WORD, lambda p: write_wav(p, noise(RANDOM, 0)), "got 0 samples"),
    "promises too much": ("speech-commands", WORD, lambda p: p.write_bytes(wav_of(2_000_000_000)), "got 2 samples where"),
    "too long": ("speech-commands", WORD, lambda p: write_wav(p, noise(RANDOM, 200_000)), "expected at most 129,536 bytes"),
    "a list that leads out": ("speech-commands", "testing_list.txt", lambda p: add_line(p, "../../x.wav"), "got '../../x.wav'"),
    "a list with a root": ("speech-commands", "testing_list.txt", lambda p: add_line(p, "/etc/passwd"), "got '/etc/passwd'"),
    "a list of what is not there": (
        "speech-commands",
        "testing_list.txt",
        lambda p: add_line(p, "yes/no.wav"),
        "expected a file, got nothing",
    ),
    "a list that is no text": (
        "speech-commands",
        "validation_list.txt",
        lambda p: p.write_bytes(b"\xff\xfe\x00"),
        "expected text in UTF-8",
    ),
    "short noise": (
        "speech-commands",
        "_background_noise_/white_noise.wav",
        lambda p: write_wav(p, noise(RANDOM, 16_000)),
        "at least 10 s of noise",
    ),
    "another size": ("visual-wake-words", PERSON, lambda p: write_jpeg(p, (96, 64), RANDOM), "of 96x96 pixels, got 96x64"),
    "a huge image": ("visual-wake-words", PERSON, huge_jpeg, "of 96x96 pixels, got"),
    "a huge image of another kind": ("visual-wake-words", PERSON, huge_png, "it is no JPEG file"),
    "a cut image": ("visual-wake-words", PERSON, cut, "got one that cannot be read"),
    "an image with a lot behind it": (
        "visual-wake-words",
        PERSON,
        lambda p: p.write_bytes(p.read_bytes() + bytes(1 << 20)),
        "at most 1,048,576 bytes",
    ),
    "an image that leads out": ("visual-wake-words", PERSON, link_out, "got a link that leads out"),
    "a folder that leads out": ("toyadmos", "train", folder_out, "got a link that leads out"),
    "another name": ("toyadmos", NORMAL, lambda p: p.rename(p.with_name("engine.wav")), "expected a name such as normal_id_01"),
    "a short recording": ("toyadmos", NORMAL, lambda p: write_wav(p, noise(RANDOM, 16_000)), "at least 8 s, got 1.00 s"),
    "an unknown class": (
        "tiny-imagenet",
        "val/val_annotations.txt",
        lambda p: add_line(p, "val_6.JPEG\tn1\t0\t0\t1\t1"),
        "line 7: expected a new file and a class",
    ),
    "an annotation that leads out": (
        "tiny-imagenet",
        "val/val_annotations.txt",
        lambda p: add_line(p, f"../../x.JPEG\t{WNIDS[0]}\t0\t0\t1\t1"),
        "got '../../x.JPEG'",
    ),
    "a class that leads out": (
        "tiny-imagenet",
        "wnids.txt",
        lambda p: add_line(p, "../.."),
        "names such as n01443537, one a line, got '../..'",
    ),
    "a class twice": ("tiny-imagenet", "wnids.txt", lambda p: add_line(p, WNIDS[0]), "got 4 names, 3 of them different"),
    "a class without images": ("tiny-imagenet", "wnids.txt", lambda p: add_line(p, "n00000001"), "expected a folder"),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_damaged_archive_is_one_sentence_about_one_file(case: str, tmp_path: Path) -> None:
    name, file, damage, said = CASES[case]
    WRITERS[name](tmp_path / "inside" / "of")
    root = tmp_path / "inside" / "of" / TASKS[name].archive.folder
    if file == WORD:
        add_line(root / "testing_list.txt", WORD)
        write_wav(root / WORD, noise(RANDOM, 16_000))
    damage(root / file)
    with pytest.raises(InputError) as caught:
        task_named(name, root).splits()
    message = str(caught.value)
    assert said in message
    assert str(root) in message
    assert "\n" not in message


def test_a_link_within_the_data_set_is_read(tmp_path: Path) -> None:
    WRITERS["cifar10"](tmp_path)
    folder = tmp_path / "cifar-10-batches-bin"
    (folder / "data_batch_5.bin").rename(folder / "moved.bin")
    (folder / "data_batch_5.bin").symlink_to("moved.bin")
    assert len(task_named("cifar10", tmp_path).splits().train) == 80


def error_or(read: Callable[[], object]) -> object:
    """What is read, or what the error says; any other exception fails the test."""
    try:
        return read()
    except InputError as error:
        return str(error)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
@example(data=wav_of(1))
def test_any_bytes_are_sound_or_an_error(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "any.wav"
    path.write_bytes(data)
    found = error_or(lambda: len(read_wav(path, 16_000, 1)))
    assert str(path) in str(found) or found in range(1, 16_001)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 3000), byte=st.integers(0, 255), length=st.integers(0, 3000))
def test_a_jpeg_with_any_byte_changed_is_an_image_or_an_error(at: int, byte: int, length: int, tmp_path: Path) -> None:
    path = tmp_path / "any.jpg"
    if not path.exists():
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path.with_suffix(".jpeg"))
        path.write_bytes(b"")
    data = bytearray(path.with_suffix(".jpeg").read_bytes())
    data[at % len(data)] = byte
    path.write_bytes(data[: max(length, 1)] if length % 2 else data)
    found = error_or(lambda: read_jpegs([path], 64).shape)
    assert found == (1, 3, 64, 64) or str(path) in str(found)
