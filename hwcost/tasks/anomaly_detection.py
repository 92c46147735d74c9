"""Anomaly detection in the sound of machines: how badly is a spectrogram window reproduced (ToyADMOS)."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hwcost.errors import InputError
from hwcost.tasks.audio import read_wav
from hwcost.tasks.folders import Archive, FolderTask, files_in, shuffled
from hwcost.tasks.published import PublishedSchedule
from hwcost.tasks.registry import ReferenceNetwork, register
from hwcost.tasks.spectra import magnitudes, slaney_bands
from hwcost.tasks.task import Examples, Splits, task

RATE_HZ = 16_000
BANDS, WINDOW_FRAMES = 128, 5
FRAME, HOP = 1024, 512
FIRST, FRAMES = 50, 200
"""The middle of a recording: frames 50 to 249, each centred on a multiple of the hop."""
FROM, TO = FIRST * HOP - FRAME // 2, (FIRST + FRAMES - 1) * HOP + FRAME // 2
"""The samples of those frames; a recording must have that many, 8 s."""
NAME = re.compile(r"(normal|anomaly)_id_(\d{2})_\d+\.wav")

HIDDEN = (128, 128, 128, 128, 8, 128, 128, 128, 128)
"""Widths of the layers between input and output."""


def dense_bn_relu(in_features: int, out_features: int) -> nn.Sequential:
    """A dense layer, batch norm and ReLU."""
    return nn.Sequential(nn.Linear(in_features, out_features), nn.BatchNorm1d(out_features), nn.ReLU())


@register("autoencoder")
class DenseAutoencoder(ReferenceNetwork):
    """The dense autoencoder of MLPerf Tiny: 264,192 MACs, 265,864 parameters once batch norm is folded.

    ========= ============================================ =======
    layer     what                                         output
    ========= ============================================ =======
    hidden    4 times dense, batch norm, ReLU              128
              the same, the bottleneck                     8
              4 times the same                             128
    out       dense                                        640
    ========= ============================================ =======

    Source: mlcommons/tiny, benchmark/training/anomaly_detection.
    """

    def __init__(self, features: int = 640) -> None:
        super().__init__()
        widths = (features, *HIDDEN)
        self.hidden = nn.Sequential(*(dense_bn_relu(n, m) for n, m in zip(widths, HIDDEN, strict=False)))
        self.out = nn.Linear(HIDDEN[-1], features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Windows `(batch, features)` reproduced."""
        out: torch.Tensor = self.out(self.hidden(x))
        return out

    @staticmethod
    def example_input() -> torch.Tensor:
        """Five frames of 128 mel bands, one behind the other."""
        return torch.zeros(1, 640)


