"""`hwcost deploy` as it is typed."""

import json

import pytest

from tests.verify.test_deployment import small

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")


@pytest.fixture
def int8(tmp_path):
    return small(tmp_path)


def test_it_prints_predicted_beside_measured(hwcost, int8, tmp_path):
    done = hwcost("deploy", int8, "--target", "stm32l4r5", "--output", tmp_path / "fw", "--run")
    assert done.code == 0
    assert all(word in done.out for word in ("predicted", "measured", "RAM", "flash", "cycles", "bit for bit", "emulated cortex-m4"))


def test_its_json_has_the_four_parts(hwcost, int8, tmp_path):
    done = hwcost("deploy", int8, "--target", "stm32l4r5", "--output", tmp_path / "fw", "--run", "--json")
    found = json.loads(done.out)
    assert set(found["predicted"]) == {"ram_bytes", "flash_bytes", "cycles", "latency_s"}
    assert set(found["measured"]) == {"ram_bytes", "flash_bytes", "stack_bytes", "instructions", "cycles", "latency_s"}
    assert {"bit_exact", "ort_max_lsb", "ort_equal_fraction"} <= set(found["agreement"])
    assert [layer["op"] for layer in found["layers"]] == ["conv2d", "conv2d", "global_average_pool"]


def test_without_run_nothing_is_built(hwcost, int8, tmp_path):
    done = hwcost("deploy", int8, "--target", "stm32l4r5", "--output", tmp_path / "fw", "--json")
    assert (done.code, json.loads(done.out)["measured"]) == (0, None)
    assert (tmp_path / "fw" / "model.h").is_file()
    assert not (tmp_path / "fw" / "build").exists()


def test_it_never_writes_over_a_stranger_s_files(hwcost, int8, tmp_path):
    (tmp_path / "fw").mkdir()
    (tmp_path / "fw" / "thesis.txt").write_text("years of work")
    done = hwcost("deploy", int8, "--target", "stm32l4r5", "--output", tmp_path / "fw")
    assert done.code == 2
    assert "thesis.txt" in done.err
    assert (tmp_path / "fw" / "thesis.txt").read_text() == "years of work"
    assert hwcost("deploy", int8, "--target", "stm32l4r5", "--output", tmp_path / "fw", "--force").code == 0
    assert (tmp_path / "fw" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--target", "stm32l4r55"), "did you mean"),
        (("--target", "stm32l4r5", "--run", "--inputs", "nothing.npz"), "nothing.npz"),
        (("--target", "stm32l4r5", "--run", "--board", "toaster"), "toaster"),
        (("--target", "stm32l4r5", "--run", "--board", "serial:@9600"), "PORT@BAUD"),
        (("--target", "stm32l4r5", "--board", "qemu"), "needs --run"),
        (("--target", "esp32", "--run"), "xtensa-lx6"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(hwcost, int8, tmp_path, given, said):
    done = hwcost("deploy", int8, "--output", tmp_path / "fw", *given)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


@pytest.mark.parametrize("given", [("--target", "esp32"), ("--target", "stm32l4r5", "--run", "--board", "toaster")])
def test_what_is_refused_writes_nothing(hwcost, int8, tmp_path, given):
    assert hwcost("deploy", int8, "--output", tmp_path / "fw", *given).code == 2
    assert not (tmp_path / "fw").exists()


def test_a_missing_compiler_is_exit_code_3(hwcost, int8, tmp_path):
    done = hwcost("deploy", int8, "--target", "stm32l4r5", "--output", tmp_path / "fw", "--run", "--compiler", "no-such-gcc")
    assert done.code == 3
    assert "no-such-gcc" in done.err


def test_a_port_that_is_not_there_is_exit_code_3(hwcost, int8, tmp_path):
    pytest.importorskip("serial")
    done = hwcost("deploy", int8, "--target", "stm32l4r5", "--output", tmp_path / "fw", "--run", "--board", "serial:/no/such/port")
    assert done.code == 3
    assert "cannot open the serial port '/no/such/port'" in done.err


def test_a_broken_file_is_exit_code_2(hwcost, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x07\x12")
    done = hwcost("deploy", broken, "--target", "stm32l4r5", "--output", tmp_path / "fw")
    assert done.code == 2
    assert "broken.onnx" in done.err or "broken" in done.err
