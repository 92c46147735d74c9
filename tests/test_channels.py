"""Channel groups: which widths belong together, which are frozen and why, and how axes follow from them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost import ops
from hwcost.channels import ChannelGroup, Extent, Segment, channel_groups, trace_channels
from hwcost.errors import GraphError
from hwcost.graph import Graph, Node, Parameter
from hwcost.ops import Op
from hwcost.tensor import TensorSpec, float32

IMAGE = float32(3, 8, 8)


def chain(*layers: tuple[str, Op, str], x: TensorSpec = IMAGE, outputs: tuple[str, ...] = ()) -> Graph:
    """A network of `(name, operator, its inputs by name)`; without `outputs`, the last layer closed by a layer that frees it."""
    nodes = tuple(Node(name, op, tuple(sources.split()), (name,)) for name, op, sources in layers)
    if outputs:
        return Graph({"x": x}, outputs, nodes)
    last = (Node("pool", ops.ReduceMean((0,)), (nodes[-1].output,), ("pool",)),)
    return Graph({"x": x}, ("pool",), nodes + last)


def groups(graph: Graph) -> dict[tuple[str, ...], str | None]:
    return {group.nodes: group.frozen for group in channel_groups(graph)}


def one(name: str, times: int = 1) -> Segment:
    return Segment(name, times)


def test_a_residual_sum_ties_both_branches() -> None:
    graph = chain(("stem", ops.Conv2d(8), "x"), ("a", ops.Conv2d(4), "stem"), ("b", ops.Conv2d(8), "a"), ("sum", ops.Add(), "stem b"))
    assert groups(graph) == {("stem", "b"): None, ("a",): None}
    assert trace_channels(graph).group_of("b") == ChannelGroup(("stem", "b"), 8)


def test_a_sum_with_the_network_input_is_frozen() -> None:
    graph = chain(("a", ops.Conv2d(8), "x"), ("b", ops.Conv2d(3), "a"), ("sum", ops.Add(), "x b"))
    assert groups(graph) == {("a",): None, ("b",): "add 'sum' ties it to what cannot follow"}


def test_a_sum_with_a_constant_per_channel_leaves_it_free() -> None:
    assert groups(chain(("a", ops.Conv2d(8), "x"), ("shift", ops.Add((True, False, False)), "a"))) == {("a",): None}


def test_the_network_output_is_frozen() -> None:
    graph = chain(("a", ops.Conv2d(8), "x"), ("b", ops.Conv2d(10), "a"), outputs=("b",))
    assert groups(graph) == {("a",): None, ("b",): "it makes the network output 'b'"}


def test_depthwise_layers_pass_their_channels_on() -> None:
    graph = chain(("a", ops.Conv2d(8), "x"), ("dw", ops.DepthwiseConv2d(multiplier=3), "a"), ("b", ops.Conv2d(4), "dw"))
    channels = trace_channels(graph)
    assert groups(graph) == {("a",): None, ("b",): None}
    assert channels.widths_of("dw")[0] == Extent((one("a", 3),))
    with pytest.raises(GraphError, match="node 'dw': it takes its channels from its input"):
        channels.group_of("dw")


def test_concat_joins_segments() -> None:
    graph = chain(("a", ops.Conv2d(8), "x"), ("b", ops.Conv2d(4), "x"), ("cat", ops.Concat(0), "a x b"))
    assert groups(graph) == {("a",): None, ("b",): None}
    assert trace_channels(graph).widths_of("cat")[0] == Extent((one("a"), Segment(None, 3), one("b")))


def test_a_sum_of_like_concats_ties_segment_by_segment() -> None:
    graph = chain(
        *((name, ops.Conv2d(width), "x") for name, width in (("a", 8), ("b", 4), ("c", 8), ("d", 4))),
        ("left", ops.Concat(0), "a b"),
        ("right", ops.Concat(0), "c d"),
        ("sum", ops.Add(), "left right"),
    )
    assert groups(graph) == {("a", "c"): None, ("b", "d"): None}


def test_a_sum_of_a_concat_and_one_layer_freezes_all() -> None:
    layers = [(name, ops.Conv2d(width), "x") for name, width in (("a", 8), ("b", 4), ("c", 12))]
    graph = chain(*layers, ("left", ops.Concat(0), "a b"), ("sum", ops.Add(), "left c"))
    assert groups(graph) == {(name,): "add 'sum' ties it to what cannot follow" for name in "abc"}


def test_flatten_makes_every_channel_a_run_of_features() -> None:
    graph = chain(("a", ops.Conv2d(6), "x"), ("flat", ops.Reshape.between((6, 8, 8), (384,)), "a"), ("fc", ops.Dense(10), "flat"))
    assert groups(graph) == {("a",): None, ("fc",): None}
    assert trace_channels(graph).widths_of("flat") == (Extent((one("a", 64),)),)


def test_flatten_of_features_behind_steps_makes_copies() -> None:
    graph = chain(
        ("a", ops.Dense(6), "x"), ("flat", ops.Reshape.between((3, 6), (18,)), "a"), ("fc", ops.Dense(4), "flat"), x=float32(3, 5)
    )
    assert trace_channels(graph).widths_of("flat") == (Extent((one("a"),) * 3),)


def test_two_widths_merged_into_one_axis_are_frozen() -> None:
    graph = chain(
        ("a", ops.Conv1d(6), "x"),
        ("turn", ops.Transpose((1, 0)), "a"),
        ("b", ops.Conv1d(4), "turn"),
        ("flat", ops.Reshape.between((4, 6), (24,)), "b"),
        ("fc", ops.Dense(5), "flat"),
        x=float32(3, 9),
    )
    assert groups(graph) == {("a",): None, ("b",): None, ("fc",): None}
    outer = Graph({"x": float32(3, 5), "y": float32(7, 5)}, ("z",), _outer_product())
    assert groups(outer) == {(name,): "reshape 'flat' merges it with another width" for name in "ab"} | {
        ("fc",): "it makes the network output 'z'"
    }


def _outer_product() -> tuple[Node, ...]:
    """Two layers whose widths are the rows and the columns of one matrix."""
    return (
        Node("a", ops.Dense(6), ("x",), ("a",)),
        Node("b", ops.Dense(4), ("y",), ("b",)),
        Node("at", ops.Transpose((1, 0)), ("a",), ("at",)),
        Node("a3", ops.Slice(1, 0, 3), ("at",), ("a3",)),
        Node("b3", ops.Slice(0, 0, 3), ("b",), ("b3",)),
        Node("matrix", ops.MatMul(), ("a3", "b3"), ("matrix",)),
        Node("flat", ops.Reshape.between((6, 4), (24,)), ("matrix",), ("flat",)),
        Node("fc", ops.Dense(5), ("flat",), ("z",)),
    )


def test_squeeze_and_excite_ties_the_gate_to_what_it_scales() -> None:
    graph = chain(
        ("a", ops.Conv2d(8), "x"),
        ("mean", ops.GlobalAveragePool(), "a"),
        ("down", ops.Conv2d(2), "mean"),
        ("up", ops.Conv2d(8), "down"),
        ("gate", ops.HardSigmoid(), "up"),
        ("scaled", ops.Mul(), "a gate"),
    )
    assert groups(graph) == {("a", "up"): None, ("down",): None}


def test_a_mask_of_one_channel_stays_one_channel() -> None:
    graph = chain(("a", ops.Conv2d(8), "x"), ("mask", ops.Conv2d(1), "a"), ("scaled", ops.Mul(), "a mask"))
    assert groups(graph) == {("a",): None, ("mask",): "mul 'scaled' needs its input as it is"}


def test_a_split_needs_its_input_as_it_is() -> None:
    nodes = (Node("a", ops.Conv2d(8), ("x",), ("a",)), Node("cut", ops.Split(0, (5, 3)), ("a",), ("left", "right")))
    tail = tuple(Node(f"{side}.conv", ops.Conv2d(4), (side,), (f"{side}.conv",)) for side in ("left", "right"))
    graph = Graph({"x": IMAGE}, ("left.conv",), nodes + tail)
    assert groups(graph)[("a",)] == "split 'cut' needs its input as it is"
    assert groups(graph)[("right.conv",)] is None
    assert trace_channels(graph).widths_of("left")[0] == Extent((Segment(None, 5),))


def test_a_grouped_conv_freezes_itself_and_its_input() -> None:
    graph = chain(("a", ops.Conv2d(8), "x"), ("g", ops.Conv2d(12, groups=4), "a"), ("b", ops.Conv2d(4), "g"))
    assert groups(graph) == {
        ("a",): "conv2d 'g' needs its input as it is",
        ("g",): "conv2d 'g' needs its own width as it is",
        ("b",): None,
    }


def test_a_channel_shuffle_freezes_what_it_shuffles() -> None:
    graph = chain(
        ("a", ops.Conv2d(8), "x"),
        ("cut", ops.Reshape.between((8, 8, 8), (2, 4, 8, 8)), "a"),
        ("turn", ops.Transpose((1, 0, 2, 3)), "cut"),
        ("join", ops.Reshape.between((4, 2, 8, 8), (8, 8, 8)), "turn"),
    )
    assert groups(graph) == {("a",): "reshape 'cut' needs its input as it is"}


def test_queries_and_keys_are_tied_by_what_they_contract() -> None:
    graph = chain(
        ("q", ops.Dense(6), "x"),
        ("k", ops.Dense(6), "x"),
        ("v", ops.Dense(4), "x"),
        ("kt", ops.Transpose((1, 0)), "k"),
        ("scores", ops.MatMul(), "q kt"),
        ("mixed", ops.MatMul(), "scores v"),
        ("mean", ops.ReduceMean((1,)), "mixed"),
        x=float32(9, 5),
        outputs=("mean",),
    )
    assert groups(graph) == {("q", "k"): None, ("v",): None}


def test_a_recurrent_layer_has_one_width_in_all_its_outputs() -> None:
    nodes = (
        Node("rnn", ops.LSTM(6, "bidirectional"), ("x",), ("seq", "h", "c")),
        Node("flat", ops.Reshape.between((2, 6), (12,)), ("h",), ("flat",)),
    )
    graph = Graph({"x": float32(9, 5)}, ("fc",), (*nodes, Node("fc", ops.Dense(3), ("flat",), ("fc",))))
    channels = trace_channels(graph)
    assert channels.widths_of("seq") == (Extent((Segment(None, 9),)), Extent((Segment(None, 2),)), Extent((one("rnn"),)))
    assert channels.widths_of("flat") == (Extent((one("rnn"), one("rnn"))),)
    assert channels.group_of("rnn").frozen is None


def test_layers_that_share_weights_share_their_width_and_that_of_their_inputs() -> None:
    nodes = (
        Node("a", ops.Conv2d(8), ("x",), ("a",)),
        Node("b", ops.Conv2d(8, stride=(2, 2)), ("x",), ("b",)),
        *(Node(f"head_{n}", ops.Conv2d(4, bias=False), (n,), (f"head_{n}",), (("weight", "w"),)) for n in "ab"),
        *(Node(f"pool_{n}", ops.ReduceMean((0,)), (f"head_{n}",), (f"pool_{n}",)) for n in "ab"),
    )
    graph = Graph({"x": IMAGE}, ("pool_a", "pool_b"), nodes, {"w": Parameter("w", (4, 8, 1, 1))})
    assert groups(graph) == {("a", "b"): None, ("head_a", "head_b"): None}


def test_an_unknown_value_is_named() -> None:
    with pytest.raises(GraphError, match="there is no value 'nothing'"):
        trace_channels(chain(("a", ops.Conv2d(8), "x"))).widths_of("nothing")


def everything() -> Graph:
    """Most ways in which channels flow, in one network, with groups that are free."""
    return chain(
        ("stem", ops.Conv2d(8, (3, 3), padding=((1, 1), (1, 1))), "x"),
        ("norm", ops.BatchNorm(), "stem"),
        ("a", ops.Conv2d(4), "norm"),
        ("b", ops.Conv2d(8), "a"),
        ("sum", ops.Add(), "norm b"),
        ("mean", ops.GlobalAveragePool(), "sum"),
        ("gate", ops.Conv2d(8), "mean"),
        ("scaled", ops.Mul(), "sum gate"),
        ("dw", ops.DepthwiseConv2d((3, 3), (2, 2), ((1, 1), (1, 1)), multiplier=2), "scaled"),
        ("up", ops.ConvTranspose2d(6, (2, 2), (2, 2)), "dw"),
        ("cat", ops.Concat(0), "up stem x"),
        ("tile", ops.Expand((2, 1, 1)), "cat"),
        ("blocks", ops.SpaceToDepth(2), "tile"),
        ("small", ops.MaxPool2d((2, 2), (2, 2)), "blocks"),
        ("flat", ops.Reshape.between((136, 2, 2), (544,)), "small"),
        ("hidden", ops.Dense(12), "flat"),
        ("fc", ops.Dense(10), "hidden"),
        outputs=("fc",),
    )


def test_the_groups_of_a_larger_network() -> None:
    assert groups(everything()) == {
        ("stem", "b", "gate"): None,
        ("a",): None,
        ("up",): None,
        ("hidden",): None,
        ("fc",): "it makes the network output 'fc'",
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 24), min_size=4, max_size=4))
def test_extents_are_what_inference_finds_at_any_widths(sizes: list[int]) -> None:
    graph = everything()
    channels = trace_channels(graph)
    free = [group for group in channels.groups if group.frozen is None]
    widths = channels.widths | {group.name: size for group, size in zip(free, sizes, strict=True)}
    rebound = graph.rebind({node: widths[group.name] for group in channels.groups for node in group.nodes})
    for name, spec in rebound.values.items():
        assert tuple(extent.size(widths) for extent in channels.widths_of(name)) == spec.shape
