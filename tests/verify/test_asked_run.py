"""The whole path of a real board: the emitted firmware's own protocol on an emulated core behind a pseudo-terminal, and in QEMU."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import numpy as np
import pytest

from hwcost.boards.lines import framed
from hwcost.boards.qemu import MACHINES
from hwcost.boards.serial import SerialBoard, open_port
from hwcost.boards.wired import WiredBoard
from hwcost.deploy.interpret.border import taken
from hwcost.errors import BoardError
from hwcost.target import Target
from hwcost.verify.asked_run import serial_image
from hwcost.verify.deployment import Order, built, deployed, write
from hwcost.verify.firmware_run import run_on
from hwcost.verify.oracle import examples_of
from tests.deploy.qdq import Model
from tests.verify.test_deployment import small

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")
pytest.importorskip("serial")
pytest.importorskip("tty", reason="this system has no pseudo-terminals")

DEVICES = ["stm32l4r5", "rp2040", "esp32c3"]
QEMU_DEVICES = [*DEVICES, "nrf5340", "stm32h743"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small(tmp_path_factory.mktemp("model"))


def separable(folder):
    """A 3x3 depthwise convolution, a 3x3 and a pointwise one: the kernels with instructions that compilers are asked for by name."""
    rng = np.random.default_rng(1)
    model = Model(folder)
    x = model.input("x", (8, 9, 9), 0.05, -4)
    d = model.weights("d", rng.integers(-127, 128, (8, 1, 3, 3)), np.full(8, 0.01))
    y = model.node("Conv", [x, d], "y", 0.1, -20, pads=[1, 1, 1, 1], group=8)
    w = model.weights("w", rng.integers(-127, 128, (12, 8, 3, 3)), np.full(12, 0.01))
    z = model.node("Conv", [y, w], "z", 0.2, 5, pads=[1, 1, 1, 1])
    v = model.weights("v", rng.integers(-127, 128, (4, 12, 1, 1)), np.full(4, 0.02))
    model.node("Conv", [z, v], "out", 0.3, 1)
    return model.saved("out")


@contextmanager
def wired(model, folder, device, claimed_hz=None):
    """A firmware that was written, and the board it runs on."""
    target = Target.load(device, "hwcost-c")
    order = Order(model, target, folder)
    project = write(order).project
    defines = WiredBoard.defines(target.core, claimed_hz or target.clock_hz)
    image = serial_image(project, target.core, "serial", defines)
    with WiredBoard(target.core, image.elf, target.clock_hz) as board:
        yield order, project, board


@pytest.mark.parametrize("device", DEVICES)
def test_a_board_over_a_line_answers_as_the_emulated_one(model, tmp_path, device):
    with wired(model, tmp_path / "fw", device) as (order, _, board):
        written = write(order)
        image = built(written, order)
        examples = examples_of(model, written.program, None)
        asked, emulated = (
            run_on(name, image, written.program, written.project, order.target, examples) for name in (f"serial:{board.port}", "emulated")
        )
    for one, other in zip(asked.outputs, emulated.outputs, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in other)
    assert asked.clock_hz == order.target.clock_hz
    assert asked.stack_bytes == pytest.approx(emulated.stack_bytes, abs=96)
    for one, other in zip(asked.layers, emulated.layers, strict=True):
        assert one.cycles == pytest.approx(other.cycles, rel=0.002, abs=150)
    assert asked.cycles == pytest.approx(emulated.cycles, rel=0.005, abs=500)


def test_networks_with_several_inputs_and_outputs(tmp_path):
    # Inputs of 200 bytes are more than one line; each output comes after the inputs were overwritten.
    model = Model(tmp_path)
    a, b = (model.input(name, (2, 10, 10), 0.05, zero) for name, zero in (("a", 3), ("b", -7)))
    total = model.node("Add", [a, b], "total", 0.1, 0)
    w = model.weights("w", np.arange(-3, 3).reshape(3, 2, 1, 1), np.full(3, 0.2))
    mixed = model.node("Conv", [total, w], "mixed", 0.1, 0)
    model.node("GlobalAveragePool", [mixed], "mean", 0.05, 4)
    path = model.saved("total", "mean")
    with wired(path, tmp_path / "fw", "rp2040") as (order, _, board):
        truth = deployed(order, board=f"serial:{board.port}")
    assert truth.agreement.bit_exact
    assert truth.agreement.examples == 2


def test_a_deployment_on_a_board_over_a_line(model, tmp_path):
    with wired(model, tmp_path / "fw", "stm32l4r5") as (order, _, board):
        truth = deployed(order, board=f"serial:{board.port}@921600")
    assert truth.agreement.bit_exact
    assert truth.measured.instructions is None
    assert truth.measured.latency_s == truth.measured.cycles / 120e6
    assert all(layer.cycles is not None for layer in truth.layers)


def test_a_board_flashed_with_another_model_is_refused(model, tmp_path):
    with wired(model, tmp_path / "fw", "stm32l4r5") as (order, _, board):
        other = Order(model, order.target, tmp_path / "other", optimise="flash")
        with pytest.raises(BoardError, match=r"was flashed with another model: expected '?\w{16}'?, got '\w{16}' for 'stm32l4r5'"):
            deployed(other, board=f"serial:{board.port}")


def test_a_clock_that_is_not_as_fast_as_it_says_is_refused(model, tmp_path):
    said = r"says its counter runs at 80 MHz, but by this machine's clock it runs at 1[12]\d.*more than 2%"
    with (
        wired(model, tmp_path / "fw", "stm32l4r5", claimed_hz=80e6) as (order, _, board),
        pytest.raises(BoardError, match=said),
    ):
        deployed(order, board=f"serial:{board.port}")


def test_a_board_that_is_unplugged_in_the_middle(model, tmp_path):
    with wired(model, tmp_path / "fw", "stm32l4r5") as (_, _, board), SerialBoard(open_port(board.port), "port", seconds=2) as asked:
        asked.identify()
        board.unplug()
        with pytest.raises(BoardError, match=r"port (was lost in the middle|did not answer)"):
            asked.layers()


def test_the_firmware_says_what_it_cannot_do_and_goes_on(model, tmp_path):
    with wired(model, tmp_path / "fw", "stm32l4r5") as (order, project, board):
        line = open_port(board.port)
        asked = SerialBoard(line, "port", seconds=5)
        questions = {
            framed("dance"): "unknown word",
            framed("input", index=0, offset=140, hex="00" * 8): "no such bytes of an input",
            framed("input", index=9, offset=0, hex="00"): "no such bytes of an input",
            framed("input", index=0, offset=0, hex="0"): "no such bytes of an input",
            framed("output", index=0, offset=0, bytes=97): "no such bytes of an output",
            b"$run*0000\n": "damaged",
            b"$" + b"x" * 5000 + b"\n": "damaged",
        }
        for question, said in questions.items():
            line.write(question)
            end = b""
            while not end.endswith(b"\n"):
                end += line.read(256)
            assert end == framed("fault", text=said)
        assert asked.identify().model == project.model_hash
        example = taken(write(order).program, examples_of(model, write(order).program, None)[0])
        assert len(asked.run([array.tobytes() for array in example.values()]).outputs[0]) == 4
        asked.close()


@pytest.mark.parametrize("device", QEMU_DEVICES)
def test_qemu_gives_the_same_answers(model, tmp_path, device):
    target = Target.load(device, "hwcost-c")
    if shutil.which(MACHINES[target.core.name].program) is None:
        pytest.skip(f"{MACHINES[target.core.name].program} is not installed")
    truth = deployed(Order(model, target, tmp_path / "fw"), board="qemu")
    assert truth.agreement.bit_exact
    assert truth.agreement.ort_max_lsb <= 1
    assert truth.measured.cycles is None


def test_qemu_that_is_not_installed_is_named_before_anything_is_written(model, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(BoardError, match=r"qemu-system-arm is not installed: install the package qemu-system-arm, or use --board emulated"):
        deployed(Order(model, Target.load("stm32l4r5", "hwcost-c"), tmp_path / "fw"), board="qemu")
    assert not (tmp_path / "fw").exists()


COMPILERS = [
    ("arm-none-eabi-gcc", "stm32l4r5"),
    ("arm-none-eabi-gcc", "rp2040"),
    ("riscv64-unknown-elf-gcc", "esp32c3"),
    ("clang", "stm32l4r5"),
    ("clang", "rp2040"),
    ("clang", "esp32c3"),
]


@pytest.mark.parametrize(("compiler", "device"), COMPILERS)
def test_other_compilers_make_firmware_with_the_same_answers(tmp_path, compiler, device):
    if shutil.which(compiler) is None or (compiler == "clang" and shutil.which("ld.lld") is None):
        pytest.skip(f"{compiler} is not installed")
    order = Order(separable(tmp_path), Target.load(device, "hwcost-c"), tmp_path / "fw", compiler=compiler, optimise="time")
    truth = deployed(order, board="emulated")
    assert truth.agreement.bit_exact
    assert ("clang" if compiler == "clang" else "gcc") in truth.measured.compiler
