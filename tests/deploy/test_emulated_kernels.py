"""The plain kernels on emulated cores, whose instructions some of them ask for, on the random layers that the host runs too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcost.boards.emulated import EmulatedBoard
from hwcost.deploy.build import Image, build
from hwcost.deploy.emit.calls import Call
from hwcost.deploy.emit.kernel_files import kernel_files
from hwcost.deploy.interpret import interpret_layer
from hwcost.deploy.variants.portable import emit
from hwcost.target.load import load_core
from tests.deploy.host import element
from tests.deploy.random_layers import Case, cases
from tests.deploy.test_fuzz_kernels import NIGHTLY, as_c

CORES = ("cortex-m4", "cortex-m0plus", "rv32imc")
LAYERS = 2000 if NIGHTLY else 300
SEED = 31_000
IN_PLACE = ("Sum", "Product", "Extreme", "Lookup")
GUARD = b"\x5a" * 16
NO_MODEL = "void model_run(const int8_t *in, int8_t *out) { (void)in; (void)out; }\nint main(void) { return 0; }"


@pytest.fixture(scope="module")
def drawn() -> list[Case]:
    """Every kind as often, and few of the convolutions that are every other layer; all of them in nightly runs."""
    return [case for number, case in enumerate(cases(LAYERS, SEED)) if NIGHTLY or number % 2 == 0 or number % 8 == 1]


def image_of(drawn: list[Case], core: str, folder: Path) -> Image:
    calls = [Call(case.placed, emit(case.placed)) for case in drawn]
    files = kernel_files({source for call in calls for source in call.emission.sources})
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "layers.c").write_text("\n\n".join(['#include "hwc.h"', *map(as_c, calls), NO_MODEL]))
    sources = [folder / name for name in (*files, "layers.c") if name.endswith(".c")]
    return build(sources, folder, folder / "build", load_core(core), roots=[f"run_{case.placed.number}" for case in drawn])


def answer(board: EmulatedBoard, case: Case, over: int | None = None) -> np.ndarray:
    """The output of a case, behind which nothing was written; `over` is the input that it takes the place of."""
    output = case.placed.output
    inputs = [board.buffer(np.ascontiguousarray(value).tobytes() + GUARD) for value in case.values]
    addresses = board.buffer(np.array(inputs, np.uint32).tobytes())
    out = board.buffer(bytes(output.bytes) + GUARD) if over is None else inputs[over]
    board.call(f"run_{case.placed.number}", (addresses, out))
    assert board.read(out + output.bytes, len(GUARD)) == GUARD, f"{case.placed.node} wrote beyond its output"
    return np.frombuffer(board.read(out, output.bytes), element(output)).reshape(output.shape)


@pytest.fixture(scope="module", params=CORES)
def board(request: pytest.FixtureRequest, drawn: list[Case], tmp_path_factory: pytest.TempPathFactory) -> EmulatedBoard:
    pytest.importorskip("ziglang")
    pytest.importorskip("unicorn")
    made = EmulatedBoard(load_core(request.param))
    made.load(image_of(drawn, request.param, tmp_path_factory.mktemp("firmware")).elf)
    return made


def test_kernels_compute_what_the_interpreter_does(board: EmulatedBoard, drawn: list[Case]) -> None:
    wrong = []
    for case in drawn:
        expected, found = interpret_layer(case.placed.layer, case.values, case.placed.output), answer(board, case)
        if not np.array_equal(found, expected.astype(found.dtype), equal_nan=found.dtype.kind == "f"):
            wrong.append(f"{case.placed.node}: {int((found != expected).sum())} of {found.size} elements differ")
    assert wrong == []


def test_element_by_element_outputs_may_lie_over_an_input(board: EmulatedBoard, drawn: list[Case]) -> None:
    """Over either of two, where it has the output's size: what the plan of memory does with adds and tables."""
    tried = set[tuple[str, int]]()
    for case in drawn:
        kind, output = type(case.placed.layer).__name__, case.placed.output
        for number, tensor in enumerate(case.placed.inputs):
            if kind in IN_PLACE and tensor.bytes == output.bytes:
                tried.add((kind, number))
                expected = interpret_layer(case.placed.layer, case.values, output)
                np.testing.assert_array_equal(answer(board, case, number), expected)
    assert tried >= {("Sum", 0), ("Sum", 1), ("Product", 0), ("Extreme", 0), ("Lookup", 0)}
