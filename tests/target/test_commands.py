"""`hwcost targets`: data on standard output, refusals on standard error, exit codes as promised."""

from __future__ import annotations

import json

import pytest

from hwcost.cli import main

BAD = 'name = "Mine"\ntitel = "x"\n'


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["targets", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_list_names_every_device_with_its_boards(capsys):
    code, out, err = run(capsys, "list")
    assert (code, err) == (0, "")
    row = next(line.split() for line in out.splitlines() if line.startswith("stm32l4r5"))
    assert row == ["stm32l4r5", "cortex-m4", "120MHz", "640KiB", "2MiB", "tflm-cmsis-nn", "nucleo-l4r5zi"]


def test_list_as_json_is_in_bytes_and_hertz(capsys):
    code, out, _ = run(capsys, "list", "--json")
    devices = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert devices["stm32l4r5"]["ram_bytes"] == 655_360
    assert devices["esp32s3"]["boards"] == ["esp32s3-n16r8", "xiao-esp32s3"]


def test_list_leaves_out_a_broken_file_of_ones_own_and_says_so(capsys, tmp_path, monkeypatch):
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "broken.toml").write_text(BAD)
    monkeypatch.setenv("HWCOST_TARGETS", str(tmp_path))
    code, out, err = run(capsys, "list")
    assert code == 2
    assert "stm32l4r5" in out
    assert "broken.toml" in err


def test_show_prints_each_number_with_its_source(capsys):
    code, out, _ = run(capsys, "show", "b-u585i-iot02a")
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("[psram].size_bytes"))
    assert "8,388,608" in line
    assert "UM2839" in line
    assert line.endswith("(unconfirmed)")


def test_show_takes_another_runtime_and_runtimes_by_name(capsys):
    assert "runtime  tflm-reference@" in run(capsys, "show", "stm32l4r5", "--runtime", "tflm-reference")[1]
    assert "published data only" in run(capsys, "show", "x-cube-ai@9.0")[1]


def test_show_as_json_has_the_whole_description(capsys):
    code, out, _ = run(capsys, "show", "gap8", "--json")
    body = json.loads(out)
    assert code == 0
    assert body["core"]["parallel_cores"] == 8
    assert body["reserved_bytes"] == {"l1": 65_536}
    assert "pulp-nn@2021" in body["runtimes_with_latency"]


def test_a_misspelt_name_gets_the_nearest_on_standard_error(capsys):
    code, out, err = run(capsys, "show", "stm32l4r55")
    assert (code, out) == (2, "")
    assert "did you mean 'stm32l4r5'" in err


def test_validate_lists_every_fault(capsys, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(BAD)
    code, out, err = run(capsys, "validate", str(path))
    assert (code, out) == (2, "")
    assert "unknown key 'titel' (did you mean 'title'?)" in err
    assert "expected key 'clock_hz', got none" in err
    code, out, _ = run(capsys, "validate", str(path), "--json")
    assert (code, json.loads(out)["valid"]) == (2, False)


def test_validate_says_what_is_still_unconfirmed(capsys, root):
    code, out, _ = run(capsys, "validate", str(root / "targets" / "devices" / "gap8.toml"), "--json")
    body = json.loads(out)
    assert (code, body["kind"]) == (0, "device")
    assert "memories[flash].size_bytes" in body["unconfirmed"]


def test_validate_looks_up_the_names_a_file_uses(capsys, tmp_path):
    path = tmp_path / "kit.toml"
    path.write_text('name = "kit"\ntitle = "Kit"\ndevice = "rp20400"\n')
    code, _, err = run(capsys, "validate", str(path))
    assert code == 2
    assert "did you mean 'rp2040'" in err
