"""The second opinion: onnxruntime on the same quantised model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwcost.deploy.calibration import read_arrays
from hwcost.deploy.interpret import interpret
from hwcost.deploy.lower.site import UINT8_OFFSET
from hwcost.deploy.program import Program, Quantise
from hwcost.errors import InputError
from hwcost.verify.agreement import Agreement, Outputs, Values, compare

DEFAULT_EXAMPLES = 2
"""Seeded examples that are run where nobody gives any."""


def run_oracle(model: Path, examples: Sequence[Mapping[str, Values]]) -> list[dict[str, Values]]:
    """Every output of the model for every example, each with a batch of 1, computed by onnxruntime on this machine."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - its own exceptions have no common base
        first = str(error).strip().partition("\n")[0]
        raise InputError(f"{model}: onnxruntime does not load it, so there is nothing to compare with: {first}") from None
    names = [output.name for output in session.get_outputs()]
    return [dict(zip(names, session.run(None, dict(example)), strict=True)) for example in examples]


def noise(model: Path, count: int, ranges: Mapping[str, tuple[float, float]], seed: int = 0) -> list[dict[str, Values]]:
    """Seeded examples for every input of a model: the whole range for integers, `ranges` (else -1 to 1) for floats.

    Open sizes are taken as 1. Raises InputError for an input of another type.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(seed)
    return [{info.name: _noisy(info, ranges, rng) for info in session.get_inputs()} for _ in range(count)]


def _noisy(info: Any, ranges: Mapping[str, tuple[float, float]], rng: np.random.Generator) -> Values:
    shape = [size if isinstance(size, int) else 1 for size in info.shape]
    if info.type == "tensor(int8)":
        return rng.integers(-128, 128, shape).astype(np.int8)
    if info.type == "tensor(uint8)":
        return rng.integers(0, 256, shape).astype(np.uint8)
    if info.type == "tensor(float)":
        low, high = ranges.get(info.name, (-1.0, 1.0))
        return rng.uniform(low, high, shape).astype(np.float32)
    raise InputError(f"input '{info.name}' holds {info.type}; expected int8, uint8 or float: give examples of your own with --inputs")


def input_ranges(program: Program) -> dict[str, tuple[float, float]]:
    """What the quantisers behind a program's float inputs can tell apart, by input."""
    ranges = {}
    for node, layer in zip(program.graph.nodes, program.layers, strict=True):
        if isinstance(layer, Quantise):
            limits = np.iinfo(np.int8)
            low, high = ((edge - layer.zero_point) * layer.scale for edge in (limits.min, limits.max))
            ranges[node.inputs[0]] = (low, high)
    return ranges


def examples_of(model: Path, program: Program, inputs: Path | None, count: int = DEFAULT_EXAMPLES) -> list[dict[str, Values]]:
    """The examples of a file, or seeded noise; InputError in one sentence for a file that does not go with the model."""
    if inputs is None:
        return noise(model, count, input_ranges(program))
    arrays = read_arrays(inputs, "inputs")
    missing = [name for name in program.graph.inputs if name not in arrays]
    if missing:
        raise InputError(f"{inputs}: expected an array for each input of the model; {', '.join(missing)} missing, got {', '.join(arrays)}")
    counts = {len(arrays[name]) for name in program.graph.inputs}
    if len(counts) != 1 or 0 in counts:
        raise InputError(f"{inputs}: expected as many examples of every input, at least one; got {sorted(counts)}")
    return [{name: arrays[name][i : i + 1] for name in program.graph.inputs} for i in range(counts.pop())]


def answers(model: Path, program: Program, examples: Sequence[Mapping[str, Values]], outputs: Outputs) -> Agreement:
    """How the firmware's outputs agree with the program's own arithmetic and with onnxruntime on the model.

    A file whose last layer is dequantised gives floats where the firmware gives the integers they stand for; those are compared as floats.
    """
    own = [interpret(program, example) for example in examples]
    second = _second_opinion(model, program, examples)
    real = _real(program, second)
    return compare(_dequantised(outputs, program, real), _dequantised(own, program, real), second, _steps(program, real))


@dataclass(frozen=True, slots=True)
class OwnAnswers:
    """The program's own answers beside onnxruntime's: their agreement, and `reals`, what inputs and both first outputs stand for."""

    agreement: Agreement
    reals: tuple[Sequence[Values], Sequence[Values], Sequence[Values]]


def own_answers(model: Path, program: Program, examples: Sequence[Mapping[str, Values]]) -> OwnAnswers:
    """How the program's arithmetic, which firmware equals bit for bit, agrees with onnxruntime on the model."""
    own = [interpret(program, example) for example in examples]
    second = _second_opinion(model, program, examples)
    real = _real(program, second)
    mine = _dequantised(own, program, real)
    runs = ((examples, program.graph.inputs), (own, program.graph.outputs), (second, program.graph.outputs))
    reals = tuple([_meant(program, next(iter(names)), each) for each in run] for run, names in runs)
    return OwnAnswers(compare(mine, mine, second, _steps(program, real)), (reals[0], reals[1], reals[2]))


def _second_opinion(model: Path, program: Program, examples: Sequence[Mapping[str, Values]]) -> list[dict[str, Values]]:
    """The answers of onnxruntime by the program's names of outputs."""
    return [dict(zip(program.graph.outputs, found.values(), strict=True)) for found in run_oracle(model, examples)]


def _real(program: Program, second: Outputs) -> set[str]:
    """Outputs that the file dequantises and the firmware does not."""
    return {name for name in program.graph.outputs if second[0][name].dtype.kind == "f" and program.tensors[name].kind == "int"}


def _steps(program: Program, real: Collection[str]) -> dict[str, float]:
    return {name: program.tensors[name].scale if name in real else _step(program, name) for name in program.graph.outputs}


def _meant(program: Program, name: str, values: Mapping[str, Values]) -> Values:
    """One value of a run as the numbers that it stands for."""
    found, tensor = values[name].astype(np.float64).ravel(), program.tensors[name]
    if values[name].dtype.kind == "f":
        return found
    offset = UINT8_OFFSET if values[name].dtype == np.uint8 else 0
    return (found - offset - tensor.zero_point) * tensor.scale


def _dequantised(outputs: Outputs, program: Program, names: Collection[str]) -> Outputs:
    """The outputs with some of them as the numbers that their integers stand for."""
    tensors = program.tensors
    return [
        {n: (v.astype(np.float64) - tensors[n].zero_point) * tensors[n].scale if n in names else v for n, v in each.items()}
        for each in outputs
    ]


def _step(program: Program, name: str) -> float:
    """The value of one step of an output: 1 for integers, for floats the scale of the integer they were made of."""
    producers = {output: node for node in program.graph.nodes for output in node.outputs}
    tensor = program.tensors[name]
    while tensor.kind == "float" and tensor.name in producers:
        tensor = program.tensors[producers[tensor.name].inputs[0]]
        if tensor.kind != "float":
            return tensor.scale
    return 1.0
