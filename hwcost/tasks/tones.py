"""Spoken-word-like sequences of tones, made on the spot: tasks in one dimension that need no download."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from hwcost.tasks.keyword_spotting import DSCNN, coefficients
from hwcost.tasks.spectra import htk_bands, magnitudes
from hwcost.tasks.task import Examples, Splits, Task, task
from hwcost.tasks.temporal import TemporalConvNet

RATE_HZ = SAMPLES = 8000
"""One second each."""
SIZES = (1500, 500, 500)
"""Examples to train on, to choose by and to report."""
AT_ONCE = 100
BANDS = 20
FORMANTS_HZ = np.array([(280, 2250), (400, 1900), (550, 1750), (700, 1150), (500, 900), (330, 850)], dtype=np.float32)
"""The two lowest resonances of six vowels."""
VOWELS = np.array(
    [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0), (2, 3, 4), (2, 4, 3), (3, 2, 4), (4, 3, 2), (4, 5, 0), (5, 4, 0), (0, 4, 5), (0, 5, 4)]
)
"""The three vowels of each word; words differ in the order of neighbouring vowels, so no average over time tells them apart."""
AUGMENTING_SHIFT, AUGMENTING_NOISE = 3, 0.3
"""In training: most frames that an example is moved by, and the deviation of the noise that is added to normalised features."""


@task("tones")
class Tones(Task):
    """Twelve made-up words of three vowels each in noise, as 49 frames of 10 cepstral coefficients: 1,500 to train on, 500, 500.

    The network is DS-CNN, giving logits. Words are tones at two resonances that glide from vowel to vowel, with a voice's beat, at a
    speaker's speed, height and time. Features are normalised by the training part; in training they are moved in time and given noise.
    """

    noise, feature_axis = 1.4, 3

    def network(self) -> nn.Module:
        """DS-CNN without its softmax."""
        network = DSCNN(len(VOWELS))
        network.softmax = nn.Identity()
        return network

    def example_input(self) -> torch.Tensor:
        """Coefficients of one second."""
        return DSCNN.example_input()

    def features(self, audio: torch.Tensor) -> torch.Tensor:
        """What the network takes of sounds `(batch, samples)`, time along axis 2."""
        return coefficients(audio, RATE_HZ)

    def splits(self) -> Splits:
        """The three parts, made in about two seconds."""
        audio, words = sounds(self.noise)
        features = torch.cat([self.features(part) for part in torch.split(torch.from_numpy(audio), AT_ONCE)])
        over = tuple(axis for axis in range(features.ndim) if axis != self.feature_axis)
        known = features[: SIZES[0]]
        features = (features - known.mean(over, keepdim=True)) / known.std(over, keepdim=True)
        inputs, labels = (torch.split(each, list(SIZES)) for each in (features, torch.from_numpy(words)))
        return Splits(*(Examples(*part) for part in zip(inputs, labels, strict=True)))

    def augmented(self, inputs: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """Each example moved in time, with noise."""
        number, frames = len(inputs), inputs.shape[2]
        moved = torch.randint(-AUGMENTING_SHIFT, AUGMENTING_SHIFT + 1, (number, 1), generator=random)
        at = ((torch.arange(frames) + moved) % frames).to(inputs.device)
        index = at.view(number, 1, frames, *[1] * (inputs.ndim - 3)).expand_as(inputs)
        return inputs.gather(2, index) + AUGMENTING_NOISE * torch.randn(inputs.shape, generator=random).to(inputs.device)


@task("tones-sequence")
class ToneSequences(Tones):
    """The same words in more noise for a temporal network: 98 steps of 20 mel bands.

    The network is the temporal convolutional network with 12 classes and 20 channels in.
    """

    noise, feature_axis = 1.8, 1

    def network(self) -> nn.Module:
        """The temporal convolutional network."""
        return TemporalConvNet(len(VOWELS), BANDS)

    def example_input(self) -> torch.Tensor:
        """Band energies of one second."""
        return torch.zeros(1, BANDS, 98)

    def features(self, audio: torch.Tensor) -> torch.Tensor:
        """Logarithms of band energies in windows of 25 ms every 10 ms."""
        energies = magnitudes(audio, 200, 80, 256) @ htk_bands(BANDS, 256, RATE_HZ, 100, 4000)
        return torch.log(energies + 1e-6).transpose(1, 2)


def sounds(noise: float) -> tuple[Any, Any]:
    """2,500 seconds of sound, a word in each, as said by some speaker, with a passing whistle and noise; and the words.

    `noise` is the deviation of the loudest noise, where a word is as loud as 1. The same every time, but for the last bits of a sine.
    """
    random = np.random.default_rng(0)
    words = random.permutation(np.arange(sum(SIZES)) % len(VOWELS))
    parts = [_spoken(words[start : start + AT_ONCE], noise, random) for start in range(0, len(words), AT_ONCE)]
    return np.concatenate(parts), words.astype(np.int64)


def _spoken(words: Any, noise: float, random: np.random.Generator) -> Any:
    """Words at the speed, height and time of a speaker each."""
    number = len(words)

    def drawn(low: float, high: float) -> Any:
        return random.uniform(low, high, (number, 1)).astype(np.float32)

    time = np.linspace(0, 1, SAMPLES, dtype=np.float32)
    length = drawn(0.4, 0.7)
    share = (time - drawn(0.02, 0.28)) / length
    formants = FORMANTS_HZ[VOWELS[words]] * drawn(0.85, 1.18)[..., None]
    voice = 0.5 + 0.5 * np.sin(_phase(drawn(90, 220) * (1 + 0.2 * time)))
    tones = sum(weight * np.sin(_phase(_glided(share, formants[..., which]))) for which, weight in enumerate((1.0, 0.7)))
    loud = np.clip(8 * np.minimum(share, 1 - share), 0, 1)
    whistle = drawn(0, 0.5) * np.sin(_phase(drawn(300, 3000) + drawn(-1500, 1500) * time))
    return loud * voice * tones + whistle + drawn(0.3 * noise, noise) * random.standard_normal((number, SAMPLES), dtype=np.float32)


def _phase(hertz: Any) -> Any:
    """Angles of a tone whose frequency changes."""
    turns = np.cumsum(hertz * np.float32(1 / RATE_HZ), axis=1, dtype=np.float32)
    return np.float32(2 * np.pi) * (turns - np.floor(turns))


def _glided(share: Any, targets: Any) -> Any:
    """From each of three targets to the next, resting on each: at 1/6, 3/6 and 5/6 of a word, gliding over a third of the way between."""
    first, second, third = (targets[:, which, None] for which in range(3))
    onward, further = (np.clip(6 * (share - middle) + 0.5, 0, 1) for middle in (1 / 3, 2 / 3))
    return first + (second - first) * onward + (third - second) * further
