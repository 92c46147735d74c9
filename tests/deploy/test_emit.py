"""What a C project is: the same bytes again, C that every compiler takes, and answers of the program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hwcost.deploy.compilers import CORES
from hwcost.deploy.emit import Project, emit
from hwcost.deploy.emit.kernel_files import KERNELS
from hwcost.deploy.interpret import interpret
from hwcost.errors import BuildError
from hwcost.target import Target
from tests.deploy.host import library, pointer
from tests.deploy.made_program import ELEMENTS, HOSTILE, PLAIN, SHAPE, plan, program

STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-ffreestanding", "-c")
REGIONS = ("SRAM1", "SRAM 2 (fast)")
AGAIN = """
import sys
from pathlib import Path
from hwcost.deploy.emit import emit
from hwcost.target import Target
from tests.deploy.made_program import HOSTILE, plan, program
emit(program(HOSTILE), Target.load("stm32l4r5", "hwcost-c"), plan(HOSTILE), None, Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def target() -> Target:
    return Target.load("stm32l4r5", "hwcost-c")


def emitted(folder: Path, target: Target, names: tuple[str, ...] = PLAIN, regions: tuple[str, ...] = ("SRAM1",)) -> Project:
    return emit(program(names), target, plan(names, regions), None, folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, target: Target) -> None:
    """Whatever the folder, the process and the order in which it walks sets."""
    emitted(tmp_path / "here", target, HOSTILE)
    for seed in ("1", "2"):
        there = tmp_path / f"elsewhere {seed}" / "deeper"
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", AGAIN, str(there)], check=True, env=environment)
        assert contents(there) == contents(tmp_path / "here")


def test_nothing_of_this_machine_is_in_the_files(tmp_path: Path, target: Target) -> None:
    emitted(tmp_path / "here", target)
    assert not [name for name, text in contents(tmp_path / "here").items() if str(tmp_path).encode() in text]


def test_names_lead_nowhere(tmp_path: Path, target: Target) -> None:
    """Files are named by us alone, and all lie in the folder."""
    emitted(tmp_path / "deep" / "plain", target)
    emitted(tmp_path / "deep" / "hostile", target, HOSTILE)
    assert list(contents(tmp_path / "deep" / "hostile")) == list(contents(tmp_path / "deep" / "plain"))
    assert sorted(path.name for path in tmp_path.rglob("*") if path.parent in (tmp_path, tmp_path / "deep")) == ["deep", "hostile", "plain"]


@pytest.mark.parametrize("names", [PLAIN, HOSTILE], ids=["plain", "hostile"])
def test_names_are_comments_alone(names: tuple[str, ...], tmp_path: Path, target: Target) -> None:
    """Without its comments, the C is the same under any names."""
    emitted(tmp_path / "plain", target)
    emitted(tmp_path / "named", target, names)
    for name in ("model.h", "model.c", "weights.h", "weights.c"):
        assert without_comments(tmp_path / "named" / name) == without_comments(tmp_path / "plain" / name)


def without_comments(path: Path) -> str:
    text, kept = path.read_text(encoding="utf-8"), []
    while "/*" in text:
        before, _, rest = text.partition("/*")
        kept.append(before)
        text = rest.partition("*/")[2]
    return "".join([*kept, text])


@pytest.mark.parametrize("core", [None, *CORES])
def test_compilers_find_nothing_to_say(core: str | None, tmp_path: Path, target: Target) -> None:
    """On this computer and for every core, under names and regions of any kind."""
    pytest.importorskip("ziglang")
    project = emitted(tmp_path / "model", target, HOSTILE, REGIONS)
    flags = () if core is None else CORES[core]["zig"]
    command = [sys.executable, "-m", "ziglang", "cc", *flags, *STRICT, "-I", str(project.folder), *map(str, project.sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_header_can_be_included_from_cpp(tmp_path: Path, target: Target) -> None:
    pytest.importorskip("ziglang")
    project = emitted(tmp_path / "model", target, HOSTILE)
    source = tmp_path / "user.cpp"
    source.write_text('#include "model.h"\nint main() { model_run(nullptr, nullptr, nullptr, nullptr); return MODEL_INPUTS; }\n')
    flags = (*CORES["cortex-m4"]["zig"], *STRICT[1:], "-nostdinc++")
    command = [sys.executable, "-m", "ziglang", "cc", *flags, "-I", str(project.folder), str(source)]
    assert subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path).stderr == ""


@pytest.mark.parametrize("regions", [("SRAM1",), REGIONS], ids=["one region", "two regions"])
@pytest.mark.parametrize("in_arena", [4, 2, 1, 0], ids=["all in the arena", "inputs in the arena", "left in the arena", "no arena"])
def test_model_run_answers_as_the_program(regions: tuple[str, ...], in_arena: int, tmp_path: Path, target: Target) -> None:
    """Two inputs and two outputs, wherever the plan has them; what lies outside the plan is the caller's."""
    made = program(HOSTILE)
    project = emit(made, target, plan(HOSTILE, regions)[:in_arena], None, tmp_path / "model")
    assert project.arena_bytes == in_arena * ELEMENTS
    host = library(project.sources, project.folder, tmp_path)
    rng = np.random.default_rng(0)
    for _ in range(3):
        stored = [rng.integers(-128, 128, SHAPE).astype(np.int8) for _ in range(2)]
        outputs = [np.zeros(SHAPE, np.int8) for _ in range(2)]
        host.model_run(*map(pointer, (*stored, *outputs)))
        _, values = interpret(made, {n: np.moveaxis(v, -1, 0) for n, v in zip(HOSTILE[:2], stored, strict=True)}, trace=True)
        for name, output in zip(HOSTILE[2:4], outputs, strict=True):
            np.testing.assert_array_equal(output, values[name])


def test_nothing_is_copied_where_the_caller_uses_the_arena(tmp_path: Path, target: Target) -> None:
    """The addresses that the header promises are the inputs and outputs themselves."""
    import ctypes

    made = program()
    project = emit(made, target, plan(), None, tmp_path / "model")
    host = library(project.sources, project.folder, tmp_path)
    places = []
    for word in ("input_0", "input_1", "output_0", "output_1"):
        function = getattr(host, f"model_{word}")
        function.restype = ctypes.c_void_p
        places.append(function())
    assert [place - places[0] for place in places] == [0, ELEMENTS, 2 * ELEMENTS, 3 * ELEMENTS]
    stored = [np.full(SHAPE, value, np.int8) for value in (7, -9)]
    for place, values in zip(places, stored, strict=False):
        ctypes.memmove(place, values.tobytes(), ELEMENTS)
    host.model_run(*map(ctypes.c_void_p, places))
    _, expected = interpret(made, {n: np.moveaxis(v, -1, 0) for n, v in zip(PLAIN[:2], stored, strict=True)}, trace=True)
    for place, name in zip(places[2:], PLAIN[2:4], strict=True):
        assert ctypes.string_at(place, ELEMENTS) == expected[name].tobytes()


def test_a_region_is_a_section_of_its_own(tmp_path: Path, target: Target) -> None:
    """So that a linker script decides where it lies; nothing of its name but letters, digits and _."""
    text = (emitted(tmp_path / "model", target, PLAIN, REGIONS).folder / "model.c").read_text(encoding="utf-8")
    assert f'section(".bss.arena_sram1"))) static _Alignas(16) int8_t arena_sram1[{2 * ELEMENTS}];' in text
    assert f'section(".bss.arena_sram_2__fast_"))) static _Alignas(16) int8_t arena_sram_2__fast_[{2 * ELEMENTS}];' in text


def test_the_header_tells_shapes_and_scales(tmp_path: Path, target: Target) -> None:
    text = (emitted(tmp_path / "model", target).folder / "model.h").read_text(encoding="utf-8")
    for line in (
        "#define MODEL_INPUTS 2",
        f"#define MODEL_ARENA_BYTES {4 * ELEMENTS}",
        "#define MODEL_INPUT_1_SHAPE {4, 6, 3}",
        "#define MODEL_OUTPUT_0_SCALE 0.5f",
        "#define MODEL_OUTPUT_1_ZERO_POINT -1",
        "void model_run(const int8_t *input_0, const int8_t *input_1, int8_t *output_0, int8_t *output_1);",
    ):
        assert line in text.splitlines()


def test_a_plan_of_another_network_is_refused(tmp_path: Path, target: Target) -> None:
    """A value between two layers has to lie somewhere; nothing is written."""
    made = program()
    inner = type(made)(type(made.graph)(dict(made.graph.inputs), (PLAIN[3],), made.graph.nodes), made.layers, made.tensors)
    with pytest.raises(BuildError, match="no place for 'sum'"):
        emit(inner, target, plan()[:2], None, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_kernel_nobody_emits_is_named(tmp_path: Path, target: Target) -> None:
    with pytest.raises(Exception, match="no kernel is called 'fastest'"):
        emit(program(), target, plan(), ["fastest", "portable"], tmp_path / "model")


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "rv32imc"])
def test_compilers_find_nothing_to_say_of_any_kernel(core: str, tmp_path: Path) -> None:
    """Not only of those that the small network above uses."""
    pytest.importorskip("ziglang")
    sources = [path for path in sorted(KERNELS.glob("*.c")) if core == "cortex-m4" or not path.name.startswith("hwc_dsp")]
    command = [sys.executable, "-m", "ziglang", "cc", *CORES[core]["zig"], *STRICT, "-I", str(KERNELS), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4"])
def test_gcc_finds_nothing_to_say_either(core: str, tmp_path: Path) -> None:
    """Where it is installed. Functions that are assembly alone use their arguments where gcc does not look."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    sources = [path for path in sorted(KERNELS.glob("*.c")) if core == "cortex-m4" or not path.name.startswith("hwc_dsp")]
    flags = (*CORES[core]["gcc"], *STRICT, "-O2", "-Wno-unused-parameter")
    done = subprocess.run(["arm-none-eabi-gcc", *flags, *map(str, sources)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
