"""The nodes of a file: order, names, functions, branches, and files whose nodes do not hang together."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from hwcost.errors import GraphError, UnsupportedOpError
from hwcost.frontends.from_onnx import from_onnx
from hwcost.frontends.onnx_nodes import MOST_NODES
from tests.onnx_files import FLOAT, floats, model, node

X = {"x": [1, 4]}


def kinds(file, **more):
    return [step.kind for step in from_onnx(file, **more).steps]


def test_nodes_are_read_in_an_order_in_which_they_can_run():
    file = model([node("Exp", ["b"]), node("Neg", ["a"], ["b"]), node("Relu", ["x"], ["a"])], X)
    assert kinds(file) == ["relu", "neg", "exp"]


def test_what_leads_to_no_output_is_not_looked_at():
    file = model([node("Relu", ["x"]), node("Unheard", ["x"], ["z"]), node("Mul", ["z", "nothing"], ["w"])], X)
    assert kinds(file) == ["relu"]


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([node("Relu", ["b"], ["y"]), node("Neg", ["y"], ["b"])], "node 'neg_b'|node 'relu_y'.*cycle"),
        ([node("Relu", ["y"], ["y"])], "cycle"),
        ([node("Relu", ["nothing"])], "reads 'nothing', which is no input"),
        ([node("Relu", ["x"]), node("Neg", ["x"])], "value 'y' is made twice, also by node 'relu_y'"),
        ([node("Relu", ["x"], ["x"])], "made twice, also by an input"),
        ([node("Relu", ["x"], ["z"])], "output 'y' is made by no node"),
        ([node("Constant", [], ["y"], value_float=1.0)], "no output of the network depends on an input"),
    ],
)
def test_nodes_that_do_not_hang_together_are_refused(nodes, why):
    with pytest.raises(GraphError, match=why):
        from_onnx(model(nodes, X))


def test_doubled_initialisers_and_inputs_are_refused():
    file = model([node("Add", ["x", "c"])], X, {"c": floats(4)})
    file.graph.initializer.append(file.graph.initializer[0])
    with pytest.raises(GraphError, match="'c' is stored twice"):
        from_onnx(file)
    file = model([node("Relu", ["x"])], X)
    file.graph.input.append(file.graph.input[0])
    with pytest.raises(GraphError, match="declared twice"):
        from_onnx(file)


def test_sparse_initialisers_are_refused():
    file = model([node("Relu", ["x"])], X)
    file.graph.sparse_initializer.add()
    with pytest.raises(GraphError, match="sparse"):
        from_onnx(file)


def test_a_network_may_return_its_input_and_a_value_twice():
    graph = from_onnx(model([node("Relu", ["x"])], X, outputs=["y", "x", "y"]))
    assert len(graph.outputs) == 3
    assert graph.outputs[0] == graph.outputs[2] != graph.outputs[1] == "x"


def test_outputs_that_depend_on_no_input_are_left_out_and_said():
    graph = from_onnx(model([node("Relu", ["x"])], X, {"c": floats(3)}, outputs=["y", "c"]))
    assert len(graph.outputs) == 1
    assert graph.notes == ("1 output is left out: what depends on no input, or only on unknown operators, is not computed",)


def test_too_many_nodes_are_refused():
    chain = [node("Relu", ["x" if i == 0 else f"v{i}"], [f"v{i + 1}"]) for i in range(MOST_NODES + 1)]
    with pytest.raises(GraphError, match=r"more than 10,000 nodes"):
        from_onnx(model(chain, X, outputs=[f"v{MOST_NODES + 1}"]))


@pytest.mark.parametrize(("opset", "why"), [(6, "opset 6, hwcost reads 7 and newer"), (1, "opset 1"), (0, "opset 0"), (-4, "opset -4")])
def test_old_opsets_are_refused(opset, why):
    with pytest.raises(GraphError, match=why):
        from_onnx(model([node("Relu", ["x"])], X, opset=opset))


def test_opsets_newer_than_hwcost_are_read_as_far_as_their_operators_are_known():
    assert kinds(model([node("Relu", ["x"])], X, opset=99)) == ["relu"]


def test_a_file_without_opsets_is_refused():
    file = model([node("Relu", ["x"])], X)
    file.ClearField("opset_import")
    with pytest.raises(Exception, match="no opset"):
        from_onnx(file)


# Names.


def test_nodes_are_called_by_their_names_or_by_what_they_make():
    unnamed = node("Neg", ["a"], ["y"])
    unnamed.name = ""
    file = model([node("Relu", ["x"], ["a"], name="block/relu"), unnamed], X)
    assert [each.name for each in from_onnx(file).nodes] == ["block/relu", "Neg_y"]


def test_equal_names_are_numbered():
    file = model([node("Relu", ["x"], ["a"], name="n"), node("Neg", ["a"], ["b"], name="n"), node("Exp", ["b"], name="n")], X)
    assert [each.name for each in from_onnx(file).nodes] == ["n", "n_2", "n_3"]


def test_of_names_that_a_converter_joined_the_last_is_taken():
    file = model([node("Relu", ["x"], name="model/bn/Add;model/relu;model/conv2d_7/Conv2D")], X)
    assert from_onnx(file).nodes[0].name == "model/conv2d_7/Conv2D"


@pytest.mark.parametrize(
    ("scopes", "classes", "name"),
    [
        (
            "['', 'layer1', 'layer1.conv1', 'conv2d_3']",
            "['M', 'Block', 'torch.nn.modules.conv.Conv2d', 'aten.conv2d.default']",
            "layer1.conv1",
        ),
        ("['', 'layer1', 'add_2']", "['M', 'Block', 'aten.add.Tensor']", "layer1.neg"),
        ("['', 'neg']", "['M', 'aten.neg.default']", "neg"),
        ("['', 'features', 'neg']", "['M', 'torch.nn.modules.container.Sequential', 'aten.neg.default']", "features.neg"),
        ("nonsense", "nonsense", "neg"),
        ("", "", "plain"),
    ],
)
def test_torchs_module_paths_are_read_from_metadata(scopes, classes, name):
    made = node("Neg", ["x"], name="plain")
    for key, value in (("pkg.torch.onnx.name_scopes", scopes), ("pkg.torch.onnx.class_hierarchy", classes)):
        if value:
            made.metadata_props.add(key=key, value=value)
    assert from_onnx(model([made], X)).nodes[0].name == name


def test_names_from_a_file_cannot_harm_a_terminal():
    graph = from_onnx(model([node("Relu", ["x"], name="\x1b[2J" + "a" * 1000)], X))
    (name,) = [each.name for each in graph.nodes]
    assert name.isprintable()
    assert len(name) <= 210


def test_names_that_are_no_text_are_read():
    file = model([node("Relu", ["x"], name="RELU")], X).SerializeToString().replace(b"RELU", b"\xff\xfe\xfd\xfc")
    assert from_onnx(file).nodes[0].name.isprintable()


# Functions.


def function(name, inputs, outputs, nodes, attributes=(), domain="mine"):
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    return helper.make_function(domain, name, inputs, outputs, nodes, opsets, list(attributes))


def test_functions_of_the_file_are_inlined():
    inner = function("inner", ["a"], ["b"], [node("Neg", ["a"], ["b"])])
    outer = function("outer", ["p"], ["q"], [node("inner", ["p"], ["t"], domain="mine"), node("Exp", ["t"], ["q"])])
    calls = [node("outer", ["x"], ["m"], domain="mine", name="first"), node("outer", ["m"], domain="mine", name="second")]
    graph = from_onnx(model(calls, X, functions=[inner, outer], domains=["mine"]))
    assert [step.kind for step in graph.steps] == ["neg", "exp", "neg", "exp"]
    assert [each.name.partition("/")[0] for each in graph.nodes] == ["first", "first", "second", "second"]


def test_attributes_of_a_call_reach_the_nodes_inside():
    leaky = helper.make_node("LeakyRelu", ["a"], ["b"])
    leaky.attribute.add(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    steep = function("steep", ["a"], ["b"], [leaky], ["slope"])
    graph = from_onnx(model([node("steep", ["x"], domain="mine", slope=0.25)], X, functions=[steep], domains=["mine"]))
    assert graph.nodes[0].op.slope == 0.25


def test_an_attribute_that_a_call_leaves_out_has_the_operators_default():
    leaky = helper.make_node("LeakyRelu", ["a"], ["b"])
    leaky.attribute.add(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    steep = function("steep", ["a"], ["b"], [leaky], ["slope"])
    graph = from_onnx(model([node("steep", ["x"], domain="mine")], X, functions=[steep], domains=["mine"]))
    assert graph.nodes[0].op.slope == 0.01


def test_a_function_may_return_its_input():
    same = function("same", ["a"], ["a"], [])
    assert kinds(model([node("same", ["x"], ["m"], domain="mine"), node("Relu", ["m"])], X, functions=[same], domains=["mine"])) == ["relu"]


def test_inputs_that_a_call_leaves_out_are_left_out_inside():
    clipped = function("clipped", ["a", "low", "high"], ["b"], [node("Clip", ["a", "low", "high"], ["b"])])
    file = model([node("clipped", ["x", "l"], domain="mine")], X, {"l": np.float32(0)}, functions=[clipped], domains=["mine"])
    assert kinds(file) == ["relu"]


def test_functions_that_call_themselves_are_refused():
    round_trip = function("f", ["a"], ["b"], [node("f", ["a"], ["b"], domain="mine")])
    with pytest.raises(GraphError, match="24 deep"):
        from_onnx(model([node("f", ["x"], domain="mine")], X, functions=[round_trip], domains=["mine"]))


def test_functions_that_double_at_every_level_are_refused():
    levels = [
        function(f"f{i}", ["a"], ["b"], [node(f"f{i + 1}", ["a"], ["t"], domain="mine"), node(f"f{i + 1}", ["t"], ["b"], domain="mine")])
        for i in range(20)
    ]
    levels.append(function("f20", ["a"], ["b"], [node("Relu", ["a"], ["b"])]))
    with pytest.raises(GraphError, match="more than 10,000 nodes"):
        from_onnx(model([node("f0", ["x"], domain="mine")], X, functions=levels, domains=["mine"]))


# Branches.


def branch(*nodes, output="o"):
    return helper.make_graph(list(nodes), "branch", [], [helper.make_tensor_value_info(output, FLOAT, None)])


def test_a_branch_that_is_known_to_be_taken_is_read_in_its_place():
    neg, exp = branch(node("Neg", ["x"], ["o"])), branch(node("Exp", ["x"], ["o"]))
    shape = [node("Shape", ["x"], ["s"]), node("Gather", ["s", "one"], ["n"]), node("Equal", ["n", "four"], ["c"])]
    stored = {"one": np.array(1), "four": np.array(4)}
    file = model([*shape, node("If", ["c"], ["t"], then_branch=neg, else_branch=exp), node("Relu", ["t"])], X, stored)
    assert kinds(file) == ["neg", "relu"]
    file.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(np.array(5), "four"))
    assert kinds(file) == ["exp", "relu"]


def test_branches_may_read_what_is_around_them_and_have_names_of_their_own():
    inner = branch(
        node("If", ["c"], ["o"], then_branch=branch(node("Add", ["a", "x"], ["o"])), else_branch=branch(node("Neg", ["x"], ["o"])))
    )
    file = model([node("If", ["c"], ["y"], then_branch=inner, else_branch=inner), node("Exp", ["x"], ["a"])], X, {"c": np.array(True)})
    assert kinds(file) == ["exp", "add"]


@pytest.mark.parametrize("op", ["If", "Loop", "Scan"])
def test_control_flow_that_depends_on_data_is_refused_by_name(op):
    body = branch(node("Neg", ["x"], ["o"]))
    attributes = {"then_branch": body, "else_branch": body} if op == "If" else {"body": body}
    file = model([node("Cast", ["x"], ["c"], to=9), node(op, ["c"], **attributes)], X)
    with pytest.raises(UnsupportedOpError) as caught:
        from_onnx(file)
    assert caught.value.unsupported == ((f"{op.lower()}_y", f"{op} (control flow that depends on data)"),)


def test_branches_inside_of_each_other_have_an_end():
    graph = branch(node("Relu", ["x"], ["o"]))
    for _ in range(30):
        graph = branch(node("If", ["c"], ["o"], then_branch=graph, else_branch=branch(node("Neg", ["x"], ["o"]))))
    with pytest.raises(GraphError, match="24 deep"):
        from_onnx(model([node("If", ["c"], then_branch=graph, else_branch=graph)], X, {"c": np.array(True)}))


# Operators that hwcost does not know.


def unknown_file(**more):
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("Unheard", ["a"], ["b", "c"], domain="my.own"),
        node("Conv", ["b", "w2"], ["y"]),
        node("Alien", ["c"], ["d"]),
        node("Relu", ["d"], ["z"]),
    ]
    file = model(nodes, {"x": [1, 3, 8, 8]}, {"w": floats(4, 3, 3, 3), "w2": floats(2, 4, 1, 1)}, outputs=["y", "z"])
    for name, shape in more.items():
        file.graph.value_info.append(helper.make_tensor_value_info(name, FLOAT, shape))
    return file


def test_with_shapes_in_the_file_the_network_behind_an_unknown_operator_is_counted():
    graph = from_onnx(unknown_file(b=["N", 4, 6, 6]), allow_unsupported=True)
    assert graph.macs == 4 * 36 * 27 + 2 * 36 * 4
    assert [step.kind for step in graph.steps] == ["conv2d", "unknown", "conv2d"]
    assert graph.unknown == (("unheard_b", "my.own.Unheard"), ("alien_d", "Alien"), ("relu_z", "Relu"))


def test_without_shapes_what_the_unknown_operator_reads_is_counted_all_the_same():
    graph = from_onnx(unknown_file(), allow_unsupported=True)
    assert graph.macs == 4 * 36 * 27
    assert [name for name, _ in graph.unknown] == ["unheard_b", "conv_y", "alien_d", "relu_z"]


def test_unless_allowed_every_unknown_operator_is_refused_and_nothing_that_is_known():
    with pytest.raises(UnsupportedOpError) as caught:
        from_onnx(unknown_file())
    assert caught.value.unsupported == (("unheard_b", "my.own.Unheard"), ("alien_d", "Alien"))
