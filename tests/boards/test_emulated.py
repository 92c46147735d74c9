from __future__ import annotations

import pytest

from hwcost.boards.base import Run
from hwcost.boards.emulated import EmulatedBoard
from hwcost.deploy.build import Room
from hwcost.errors import BoardError
from hwcost.target import load_core
from tests.boards.images import built

pytest.importorskip("ziglang")
pytest.importorskip("unicorn")
pytest.importorskip("capstone")

COUNTED = """
__attribute__((naked)) int f(int n) {
    __asm__ volatile(".syntax unified\\n movs r1, #0\\n 1: adds r1, r1, r0\\n subs r0, r0, #1\\n bne 1b\\n mov r0, r1\\n bx lr");
}
"""
MEMORY = """
__attribute__((naked)) int f(int *p) {
    __asm__ volatile(
        ".syntax unified\\n ldr r1, [r0]\\n ldr r2, [r0, #4]\\n str r1, [r0, #8]\\n ldr r3, [r0]\\n adds r1, r1, r2\\n"
        "ldr r2, [r0]\\n push {r4, r5, r6, lr}\\n pop {r4, r5, r6, pc}");
}
"""
PAIRS = """
__attribute__((naked)) int f(int *p) {
    __asm__ volatile("ldrd r2, r3, [r0]\\n mla r1, r2, r3, r2\\n smlad r1, r2, r3, r1\\n smull r2, r3, r1, r2\\n sdiv r1, r1, r3\\n bx lr");
}
"""
DEEP = """
int g(volatile char *p);
int f(int n) { volatile char room[256]; room[n] = 1; return room[0]; }
"""
ARM = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33")


def run(folder, text, *args, core="cortex-m4", native=True) -> Run:
    board = EmulatedBoard(load_core(core), native=native)
    board.load(built(folder, text, core).elf)
    return board.call("f", args)


@pytest.mark.parametrize("core", ARM)
@pytest.mark.parametrize("n", [1, 7])
def test_every_executed_instruction_is_counted_once(tmp_path, core, n):
    found = run(tmp_path, COUNTED, n, core=core)
    assert (found.instructions, found.result) == (1 + 3 * n + 2, n * (n + 1) // 2)
    assert found.classes == {"arithmetic": 2 + 2 * n, "branch": n + 1}
    assert found.functions["f"].instructions == found.instructions


def test_cycles_of_a_loop_are_its_instructions_and_two_for_each_branch_taken(tmp_path):
    # 24 instructions of one cycle; six branches back and the return go elsewhere.
    assert run(tmp_path, COUNTED, 7).cycles == 24 + 7 * 2
    assert run(tmp_path, COUNTED, 7, core="cortex-m0plus").cycles == 24 + 7


@pytest.mark.parametrize(
    ("core", "cycles"), [("cortex-m4", 2 + 1 + 1 + 1 + 1 + 2 + 5 + 7 + 2), ("cortex-m0plus", 4 * 2 + 2 + 1 + 5 + 7 + 1)]
)
def test_loads_and_stores_take_what_the_table_says(tmp_path, core, cycles):
    board = EmulatedBoard(load_core(core))
    board.load(built(tmp_path, MEMORY, core).elf)
    place = board.buffer((3).to_bytes(4, "little") * 3)
    found = board.call("f", [place])
    assert (found.instructions, found.cycles, found.stack_bytes) == (8, cycles, 16)
    assert board.read(place + 8, 4) == (3).to_bytes(4, "little")


def test_multiplications_and_divisions_take_what_the_table_says(tmp_path):
    board = EmulatedBoard(load_core("cortex-m4"))
    board.load(built(tmp_path, PAIRS).elf)
    found = board.call("f", [board.buffer(bytes(8))])
    assert found.classes == {"load-pair": 1, "multiply-add": 1, "dsp": 1, "multiply-long": 1, "divide": 1, "branch": 1}
    assert found.cycles == 3 + 2 + 1 + 1 + 7 + 1 + 2


def test_counting_in_c_and_in_python_agree(tmp_path):
    assert run(tmp_path, COUNTED, 1000) == run(tmp_path, COUNTED, 1000, native=False)


def test_riscv_runs_and_counts(tmp_path):
    body = "li a1, 0\\n 1: add a1, a1, a0\\n addi a0, a0, -1\\n bnez a0, 1b\\n mv a0, a1\\n ret"
    text = f'__attribute__((naked)) int f(int n) {{ __asm__ volatile("{body}"); }}'
    board = EmulatedBoard(load_core("rv32imc"))
    board.load(built(tmp_path, text, "rv32imc").elf)
    found = board.call("f", [30])
    assert (found.instructions, found.cycles, found.result) == (3 + 3 * 30, 3 + 3 * 30 + 30 * 2, 465)
    assert found.classes == {"arithmetic": 2 + 2 * 30, "branch": 31}


def test_the_stack_is_as_deep_as_the_frame(tmp_path):
    assert 256 <= run(tmp_path, DEEP, 0).stack_bytes <= 256 + 32


def test_a_stack_that_is_too_small_is_told(tmp_path):
    board = EmulatedBoard(load_core("cortex-m4"))
    text = "int f(int n) { volatile char room[256]; for (int i = 0; i < 256; i++) room[i] = 1; return room[n]; }"
    board.load(built(tmp_path, text, room=Room(stack_bytes=128)).elf)
    with pytest.raises(BoardError, match="f used all 128 bytes of its stack"):
        board.call("f", [0])


@pytest.mark.parametrize("core", ["cortex-m4", "rv32imc"])
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return *(volatile int *)0x50000000", "read of 0x50000000"),
        ("*(volatile int *)0x50000004 = 1; return 0", "write to 0x50000004"),
        ("*(volatile int *)0x08000000 = 1; return 0", "write to read-only memory at 0x08000000"),
        ("return ((int (*)(void))0x50000001)()", "0x50000000"),
    ],
)
def test_a_wild_pointer_is_told_with_address_and_function(tmp_path, core, body, told):
    with pytest.raises(BoardError, match=told) as caught:
        run(tmp_path, f"int f(void) {{ {body}; }}", core=core)
    assert f"emulated {core}: f stopped" in str(caught.value)
    if "(*)(void)" not in body:
        assert str(caught.value).endswith("in f")


