"""The report in a terminal: 80 columns, no colour, nobody's names steering it."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from hwcost.report import comparison, terminal
from hwcost.report.failure import Failure
from hwcost.report.hints import hints


def text_of(report, *, width=80, encoding="utf-8"):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    console = Console(file=file, width=width, color_system=None)
    terminal.show(report, hints(report), console)
    file.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_is_wider_than_the_terminal_or_coloured_in_a_pipe(checked, width):
    text = text_of(checked(ram=1000, latency_s=0.01), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text


def test_the_report_says_verdict_figures_and_reasons(checked):
    text = text_of(checked(ram=1000))
    lines = text.splitlines()
    assert lines[0] == "net.onnx on toy, toycore at 1.00 MHz, toykit@1"
    assert lines[1].startswith("OVER  RAM 1.13 KiB, limit 1000 B: 160 B over")
    assert "1,160 B = arena 960 + runtime 40 + stack 60 + reserved 100" in text
    assert "2,504 B = weights 1,800 + quantisation 504 + code 200" in text
    assert "at 'c', step 3 of 6; alive there:" in text
    for title in ("Memory", "Dearest layers", "Memories of the target", "Basis", "Slower than it could be", "What would help"):
        assert title in lines


def test_a_cost_has_no_verdict_and_no_advice(quoted):
    text = text_of(quoted)
    assert text.splitlines()[1] == "COST  no limits were given: nothing was judged"
    assert "What would help" not in text


def test_bars_fall_back_where_the_output_cannot_carry_them(checked):
    assert "█" in text_of(checked(ram=2000))
    assert "#" in text_of(checked(ram=2000), encoding="ascii")


def test_hostile_names_are_text(checked, hostile):
    text = text_of(checked(hostile, ram=2000))
    assert "[red]bold[/red] \\x1b" in text
    assert not any(c in text for c in "\x1b\u202e")


def test_an_absent_metric_says_so(checked):
    text = text_of(checked(ram=2000))
    assert "energy     absent" in text
    assert "absent: nobody published the active power of toy" in text


def compared(rows, width=80):
    raw = io.StringIO()
    terminal.compare(rows, Console(file=raw, width=width, color_system=None))
    return [line.rstrip() for line in raw.getvalue().splitlines()]


def test_a_comparison_is_one_table_by_model_with_reasons_below(checked):
    reports = [checked(ram=2000), checked(ram=1000)]
    assert compared(comparison.rows(reports, [Failure("broken.onnx", None, "no ONNX model")])) == [
        "  target  runtime  latency        RAM     flash  energy  verdict",
        "net.onnx",
        "  toy     toykit   14.7 ms   1.13 KiB  2.45 KiB       -  fits",
        "  toy     toykit   14.7 ms  1.13 KiB!  2.45 KiB       -  over",
        "broken.onnx",
        "                         -          -         -       -  error",
        "net.onnx on toy: RAM 1.13 KiB, limit 1000 B: 160 B over",
    ]


@pytest.mark.parametrize("width", [20, 50, 60])
def test_a_comparison_is_never_cut(checked, width):
    rows = comparison.rows([checked(ram=2000), checked(ram=1000)])
    wide, narrow = compared(rows, 120), compared(rows, width)
    assert narrow[:4] == wide[:4]


def test_costs_are_compared_without_a_verdict(quoted):
    assert compared(comparison.rows([quoted]))[0] == "  target  runtime  latency       RAM     flash  energy"


def test_runtimes_show_their_version_only_where_two_versions_meet(quoted):
    other = replace(quoted, target=replace(quoted.target, runtime=replace(quoted.target.runtime, version="2")))
    assert [row.runtime for row in comparison.rows([quoted, quoted])] == ["toykit", "toykit"]
    assert [row.runtime for row in comparison.rows([quoted, other])] == ["toykit@1", "toykit@2"]
