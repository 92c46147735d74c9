"""Names, paths, own folders and boards become targets; whatever cannot is refused in one sentence."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hwcost.errors import TargetError
from hwcost.target import Target, load_runtime
from hwcost.target.catalogue import priced_on

DEVICE = """
name = "mine"
title = "Mine"
vendor = "Me"
core = "cortex-m4"
clock_hz = { value = 1e6, source = "a datasheet" }
default_runtime = "tflm-cmsis-nn"

[[memories]]
name = "sram"
kind = "ram"
size_bytes = { value = 65_536, source = "a datasheet" }
"""
CORE = """
name = "my-core"
title = "My core"
isa = "armv7e-m"
extensions = ["dsp"]
multiply = "SMLAD"
sources = ["a manual"]
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_device_comes_with_its_core_and_its_default_runtime():
    target = Target.load("stm32l4r5")
    assert (target.name, target.core.name, target.runtime.name, target.board) == ("stm32l4r5", "cortex-m4", "tflm-cmsis-nn", None)
    assert target.clock_hz == 120e6
    assert (target.ram_bytes, target.flash_bytes) == (640 * 1024, 2 * 1024 * 1024)


def test_capital_letters_do_not_matter():
    assert Target.load("STM32L4R5") == Target.load("stm32l4r5")


def test_only_the_prices_of_the_target_core_are_read():
    assert set(Target.load("stm32l4r5").runtime.latency) <= {"cortex-m4"}
    assert Target.load("gap8").latency is not None


def test_a_board_adds_memories_and_replaces_the_device_flash():
    board, device = Target.load("esp32s3-n16r8"), Target.load("esp32s3")
    assert board.name == "esp32s3-n16r8"
    assert [memory.name for memory in board.ram_regions] == ["dram", "psram"]
    assert (board.flash_bytes, device.flash_bytes) == (16 * 2**20, 8 * 2**20)
    assert board.ram_bytes == device.ram_bytes + 8 * 2**20


def test_a_board_reserves_bytes_of_its_device_and_may_set_the_clock():
    assert Target.load("cy8cproto-062-4343w").reserved == {"sram": 8192, "flash": 8192}
    assert Target.load("raspberry-pi-pico").clock_hz == 125e6


def test_a_runtime_without_a_version_is_the_newest_described():
    assert load_runtime("x-cube-ai").version == "10.0"
    assert load_runtime("x-cube-ai@9.0").version == "9.0"


@pytest.mark.parametrize(
    ("name", "runtime", "said"),
    [
        ("stm32l4r6", None, "did you mean 'stm32l4r5'"),
        ("quite-unknown-thing", None, "'hwcost targets list' prints the names"),
        ("stm32l4r5", "tflm-cmsisnn", "did you mean 'tflm-cmsis-nn'"),
        ("stm32l4r5", "x-cube-ai@3.0", "7.1, 7.3, 8.1, 9.0, 10.0, got '3.0'"),
        ("stm32l4r5", "pulp-nn", "expected a runtime described for core 'cortex-m4', got pulp-nn@2021"),
        ("../devices/stm32l4r5", None, "../devices/stm32l4r5: expected the description of a target in TOML"),
        ("a\0b", None, "expected the name of a described board or device"),
        ("x" * 5000, None, "expected the name of a described board or device"),
        ("stm32l4r5", "x" * 5000, "expected the name of a described runtime"),
        ("stm32l4r5", "../../secrets", "expected the name of a described runtime"),
        ("stm32l4r5", "", "expected the name of a described runtime"),
    ],
)
def test_what_cannot_be_found_is_said_with_what_can(name, runtime, said):
    with pytest.raises(TargetError) as caught:
        Target.load(name, runtime)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 500


def test_an_own_device_by_path(tmp_path):
    target = Target.load(written(tmp_path, "mine.toml", DEVICE))
    assert (target.name, target.ram_bytes, target.flash_regions) == ("mine", 65_536, ())
    assert target == Target.load(str(tmp_path / "mine.toml"))


def test_an_own_device_may_hold_its_core(tmp_path):
    inside = CORE.strip().replace("\n", ", ")
    text = DEVICE.replace('core = "cortex-m4"', f"core = {{ {inside} }}").replace("tflm-cmsis-nn", "mine-rt")
    path = written(tmp_path, "mine.toml", text)
    written(
        tmp_path, "mine-rt.toml", 'name = "mine-rt"\nversion = "3"\ntitle = "R"\ncores = ["my-core"]\nsources = ["s"]\ndata_only = true\n'
    )
    target = Target.load(path)
    assert (target.core.name, target.device.core, target.runtime.reference) == ("my-core", "my-core", "mine-rt@3")
    assert Target.load(path, runtime="mine-rt@3") == target