@dataclass(frozen=True, slots=True)
class Windows:
    """Every five frames in a row of each recording; only the frames `(recordings, frames, bands)` are held, a fifth of it."""

    frames: torch.Tensor

    @property
    def each(self) -> int:
        """Windows of one recording."""
        return self.frames.shape[1] - WINDOW_FRAMES + 1

    def __len__(self) -> int:
        return len(self.frames) * self.each

    def __getitem__(self, index: torch.Tensor) -> torch.Tensor:
        """Windows `(batch, 5 x bands)`, frame behind frame."""
        recordings, frames, bands = self.frames.shape
        overlapping = self.frames.as_strided((recordings, self.each, WINDOW_FRAMES * bands), (frames * bands, bands, 1))
        return overlapping[index // self.each, index % self.each]


@task("toyadmos")
class ToyAdmos(FolderTask):
    """ToyADMOS ToyCar, as in DCASE 2020 task 2: is a toy car broken, judged by how badly its sound is reproduced; learnt from whole ones.

    The network is the dense autoencoder. What it sees is five frames of 128 mel bands in decibels, of the middle 6.4 s of a recording;
    what it is trained on is the squared error of reproducing them. The score of the test is the area under the ROC curve of each
    recording's mean error, averaged over the machines; that of a part without broken ones is 1 / (1 + mean error). A tenth of the
    training recordings, shuffled always in the same way, decides between networks, as published. Frames are held as numbers: 660 MB.
    Source: Koizumi et al., ToyADMOS, 2019, and DCASE 2020 task 2, 2020; mlcommons/tiny, benchmark/training/anomaly_detection.
    """

    metric = "AUC"
    published = PublishedSchedule(100, 100, 100, 512, "Adam", 1e-3, "none")
    archive = Archive(
        title="ToyCar in the development data of DCASE 2020 task 2",
        file="dev_data_ToyCar.zip",
        size="about 2 GB",
        page="https://zenodo.org/record/3678171",
        folder="ToyCar",
        contents=("train", "test"),
    )

    def network(self) -> nn.Module:
        """The dense autoencoder."""
        return DenseAutoencoder()

    def example_input(self) -> torch.Tensor:
        """One window."""
        return DenseAutoencoder.example_input()

    def splits(self) -> Splits:
        """The three parts; raises InputError for files that are missing, misnamed or no such recordings."""
        folder = self.folder()
        training, test = (files_in(folder / part, folder, ".wav") for part in ("train", "test"))
        mixed = [training[number] for number in shuffled(len(training))]
        tenth = -(-len(mixed) // 10)
        return Splits(_read(mixed[tenth:]), _read(mixed[:tenth]), _read(test))

    def answers(self, outputs: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """The mean squared error of each window."""
        return (outputs - inputs).square().mean(1)

    def loss(self, answers: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The mean error."""
        return answers.mean()

    def score(self, answers: torch.Tensor, labels: torch.Tensor) -> float:
        """Mean area under the curve over the machines that have recordings of both kinds; labels are machine, recording, broken or not."""
        recordings, of = torch.unique(labels, dim=0, return_inverse=True)
        sums = torch.zeros(len(recordings), dtype=torch.float64).index_add(0, of, answers.double().cpu())
        errors = sums / torch.bincount(of)
        areas = []
        for machine in recordings[:, 0].unique():
            mine = recordings[:, 0] == machine
            broken = recordings[mine, 2].bool()
            if broken.any() and not broken.all():
                areas.append(area_under_curve(errors[mine], broken))
        return sum(areas) / len(areas) if areas else float(1 / (1 + errors.mean()))


def area_under_curve(values: torch.Tensor, positive: torch.Tensor) -> float:
    """How often a positive has the larger value of a pair of a positive and a negative; equal values count half."""
    above, below = values[positive][:, None], values[~positive][None]
    return float(((above > below).double() + 0.5 * (above == below)).mean())


def _read(paths: Sequence[Path]) -> Examples:
    """The windows of recordings, and for each the machine, the number of its recording, and whether that is of a broken one."""
    frames = torch.empty(len(paths), FRAMES, BANDS)
    labels = torch.empty(len(paths), 3, dtype=torch.int64)
    for number, path in enumerate(paths):
        found = NAME.fullmatch(path.name)
        if found is None:
            raise InputError(f"{path}: expected a name such as normal_id_01_00000000.wav or anomaly_id_01_00000000.wav")
        frames[number] = _frames(path)
        labels[number] = torch.tensor([int(found[2]), number, found[1] == "anomaly"])
    windows = Windows(frames)
    return Examples(windows, labels.repeat_interleave(windows.each, dim=0))


def _frames(path: Path) -> torch.Tensor:
    """The energies of 128 mel bands in decibels, frame by frame."""
    samples = read_wav(path, RATE_HZ, 30)
    if len(samples) < TO:
        raise InputError(f"{path}: expected a recording of at least {TO / RATE_HZ:g} s, got {len(samples) / RATE_HZ:.2f} s")
    audio = torch.from_numpy(samples[FROM:TO].astype("float32") / 32768)
    power = magnitudes(audio[None], FRAME, HOP, FRAME).square() @ slaney_bands(BANDS, FRAME, RATE_HZ)
    return 10 * torch.log10(power[0] + sys.float_info.epsilon)
