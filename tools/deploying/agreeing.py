"""How often the integer program answers as onnxruntime does, over many inputs: every output, the largest output, an autoencoder's error.

The program's own arithmetic stands for the firmware's, which equals it bit for bit (hwcost deploy --run and the tests hold it to that).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from figures import Figure

import hwcost
from hwcost.deploy.lower import lower
from hwcost.verify.agreement import Agreement, largest_error_apart
from hwcost.verify.oracle import input_ranges, noise, own_answers

TRAINED = {
    "trained resnet8": "mlperf_tiny_resnet8_int8_qdq.onnx",
    "trained dscnn": "mlperf_tiny_dscnn_int8_qdq.onnx",
    "trained autoencoder": "mlperf_tiny_autoencoder_int8_qdq.onnx",
}
WITHIN_ONE_GOAL, ARG_MAX_GOAL, ERROR_GOAL = 99.9, 99.5, 0.5
"""Per cent; the last is the most that an error may be apart."""


@dataclass(frozen=True)
class Agreed:
    """One network: how far its outputs are apart and, where it gives its input back, by how much its error is at most."""

    name: str
    agreement: Agreement
    error_apart: float | None


def trained_networks() -> dict[str, Path]:
    """The int8 files of trained networks by name: those in the folder HWCOST_SHARED (else `shared` beside the checkout), if any."""
    folder = Path(os.environ.get("HWCOST_SHARED") or Path(__file__).resolve().parents[2].parent / "shared") / "models"
    return {name: folder / file for name, file in TRAINED.items() if (folder / file).is_file()}


def agreed(name: str, model: Path, count: int, seed: int = 0) -> Agreed:
    """A network on seeded noise over the range that its inputs can tell apart."""
    program = lower(hwcost.from_onnx(model))
    examples = noise(model, count, input_ranges(program), seed)
    answers = own_answers(model, program, examples)
    return Agreed(name, answers.agreement, largest_error_apart(*answers.reals) if "autoencoder" in name else None)


def agreement_figures(networks: Mapping[str, Path], count: int) -> list[Figure]:
    """Each network's outputs within one step, and its arg-max, or its error where it is an autoencoder."""
    return [figure for name, model in networks.items() for figure in figures_of(agreed(name, model, count))]


def figures_of(found: Agreed) -> list[Figure]:
    """The figures of one network, in per cent."""
    agreement = found.agreement
    label = f"{found.name}, {agreement.examples} noise inputs"
    within = Figure(
        f"{label}: outputs within one step of onnxruntime", 100 * agreement.ort_within_one_fraction, "%", WITHIN_ONE_GOAL, "higher"
    )
    figures = [within, Figure("  furthest output", agreement.ort_max_lsb, "steps")]
    if found.error_apart is not None:
        figures.append(Figure("  error of the reconstruction, furthest from onnxruntime's", 100 * found.error_apart, "%", ERROR_GOAL))
    elif agreement.arg_max_fraction is not None:
        figures.append(Figure("  same largest output, ties left out", 100 * agreement.arg_max_fraction, "%", ARG_MAX_GOAL, "higher"))
    return figures
