"""Every importer tells the same of the same run, and refuses what cannot be one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.errors import HwcostError, MeasurementError
from hwcost.measure.importers import IMPORTERS, import_log
from hwcost.measure.importers.kinds import kinds_of
from hwcost.records import Records, read_records, write_records
from hwcost.target import Target
from tests.measure.importers.logs import (
    COLUMNS,
    CONDITIONS,
    CSV,
    CYCLES,
    LOGS,
    MLTK,
    TFLM,
    X_CUBE_AI,
    X_CUBE_AI_3,
    network,
    written,
)

every = pytest.mark.parametrize("form", IMPORTERS)
TARGET = Target.load("stm32l4r5")


def imported(path, form, *, graph=None, columns=COLUMNS, **conditions):
    given_ = {**CONDITIONS.get(form, {}), **conditions}
    return import_log(path, form, TARGET, conditions=given_, columns=columns if form == "csv" else {}, graph=graph)


def refusal(path, form, **more):
    with pytest.raises(MeasurementError) as caught:
        imported(path, form, **more)
    return str(caught.value)


def _sizes(row):
    work = row.layer.step.work
    return row.layer.op.kind, work.macs, work.positions, work.patch_elements, work.in_elements, work.out_elements


def test_every_format_has_a_sample_here():
    assert LOGS.keys() == IMPORTERS.keys()


@every
def test_one_run_is_the_same_in_every_log(form, tmp_path):
    found = imported(written(tmp_path, form), form, graph=network())
    assert [row.core_cycles for row in found.rows] == pytest.approx(CYCLES)
    assert [row.layer.op.kind for row in found.rows] == ["conv2d", "depthwise_conv2d", "dense"]
    assert [int(row.layer.step.work.macs) for row in found.rows] == [64 * 27 * 8, 64 * 9 * 8, 5120]
    assert {row.conditions.device for row in found.rows} == {"stm32l4r5"}


@every
def test_rows_survive_being_written(form, tmp_path):
    rows = imported(written(tmp_path, form), form, graph=network()).rows
    write_records(tmp_path / "out.csv", Records(rows))
    assert read_records(tmp_path / "out.csv").rows == rows


@pytest.mark.parametrize("form", ["mltk", "csv"])
def test_logs_with_shapes_need_no_model(form, tmp_path):
    alone = imported(written(tmp_path, form), form)
    joined = imported(written(tmp_path, form), form, graph=network())
    assert [_sizes(row) for row in alone.rows] == [_sizes(row) for row in joined.rows]


@pytest.mark.parametrize("form", ["tflm", "x-cube-ai", "onnxruntime"])
def test_shapes_nobody_tells_are_not_guessed(form, tmp_path):
    assert "--model" in refusal(written(tmp_path, form), form)


@every
def test_a_log_of_zeros_is_refused(form, tmp_path):
    zeros = {
        "tflm": TFLM.replace("1000", "0").replace("400", "0").replace(",20", ",0").replace(",3", ",0"),
        "x-cube-ai": X_CUBE_AI.replace("1.000", "0.000").replace("0.400", "0.000").replace("0.020", "0.000").replace("CPU cycles", ""),
        "onnxruntime": json.dumps([event | {"dur": 0} for event in json.loads(LOGS["onnxruntime"])]),
        "mltk": MLTK.replace("1.0m", "0").replace("400.0u", "0").replace("30.0u", "0").replace("20.0u", "0"),
        "csv": CSV.replace("120000", "0").replace("48000", "0").replace("2400", "0"),
    }[form]
    said = refusal(written(tmp_path, form, zeros), form, graph=network())
    assert "clock is not wired" in said


@every
@pytest.mark.parametrize(("value", "says"), [("-7", "wrapped"), ("nan", "expected")])
def test_negative_and_missing_counts_are_refused(form, value, says, tmp_path):
    if form == "onnxruntime":
        events = json.loads(LOGS[form])
        for event in events:
            event["dur"] = -7 if value == "-7" else float("nan")
        text, says = json.dumps(events), "expected microseconds"
    else:
        count = {"tflm": ",1000", "x-cube-ai": " 1.000", "mltk": " 1.0m", "csv": ",120000"}[form]
        bad = "-7.000" if form == "x-cube-ai" and value == "-7" else value
        text = LOGS[form].replace(count, count[0] + bad)
    assert says in refusal(written(tmp_path, form, text), form, graph=network())


@pytest.mark.parametrize("form", ["tflm", "csv"])
def test_a_wrapped_counter_is_refused(form, tmp_path):
    text = LOGS[form].replace(",400\n", ",4294967290\n").replace(",48000", ",4294967290")
    assert "wrapped" in refusal(written(tmp_path, form, text), form, graph=network())


@every
@pytest.mark.parametrize("text", ["", " \n", "hello\n", "{", "[]", '[{"cat": 3}]', "\x00\x01", "[" * 100_000])
def test_what_is_no_log_is_refused_in_one_sentence(form, text, tmp_path):
    said = refusal(written(tmp_path, form, text), form, graph=network())
    assert "expected" in said


@every
@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_log_is_read_or_refused(form, data, tmp_path_factory):
    text = LOGS[form]
    at = data.draw(st.integers(0, len(text)))
    damaged = text[:at] + data.draw(st.text(max_size=8)) + text[at + data.draw(st.integers(0, 40)) :]
    path = tmp_path_factory.mktemp("damaged") / "log"
    path.write_text(damaged, encoding="utf-8")
    try:
        rows = imported(path, form, graph=network()).rows
    except HwcostError:
        return
    assert rows
    assert all(row.core_cycles > 0 for row in rows)


@every
def test_the_log_of_another_model_is_refused(form, tmp_path):
    two = network()
    shorter = type(two)(two.inputs, ("conv",), two.nodes[:1], two.parameters, name="other")
    assert "another" in refusal(written(tmp_path, form), form, graph=shorter)


def test_ticks_are_not_taken_for_cycles(tmp_path):
    path = written(tmp_path, "tflm")
    with pytest.raises(MeasurementError, match="tick_hz"):
        import_log(path, "tflm", TARGET, graph=network())
    rows = import_log(path, "tflm", TARGET, conditions={"cycles_per_tick": "1024"}, graph=network()).rows
    assert [row.cycles for row in rows] == [1_024_000, 409_600, 20_480]


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "fast", "121000000", "0.5"])
def test_tick_rates_that_cannot_be(rate, tmp_path):
    assert "tick_hz" in refusal(written(tmp_path, "tflm"), "tflm", graph=network(), tick_hz=rate)


def test_ticks_too_coarse_for_a_layer_leave_it_out(tmp_path):
    found = imported(written(tmp_path, "tflm", TFLM.replace(",20\n", ",0\n")), "tflm", graph=network())
    assert len(found.rows) == 2
    assert "FULLY_CONNECTED" in found.left_out[-1]


def test_repeated_tables_are_repeats(tmp_path):
    text = TFLM + TFLM.replace("1000", "1100") + TFLM.replace("1000", "1200")
    first = imported(written(tmp_path, "tflm", text), "tflm", graph=network()).rows[0]
    assert (first.cycles, first.repeats) == (132_000, 3)
    assert first.spread == pytest.approx(100 / 1100)
    lost = text.replace("1,DEPTHWISE_CONV_2D,400\n", "", 1)
    assert "lines of the log were lost" in refusal(written(tmp_path, "tflm", lost), "tflm", graph=network())


def test_sentences_of_the_profiler_are_read_too(tmp_path):
    text = "CONV_2D took 1000 ticks (1 ms).\nDEPTHWISE_CONV_2D took 400 ticks (0 ms).\nFULLY_CONNECTED took 20 ticks (0 ms).\n"
    rows = imported(written(tmp_path, "tflm", text), "tflm", graph=network()).rows
    assert [row.cycles for row in rows] == list(CYCLES)


def test_an_old_report_of_x_cube_ai(tmp_path):
    rows = imported(written(tmp_path, "x-cube-ai", X_CUBE_AI_3), "x-cube-ai", graph=network()).rows
    assert [row.core_cycles for row in rows] == pytest.approx(CYCLES)


def test_cycles_and_times_of_two_clocks_are_refused(tmp_path):
    assert "120.0 MHz, not 160.0 MHz" in refusal(written(tmp_path, "x-cube-ai"), "x-cube-ai", graph=network(), clock_hz="160e6")


def test_what_a_log_says_of_itself_is_kept(tmp_path):
    row = imported(written(tmp_path, "mltk"), "mltk", board="BRD2601").rows[0]
    assert (row.conditions.accelerator, row.conditions.board, row.conditions.clock_hz) == ("MVP", "BRD2601", 120e6)


@pytest.mark.parametrize("drop", ["padding", "kernel", "stride", "out_channels", "height"])
def test_a_csv_without_all_of_a_layer_names_what_is_missing(drop, tmp_path):
    columns = {ours: theirs for ours, theirs in COLUMNS.items() if ours != drop}
    assert drop in refusal(written(tmp_path, "csv"), "csv", columns=columns)


def test_a_value_for_every_row_and_faults_of_the_map(tmp_path):
    path = written(tmp_path, "csv")
    same = imported(path, "csv", columns={**COLUMNS, "padding": "=same"})
    assert same.rows[1].layer.op.padding == ((1, 1), (1, 1))
    said = refusal(path, "csv", columns={**COLUMNS, "width": "w", "depth": "c"})
    assert "no such column" in said
    assert "depth" in said


def test_conditions_nobody_knows_are_refused(tmp_path):
    assert "weather" in refusal(written(tmp_path, "mltk"), "mltk", weather="fine")
    assert "hertz" in refusal(written(tmp_path, "mltk"), "mltk", clock_hz="fast")


def test_impossible_speed_is_refused(tmp_path):
    assert "cannot be" in refusal(written(tmp_path, "csv", CSV.replace("120000", "1").replace("48000", "1").replace("2400", "1")), "csv")


def test_other_tools_names_of_operators():
    assert kinds_of("Conv2D (0x103)")[0] == kinds_of("CONV_2D")[0] == "conv2d"
    assert kinds_of("depthwise_conv_2d")[0] == "depthwise_conv2d"
    assert kinds_of("FULLY_CONNECTED")[0] == "dense"
    assert kinds_of("FROBNICATE") == ()
