"""check and cost from the command line: verdicts, exit codes, forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hwcost.cli.answers import distinct_names

DEVICE = ("--target", "stm32l4r5")


def test_what_fits_exits_with_zero(hwcost, model):
    done = hwcost("check", model, *DEVICE, "--max-ram", "64KiB", "--max-flash", "512KiB", "--max-latency", "1s")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0].startswith("net.onnx on stm32l4r5, cortex-m4 at 120 MHz, ")
    assert done.out.splitlines()[1].startswith("FITS  ")


@pytest.mark.parametrize("limit", [("--max-ram", "1KiB"), ("--max-flash", "1KiB"), ("--max-latency", "1us"), ("--max-energy", "1nJ")])
def test_what_is_over_exits_with_one_and_says_what_would_help(hwcost, model, limit):
    done = hwcost("check", model, *DEVICE, *limit)
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[1].startswith("OVER  ")
    assert "What would help" in done.out


def test_cost_judges_nothing(hwcost, model):
    done = hwcost("cost", model, *DEVICE, "--format", "json")
    found = json.loads(done.out)
    assert (done.code, done.err, found["verdict"], found["budget"]) == (0, "", None, None)
    assert all(found["cost"][metric] > 0 for metric in ("latency_s", "ram_bytes", "flash_bytes", "energy_j"))


def test_options_override_the_budget_file_metric_by_metric(hwcost, model, tmp_path):
    (tmp_path / "limits.toml").write_text('max_ram = "1KiB"\nmax_latency = "1s"\n')
    budget = ("--budget", tmp_path / "limits.toml", "--format", "json")
    from_file = json.loads(hwcost("check", model, *DEVICE, *budget).out)["budget"]
    overridden = json.loads(hwcost("check", model, *DEVICE, *budget, "--max-ram", "2KiB").out)["budget"]
    assert (from_file["ram_bytes"], from_file["latency_s"]) == (1024, 1.0)
    assert (overridden["ram_bytes"], overridden["latency_s"]) == (2048, 1.0)


def test_json_is_the_same_bytes_from_any_folder(hwcost, model, monkeypatch, tmp_path):
    first = hwcost("check", model, *DEVICE, "--format", "json")
    monkeypatch.chdir(tmp_path)
    second = hwcost("check", "net.onnx", *DEVICE, "--format=json")
    assert first == second
    assert json.loads(first.out)["model"] == "net.onnx"


def test_markdown_is_a_verdict_and_a_table(hwcost, model):
    done = hwcost("check", model, *DEVICE, "--format", "markdown")
    assert done.out.startswith("### ✅ fits: `net.onnx` on `stm32l4r5`\n")


def test_floats_are_projected_unless_priced_as_they_are(hwcost, model):
    def priced_as(*given: str) -> dict:
        return json.loads(hwcost("cost", model, *DEVICE, "--format", "json", *given).out)

    projected, plain = priced_as(), priced_as("--as", "float32")
    assert (projected["projected_from"], plain["projected_from"]) == ("float32", None)
    assert plain["flash"]["weight_bytes"] == 4 * projected["flash"]["weight_bytes"] == 4 * 8 * 27


def test_inputs_may_stay_outside_the_arena_and_still_count(hwcost, model):
    inside, outside = (
        json.loads(hwcost("cost", model, *DEVICE, "--format", "json", *given).out)["ram"] for given in ((), ("--io-outside-arena",))
    )
    assert inside["io_bytes"] == 0
    assert outside["io_bytes"] == 3 * 64 + 8 * 64
    assert outside["arena_bytes"] < inside["arena_bytes"]


def test_open_sizes_are_given_by_shape(hwcost, open_model):
    refused = hwcost("check", open_model, *DEVICE)
    assert (refused.code, refused.out) == (2, "")
    given = json.loads(hwcost("cost", open_model, *DEVICE, "--shape", "x=1,3,16,16", "--format", "json").out)
    assert given["nodes"][0]["macs"] == 16 * 16 * 8 * 27


def test_runtime_may_be_chosen(hwcost, model):
    found = json.loads(hwcost("cost", model, *DEVICE, "--runtime", "tflm-reference", "--format", "json").out)
    assert found["target"]["runtime"].startswith("tflm-reference@")


def test_unknown_operators_are_refused_by_name_and_left_out_on_request(hwcost, unknown_model):
    refused = hwcost("check", unknown_model, *DEVICE)
    assert (refused.code, refused.out) == (2, "")
    assert "NonZero" in refused.err
    assert "'last'" in refused.err
    allowed = hwcost("check", unknown_model, *DEVICE, "--allow-unsupported", "--format", "json")
    found = json.loads(allowed.out)
    assert found["lower_bound"] is True
    assert found["unsupported"][0]["node"] == "last"


def test_several_are_compared_and_one_that_does_not_fit_decides(hwcost, model, tmp_path):
    done = hwcost("check", model, "--target", "stm32l4r5,rp2040", "--target", "nano33ble", "--max-ram", "1KiB")
    assert done.code == 1
    assert [line.split()[0] for line in done.out.splitlines()[:5]] == ["target", "net.onnx", "stm32l4r5", "rp2040", "nano33ble"]
    found = json.loads(hwcost("check", model, "--target", "stm32l4r5,rp2040", "--format", "json").out)
    assert [result["target"]["device"] for result in found["results"]] == ["stm32l4r5", "rp2040"]
    assert list(found) == ["schema", "results"]


def test_one_file_that_cannot_be_read_does_not_hide_the_others(hwcost, model, tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    done = hwcost("check", tmp_path / "broken.onnx", model, *DEVICE, "--format", "json")
    found = json.loads(done.out)
    assert done.code == 2
    assert done.err.startswith("hwcost: error: broken.onnx: ")
    assert [result["model"] for result in found["results"]] == ["net.onnx"]
    assert [error["model"] for error in found["errors"]] == ["broken.onnx"]
    text = hwcost("check", tmp_path / "broken.onnx", model, *DEVICE)
    assert text.code == 2
    assert "fits" in text.out


def test_a_limit_that_only_one_target_cannot_judge_is_told_for_that_target(hwcost, model):
    done = hwcost("check", model, "--target", "stm32l4r5,rp2040", "--max-energy", "1J", "--format", "json")
    found = json.loads(done.out)
    assert done.code == 2
    assert [result["verdict"] for result in found["results"]] == ["fits"]
    assert [(error["model"], error["target"]) for error in found["errors"]] == [("net.onnx", "rp2040")]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/net.onnx"], ["net.onnx"]),
        (["a/net.onnx", "b/net.onnx"], ["a/net.onnx", "b/net.onnx"]),
        (["/p/a/net.onnx", "/q/a/net.onnx", "c/other.onnx"], ["p/a/net.onnx", "q/a/net.onnx", "other.onnx"]),
        (["net.onnx", "net.onnx"], ["net.onnx", "net.onnx"]),
        (["net.onnx", "a/net.onnx"], ["net.onnx", "a/net.onnx"]),
    ],
)
def test_files_are_called_by_as_much_of_their_path_as_tells_them_apart(paths, names):
    assert distinct_names(paths) == [str(Path(name)) for name in names]