def test_faults_of_a_core_inside_a_device_are_placed_there(tmp_path):
    path = written(tmp_path, "mine.toml", DEVICE.replace('core = "cortex-m4"', 'core = { name = "my-core" }'))
    with pytest.raises(TargetError, match="core: expected key 'title', got none"):
        Target.load(path)


def test_a_folder_of_ones_own_is_sorted_or_flat_and_comes_first(tmp_path, monkeypatch):
    written(tmp_path, "devices/stm32l4r5.toml", DEVICE.replace('name = "mine"', 'name = "stm32l4r5"'))
    written(tmp_path, "flat.toml", DEVICE.replace('name = "mine"', 'name = "flat"'))
    written(tmp_path, "boards/kit.toml", 'name = "kit"\ntitle = "Kit"\ndevice = "flat"\n')
    monkeypatch.setenv("HWCOST_TARGETS", str(tmp_path))
    assert Target.load("stm32l4r5").ram_bytes == 65_536
    assert Target.load("flat").name == "flat"
    assert Target.load("kit").device.name == "flat"
    with pytest.raises(TargetError, match="did you mean 'flat'"):
        Target.load("flaat")


def test_a_runtime_in_one_file_may_hold_its_prices(tmp_path, monkeypatch):
    prices = 'runtime = "own"\ncore = "cortex-m7"\nsource = "s"\nbasis = { method = "fitted", source = "measured", rows = 3 }\n'
    price = '[[latency.cortex-m7.prices]]\nform = "linear"\nkinds = ["add"]\nsource = "s"\nper_output_element = 2.0\n'
    head = 'name = "own"\nversion = "1"\ntitle = "Own"\ncores = ["cortex-m7"]\nsources = ["s"]\ndata_only = true\n'
    written(tmp_path, "own.toml", f"{head}[latency.cortex-m7]\n{prices}{price}")
    monkeypatch.setenv("HWCOST_TARGETS", str(tmp_path))
    target = Target.load("stm32h743", "own")
    assert target.latency is not None
    assert target.latency.prices[0].kinds == ("add",)
    assert "own@1" in priced_on("cortex-m7")
    assert "own@1" not in priced_on("cortex-m4")


def test_a_folder_of_ones_own_that_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("HWCOST_TARGETS", str(tmp_path / "nowhere"))
    with pytest.raises(TargetError, match="expected HWCOST_TARGETS to name folders"):
        Target.load("stm32l4r5")


def test_a_board_that_reserves_a_region_its_device_lacks_is_refused(tmp_path):
    text = 'name = "kit"\ntitle = "Kit"\ndevice = "rp2040"\n[reserved_bytes]\nsarm = { value = 1, source = "s" }\n'
    with pytest.raises(TargetError, match="reserved_bytes: expected regions out of sram, flash, got sarm"):
        Target.load(written(tmp_path, "kit.toml", text))


HOSTILE = {
    "empty": b"",
    "binary": bytes(range(256)),
    "not utf-8": b'name = "\xff"',
    "ten megabytes": b"#" * 10_000_000,
    "a bomb of arrays": b"a = " + b"[" * 100_000,
    "a bomb of inline tables": b"a = " + b"{a=" * 50_000,
    "a bomb of tables": b"[" + b".".join([b"a"] * 1000) + b"]\n",
    "a thousand nested tables": b"".join(b"[" + b".".join([b"a"] * n) + b"]\n" for n in range(1, 1000)),
    "endless digits": b"a = " + b"9" * 100_000,
    "nan": DEVICE.replace("1e6", "nan").encode(),
    "twice": b"a = 1\na = 2\n",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_one_refusal(content, tmp_path):
    path = tmp_path / "hostile.toml"
    path.write_bytes(content)
    with pytest.raises(TargetError) as caught:
        Target.load(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 4000


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.toml"))
        for path, what in ((tmp_path, "a directory"), (tmp_path / "pipe.toml", "a pipe"), (tmp_path / "s.toml", "a socket")):
            with pytest.raises(TargetError, match=what):
                Target.load(path)
    with pytest.raises(TargetError, match="No such file"):
        Target.load(tmp_path / "missing.toml")


def test_a_shipped_target_needs_no_validator(root):
    program = "import json, sys; from hwcost.target import Target; Target.load('stm32l4r5'); print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"pydantic", "torch", "pandas", "sklearn", "onnx", "rich", "typer"}
