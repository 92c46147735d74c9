"""Every C kernel on random layers computes what the interpreter computes, to the bit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from hwcost.deploy.emit.c_text import definition
from hwcost.deploy.emit.calls import Call
from hwcost.deploy.emit.kernel_files import kernel_files
from hwcost.deploy.interpret import interpret_layer
from hwcost.deploy.variants.portable import EMITTERS, emit
from tests.deploy.host import element, library, pointer
from tests.deploy.random_layers import KINDS, Case, cases

NIGHTLY = os.environ.get("HWCOST_NIGHTLY") == "1"
LAYERS = 2000 if NIGHTLY else 200
SEED = 20_000
LEFT = 17
"""Bytes after an output that a kernel must leave as they are."""


def as_c(call: Call) -> str:
    """The layer's constants, and a function run_N(inputs, output) that runs it."""
    emission, count = call.emission, len(call.placed.inputs)
    arrays = "\n".join(definition(array).replace("const ", "static const ", 1) for array in emission.arrays)
    fields = "\n".join(f"    .{name} = {value}," for name, value in emission.fields)
    given = ["(const int8_t *const *)in"] if emission.gathers else [f"in[{i}]" for i in range(count)]
    arguments = ", ".join([f"&{call.struct_name}", *given, "out", "0"])
    struct = f"static const struct {emission.struct} {call.struct_name} = {{\n{fields}\n}};"
    head = f"void run_{call.placed.number}(void **in, void *out)"
    return f"{arrays}\n{struct}\n{head};\n{head} {{\n    {emission.function}({arguments});\n}}"


def compiled(made: list[Case], folder: Path):
    calls = [Call(case.placed, emit(case.placed)) for case in made]
    files = kernel_files({source for call in calls for source in call.emission.sources})
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "layers.c").write_text("\n\n".join(['#include "hwc.h"', *map(as_c, calls)]))
    sources = [folder / name for name in (*files, "layers.c") if name.endswith(".c")]
    return library(sources, folder, folder)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    made = cases(LAYERS, SEED)
    return made, compiled(made, tmp_path_factory.mktemp("fuzz"))


def answer(host, case: Case) -> np.ndarray:
    """What the C kernel makes of the case, having written nothing beyond its output."""
    import ctypes

    output = case.placed.output
    room = np.full(output.bytes + LEFT, 0x5A, np.uint8)
    aligned = np.zeros(output.bytes // 4 + 16, np.int32).view(np.uint8)[: len(room)]
    aligned[:] = room
    inputs = (ctypes.c_void_p * len(case.values))(*(pointer(np.ascontiguousarray(v)) for v in case.values))
    getattr(host, f"run_{case.placed.number}")(inputs, pointer(aligned))
    assert (aligned[output.bytes :] == 0x5A).all(), f"{case.placed.node} wrote beyond its output"
    return aligned[: output.bytes].view(element(output)).reshape(output.shape)


def test_kernels_compute_what_the_interpreter_does(fuzzed):
    made, host = fuzzed
    wrong = []
    for case in made:
        expected = interpret_layer(case.placed.layer, case.values, case.placed.output)
        found = answer(host, case)
        if found.tobytes() != expected.astype(found.dtype).tobytes():
            wrong.append(f"{case.placed.node}: {int((found != expected).sum())} of {found.size} elements differ")
    assert wrong == []


def test_every_kind_of_layer_was_among_them(fuzzed):
    made, _ = fuzzed
    kinds = {type(case.placed.layer).__name__ for case in made}
    assert kinds == {kind.__name__ for kind in EMITTERS} - {"Alias"}
    assert len(KINDS) == len(kinds)


def test_layers_saturate_and_do_not(fuzzed):
    # A fuzz of nothing but -128 and 127 would prove little.
    made, host = fuzzed
    convolutions = [case for case in made if type(case.placed.layer).__name__ == "Convolution"]
    inside = [
        np.mean((a > c.placed.layer.range.low) & (a < c.placed.layer.range.high)) for c in convolutions if (a := answer(host, c)).size
    ]
    assert sum(share > 0.5 for share in inside) > len(inside) // 10
    assert sum(share < 0.5 for share in inside) > len(inside) // 10
