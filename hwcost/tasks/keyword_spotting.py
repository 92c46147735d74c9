"""Keyword spotting on one second of speech as 49 frames of 10 coefficients, twelve classes (Speech Commands)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hwcost.errors import InputError
from hwcost.tasks.audio import at_full_scale, read_wav
from hwcost.tasks.folders import Archive, FolderTask, files_in, lines_of, member, shuffled
from hwcost.tasks.layers import conv_bn_relu, depthwise_separable
from hwcost.tasks.published import PublishedSchedule
from hwcost.tasks.registry import ReferenceNetwork, register
from hwcost.tasks.spectra import cepstra, htk_bands, magnitudes
from hwcost.tasks.task import Examples, Splits, task

WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
SILENCE, UNKNOWN = len(WORDS), len(WORDS) + 1
"""Labels, in the order of MLPerf Tiny."""
RATE_HZ = 16_000
SHARE = 0.1
"""Examples of silence, and of other words, for each example of the ten words."""
SHIFT, NOISE_FREQUENCY, NOISE_VOLUME = RATE_HZ // 10, 0.8, 0.1
"""In training: most samples that a word is moved by, share of examples with noise, and its most volume."""
NOISE = "_background_noise_"
NOISE_PARTS = {"train": (0.0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1.0)}
"""From where to where in each recording of noise the parts take theirs."""


@register("dscnn")
class DSCNN(ReferenceNetwork):
    """DS-CNN of MLPerf Tiny: 2,656,768 MACs, 22,604 parameters once batch norm is folded.

    ========= =========================================== =========
    layer     what                                        output
    ========= =========================================== =========
    stem      conv 10x4 / 2, batch norm, ReLU             64 x 25x5
    blocks    4 times: depthwise 3x3, conv 1x1, each      64 x 25x5
              with batch norm and ReLU
    pool      average over 25x5                           64
    fc        dense, softmax                              12
    ========= =========================================== =========

    Padding is TensorFlow's "same". Dropout stands where the original has it.
    Source: mlcommons/tiny, benchmark/training/keyword_spotting; Zhang et al., Hello Edge, 2017.
    """

    def __init__(self, classes: int = 12, channels: int = 64) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_bn_relu(1, channels, (10, 4), size=(49, 10), stride=2), nn.Dropout(0.2))
        self.blocks = nn.Sequential(*(depthwise_separable(channels, channels, size=(25, 5)) for _ in range(4)))
        self.dropout = nn.Dropout(0.4)
        self.pool = nn.AvgPool2d((25, 5))
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels, classes)
        self.softmax: nn.Module = nn.Softmax(dim=-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class probabilities `(batch, classes)` of coefficients `(batch, 1, 49, 10)`."""
        x = self.dropout(self.blocks(self.stem(x)))
        out: torch.Tensor = self.softmax(self.fc(self.flatten(self.pool(x))))
        return out

    @staticmethod
    def example_input() -> torch.Tensor:
        """49 frames of 10 coefficients."""
        return torch.zeros(1, 1, 49, 10)


