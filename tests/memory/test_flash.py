"""Flash of networks small enough to count by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hwcost.graph import Graph, Node, Parameter
from hwcost.memory.flash import flash
from hwcost.memory.ram import ram
from hwcost.memory.regions import place_flash, regions
from hwcost.ops import Add, Conv2d, Dense
from hwcost.target import Cited, Memory, Target
from hwcost.tensor import Quantisation, int8

WEIGHTS = Quantisation(axis=0)


def dense(name: str, source: str, out: int, inner: int, weight: str | None = None) -> tuple[Node, dict[str, Parameter]]:
    weight = weight or f"{name}.weight"
    node = Node(name, Dense(out), (source,), (name,), (("weight", weight), ("bias", f"{name}.bias")))
    return node, {
        weight: Parameter(weight, (out, inner), 8, WEIGHTS, "int"),
        f"{name}.bias": Parameter(f"{name}.bias", (out,), 32, None, "int"),
    }


def network(*layers: tuple[Node, dict[str, Parameter]], features: int = 10) -> Graph:
    parameters = {name: parameter for _, used in layers for name, parameter in used.items()}
    return Graph({"x": int8(features)}, layers[-1][0].outputs, tuple(node for node, _ in layers), parameters)


@pytest.fixture
def target() -> Target:
    return Target.load("stm32l4r5", runtime="tflm-cmsis-nn")


def test_weights_take_a_byte_and_biases_four(target: Target) -> None:
    content = flash(network(dense("a", "x", 4, 10)), target.runtime)
    assert (content.weight_bytes, content.bias_bytes) == (40, 16)


def test_a_weight_that_two_layers_share_is_stored_once(target: Target) -> None:
    graph = network(dense("a", "x", 10, 10, "w"), dense("b", "a", 10, 10, "w"))
    content = flash(graph, target.runtime)
    assert content.weight_bytes == 100
    assert content.bias_bytes == 80


def test_four_bit_weights_take_half_a_byte(target: Target) -> None:
    node, parameters = dense("a", "x", 3, 5)
    parameters["a.weight"] = replace(parameters["a.weight"], bits=4)
    assert flash(network((node, parameters), features=5), target.runtime).weight_bytes == 8


def conv_network(channels: int) -> Graph:
    node = Node("p", Conv2d(channels, bias=False), ("x",), ("p",), (("weight", "w"),))
    return Graph({"x": int8(8, 4, 4)}, ("p",), (node,), {"w": Parameter("w", (channels, 8, 1, 1), 8, WEIGHTS, "int")})


def test_every_output_channel_of_a_convolution_has_quantisation_parameters(target: Target) -> None:
    assert target.runtime.flash is not None
    per_channel = target.runtime.flash.quant_bytes_per_channel
    assert per_channel is not None
    assert flash(conv_network(4), target.runtime).quant_bytes == 4 * per_channel.value
    assert flash(conv_network(8), target.runtime).quant_bytes == 8 * per_channel.value


def test_code_counts_once_for_a_kind_however_many_layers_have_it(target: Target) -> None:
    one = flash(network(dense("a", "x", 10, 10)), target.runtime)
    two = flash(network(dense("a", "x", 10, 10), dense("b", "a", 10, 10)), target.runtime)
    assert one.code_bytes == two.code_bytes
    assert one.metadata_bytes < two.metadata_bytes


def test_the_parts_add_up(target: Target) -> None:
    content = flash(network(dense("a", "x", 4, 10)), target.runtime)
    parts = content.weight_bytes + content.bias_bytes + content.quant_bytes + content.metadata_bytes + content.code_bytes
    assert content.total_bytes == parts


def small_flash(target: Target, *sizes: int) -> Target:
    memories = [memory for memory in target.memories if memory.kind == "ram"]
    memories += [Memory(f"flash{index}", "flash", Cited(size, "made up")) for index, size in enumerate(sizes)]
    return replace(target, device=replace(target.device, memories=tuple(memories)), board=None)


def test_weights_go_to_the_next_flash_when_the_first_is_full(target: Target) -> None:
    graph = network(dense("a", "x", 100, 10), dense("b", "a", 100, 100))
    content = flash(graph, target.runtime)
    shared = content.code_bytes + content.metadata_bytes + content.quant_bytes
    placed = place_flash(graph, content, small_flash(target, shared + 1500, 100_000))
    assert placed.region_of["a.weight"] == "flash0"
    assert placed.region_of["b.weight"] == "flash1"
    assert sum(placed.by_region.values()) == content.total_bytes


def test_what_no_flash_holds_shows_as_overflow(target: Target) -> None:
    graph = network(dense("a", "x", 100, 10), dense("b", "a", 100, 100))
    content = flash(graph, target.runtime)
    tight = small_flash(target, content.total_bytes - 1)
    in_ram = ram(graph, tight, [0] * len(graph.steps))
    overflow = {region.name: region.overflow_bytes for region in regions(tight, in_ram, place_flash(graph, content, tight))}
    assert overflow["flash0"] == 1


def test_biases_and_adds_have_no_weights(target: Target) -> None:
    graph = Graph({"x": int8(4, 2, 2)}, ("y",), (Node("y", Add(), ("x", "x"), ("y",)),))
    assert flash(graph, target.runtime).network_bytes == 0


def test_a_pointwise_convolution_has_a_weight_for_each_pair_of_channels(target: Target) -> None:
    assert flash(conv_network(16), target.runtime).weight_bytes == 128
