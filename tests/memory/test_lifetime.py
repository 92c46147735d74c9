"""Lifetimes on networks small enough to draw."""

from __future__ import annotations

from hwcost.graph import Graph, Node
from hwcost.memory.lifetime import lifetimes
from hwcost.memory.schedule import best_order
from hwcost.ops import Add, Conv2d, Relu
from hwcost.ops.shape import Reshape
from hwcost.tensor import int8


def conv(name: str, source: str, channels: int) -> Node:
    return Node(name, Conv2d(channels, bias=False), (source,), (name,))


def network(*nodes: Node, outputs: tuple[str, ...] | None = None) -> Graph:
    return Graph({"x": int8(4, 2, 2)}, outputs or nodes[-1].outputs, nodes)


def test_a_layers_input_and_output_are_live_together():
    graph = network(conv("a", "x", 8), conv("b", "a", 2))
    assert lifetimes(graph).live_bytes(graph.values) == (16 + 32, 32 + 8)


def test_a_skipped_tensor_lives_until_the_sum():
    graph = network(conv("a", "x", 4), conv("b", "a", 4), Node("sum", Add(), ("a", "b"), ("sum",)))
    spans = {span.name: (span.start, span.stop) for span in lifetimes(graph).spans}
    assert spans == {"x": (0, 1), "a": (0, 3), "b": (1, 3), "sum": (2, 3)}
    assert lifetimes(graph).peak_bytes(graph.values) == 48


def test_a_sum_in_place_takes_the_memory_of_an_input_that_dies():
    graph = network(conv("a", "x", 4), conv("b", "a", 4), Node("sum", Add(), ("a", "b"), ("sum",)), conv("c", "sum", 4))
    spans = lifetimes(graph, in_place=["add"])
    assert next(span for span in spans.spans if span.name == "a").tensors == ("a", "sum")
    assert spans.live_bytes(graph.values) == (32, 32, 32, 32)


def test_an_input_that_is_read_later_is_not_overwritten():
    graph = network(Node("r", Relu(), ("x",), ("r",)), Node("sum", Add(), ("x", "r"), ("sum",)))
    spans = lifetimes(graph, in_place=["relu", "add"])
    assert [span.tensors for span in spans.spans] == [("x", "sum"), ("r",)]


def test_a_network_output_is_never_overwritten():
    graph = network(conv("a", "x", 4), Node("r", Relu(), ("a",), ("r",)), outputs=("a", "r"))
    assert [span.tensors for span in lifetimes(graph, in_place=["relu"]).spans] == [("x",), ("a",), ("r",)]


def test_a_view_is_the_same_memory_and_extends_its_life():
    flat = Node("flat", Reshape.between((4, 2, 2), (16,)), ("a",), ("flat",))
    graph = network(conv("a", "x", 4), flat, conv("b", "x", 1), outputs=("flat", "b"))
    spans = {span.name: span for span in lifetimes(graph).spans}
    assert spans["a"].tensors == ("a", "flat")
    assert (spans["a"].start, spans["a"].stop) == (0, 3)


def test_outputs_live_to_the_end_and_unread_values_one_step():
    graph = network(conv("a", "x", 4), conv("unread", "x", 4), conv("b", "a", 4), outputs=("a", "b"))
    spans = {span.name: (span.start, span.stop) for span in lifetimes(graph).spans}
    assert spans["a"] == (0, 3)
    assert spans["unread"] == (1, 2)


def test_a_network_of_no_nodes_holds_its_input():
    graph = Graph({"x": int8(10)}, ("x",), ())
    assert lifetimes(graph).peak_bytes(graph.values) == 10


def test_finishing_one_branch_before_the_next_lowers_the_peak():
    # Two branches that widen and narrow again: in the file's order both wide tensors are live at once.
    nodes = (
        conv("wide1", "x", 64), conv("wide2", "x", 64), conv("thin1", "wide1", 4), conv("thin2", "wide2", 4),
        Node("sum", Add(), ("thin1", "thin2"), ("sum",)),
    )  # fmt: skip
    graph = network(*nodes)
    assert lifetimes(graph).peak_bytes(graph.values) == 256 + 256 + 16
    best = best_order(graph)
    assert best.exact
    assert best.live_peak_bytes == 256 + 16 + 16
    assert best.graph.nodes != graph.nodes
    assert sorted(node.name for node in best.graph.nodes) == sorted(node.name for node in graph.nodes)


def test_a_chain_keeps_its_order():
    graph = network(conv("a", "x", 8), conv("b", "a", 2))
    assert best_order(graph).graph is graph


def test_the_beam_is_no_worse_than_the_order_given():
    nodes = [conv(f"wide{i}", "x", 64) for i in range(6)] + [conv(f"thin{i}", f"wide{i}", 4) for i in range(6)]
    sums = [Node("s0", Add(), ("thin0", "thin1"), ("s0",))]
    sums += [Node(f"s{i}", Add(), (f"s{i - 1}", f"thin{i + 1}"), (f"s{i}",)) for i in range(1, 5)]
    graph = network(*nodes, *sums)
    exact, beam = best_order(graph), best_order(graph, max_states=3)
    assert exact.exact
    assert not beam.exact
    assert exact.live_peak_bytes <= beam.live_peak_bytes <= lifetimes(graph).peak_bytes(graph.values)