def test_a_function_that_does_not_end_is_stopped(tmp_path):
    board = EmulatedBoard(load_core("cortex-m4"), instructions=10_000)
    board.load(built(tmp_path, 'int f(void) { for (;;) __asm__ volatile("nop"); }').elf)
    with pytest.raises(BoardError, match=r"f did not return within 10000 instructions; it was at 0x08.* in f"):
        board.call("f")


def test_initial_values_constants_and_arguments_on_the_stack(tmp_path):
    text = "const int k[2] = {5, 6}; int d = 7, z; int f(int a, int b, int c, int e, int x, int y) { z += d++; return k[y] * x + z + a; }"
    board = EmulatedBoard(load_core("cortex-m4"))
    board.load(built(tmp_path, text).elf)
    assert board.call("f", [-1, 0, 0, 0, 10, 1]).result == 60 + 7 - 1
    assert board.read("d", 4) == (8).to_bytes(4, "little")
    board.write("z", (100).to_bytes(4, "little"))
    assert board.call("f", [0, 0, 0, 0, 0, 0]).result == 108


def test_what_cannot_be_emulated_is_said():
    with pytest.raises(BoardError, match="cortex-m85 cannot be emulated: the emulator has no core with the Helium vector extension"):
        EmulatedBoard(load_core("cortex-m85"))
    with pytest.raises(BoardError, match="xtensa-lx6"):
        EmulatedBoard(load_core("xtensa-lx6"))
    with pytest.raises(BoardError, match="call load"):
        EmulatedBoard(load_core("cortex-m4")).call("f")


def test_missing_symbols_and_files_that_are_no_image(tmp_path):
    board = EmulatedBoard(load_core("cortex-m4"))
    board.load(built(tmp_path, COUNTED).elf)
    with pytest.raises(BoardError, match="no symbol 'g'; expected one of"):
        board.call("g")
    with pytest.raises(BoardError, match="no memory for 4 bytes at 0x50000000"):
        board.read(0x5000_0000, 4)
    (tmp_path / "text").write_text("no image")
    with pytest.raises(BoardError, match="expected an ELF image"):
        board.load(tmp_path / "text")
