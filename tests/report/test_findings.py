"""What a report says, checked with a pencil on the toy: a megahertz, one cycle a MAC."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hwcost.checking import Pricing
from hwcost.memory.regions import Region
from hwcost.report import findings


def test_headroom_lists_four_metrics_and_what_is_left(checked):
    rows = {row.metric.field: row for row in findings.headroom(checked(ram=2000, latency_s=0.1))}
    assert list(rows) == ["latency_s", "ram_bytes", "flash_bytes", "energy_j"]
    # Arena 960 (a, b and c of 320 each), runtime 40, stack 60, reserved 100.
    assert (rows["ram_bytes"].used, rows["ram_bytes"].limit, rows["ram_bytes"].free) == (1160, 2000, 840)
    assert rows["ram_bytes"].ratio == pytest.approx(0.58)
    # 640 + 6400 + 6400 MACs of the convolutions, 320 sums, 960 MACs of the classifier.
    assert rows["latency_s"].used == pytest.approx(14720e-6)
    assert (rows["energy_j"].used, rows["energy_j"].ratio, rows["energy_j"].free) == (None, None, None)


def test_the_sums_add_up(quoted):
    assert findings.ram_sum(quoted) == [
        ("arena", 960), ("inputs and outputs outside it", 0), ("runtime", 40), ("stack", 60), ("reserved", 100)
    ]  # fmt: skip
    assert sum(size for _, size in findings.ram_sum(quoted)) == quoted.cost.ram_bytes
    # Weights 40 + 400 + 400 + 960; 8 bytes for each of 20 + 20 + 20 + 3 channels; code 200.
    assert findings.flash_sum(quoted) == [("weights", 1800), ("biases", 0), ("quantisation", 504), ("graph", 0), ("code", 200)]
    assert sum(size for _, size in findings.flash_sum(quoted)) == quoted.cost.flash_bytes


def test_the_peak_is_named_with_the_tensors_alive_there(quoted):
    assert findings.peak_node(quoted) == "c"
    assert findings.alive_at_peak(quoted) == [("a", "20x4x4", 320), ("b", "20x4x4", 320), ("c", "20x4x4", 320)]


def test_layers_are_ranked_by_their_share_of_the_latency(quoted):
    ranked = findings.dearest_layers(quoted, 3)
    assert [(node.name, pytest.approx(share)) for node, share in ranked] == [("b", 6400 / 14720), ("c", 6400 / 14720), ("fc", 960 / 14720)]


def test_layers_are_ranked_by_macs_where_there_is_no_latency(quoted):
    timeless = replace(quoted, cost=replace(quoted.cost, latency_s=None))
    assert [(node.name, share) for node, share in findings.dearest_layers(timeless, 2)] == [("b", None), ("c", None)]


def test_the_only_memory_of_its_kind_is_told_once(checked):
    (breach,) = findings.breaches(checked(ram=1000))
    assert (breach.metric, breach.region, breach.used, breach.limit, breach.excess) == ("ram_bytes", None, 1160, 1000, 160)
    assert breach.worst_nodes[0] in ("c", "sum")


def test_a_memory_among_several_that_overflows_is_named(checked):
    report = checked(ram=2000)
    small = Region("small", "ram", 900, 50, 800)
    split = replace(report, cost=replace(report.cost, regions=(*report.cost.regions, small)), overflows=(small,))
    (breach,) = findings.breaches(split)
    assert str(breach) == "RAM in 'small' 950 B, limit 800 B: 150 B over"


@pytest.mark.parametrize(("ratio", "text"), [(0.5, "50 %"), (1.0, "100 %"), (1.001, "101 %"), (0.999, "100 %"), (2.0, "200 %")])
def test_a_passed_limit_never_reads_as_kept(ratio, text):
    assert findings.percent(ratio) == text


@pytest.mark.parametrize(("ratio", "cells"), [(0.0, "...."), (0.01, "#..."), (0.5, "##.."), (0.99, "###."), (1.0, "####"), (9.0, "####")])
def test_a_bar_is_full_only_where_nothing_is_left(ratio, cells):
    assert findings.bar(ratio, 4, "#", ".") == cells


def test_headlines_say_why(checked, quoted):
    assert findings.headline(quoted) == "no limits were given: nothing was judged"
    assert findings.headline(checked(ram=2000)) == "flash is the tightest, at 63 % of its limit"
    assert findings.headline(checked(ram=1000)) == "RAM 1.13 KiB, limit 1000 B: 160 B over"
    undecided = replace(checked(ram=2000), verdict="too close to call", confidence=0.9)
    assert findings.headline(undecided) == "at confidence 0.9: the interval reaches across the limit"
    unsupported = replace(quoted, verdict="unsupported", cost=replace(quoted.cost, unsupported=(("fc", "no kernel"),)))
    assert findings.headline(unsupported) == "1 layer cannot run under toykit@1"


def test_slow_layers_are_named(quoted):
    assert findings.slow_layers(quoted) == ["1 layer on a reference kernel: 'fc'"]
    assert findings.slow_layers(replace(quoted, float_islands=("a", "b")))[1] == "2 layers in floats inside a quantised network: 'a', 'b'"


def test_every_metric_has_a_basis_or_a_reason(quoted):
    basis = dict(findings.basis_lines(quoted))
    assert list(basis) == ["latency", "RAM", "flash", "energy"]
    assert basis["latency"] == "analytic, published: analytic toykit@1/toycore, from 3 measurements"
    assert basis["energy"] == "absent: nobody published the active power of toy"


def test_what_was_left_out_is_told(quoted):
    cost = replace(quoted.cost, unsupported=(("fc", "no kernel"),), not_counted=("stack: no figure",))
    partial = replace(quoted, cost=cost, pricing=Pricing(allow_unsupported=True))
    assert findings.uncounted(partial) == ["stack: no figure", "'fc': no kernel"]
    assert findings.headline(partial).endswith("; 1 layer left out, every total is a lower bound")
    assert [str(row) for row in findings.headroom(partial)] == [">= 14.7 ms", ">= 1.13 KiB", ">= 2.45 KiB", "absent"]


def test_figures_that_only_stand_in_are_told(quoted):
    assert findings.caveats(quoted) == []
    runtime = quoted.target.runtime
    figures = replace(runtime.latency["toycore"], provisional=True, basis=replace(runtime.latency["toycore"].basis, mape=0.043))
    target = replace(quoted.target, runtime=replace(runtime, provisional=True, latency={"toycore": figures}))
    report = replace(quoted, target=target)
    assert dict(findings.basis_lines(report))["latency"].endswith("from 3 measurements, mean error 4 % on the one left out, provisional")
    assert findings.caveats(report) == [
        "toykit@1 is priced before it exists",
        "the latency figures of toykit@1 on toycore are provisional",
    ]
    assert findings.platform(report).endswith("toykit@1 (provisional)")


def test_a_confidence_that_nothing_could_answer_is_told(checked):
    report = replace(checked(ram=2000), confidence=0.9)
    assert findings.caveats(report) == ["no model here knows its own error: the figures themselves were judged"]
    known = replace(report, cost=replace(report.cost, interval={"latency_s": (0.01, 0.02)}))
    assert findings.caveats(known) == []