@task("speech-commands")
class SpeechCommands(FolderTask):
    """Speech Commands v2: ten words, silence and 25 other words, twelve classes, as 49 frames of 10 cepstral coefficients.

    The network is DS-CNN, giving logits. The parts are the archive's own lists, which keep speakers apart; silence and other words are a
    tenth of the ten words each, as published. Silence is seconds of the archive's noise, from the first 80 % of each recording in training,
    the next and last 10 % in validation and test. In training, words are moved by up to 100 ms and noise of up to a tenth is added
    to 8 in 10. Sounds are held at full scale in 16 bits: 1.5 GB; coefficients (30 ms windows every 20 ms, 40 mel bands from 20 to 4,000 Hz)
    are computed batch by batch. Source: Warden, Speech Commands, 2018; mlcommons/tiny, benchmark/training/keyword_spotting.
    """

    published = PublishedSchedule(200, 200, 200, 100, "Adam", 1e-3, "x 0.2 at epochs 12 and 24; 1e-2 to 1e-3 in steps outside the search")
    archive = Archive(
        title="Speech Commands v2",
        file="speech_commands_v0.02.tar.gz",
        size="2.3 GB",
        page="https://www.tensorflow.org/datasets/catalog/speech_commands",
        folder="speech_commands_v0.02",
        contents=(*WORDS, NOISE, "validation_list.txt", "testing_list.txt"),
    )

    def network(self) -> nn.Module:
        """DS-CNN without its softmax."""
        network = DSCNN()
        network.softmax = nn.Identity()
        return network

    def example_input(self) -> torch.Tensor:
        """Coefficients of one second."""
        return DSCNN.example_input()

    def splits(self) -> Splits:
        """The three parts; raises InputError for files that are missing, no such sounds or listed wrongly."""
        folder = self.folder()
        parts = _parts(folder)
        return Splits(*(self._examples(part, folder, seed, *parts[part]) for seed, part in enumerate(NOISE_PARTS)))

    def _examples(self, part: str, folder: Path, seed: int, wanted: list[tuple[Path, int]], others: list[Path]) -> Examples:
        """A part: the words, as many seconds of silence and as many other words as belong to them."""
        if not wanted:
            raise InputError(f"{folder}: expected the lists to leave some of the ten words for {part}, got none")
        more = max(1, round(SHARE * len(wanted)))
        chosen = [others[number] for number in shuffled(len(others), seed)[:more]]
        silence = _seconds(_noise(folder, part), more, seed)
        labelled = [*wanted, *((path, UNKNOWN) for path in chosen)]
        audio = np.zeros((len(labelled) + more, RATE_HZ), dtype=np.int16)
        for row, (path, _) in zip(audio, labelled, strict=False):
            samples = read_wav(path, RATE_HZ, 2)[:RATE_HZ]
            row[: len(samples)] = at_full_scale(samples)
        audio[len(labelled) :] = silence
        return Examples(torch.from_numpy(audio), torch.tensor([*(label for _, label in labelled), *[SILENCE] * more]))

    @cached_property
    def background(self) -> torch.Tensor:
        """The noise that training may use, one recording behind the other."""
        return torch.from_numpy(np.concatenate(_noise(self.folder(), "train")))

    def augmented(self, inputs: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """Each second moved, with noise."""
        number, length = inputs.shape
        start = torch.randint(0, 2 * SHIFT + 1, (number, 1), generator=random)
        moved = nn.functional.pad(inputs, (SHIFT, SHIFT)).gather(1, (start + torch.arange(length)).to(inputs.device))
        start = torch.randint(0, len(self.background) - length + 1, (number, 1), generator=random)
        volume = NOISE_VOLUME * torch.rand(number, 1, generator=random) * (torch.rand(number, 1, generator=random) < NOISE_FREQUENCY)
        noise = (volume * self.background[start + torch.arange(length)]).to(inputs.device)
        return (moved + noise).round().clamp(-32768, 32767).to(inputs.dtype)

    def prepared(self, inputs: torch.Tensor) -> torch.Tensor:
        """Cepstral coefficients."""
        return coefficients(inputs.float() / 32768, RATE_HZ)


def coefficients(audio: torch.Tensor, rate_hz: int) -> torch.Tensor:
    """10 cepstral coefficients of 49 frames, `(batch, 1, 49, 10)`, of one second of sound from -1 to 1, as MLPerf Tiny takes them."""
    window, hop = round(0.03 * rate_hz), round(0.02 * rate_hz)
    size = 1 << (window - 1).bit_length()
    bands = htk_bands(40, size, rate_hz, 20, 4000).to(audio.device)
    return cepstra(magnitudes(audio, window, hop, size) @ bands, 10)[:, None]


def _parts(folder: Path) -> dict[str, tuple[list[tuple[Path, int]], list[Path]]]:
    """For each part the files of the ten words with their labels, and those of other words."""
    listed = {part: _listed(folder, name) for part, name in (("validation", "validation_list.txt"), ("test", "testing_list.txt"))}
    both = listed["validation"] & listed["test"]
    if both:
        raise InputError(f"{folder}: expected no file in both lists, got {min(both)}")
    parts: dict[str, tuple[list[tuple[Path, int]], list[Path]]] = {part: ([], []) for part in NOISE_PARTS}
    for each in sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "_."):
        for path in files_in(each, folder, ".wav"):
            wanted, others = parts[next((part for part, paths in listed.items() if path in paths), "train")]
            if each.name in WORDS:
                wanted.append((path, WORDS.index(each.name)))
            else:
                others.append(path)
    return parts


def _listed(folder: Path, name: str) -> set[Path]:
    return {member(folder, line, folder / name) for line in lines_of(folder / name)}


def _noise(folder: Path, part: str) -> list[Any]:
    """What a part may take of each recording of noise; raises InputError where that is less than a second."""
    start, stop = NOISE_PARTS[part]
    found = []
    for path in files_in(folder / NOISE, folder, ".wav"):
        samples = read_wav(path, RATE_HZ, 600)
        if len(samples) < 10 * RATE_HZ:
            raise InputError(f"{path}: expected at least 10 s of noise, a tenth of it for each of validation and test, got less")
        found.append(samples[round(start * len(samples)) : round(stop * len(samples))])
    return found


def _seconds(recordings: Sequence[Any], number: int, seed: int) -> Any:
    """Seconds from anywhere in the recordings, at full scale."""
    random = np.random.default_rng(seed)
    seconds = np.empty((number, RATE_HZ), dtype=np.int16)
    for second in seconds:
        samples = recordings[int(random.integers(len(recordings)))]
        start = random.integers(len(samples) - RATE_HZ + 1)
        second[:] = at_full_scale(samples[start : start + RATE_HZ])
    return seconds
