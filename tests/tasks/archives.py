"""Official archives in miniature: the same folders, names and formats, a few files of each, written with numpy, wave and Pillow."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hwcost.tasks.keyword_spotting import WORDS

OTHER_WORDS = ("bed", "cat")
WNIDS = ("n02124075", "n04067472", "n04540053")


def write_wav(path: Path, samples: Any, *, rate_hz: int = 16_000, channels: int = 1, sample_bytes: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, sample_bytes, rate_hz, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())


def write_jpeg(path: Path, size: tuple[int, int], random: np.random.Generator, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(path, "JPEG")


def noise(random: np.random.Generator, samples: int, loud: float = 3000) -> Any:
    return (loud * random.standard_normal(samples)).clip(-32768, 32767).astype(np.int16)


def cifar10(root: Path) -> None:
    folder, random = root / "cifar-10-batches-bin", np.random.default_rng(0)
    folder.mkdir(parents=True)
    for name in (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"):
        records = random.integers(0, 256, (20, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(20) % 10
        (folder / name).write_bytes(records.tobytes())
    (folder / "batches.meta.txt").write_text("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n")


def speech_commands(root: Path) -> None:
    folder, random = root / "speech_commands_v0.02", np.random.default_rng(1)
    lists: dict[str, list[str]] = {"validation_list.txt": [], "testing_list.txt": []}
    for word in (*WORDS, *OTHER_WORDS):
        for number in range(8):
            name = f"{word}/{random.integers(1 << 32):08x}_nohash_{number % 2}.wav"
            write_wav(folder / name, noise(random, 16_000 if number % 3 else 11_000))
            if number < 4:
                lists[tuple(lists)[number % 2]].append(name)
    for name, lines in lists.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    for name in ("white_noise.wav", "running_tap.wav"):
        write_wav(folder / "_background_noise_" / name, noise(random, 12 * 16_000))
    (folder / "_background_noise_" / "README.md").write_text("Noise.\n")
    (folder / "LICENSE").write_text("CC BY 4.0\n")


def visual_wake_words(root: Path) -> None:
    random = np.random.default_rng(2)
    for name in ("person", "non_person"):
        for number in range(15):
            write_jpeg(root / "vw_coco2014_96" / name / f"COCO_train2014_{number:012d}.jpg", (96, 96), random)


def toyadmos(root: Path) -> None:
    folder, random = root / "ToyCar", np.random.default_rng(3)
    for machine in ("01", "02"):
        for number in range(6):
            write_wav(folder / "train" / f"normal_id_{machine}_{number:08d}.wav", noise(random, 8 * 16_000))
        for number in range(2):
            write_wav(folder / "test" / f"normal_id_{machine}_{number:08d}.wav", noise(random, 8 * 16_000))
            write_wav(folder / "test" / f"anomaly_id_{machine}_{number:08d}.wav", noise(random, 8 * 16_000, 30))


def tiny_imagenet(root: Path) -> None:
    folder, random = root / "tiny-imagenet-200", np.random.default_rng(4)
    for name in WNIDS:
        for number in range(12):
            mode = "L" if number == 3 else "RGB"
            write_jpeg(folder / "train" / name / "images" / f"{name}_{number}.JPEG", (64, 64), random, mode)
        (folder / "train" / name / f"{name}_boxes.txt").write_text(f"{name}_0.JPEG\t0\t0\t63\t63\n")
    lines = [f"val_{number}.JPEG\t{WNIDS[number % 3]}\t0\t0\t63\t63\n" for number in range(6)]
    for number in range(6):
        write_jpeg(folder / "val" / "images" / f"val_{number}.JPEG", (64, 64), random)
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    (folder / "wnids.txt").write_text("".join(f"{name}\n" for name in WNIDS))
    (folder / "words.txt").write_text("".join(f"{name}\tsomething, another thing\n" for name in WNIDS))


WRITERS: dict[str, Callable[[Path], None]] = {
    "cifar10": cifar10,
    "speech-commands": speech_commands,
    "visual-wake-words": visual_wake_words,
    "toyadmos": toyadmos,
    "tiny-imagenet": tiny_imagenet,
}
