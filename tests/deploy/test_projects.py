"""Emitted projects as their users build them: the Makefile and the CMake library, by this machine's own compiler, and their answers."""

from __future__ import annotations

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from hwcost.deploy.interpret import interpret
from hwcost.deploy.interpret.border import given, taken
from hwcost.target import Target
from hwcost.verify.deployment import Order, write
from hwcost.verify.firmware_run import element
from hwcost.verify.oracle import examples_of
from tests.verify.test_deployment import small

pytest.importorskip("onnxruntime")
pytest.importorskip("jinja2")

NETWORKS = ("resnet8", "dscnn", "autoencoder")
PORTABLE = "rp2040"
"""A device whose kernels are plain C, which any computer compiles."""


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    model = small(tmp_path_factory.mktemp("model"))
    return write(Order(model, Target.load(PORTABLE, "hwcost-c"), tmp_path_factory.mktemp("project") / "fw")).project


def answers(written, library, example):
    """What `model_run` of a library writes for an example, as the network gives it."""
    program = written.program
    inputs = [np.ascontiguousarray(taken(program, example)[name]) for name in program.graph.inputs]
    tensors = [program.tensors[name] for name in program.graph.outputs]
    outputs = [np.empty(tensor.shape, element(tensor)) for tensor in tensors]
    library.model_run(*(ctypes.c_void_p(array.ctypes.data) for array in [*inputs, *outputs]))
    return {name: given(program, name, array) for name, array in zip(program.graph.outputs, outputs, strict=True)}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_this_machines_compiler_makes_a_network_that_answers_as_the_interpreter(shared, tmp_path, network, compiler):
    command, make = tool(compiler), tool("make")
    model = shared / f"models/mlperf_tiny_{network}_int8_qdq.onnx"
    written = write(Order(model, Target.load(PORTABLE, "hwcost-c"), tmp_path / "fw"))
    run(make, "-s", "-C", tmp_path / "fw", f"CC={command}", "CFLAGS=-fPIC")
    run(command, "-shared", "-Wl,--whole-archive", tmp_path / "fw/build/libmodel.a", "-Wl,--no-whole-archive", "-o", tmp_path / "m.so")
    library = ctypes.CDLL(str(tmp_path / "m.so"))
    for example in examples_of(model, written.program, None):
        found, expected = answers(written, library, example), interpret(written.program, example)
        assert all(np.array_equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("serial", [False, True])
def test_the_cmake_library_links_to_an_application(project, tmp_path, serial):
    cmake, _ = tool("cmake"), tool("cc")
    main = '#include "model.h"\nint main(void) { return MODEL_INPUTS - 1; }\n'
    hooks = (
        '#include "serial/hwc_serial.h"\nint hwc_read_byte(void) { return -1; }\nvoid hwc_write_byte(uint8_t b) { (void)b; }\n'
        "uint32_t hwc_clock_hz(void) { return 1; }\nvoid hwc_cycles_start(void) { }\nuint32_t hwc_cycles(void) { return 1; }\n"
        '#include "model.h"\nint main(void) { hwc_serve(); return 0; }\n'
    )
    (tmp_path / "main.c").write_text(hooks if serial else main)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(app C)\n"
        f"add_subdirectory({project.folder} model)\nadd_executable(app main.c)\ntarget_link_libraries(app model)\n"
    )
    run(cmake, "-S", tmp_path, "-B", tmp_path / "out", f"-DMODEL_SERIAL={'ON' if serial else 'OFF'}")
    run(cmake, "--build", tmp_path / "out")
    run(tmp_path / "out/app")


@pytest.mark.parametrize("serial", ["", "SERIAL=1"])
def test_the_makefile_crosses_to_the_core(project, serial):
    make, compiler, archiver = tool("make"), tool("arm-none-eabi-gcc"), tool("arm-none-eabi-ar")
    run(make, "-C", project.folder, "clean")
    run(make, "-C", project.folder, f"CC={compiler}", f"AR={archiver}", "CFLAGS=-mcpu=cortex-m0plus -mthumb", *filter(None, [serial]))
    names = run(archiver, "t", project.folder / "build/libmodel.a").split()
    assert "model.o" in names
    assert ("hwc_serve.o" in names) is bool(serial)
    run(make, "-C", project.folder, "clean")


def test_a_zephyr_module_and_an_arduino_library_have_what_those_look_for(project):
    assert "cmake: .\n" in (project.folder / "zephyr/module.yml").read_text()
    fields = dict(line.split("=", 1) for line in (project.folder / "library.properties").read_text().splitlines())
    required = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"}
    assert required <= fields.keys()
    assert (project.folder / fields["includes"]).is_file()
    # Without a folder src/, Arduino compiles what lies right in the library's folder.
    assert not (project.folder / "src").exists()
    assert {path.parent for path in project.sources} == {project.folder}
