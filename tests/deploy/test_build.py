from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hwcost.deploy.build import build, sections
from hwcost.deploy.compilers import CORES, found
from hwcost.deploy.room import OtherRam, Room, room_of
from hwcost.errors import BuildError
from hwcost.target import Target, load_core

pytest.importorskip("ziglang")
pytest.importorskip("elftools")

TEXT = """#include "n.h"
const char table[1000] = {1}; int values[10] = {1}; char zeros[500];
int unused(int n) { return n * 17; }
int f(int n) { zeros[n] = 1; return values[n]++ + table[n] + N; }
"""


def loaded(elf: Path) -> list[bytes]:
    """What goes onto a board: the rest of an ELF file names files of this machine."""
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as file:
        return [segment.data() for segment in ELFFile(file).iter_segments() if segment["p_type"] == "PT_LOAD"]


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "n.h").write_text("#define N 3\n")
    (tmp_path / "a.c").write_text(TEXT)
    return tmp_path


def built(project: Path, core: str = "cortex-m4", **options):
    return build([project / "a.c"], project, project / "out", load_core(core), **{"roots": ("f",), **options})


@pytest.mark.parametrize("core", sorted(CORES))
def test_sections_tell_flash_and_ram(project, core):
    found_sections = sections(built(project, core).elf)
    code = sum(found_sections.functions.values())
    assert (found_sections.data_bytes, found_sections.bss_bytes, found_sections.ram_bytes) == (40, 500, 540)
    assert code + 1000 + 40 <= found_sections.flash_bytes <= code + 1000 + 40 + 64
    assert found_sections.functions["f"] > 0
    assert "unused" not in found_sections.functions


def test_a_second_build_compiles_nothing_and_a_changed_header_everything_that_may_see_it(project):
    image = built(project)
    times = {path: path.stat().st_mtime_ns for path in (project / "out").rglob("*") if path.suffix in (".o", ".elf")}
    built(project)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    before = image.elf.read_bytes()
    (project / "n.h").write_text("#define N 4\n")
    assert built(project).elf.read_bytes() != before
    assert not any(path.exists() for path in times if path.suffix == ".o")


def test_equal_sources_make_equal_images(project, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in ("a.c", "n.h"):
        shutil.copy(project / name, other / name)
    assert loaded(built(project).elf) == loaded(built(other).elf)


def test_a_result_says_what_it_was_built_with(project):
    image = built(project, optimise="-Os")
    assert image.version.startswith("zig ")
    assert {"-Os", "-mcpu=cortex_m4"} <= set(image.flags)
    assert "a.c" in image.log.read_text()


def test_an_error_has_the_command_the_line_and_the_log(project):
    (project / "a.c").write_text("int f(void) { return missing; }\n")
    with pytest.raises(BuildError, match=r"a\.c does not compile") as caught:
        built(project)
    assert "undeclared identifier 'missing'" in caught.value.line
    assert "-mcpu=cortex_m4" in caught.value.command
    assert "missing" in Path(caught.value.log).read_text()


def test_a_function_that_is_nowhere_is_named(project):
    (project / "a.c").write_text("int g(void); int f(void) { return g(); }\n")
    with pytest.raises(BuildError, match="does not link") as caught:
        built(project)
    assert "undefined symbol: g" in caught.value.line


def test_an_image_larger_than_the_flash_is_refused(project):
    with pytest.raises(BuildError, match="does not link") as caught:
        built(project, room=Room(flash_bytes=1024))
    assert "overflowed" in caught.value.line


def test_compilers_that_are_not_there_and_cores_nobody_can_build_for(project):
    with pytest.raises(BuildError, match="expected the command 'no-such-gcc', which is not installed"):
        found("no-such-gcc")
    with pytest.raises(BuildError, match="no firmware can be built for cortex-m85"):
        built(project, "cortex-m85")
    gone = replace(found(), command=("/no/such/zig", "cc"))
    with pytest.raises(BuildError, match="could not be started"):
        built(project, compiler=gone)


@pytest.mark.parametrize(
    ("name", "core"), [("arm-none-eabi-gcc", "cortex-m4"), ("riscv64-unknown-elf-gcc", "rv32imc"), ("clang", "cortex-m4")]
)
def test_other_compilers_build_the_same_project(project, name, core):
    if shutil.which(name) is None or (name == "clang" and shutil.which("ld.lld") is None):
        pytest.skip(f"{name} is not installed")
    found_sections = sections(built(project, core, compiler=found(name)).elf)
    assert (found_sections.data_bytes, found_sections.bss_bytes) == (40, 500)


def test_files_in_the_way_are_told(project):
    (project / "out").write_text("a file")
    with pytest.raises(BuildError, match="cannot make the folder"):
        built(project)


REGIONS = """
static char arena_sram[3000]; static char arena_dtcm[700]; int counter;
int f(int n) { counter++; arena_sram[n] = 1; arena_dtcm[n] = 2; return arena_sram[0] + arena_dtcm[0] + counter; }
"""


def test_arenas_of_other_regions_are_linked_to_them_and_run_there(project):
    from hwcost.boards import EmulatedBoard

    pytest.importorskip("unicorn")
    (project / "a.c").write_text(REGIONS)
    room = Room(ram_bytes=8192, stack_bytes=2048, others=(OtherRam("dtcm", 1024, ("arena_dtcm",)),))
    image = built(project, room=room)
    board = EmulatedBoard(load_core("cortex-m4"))
    board.load(image.elf)
    assert board.call("f", (0,)).result == 1 + 2 + 1
    assert board.address("arena_dtcm") - board.address("hwc_ram1_start") in range(1024)
    assert board.address("arena_sram") - board.address("hwc_ram_start") in range(8192)
    assert sections(image.elf).bss_bytes == 3000 + 700 + 4


@pytest.mark.parametrize(("ram", "other", "said"), [(4096, 1024, "overlap"), (8192, 512, "overflowed")])
def test_arenas_larger_than_their_regions_do_not_link(project, ram, other, said):
    (project / "a.c").write_text(REGIONS)
    with pytest.raises(BuildError, match="does not link") as caught:
        built(project, room=Room(ram_bytes=ram, stack_bytes=2048, others=(OtherRam("dtcm", other, ("arena_dtcm",)),)))
    assert said in caught.value.line


def test_the_room_of_a_device():
    # The Cortex-M7 of an STM32H743 has 128 KiB of DTCM and 512 KiB of AXI SRAM.
    target = Target.load("stm32h743", "hwcost-c")
    in_first = room_of(target, {"arena": ("dtcm", 100 << 10)}, 512)
    assert (in_first.ram_bytes, in_first.flash_bytes, in_first.others) == (128 << 10, 2 << 20, ())
    assert in_first.stack_bytes == 16 << 10
    assert room_of(target, {"arena": ("dtcm", 127 << 10)}, 512).stack_bytes == 1008
    full = room_of(target, {"arena_dtcm": ("dtcm", 128 << 10), "arena_axi": ("axi", 1000)}, 512)
    assert full.ram_bytes == 512 << 10
    assert full.others == (OtherRam("dtcm", 128 << 10, ("arena_dtcm",)),)
    small = Target.load("stm32l4r5", "hwcost-c")
    with pytest.raises(BuildError, match="has 512 bytes left for the stack beside the arena: at most 352"):
        room_of(small, {"arena": ("sram", 655_000)}, 512)
