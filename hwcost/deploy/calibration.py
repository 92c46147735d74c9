"""Example inputs to calibrate on: a .npz file with one array per input of the network, samples first, and optionally their labels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.errors import InputError, listed, shown

Array = NDArray[Any]

LABELS = "labels"


@dataclass(frozen=True, slots=True)
class Expected:
    """An input of the network: its name, its shape as the file has it (None where open), and how numpy calls its elements."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Samples by input name: each array is (samples, ...), the rest one input of the network with its batch of 1."""

    inputs: Mapping[str, Array]
    labels: Array | None = None

    @property
    def samples(self) -> int:
        """How many there are."""
        return len(next(iter(self.inputs.values())))

    def feeds(self, most: int | None = None) -> Iterator[dict[str, Array]]:
        """One sample at a time, by input name; the first `most` of them."""
        for i in range(min(self.samples, most or self.samples)):
            yield {name: values[i] for name, values in self.inputs.items()}


def read_arrays(path: str | os.PathLike[str], what: str = "calibration data") -> dict[str, Array]:
    """The arrays of an .npz file. InputError, naming `what` they are, for what is none, and for pickled objects, which are never loaded."""
    place = Path(path)
    if place.is_dir():
        raise InputError(f"expected an .npz file with {what}, got a directory: '{place}'")
    try:
        with place.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise InputError(f"'{place}' is a single array: save one array per input by name, np.savez('{place.stem}.npz', INPUT=...)")
            with archive:
                return {name: archive[name] for name in archive.files}
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {what} '{place}': {error.strerror or error}") from error
    except MemoryError:
        raise
    except Exception as error:  # numpy and zipfile raise what the bytes lead to
        objects = "Object arrays" in str(error)
        reason = "it holds pickled objects, which are never loaded: save plain arrays" if objects else "it is no .npz file, or damaged"
        raise InputError(f"cannot read {what} '{place}': {reason}") from error


def calibration_for(arrays: Mapping[str, Any], expected: Sequence[Expected]) -> Calibration:
    """The samples for a network, checked; all faults of the data are told together, as one InputError."""
    faults = _name_faults(arrays, expected)
    inputs: dict[str, Array] = {}
    for wanted in expected:
        if wanted.name in arrays:
            values = np.asarray(arrays[wanted.name])
            fault = _fault(values, wanted)
            faults += [fault] if fault else []
            if not fault:
                inputs[wanted.name] = _sampled(values, wanted).astype(wanted.dtype, copy=False)
    labels = np.asarray(arrays[LABELS]) if LABELS in arrays and all(one.name != LABELS for one in expected) else None
    faults += _count_faults(inputs, labels)
    if faults:
        raise InputError(f"calibration data: {listed(faults)}")
    return Calibration(inputs, None if labels is None else labels.reshape(len(labels)).astype(np.int64))


def _name_faults(arrays: Mapping[str, Any], expected: Sequence[Expected]) -> list[str]:
    names = [one.name for one in expected]
    told = f"the network's inputs are {', '.join(map(shown, names))}"
    missing = [f"there is no array {shown(name)}; {told}, the data has {_names(arrays)}" for name in names if name not in arrays]
    surplus = [name for name in arrays if name not in names and name != LABELS]
    return missing + [f"array {shown(name)} is no input of the network; {told}" for name in surplus]


def _names(arrays: Mapping[str, Any]) -> str:
    return ", ".join(map(shown, arrays)) or "none"


def _fault(values: Array, wanted: Expected) -> str | None:
    """What is wrong with one array; None where nothing is."""
    where = f"array {shown(wanted.name)}"
    if values.dtype.kind not in "fiub" or (wanted.dtype.kind != "f" and values.dtype != wanted.dtype):
        return f"{where} has elements of {values.dtype}, the network takes {wanted.dtype}"
    if not values.size:
        return f"{where} is empty: give at least one sample"
    if not _fits(values.shape, wanted.shape) and not _fits((1, *values.shape[1:]), (1, *wanted.shape)):
        return f"{where} has shape {values.shape}, the network takes {_shape_text(wanted)}"
    with np.errstate(over="ignore"):
        if not np.isfinite(values.astype(wanted.dtype, copy=False)).all():
            return f"{where} holds values that are not finite (NaN, infinite, or too large for {wanted.dtype})"
    return None


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Whether all axes but the first, the samples, are as wanted."""
    return 0 < len(shape) == len(wanted) and all(b in (None, a) for a, b in zip(shape[1:], wanted[1:], strict=True))


def _shape_text(wanted: Expected) -> str:
    rest = "".join(f", {'any' if n is None else n}" for n in wanted.shape[1:])
    return f"(samples{rest or ','})"


def _sampled(values: Array, wanted: Expected) -> Array:
    """(samples, batch of 1, ...): the batch is added where the array counts samples along the network's own first axis."""
    return values[:, None] if len(values.shape) == len(wanted.shape) else values


def _count_faults(inputs: Mapping[str, Array], labels: Array | None) -> list[str]:
    counts = {name: len(values) for name, values in inputs.items()}
    faults = []
    if len(set(counts.values())) > 1:
        faults.append(f"inputs differ in their number of samples: {', '.join(f'{shown(k)} has {n}' for k, n in counts.items())}")
    if labels is not None and (labels.dtype.kind not in "iu" or labels.size != max(labels.shape, default=0)):
        faults.append(f"'labels' has shape {labels.shape} and elements of {labels.dtype}, expected one whole number a sample")
    elif labels is not None and counts and labels.size not in counts.values():
        faults.append(f"there are {labels.size} labels for {next(iter(counts.values()))} samples")
    return faults
