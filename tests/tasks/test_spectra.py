"""Spectra, bands and coefficients against pencil facts and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hwcost.tasks.keyword_spotting import coefficients
from hwcost.tasks.spectra import cepstra, htk_bands, magnitudes, slaney_bands

fft = pytest.importorskip("scipy.fft")
signal = pytest.importorskip("scipy.signal")


def test_one_second_at_16_khz_is_49_frames() -> None:
    assert magnitudes(torch.zeros(2, 16_000), 480, 320, 512).shape == (2, 49, 257)
    assert coefficients(torch.zeros(2, 16_000), 16_000).shape == (2, 1, 49, 10)
    assert coefficients(torch.zeros(2, 8000), 8000).shape == (2, 1, 49, 10)


def test_spectra_are_those_of_scipy() -> None:
    audio = np.random.default_rng(0).standard_normal(2000)
    found = magnitudes(torch.from_numpy(audio)[None], 480, 320, 512)[0]
    window = signal.get_window("hann", 480)
    for frame in range(4):
        expected = np.abs(fft.rfft(audio[320 * frame : 320 * frame + 480] * window, 512))
        assert found[frame].numpy() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_tone_is_loudest_in_its_own_band() -> None:
    bands = htk_bands(40, 512, 16_000, 20, 4000)
    edges = 700 * np.expm1(np.linspace(1127 * math.log1p(20 / 700), 1127 * math.log1p(4000 / 700), 42) / 1127)
    for band in (20, 30, 39):
        tone = torch.sin(2 * math.pi * edges[band + 1] / 16_000 * torch.arange(16_000))[None]
        assert set((magnitudes(tone, 480, 320, 512) @ bands)[0].argmax(1).tolist()) == {band}


def test_htk_bands_add_up_to_one_between_the_middles_of_the_outer_ones() -> None:
    bands = htk_bands(40, 512, 16_000, 20, 4000)
    assert bands.shape == (257, 40)
    assert bands[0].sum() == 0
    hertz = np.arange(257) * 31.25
    inner = (hertz > 60) & (hertz < 3700)
    assert bands.sum(1)[torch.from_numpy(inner)].numpy() == pytest.approx(1, abs=1e-5)
    assert bands[hertz >= 4000].sum() == 0


def test_slaney_bands_have_the_area_one_and_are_linear_below_1_khz() -> None:
    bands = slaney_bands(128, 1 << 16, 16_000).double()
    assert bands.sum(0).numpy() * 16_000 / (1 << 16) == pytest.approx(1, rel=1e-3)
    middles = bands.argmax(0) * 16_000 / (1 << 16)
    # Half of 16 kHz is 15 + 27 ln 8 / ln 6.4 mel; 129 steps lead there, a mel below 1 kHz is 200 / 3 Hz.
    step = (15 + 27 * math.log(8) / math.log(6.4)) / 129
    assert middles[:20].numpy() == pytest.approx(np.arange(1, 21) * step * 200 / 3, abs=0.3)
    assert middles[-1] == pytest.approx(1000 * 6.4 ** ((128 * step - 15) / 27), abs=0.5)


def test_coefficients_are_scipys_cosine_transform() -> None:
    energies = torch.rand(3, 5, 40, dtype=torch.float32) + 0.1
    expected = fft.dct(np.log(energies.numpy().astype(float) + 1e-6), type=2, axis=-1)[..., :10] / math.sqrt(2 * 40)
    assert cepstra(energies, 10).numpy() == pytest.approx(expected, abs=1e-4)
