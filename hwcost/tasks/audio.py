"""Sound as 16-bit samples, read from WAV files."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np

from hwcost.errors import InputError
from hwcost.tasks.folders import bytes_of

HEADER_BYTES = 1 << 16
"""Room for what a WAV file may hold beside its samples."""


def read_wav(path: Path, rate_hz: int, longest_s: float) -> Any:
    """The samples of a file, -32,768 to 32,767; raises InputError unless it is one channel of 16 bits at that rate, whole, not longer."""
    data = bytes_of(path, int(2 * rate_hz * longest_s) + HEADER_BYTES)
    expected = f"{path}: expected a WAV file of one channel with 16 bits at {rate_hz:,} Hz"
    try:
        with wave.open(io.BytesIO(data)) as file:
            found = (file.getnchannels(), 8 * file.getsampwidth(), file.getframerate())
            promised, samples = file.getnframes(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise InputError(f"{expected}, got one that cannot be read: {error or 'it ends in its header'}") from error
    if found != (1, 16, rate_hz):
        raise InputError(f"{expected}, got {found[0]} of {found[1]} bits at {found[2]:,} Hz")
    if not samples or len(samples) != 2 * promised:
        raise InputError(f"{expected}, got {len(samples) // 2:,} samples where its header promises {promised:,}; is it cut off?")
    return np.frombuffer(samples, dtype=np.int16)


def at_full_scale(samples: Any) -> Any:
    """Samples made as loud as 16 bits allow; silence stays what it is."""
    peak = np.abs(samples.astype(np.float64)).max()
    return np.rint(samples * (32767 / max(peak, 1.0))).astype(np.int16)
