"""Advice: each piece of it, when taken, does what it says."""

from __future__ import annotations

import re
from dataclasses import replace

from hwcost.budget import Budget
from hwcost.checking import Pricing, judge, quote
from hwcost.graph import Node
from hwcost.ops import Add, Concat
from hwcost.quantities import human_seconds
from hwcost.report.changes import Changes
from hwcost.report.findings import breaches
from hwcost.report.hints import hints
from hwcost.target import Target
from tests.toy import conv, network, residual


def test_nothing_is_advised_where_nothing_is_wrong(checked, quoted):
    assert hints(quoted) == ()
    assert hints(checked(ram=2000)) == ()


def test_the_layers_above_the_limit_are_named_with_what_each_must_lose(checked):
    # With 200 bytes that stay, c and sum need 1160 and b 840.
    assert hints(checked(ram=1000))[0] == "RAM: 2 of 6 layers need more than the limit while they run: 'c' by 160 B, 'sum' by 160 B"
    assert "3 of 6 layers" in hints(checked(ram=2000, ram_bytes=800))[0]


def test_the_narrowing_that_is_advised_is_enough_and_no_more_than_needed(checked):
    report = checked(ram=1000)
    (advice,) = [line for line in hints(report) if "channels instead of" in line]
    width, old, nodes = re.search(r"with (\d+) channels instead of (\d+) in (.*)", advice).groups()
    names = re.findall(r"'(\w+)'", nodes)
    assert (int(old), set(names)) == (20, {"a", "c"})
    fits = checked(report.graph.rebind(dict.fromkeys(names, int(width))), ram=1000)
    wider = checked(report.graph.rebind(dict.fromkeys(names, int(width) + 1)), ram=1000)
    assert (fits.cost.ram_bytes <= 1000, wider.cost.ram_bytes <= 1000) == (True, False)


def test_the_share_of_channels_that_is_advised_keeps_every_limit(checked):
    report = checked(ram=2000, latency_s=0.01, flash_bytes=2000)
    (advice,) = [line for line in hints(report) if line.startswith("every limit is kept")]
    hundredths = round(100 * float(re.search(r"with ([\d.]+) times", advice)[1]))
    widths = {node: max(1, 20 * hundredths // 100) for node in "abc"}
    assert checked(report.graph.rebind(widths), ram=2000, latency_s=0.01, flash_bytes=2000).verdict == "fits"


def test_where_no_width_is_enough_that_is_said(checked):
    told = hints(checked(ram=2000, ram_bytes=150))
    assert told[-1].startswith("fewer channels alone do not make it fit")


def test_flash_names_the_heaviest_layers(checked):
    told = hints(checked(ram=2000, flash_bytes=2000))
    assert told[0] == "flash: 504 B have to go; most weights are in 'fc' 960 B, 'b' 400 B, 'c' 400 B and 1 more"


def test_latency_names_the_factor_and_the_dearest_layers(checked):
    told = hints(checked(ram=2000, latency_s=0.00736))
    assert told[0] == "latency: 2.00 times the limit; the dearest layers are 'b' 43 %, 'c' 43 %, 'fc' 7 % and 2 more"


def test_a_better_order_is_found_and_priced(checked):
    # Two branches that shrink: started both before either has shrunk, their wide tensors are alive together.
    graph = network(
        conv("p", "x", 20),
        conv("q", "x", 20),
        conv("p2", "p", 2),
        conv("q2", "q", 2),
        Node("join", Concat(axis=0), ("p2", "q2"), ("join",)),
    )
    report = checked(graph, ram=800)
    cost = Changes(report).reordered()
    assert cost is not None
    # x, q and the shrunk p2 are alive together at worst, instead of p, q and x.
    assert (report.cost.ram.live_peak_bytes, cost.ram.live_peak_bytes) == (32 + 320 + 320, 32 + 320 + 32)
    assert hints(report)[0] == f"RAM: the same layers in another order take {cost.ram_bytes} B; that fits"


def test_a_badly_packed_arena_is_found(checked):
    report = checked(ram=1000)
    loose = replace(report.cost.ram, arena_bytes=1200, planner="worst")
    report = replace(report, cost=replace(report.cost, ram=loose))
    assert hints(report)[0] == "RAM: the same tensors, planned better, take 960 B instead of the 1.17 KiB of worst; that fits"


def test_unsupported_layers_are_to_be_replaced(checked):
    unsupported = network(conv("a", "x", 4), Node("sum", Add(), ("a", "a"), ("sum",)))
    report = checked(unsupported)
    refused = replace(report.cost.nodes[1], kernel="unsupported")
    report = replace(report, verdict="unsupported", cost=replace(report.cost, nodes=(report.cost.nodes[0], refused)))
    assert hints(report)[-1] == "replace add by operators that toykit@1 runs"


def test_an_interval_across_the_limit_asks_for_a_measurement(checked):
    (told,) = hints(replace(checked(ram=2000), verdict="too close to call", confidence=0.9))
    assert "measure on the board" in told


def test_advice_on_a_large_network_is_left_out_rather_than_late(checked):
    many = network(*(conv(f"c{i}", "x" if i == 0 else f"c{i - 1}", 8) for i in range(600)))
    report = checked(many, ram=200, flash=100_000)
    assert Changes(report).free_groups == []
    assert breaches(report)
    assert any("layers need more than the limit" in line for line in hints(report))


def test_residual_fixture_has_one_free_pair_and_one_free_layer(checked):
    groups = {group.nodes for group in Changes(checked(residual())).free_groups}
    assert groups == {("a", "c"), ("b",)}


def test_other_runtimes_are_named_with_the_figures_they_have():
    target = Target.load("stm32l4r5")
    quoted = quote("net.onnx", network(conv("a", "x", 20)), target, Pricing())
    told = [line for line in hints(judge(quoted, Budget(latency_s=1e-6))) if ": under " in line]
    named = [re.search(r"under (\S+) it is (\S+ \S+?)[ ,]", line).groups() for line in told]
    assert named
    for runtime, figure in named:
        other = quote("net.onnx", quoted.graph, Target.load("stm32l4r5", runtime), Pricing()).cost.latency_s
        assert (other < quoted.cost.latency_s, human_seconds(other)) == (True, figure)
