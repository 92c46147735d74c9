"""What sounds consist of: short-time spectra, mel bands as TensorFlow and as librosa define them, cepstral coefficients."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import torch


def magnitudes(audio: torch.Tensor, window: int, hop: int, size: int) -> torch.Tensor:
    """Magnitudes `(batch, frames, size / 2 + 1)` of the spectra of samples `(batch, samples)` under a periodic Hann window.

    Only whole frames of `window` samples, every `hop` samples; each is filled up with zeros to `size`.
    """
    shape = torch.hann_window(window, periodic=True, dtype=audio.dtype, device=audio.device)
    spectra: torch.Tensor = torch.fft.rfft(audio.unfold(-1, window, hop) * shape, n=size)
    return spectra.abs()


@cache
def htk_bands(bands: int, size: int, rate_hz: float, low_hz: float, high_hz: float) -> torch.Tensor:
    """Weights `(size / 2 + 1, bands)` of triangular bands, equal on the scale mel = 1127 ln(1 + f / 700); the constant is left out.

    Source: tf.signal.linear_to_mel_weight_matrix.
    """
    edges = np.linspace(_htk_mel(low_hz), _htk_mel(high_hz), bands + 2)
    weights = _triangles(_htk_mel(np.linspace(0, rate_hz / 2, size // 2 + 1)), edges)
    weights[0] = 0
    return torch.tensor(weights, dtype=torch.float32)


@cache
def slaney_bands(bands: int, size: int, rate_hz: float) -> torch.Tensor:
    """Weights `(size / 2 + 1, bands)` of triangular bands of area 1 up to half the rate, linear up to 1 kHz and logarithmic above.

    Source: librosa.filters.mel; Slaney, Auditory Toolbox, 1998.
    """
    edges = _slaney_hz(np.linspace(0, _slaney_mel(rate_hz / 2), bands + 2))
    weights = _triangles(np.linspace(0, rate_hz / 2, size // 2 + 1), edges) * (2 / (edges[2:] - edges[:-2]))
    return torch.tensor(weights, dtype=torch.float32)


def _htk_mel(hertz: Any) -> Any:
    return 1127 * np.log1p(np.asarray(hertz) / 700)


_STEP = math.log(6.4) / 27
"""Of the logarithm of a frequency above 1 kHz, for one mel."""


def _slaney_mel(hertz: float) -> float:
    return hertz * 3 / 200 if hertz < 1000 else 15 + math.log(hertz / 1000) / _STEP


def _slaney_hz(mel: Any) -> Any:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * _STEP))


def _triangles(positions: Any, edges: Any) -> Any:
    """For each position and each three neighbouring edges: 0 outside them, 1 at the middle one, linear between."""
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (positions[:, None] - low) / (middle - low)
    falling = (high - positions[:, None]) / (high - middle)
    return np.maximum(0, np.minimum(rising, falling))


@cache
def _cosines(bands: int, coefficients: int) -> torch.Tensor:
    """The first columns of the cosine transform of type 2, scaled to be orthogonal but for the first."""
    angles = np.pi * np.outer(np.arange(bands) + 0.5, np.arange(coefficients)) / bands
    return torch.tensor(np.cos(angles) * math.sqrt(2 / bands), dtype=torch.float32)


def cepstra(mel: torch.Tensor, coefficients: int) -> torch.Tensor:
    """The first cepstral coefficients `(batch, frames, coefficients)` of band energies.

    Source: tf.signal.mfccs_from_log_mel_spectrograms.
    """
    return torch.log(mel + 1e-6) @ _cosines(mel.shape[-1], coefficients).to(mel.device)
