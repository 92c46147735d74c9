"""The graph: what walking finds, what rebinding changes, what the int8 form is, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.errors import GraphError, ShapeError
from hwcost.graph import BIAS_BITS, Graph, Node, Parameter, Storage
from hwcost.ops import Add, ArgMax, Conv1d, Conv2d, Dense, DepthwiseConv2d, GlobalAveragePool, Relu, Reshape, Split
from hwcost.ops.conv import Taps
from hwcost.sizes import Size
from hwcost.tensor import Quantisation, TensorSpec, float32

PAD = ((1, 1), (1, 1))


def residual() -> Graph:
    """A stem, a block whose two branches meet in a sum, a classifier; every parameter holds ones."""
    nodes = (
        layer("stem", Conv2d(8, (3, 3), padding=PAD), "x"),
        layer("a", Conv2d(4, (3, 3), padding=PAD, activation=Relu()), "stem"),
        layer("b", Conv2d(8), "a"),
        Node("sum", Add(activation=Relu()), ("stem", "b"), ("sum",)),
        layer("dw", DepthwiseConv2d((3, 3), (2, 2), PAD), "sum"),
        Node("pool", GlobalAveragePool(), ("dw",), ("pool",)),
        Node("flat", Reshape.between((8, 1, 1), (8,)), ("pool",), ("flat",)),
        layer("fc", Dense(10), "flat"),
    )
    return with_parameters(nodes, {"x": float32(3, 8, 8)}, ("fc",))


def layer(name: str, op: Conv2d | DepthwiseConv2d | Dense, source: str) -> Node:
    return Node(name, op, (source,), (name,), (("weight", f"{name}.weight"), ("bias", f"{name}.bias")))


def with_parameters(nodes: tuple[Node, ...], inputs: Mapping[str, TensorSpec], outputs: tuple[str, ...]) -> Graph:
    """The graph of the nodes, each parameter of the shape its operator asks for."""
    names = {name: Parameter(name, ()) for node in nodes for _, name in node.parameters}
    sized = Graph(inputs, outputs, nodes, names).used_parameters
    return Graph(inputs, outputs, nodes, {name: replace(p, read=ones(p.shape)) for name, (_, p) in sized.items()})


def ones(shape: tuple[Size, ...]) -> Callable[[], np.ndarray[Any, Any]]:
    return lambda: np.ones(shape, np.float32)


def widths(graph: Graph) -> dict[str, Size]:
    return {name: spec.channels for name, spec in graph.values.items()}


def test_walk_infers_every_value() -> None:
    assert widths(residual()) == {"x": 3, "stem": 8, "a": 4, "b": 8, "sum": 8, "dw": 8, "pool": 8, "flat": 8, "fc": 10}


def test_macs_and_params_by_pencil() -> None:
    graph = residual()
    assert graph.macs == 64 * 8 * 27 + 64 * 4 * 72 + 64 * 8 * 4 + 16 * 8 * 9 + 80
    assert graph.params == (8 * 27 + 8) + (4 * 72 + 4) + (8 * 4 + 8) + (8 * 9 + 8) + (80 + 10)


def test_consumers_are_told_once_each() -> None:
    graph = residual()
    assert [node.name for node in graph.consumers["stem"]] == ["a", "sum"]
    assert graph.consumers["fc"] == ()
    twice = Graph({"x": float32(4)}, ("y",), (Node("y", Add(), ("x", "x"), ("y",)),))
    assert [node.name for node in twice.consumers["x"]] == ["y"]


# Rebinding: another width for one layer, and everything that depends on it follows.


def test_rebind_is_followed_by_consumers_and_weights() -> None:
    thinner = residual().rebind({"stem": 6, "b": 6})
    assert widths(thinner) == {"x": 3, "stem": 6, "a": 4, "b": 6, "sum": 6, "dw": 6, "pool": 6, "flat": 6, "fc": 10}
    assert thinner.parameters["a.weight"].shape == (4, 6, 3, 3)
    assert thinner.parameters["dw.weight"].shape == (6, 1, 3, 3)
    assert thinner.parameters["fc.weight"].shape == (10, 6)


def test_rebinding_one_branch_of_a_sum_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"node 'sum': Add expects .*; got \(6, 8, 8\) and \(8, 8, 8\)"):
        residual().rebind({"stem": 6})


def test_parameters_keep_their_values_unless_resized() -> None:
    thinner = residual().rebind({"a": 3})
    assert thinner.parameters["stem.weight"].array().shape == (8, 3, 3, 3)
    for name in ("a.weight", "a.bias", "b.weight"):
        with pytest.raises(GraphError, match=f"'{name}' has a shape and no values"):
            thinner.parameters[name].array()


def test_fewer_taps_change_weights_and_work_but_no_output() -> None:
    weight = {"w": Parameter("w", (4, 3, 9))}
    graph = Graph(
        {"x": float32(3, 32)},
        ("y",),
        (Node("c", Conv1d(4, kernel=(9,), padding=((8, 0),), bias=False), ("x",), ("y",), (("weight", "w"),)),),
        weight,
    )
    small = graph.rebind({}, {"c": Taps(4, 2, 3)})
    assert small.steps[0].output == graph.steps[0].output
    assert small.used_parameters["w"][1].shape == (4, 3, 3)
    assert (small.macs, graph.macs) == (32 * 4 * 3 * 3, 32 * 4 * 3 * 9)
    assert graph.rebind({"c": 2}, {"c": Taps(4, 2, 3)}).used_parameters["w"][1].shape == (2, 3, 3)
    with pytest.raises(GraphError, match="no node 'd'"):
        graph.rebind({}, {"d": Taps(4, 2, 3)})
    with pytest.raises(ShapeError, match="no taps to choose from"):
        Relu().with_taps(Taps(4, 2, 3))


def test_rebinding_to_the_same_widths_changes_nothing() -> None:
    graph = residual()
    assert graph.rebind({"stem": 8, "b": 8, "a": 4}).same_values(graph)


@settings(max_examples=30, deadline=None)
@given(trunk=st.integers(1, 20), inner=st.integers(1, 20))
def test_a_searched_graph_costs_what_the_rebound_one_costs(trunk: int, inner: int) -> None:
    n, m = (torch.tensor(float(size), dtype=torch.float64, requires_grad=True) for size in (trunk, inner))
    graph = residual()
    searched, exact = graph.rebind({"stem": n, "b": n, "a": m}), graph.rebind({"stem": trunk, "b": trunk, "a": inner})
    for quantity in ("macs", "params"):
        assert getattr(searched, quantity).item() == getattr(exact, quantity)
    searched.macs.backward()
    assert float(n.grad) == 64 * 27 + 64 * inner * 9 + 64 * inner + 16 * 9 + 10
    assert float(m.grad) == 64 * trunk * 9 + 64 * trunk


def test_columns_price_many_candidates_at_once() -> None:
    graph, trunk, inner = residual(), [8, 5, 16], [4, 7, 1]
    columns = graph.rebind({"stem": np.array(trunk), "b": np.array(trunk), "a": np.array(inner)})
    each = [graph.rebind({"stem": n, "b": n, "a": m}) for n, m in zip(trunk, inner, strict=True)]
    assert columns.macs.tolist() == [candidate.macs for candidate in each]
    assert columns.params.tolist() == [candidate.params for candidate in each]


def test_only_layers_with_a_width_can_be_rebound() -> None:
    with pytest.raises(ShapeError, match="DepthwiseConv2d takes its channels from its input"):
        residual().rebind({"dw": 4})
    with pytest.raises(GraphError, match="there is no node 'nothing'"):
        residual().rebind({"nothing": 4})


# The int8 form.


def test_as_int8_stores_activations_and_weights_in_bytes_and_biases_in_words() -> None:
    graph = residual()
    projected = graph.as_int8()
    assert projected.projected_from == "float32"
    assert all(spec.bits == 8 for spec in projected.values.values())
    assert {p.bits for name, p in projected.parameters.items() if name.endswith("weight")} == {8}
    assert {p.bits for name, p in projected.parameters.items() if name.endswith("bias")} == {BIAS_BITS}
    assert (projected.macs, projected.params) == (graph.macs, graph.params)
    assert projected.steps[0].work.in_bytes * 4 == graph.steps[0].work.in_bytes


def test_as_int8_scales_weights_by_output_channel() -> None:
    steps = {step.node.name: step for step in residual().as_int8().steps}
    scales = {name: dict(step.parameters)["weight"].scales for name, step in steps.items() if step.parameters}
    assert scales == {"stem": 8, "a": 4, "b": 8, "dw": 8, "fc": 10}


def test_as_int8_of_an_int8_graph_is_itself() -> None:
    projected = residual().as_int8()
    assert projected.as_int8() is projected


def test_as_int8_leaves_integers_alone() -> None:
    graph = Graph({"x": float32(10)}, ("y",), (Node("y", ArgMax(), ("x",), ("y",)),)).as_int8()
    assert (graph.inputs["x"].bits, graph.values["y"].bits) == (8, 32)


def test_as_int8_then_rebind_is_rebind_then_as_int8() -> None:
    graph = residual()
    assert graph.as_int8().rebind({"a": 3}) == graph.rebind({"a": 3}).as_int8()


def test_storage_of_a_value_is_what_the_graph_says() -> None:
    node = Node("y", Relu(), ("x",), ("y",))
    graph = Graph({"x": float32(10)}, ("y",), (node,), storage={"y": Storage(8, Quantisation((0.5,), (0,)), "int")})
    assert graph.values["y"] == TensorSpec((10,), 8, Quantisation((0.5,), (0,)), "int")
    assert graph.steps[0].work.out_bytes == 10


# Equality: the same computation, whatever the names.


def renamed(graph: Graph) -> Graph:
    def new(name: str) -> str:
        return f"other_{name}"

    nodes = tuple(
        Node(
            new(n.name),
            n.op,
            tuple(map(new, n.inputs)),
            tuple(map(new, n.outputs)),
            tuple((role, new(name)) for role, name in n.parameters),
        )
        for n in graph.nodes
    )
    parameters = {new(name): replace(p, name=new(name)) for name, p in graph.parameters.items()}
    inputs = {new(name): spec for name, spec in graph.inputs.items()}
    return Graph(inputs, tuple(map(new, graph.outputs)), nodes, parameters, name="other")


def test_names_do_not_matter() -> None:
    graph = residual()
    assert renamed(graph) == graph
    assert hash(renamed(graph)) == hash(graph)
    assert renamed(graph).same_values(graph)


def test_values_matter_to_same_values_alone() -> None:
    graph = residual()
    weight = graph.parameters["a.weight"]
    changed = replace(graph, parameters={**graph.parameters, "a.weight": replace(weight, read=lambda: 1.001 * np.ones(weight.shape))})
    assert changed == graph
    assert not changed.same_values(graph)
    assert changed.same_values(graph, tolerance=0.01)


@pytest.mark.parametrize(
    "change",
    [
        lambda g: g.rebind({"a": 5}),
        lambda g: replace(g, outputs=("sum",)),
        lambda g: replace(g, inputs={"x": float32(3, 10, 8)}),
        lambda g: g.as_int8(),
        lambda g: replace(g, nodes=tuple(replace(n, inputs=("b", "stem")) if n.name == "sum" else n for n in g.nodes)),
    ],
    ids=["width", "output", "input", "storage", "wiring"],
)
def test_what_is_computed_matters(change: Callable[[Graph], Graph]) -> None:
    graph = residual()
    assert change(graph) != graph
    assert not change(graph).same_values(graph)
    assert graph != "residual"


def test_a_shared_parameter_counts_once() -> None:
    nodes = tuple(Node(name, Dense(4, bias=False), (source,), (name,), (("weight", "w"),)) for name, source in (("a", "x"), ("b", "a")))
    graph = Graph({"x": float32(4)}, ("b",), nodes, {"w": Parameter("w", (4, 4))})
    assert (graph.params, graph.macs) == (16, 32)


def test_several_outputs_are_several_values() -> None:
    nodes = (Node("cut", Split(0, (3, 5)), ("x",), ("left", "right")), Node("y", Relu(), ("right",), ("y",)))
    graph = Graph({"x": float32(8, 2)}, ("left", "y"), nodes)
    assert graph.values["y"].shape == (5, 2)
    assert graph.steps[0].node.output == "left"
    assert graph.steps[0].work.out_bytes == 64


# What is refused, and in which words.


def test_a_node_reads_what_was_made_before_it() -> None:
    with pytest.raises(GraphError, match="node 'y': reads 'nowhere', which no earlier node makes"):
        Graph({"x": float32(4)}, ("y",), (Node("y", Add(), ("x", "nowhere"), ("y",)),))
    with pytest.raises(GraphError, match="node 'y': reads 'y'"):
        Graph({"x": float32(4)}, ("y",), (Node("y", Relu(), ("y",), ("y",)),))


def test_a_value_is_made_once() -> None:
    with pytest.raises(GraphError, match="node 'b': value 'y' is made twice"):
        Graph({"x": float32(4)}, ("y",), (Node("a", Relu(), ("x",), ("y",)), Node("b", Relu(), ("x",), ("y",))))
    with pytest.raises(GraphError, match="value 'x' is made twice"):
        Graph({"x": float32(4)}, ("x",), (Node("a", Relu(), ("x",), ("x",)),))


def test_an_output_is_made_by_some_node() -> None:
    with pytest.raises(GraphError, match="outputs 'y', 'z' are made by no node"):
        Graph({"x": float32(4)}, ("y", "x", "z"), ())


def test_a_parameter_is_in_the_graph_and_of_the_shape_asked_for() -> None:
    node = layer("fc", Dense(4), "x")
    with pytest.raises(GraphError, match=r"node 'fc': reads parameter 'fc\.weight', which the network does not have"):
        Graph({"x": float32(4)}, ("fc",), (node,))
    wrong = {"fc.weight": Parameter("fc.weight", (4, 5), read=ones((4, 5))), "fc.bias": Parameter("fc.bias", (4,))}
    with pytest.raises(ShapeError, match=r"node 'fc': dense expects a weight of shape 4x4, got 'fc\.weight' of shape 4x5"):
        _ = Graph({"x": float32(4)}, ("fc",), (node,), wrong).steps


def test_a_parameter_has_a_role_its_operator_knows() -> None:
    node = Node("y", Dense(4, bias=False), ("x",), ("y",), (("bias", "b"),))
    with pytest.raises(GraphError, match="node 'y': dense expects the parameters weight; got 'b' as its bias"):
        _ = Graph({"x": float32(4)}, ("y",), (node,), {"b": Parameter("b", (4,))}).steps


def test_a_misfit_names_its_node() -> None:
    with pytest.raises(ShapeError, match="node 'conv': Conv2d expects channels x height x width, got shape 4x4") as caught:
        _ = Graph({"x": float32(4, 4)}, ("conv",), (Node("conv", Conv2d(8), ("x",), ("conv",)),)).values
    assert caught.value.node == "conv"
