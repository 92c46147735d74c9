"""Images as bytes: read from JPEG files, held as they are, moved and mirrored in training, normalised batch by batch."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hwcost.errors import InputError
from hwcost.tasks.folders import bytes_of

MOST_BYTES = 1 << 20
"""No JPEG file of 96x96 pixels has more, whatever its headers hold."""


def read_jpegs(paths: Sequence[Path], size: int) -> torch.Tensor:
    """Colour images `(number, 3, size, size)` in bytes; raises InputError naming a file that is none of that size."""
    images = np.empty((len(paths), 3, size, size), dtype=np.uint8)
    for image, path in zip(images, paths, strict=True):
        image[:] = _pixels(path, size).transpose(2, 0, 1)
    return torch.from_numpy(images)


def _pixels(path: Path, size: int) -> Any:
    """One image, height by width by colour. Its size is looked at before it is decoded, so a small file cannot ask for much memory."""
    pillow = _pillow()
    data = io.BytesIO(bytes_of(path, MOST_BYTES))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            with pillow.open(data, formats=("JPEG",)) as image:
                found = image.size
                pixels = np.asarray(image.convert("RGB")) if found == (size, size) else None
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Warning, pillow.DecompressionBombError) as error:
        raise InputError(f"{path}: expected a JPEG image of {size}x{size} pixels, got one that cannot be read: {_reason(error)}") from error
    if pixels is None:
        raise InputError(f"{path}: expected a JPEG image of {size}x{size} pixels, got {found[0]}x{found[1]}")
    return pixels


def _reason(error: BaseException) -> str:
    return "it is no JPEG file" if "cannot identify" in str(error) else str(error) or type(error).__name__


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise InputError("reading JPEG images needs Pillow, which the extra brings: pip install 'hwcost[nas]'") from None
    return Image


def moved_and_mirrored(images: torch.Tensor, random: torch.Generator, *, most: int) -> torch.Tensor:
    """Each image moved by up to `most` pixels each way, black where it came from, and mirrored in every second case."""
    number, _, height, width = images.shape
    down, right = (torch.randint(0, 2 * most + 1, (number, 1), generator=random) for _ in range(2))
    mirrored = torch.randint(0, 2, (number, 1), generator=random).bool()
    rows = torch.arange(height) + down
    columns = torch.where(mirrored, torch.arange(width).flip(0), torch.arange(width)) + right
    wide = torch.nn.functional.pad(images, (most, most, most, most))
    which = torch.arange(number)[:, None, None]
    return wide[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def normalised(images: torch.Tensor, mean: Sequence[float], deviation: Sequence[float]) -> torch.Tensor:
    """Bytes as numbers of mean 0 and deviation 1 over the data set; `mean` and `deviation` are of values from 0 to 1, colour by colour."""
    offset, scale = (torch.tensor(each, device=images.device)[:, None, None] for each in (mean, deviation))
    return (images.float() / 255 - offset) / scale
