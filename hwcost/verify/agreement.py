"""Whether firmware gives the answers that it should: bit for bit those of the program, and those of onnxruntime on the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwcost.errors import InputError

Values = NDArray[np.generic]
Outputs = Sequence[Mapping[str, Values]]
"""For each example, every output of the network by name."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two runs of the same examples agree.

    `bit_exact` compares the firmware with the program's own arithmetic. `ort_max_lsb` and `ort_equal_fraction` compare it with
    onnxruntime, element by element, in steps of the output's scale; `arg_max_fraction` is the share of examples with the same largest
    output, those left out where onnxruntime's two largest are equal (None where every output is a single number or all are tied).
    """

    examples: int
    bit_exact: bool
    ort_max_lsb: int
    ort_equal_fraction: float
    ort_within_one_fraction: float
    arg_max_fraction: float | None


def compare(firmware: Outputs, program: Outputs, oracle: Outputs, steps: Mapping[str, float]) -> Agreement:
    """The agreement of three runs; `steps` is the value of one step of each output (1 for integers, its scale for floats)."""
    if not len(firmware) == len(program) == len(oracle) or not firmware:
        raise InputError(f"expected as many answers from each of three runs, got {len(firmware)}, {len(program)} and {len(oracle)}")
    exact = all(np.array_equal(a[name], b[name]) for a, b in zip(firmware, program, strict=True) for name in b)
    apart = [_apart(a[name], b[name], steps[name]) for a, b in zip(firmware, oracle, strict=True) for name in b]
    every = np.concatenate(apart) if apart else np.zeros(0, dtype=np.int64)
    return Agreement(
        examples=len(firmware),
        bit_exact=exact,
        ort_max_lsb=int(every.max(initial=0)),
        ort_equal_fraction=float((every == 0).mean()) if every.size else 1.0,
        ort_within_one_fraction=float((every <= 1).mean()) if every.size else 1.0,
        arg_max_fraction=_arg_max(firmware, oracle),
    )


def largest_error_apart(inputs: Sequence[Values], firmware: Sequence[Values], oracle: Sequence[Values]) -> float:
    """By what share an autoencoder's score, the mean square of input less output, is apart from the oracle's in the worst example.

    All three in real numbers, one array per example. Raises InputError where an output has not as many numbers as its input, or where
    the oracle's score is 0.
    """
    shares = []
    for x, own, other in zip(inputs, firmware, oracle, strict=True):
        if not x.size == own.size == other.size:
            raise InputError(f"expected outputs of {x.size} numbers, as many as the input, got {own.size} and {other.size}")
        scores = [float(np.mean((x.astype(np.float64).ravel() - y.astype(np.float64).ravel()) ** 2)) for y in (own, other)]
        if not scores[1]:
            raise InputError("expected an oracle that does not give its input back exactly, got an error of 0: no share of it can be told")
        shares.append(abs(scores[0] - scores[1]) / scores[1])
    return max(shares, default=0.0)


def _apart(a: Values, b: Values, step: float) -> NDArray[np.int64]:
    """How many steps two outputs lie apart, flattened."""
    if a.size != b.size:
        raise InputError(f"expected outputs of one size, got {a.shape} and {b.shape}")
    difference = a.astype(np.float64).ravel() - b.astype(np.float64).ravel()
    return np.rint(np.abs(difference) / step).astype(np.int64)


def _arg_max(firmware: Outputs, oracle: Outputs) -> float | None:
    pairs = [(a[name].ravel(), b[name].ravel()) for a, b in zip(firmware, oracle, strict=True) for name in list(b)[:1]]
    judged = [(a, b) for a, b in pairs if b.size > 1 and (b == b.max()).sum() == 1]
    if not judged:
        return None
    return sum(int(np.argmax(a) == np.argmax(b)) for a, b in judged) / len(judged)
