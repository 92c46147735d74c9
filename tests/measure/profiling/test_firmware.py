"""One firmware for many layers: what a board says of it becomes rows, and what cannot be believed is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("ziglang")
pytest.importorskip("unicorn")
pytest.importorskip("serial")
pytest.importorskip("jinja2")

from hwcost.boards.lines import LayerCycles, framed
from hwcost.deploy.build import build
from hwcost.errors import BoardError, InputError, MeasurementError
from hwcost.measure.profiling import Backend, measure
from hwcost.measure.profiling.collecting import collect
from hwcost.measure.profiling.firmware import Emitted, collected, emit_layers, emitted_hash
from hwcost.ops import Add, Concat, Conv2d, Dense, DepthwiseConv2d
from hwcost.records import Layer
from hwcost.target import Target
from hwcost.tensor import int8

TARGET = Target.load("stm32l4r5", "hwcost-c")
LAYERS = (
    Layer(Conv2d(8, (3, 3), padding=((1, 1), (1, 1))), (int8(4, 8, 8),)),
    Layer(DepthwiseConv2d((3, 3), padding=((1, 1), (1, 1))), (int8(8, 8, 8),)),
    Layer(Dense(10), (int8(32),)),
    Layer(Add(), (int8(4, 6, 6), int8(4, 6, 6))),
    Layer(Concat(0), (int8(4, 6, 6), int8(3, 6, 6))),
)
TIMER_CYCLES = 60
"""At most what reading the counter and calling change."""
CLOCK_HZ = 64e6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("firmware") / "layers"


@pytest.fixture(scope="module")
def emitted(folder: Path) -> Emitted:
    return emit_layers(LAYERS, TARGET, folder)


def said(emitted: Emitted, cycles: int = 1000, most: int | None = None) -> list[LayerCycles]:
    return [LayerCycles(2 * i + 1, f"layer {i}", cycles, most or cycles, 5) for i in range(len(emitted.layers))]


def log_of(emitted: Emitted, path: Path, *, cycles: int = 1000, model: str | None = None, ends: bool = True) -> Path:
    layers = said(emitted, cycles)
    identity = {"device": "stm32l4r5", "core": "cortex-m4", "clock_hz": 120_000_000, "model": model or emitted.model}
    lines = [
        framed("identity", protocol=1, **identity, inputs="16", outputs="16", layers=len(layers)),
        *(framed("layer", index=i, name=one.name, cycles=one.cycles, most=one.most, repeats=one.repeats) for i, one in enumerate(layers)),
        *([framed("layers", count=len(layers))] if ends else []),
    ]
    path.write_bytes(b"".join(lines))
    return path


def test_the_same_options_make_the_same_firmware(emitted: Emitted) -> None:
    assert emitted_hash(LAYERS, TARGET).model == emitted.model
    assert emitted_hash(LAYERS[:3], TARGET).model != emitted.model
    assert len(emitted.layers) == len(LAYERS)


def test_ram_is_that_of_the_largest_layer(emitted: Emitted) -> None:
    assert emitted.arena_bytes <= max(layer.ram_bytes for layer in emitted.layers) + 64


def test_an_emulated_board_says_what_emulating_each_layer_says(emitted: Emitted, folder: Path) -> None:
    pytest.importorskip("pty")
    from hwcost.boards.wired import WiredBoard

    sources = [*folder.glob("*.c"), *(folder / "serial").glob("*.c"), folder / "serial" / "ports" / "qemu.c"]
    defines = {"MODEL_PROFILE": 1, **WiredBoard.defines(TARGET.core, CLOCK_HZ)}
    image = build(sorted(sources), folder, folder / "build", TARGET.core, roots=("hwc_serve",), defines=defines)
    with WiredBoard(TARGET.core, image.elf, CLOCK_HZ) as wired:
        rows = collect(f"serial:{wired.port}", emitted, TARGET, {"caches": "none"})
    alone = {row.layer: row.cycles or 0.0 for row in measure(LAYERS, TARGET, backend=Backend(workers=1))}
    for row in rows:
        assert row.layer is not None
        assert row.cycles == pytest.approx(alone[row.layer], abs=TIMER_CYCLES)
        assert (row.source, row.conditions.device, row.conditions.caches) == ("measured", "stm32l4r5", "none")
    with WiredBoard(TARGET.core, image.elf, 1.1 * CLOCK_HZ) as wired, pytest.raises(BoardError, match="more than 2% off"):
        collect(f"serial:{wired.port}", emitted, TARGET, {})


def test_a_log_becomes_rows(emitted: Emitted, tmp_path: Path) -> None:
    rows = collect(str(log_of(emitted, tmp_path / "log.txt")), emitted, TARGET, {"compiler": "gcc 14", "wait_states": "5"})
    assert [row.layer for row in rows] == [layer.layer for layer in emitted.layers]
    assert {row.cycles for row in rows} == {1000.0}
    assert {(row.conditions.compiler, row.conditions.wait_states, row.conditions.clock_hz) for row in rows} == {("gcc 14", "5", 120e6)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cycles": 0}, "took no cycles at all"),
        ({"cycles": 2**32 - 5}, "went backwards"),
        ({"model": "0123456789abcdef"}, "give the options that --emit was given"),
        ({"ends": False}, "ends before the line"),
    ],
)
def test_a_log_that_cannot_be_is_refused(changes: dict[str, object], message: str, emitted: Emitted, tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=message):
        collect(str(log_of(emitted, tmp_path / "log.txt", **changes)), emitted, TARGET, {})  # type: ignore[arg-type]


def test_a_board_that_leaves_layers_out_is_asked_again(emitted: Emitted) -> None:
    with pytest.raises(MeasurementError, match="2 of them were not told"):
        collected(emitted, said(emitted)[2:], TARGET, 1e6, {})


def test_what_interrupts_added_is_the_spread(emitted: Emitted) -> None:
    (row, *_) = collected(emitted, said(emitted, 1000, 1200), TARGET, 1e6, {})
    assert row.cycles == 1000
    assert row.spread == pytest.approx(0.2 / 12**0.5)


def test_conditions_that_the_board_tells_itself_are_not_given(emitted: Emitted, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected one of compiler, .*got 'clock_hz'"):
        collect(str(tmp_path / "log.txt"), emitted, TARGET, {"clock_hz": "1"})


def test_layers_too_large_for_the_device_are_left_out() -> None:
    large = Layer(Dense(2000), (int8(1500),))
    assert emitted_hash((large, LAYERS[2]), TARGET).left_out == 1
    with pytest.raises(InputError, match="none of the 1 layers fits"):
        emitted_hash((large,), TARGET)
