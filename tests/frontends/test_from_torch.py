"""What `from_torch` keeps of a module, what it leaves alone, and what it says when it cannot read one."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import nn

import hwcost
from hwcost.errors import GraphError, UnsupportedOpError
from hwcost.frontends.from_torch import as_written, from_torch

IMAGE = torch.zeros(1, 3, 8, 8)


class Forward(nn.Module):
    """A module of some layers and a function that uses them."""

    def __init__(self, function, **layers):
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def kinds(graph):
    return [step.kind for step in graph.steps]


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(144, 2))


def test_it_is_a_public_name():
    assert hwcost.from_torch is from_torch


def test_the_module_is_left_as_it_was():
    module = network()
    module[1].eval()
    before = {name: values.clone() for name, values in module.state_dict().items()}
    flags = [part.training for part in module.modules()]
    from_torch(module, IMAGE)
    assert flags == [part.training for part in module.modules()]
    assert all(torch.equal(before[name], values) for name, values in module.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in module.parameters())


def test_training_flags_come_back_after_a_failure():
    module = Forward(lambda self, x: self.conv(x) if x.sum() > 0 else x, conv=nn.Conv2d(3, 3, 1))
    with pytest.raises(GraphError):
        from_torch(module, IMAGE)
    assert module.training
    assert module.conv.training


def test_a_training_module_is_read_as_it_infers():
    assert kinds(from_torch(network().train(), IMAGE)) == ["conv2d", "reshape", "dense"]


def test_nodes_have_the_paths_of_their_modules():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 3, 1)

        def forward(self, x):
            return F.hardswish(self.conv1(x))

    graph = from_torch(nn.ModuleDict({"layers": nn.Sequential(Block(), Block())})["layers"], IMAGE)
    assert [node.name for node in graph.nodes] == ["0.conv1", "0.hardswish", "1.conv1", "1.hardswish"]
    assert set(graph.parameters) == {"0.conv1.weight", "0.conv1.bias", "1.conv1.weight", "1.conv1.bias"}


def test_the_network_has_the_name_of_its_class_or_the_one_given():
    assert from_torch(network(), IMAGE).name == "Sequential"
    assert from_torch(network(), IMAGE, name="mine").name == "mine"


def test_a_batch_is_pinned_to_one_and_noted():
    graph = from_torch(network(), torch.zeros(5, 3, 8, 8))
    assert graph == from_torch(network(), IMAGE)
    assert graph.notes == ("a batch of 5 was pinned to 1",)


def test_weights_are_read_when_asked_and_copied():
    module = nn.Linear(3, 2)
    graph = from_torch(module, torch.zeros(1, 3))
    with torch.no_grad():
        module.weight.fill_(7.0)
    read = graph.parameters["weight"].array()
    assert np.all(read == 7.0)
    read[:] = 0.0
    assert torch.all(module.weight == 7.0)


def test_as_written_keeps_every_layer():
    assert kinds(as_written(network(), IMAGE)) == ["conv2d", "batch_norm", "relu", "reshape", "dense"]


def test_tied_weights_are_one_parameter():
    module = Forward(lambda self, x: F.linear(self.fc(x), self.fc.weight.t()), fc=nn.Linear(4, 6, bias=False))
    graph = from_torch(module, torch.zeros(1, 4))
    assert [step.node.op.out_features for step in graph.steps] == [6, 4]
    other = nn.Linear(4, 4)
    other.weight = (first := nn.Linear(4, 4)).weight
    assert from_torch(nn.Sequential(first, nn.ReLU(), other), torch.zeros(1, 4)).params == 16 + 4 + 4


def test_arithmetic_on_weights_is_done_when_asked():
    module = Forward(
        lambda self, x: F.conv2d(x, self.conv.weight * torch.sigmoid(self.conv.bias).view(-1, 1, 1, 1)), conv=nn.Conv2d(3, 4, 3)
    )
    graph = from_torch(module, IMAGE)
    (parameter,) = graph.parameters.values()
    expected = module.conv.weight * torch.sigmoid(module.conv.bias).view(-1, 1, 1, 1)
    assert kinds(graph) == ["conv2d"]
    assert np.allclose(parameter.array(), expected.detach().numpy())


def test_tables_made_in_forward_are_constants():
    graph = from_torch(Forward(lambda _, x: x * torch.arange(4.0).exp() + torch.linspace(0, 1, 4)), torch.zeros(1, 4))
    assert kinds(graph) == ["mul", "add"]
    first = next(iter(graph.parameters.values()))
    assert np.allclose(first.array(), np.exp(np.arange(4)))


def test_scalars_keep_their_own_values():
    graph = from_torch(Forward(lambda _, x: ((torch.tanh(x) * 2) * torch.tanh(x * 3), x > 4, x > 5)), torch.zeros(1, 4))
    assert sorted(float(parameter.array()) for parameter in graph.parameters.values()) == [2.0, 3.0, 4.0, 5.0]


def test_operations_in_place_are_seen_by_all_that_share_the_tensor():
    def forward(self, x):
        y = self.conv(x)
        z = y.relu_()
        return y + z

    graph = from_torch(Forward(forward, conv=nn.Conv2d(3, 3, 1)), IMAGE)
    assert kinds(graph) == ["conv2d", "add"]
    assert graph.nodes[0].op.activation is not None
    assert graph.nodes[1].inputs == (graph.nodes[0].output,) * 2


def test_writes_through_a_view_are_seen_by_its_base():
    def forward(_, x):
        y = torch.tanh(x)
        y.view(1, 12).mul_(2.0)
        return y

    assert "mul" in kinds(from_torch(Forward(forward), torch.zeros(1, 3, 4)))


def test_writes_into_a_constant_leave_the_module_alone():
    module = Forward(lambda self, x: x + self.table.add_(1.0))
    module.register_buffer("table", torch.ones(4))
    graph = from_torch(module, torch.zeros(1, 4))
    (parameter,) = graph.parameters.values()
    assert np.all(parameter.array() == 2.0)
    assert torch.all(module.table == 1.0)


def test_parts_under_no_grad_or_autocast_off_are_read_like_the_rest():
    def forward(self, x):
        with torch.enable_grad():
            y = self.conv(x)
        return y.relu()

    assert kinds(from_torch(Forward(forward, conv=nn.Conv2d(3, 3, 1)), IMAGE)) == ["conv2d"]


def test_inputs_may_be_several_and_whole_numbers():
    module = Forward(lambda self, words, x: self.embedding(words).mean(1) + x, embedding=nn.Embedding(9, 4))
    graph = from_torch(module, (torch.zeros(2, 5, dtype=torch.int64), torch.zeros(2, 4)))
    assert [(spec.shape, spec.kind) for spec in graph.inputs.values()] == [((5,), "int"), ((4,), "float")]


def test_outputs_may_be_nested_and_repeated():
    graph = from_torch(Forward(lambda _, x: {"a": torch.tanh(x), "b": (torch.exp(x), [torch.tanh(x)])}), torch.zeros(1, 4))
    assert [graph.node(name.removesuffix(".out")).op.kind for name in graph.outputs] == ["tanh", "exp", "tanh"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_keep_their_width(dtype):
    graph = from_torch(nn.Linear(4, 2, dtype=dtype), torch.zeros(1, 4, dtype=dtype))
    bits = torch.finfo(dtype).bits
    assert graph.nodes[0].op.out_features == 2
    assert [spec.bits for spec in graph.values.values()] == [bits, bits]
    assert graph.parameters["weight"].bits == bits
    assert graph.parameters["weight"].array().shape == (2, 4)


def test_every_unknown_operator_is_named_at_once():
    module = nn.Sequential(Forward(lambda _, x: torch.fft.rfft(x).abs()), Forward(lambda _, x: torch.cumsum(x, 1)))
    with pytest.raises(UnsupportedOpError) as caught:
        from_torch(module, torch.zeros(1, 8))
    assert caught.value.unsupported == (("0.fft_rfft", "aten.fft_rfft"), ("1.cumsum", "aten.cumsum"))


def test_an_unknown_part_is_named_by_the_operator_it_is_part_of():
    with pytest.raises(UnsupportedOpError) as caught:
        from_torch(nn.Sequential(nn.Conv3d(1, 2, 3), nn.GLU(1)), torch.zeros(1, 1, 5, 5, 5))
    assert caught.value.unsupported == (("0", "aten.conv3d"),)


def test_unknown_operators_on_constants_alone_are_no_matter():
    assert kinds(from_torch(Forward(lambda _, x: x * torch.cumsum(torch.ones(4), 0)), torch.zeros(1, 4))) == ["mul"]


def decides(_, x):
    if x.sum() > 0:
        return x * 2
    return x


def counts(_, x):
    return x[:, : int(x.max())]


@pytest.mark.parametrize("function", [decides, counts])
def test_control_flow_that_depends_on_data_is_refused_with_its_line(function, capfd):
    line = inspect.getsourcelines(function)[1] + 1
    with pytest.raises(GraphError, match=rf"depends on the values of its input at .*test_from_torch\.py:{line}:") as caught:
        from_torch(Forward(function), torch.zeros(1, 4))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_module_that_fails_is_refused_with_its_line():
    line = inspect.getsourcelines(test_a_module_that_fails_is_refused_with_its_line)[1] + 2
    module = Forward(lambda _, x: x.reshape(7, 3))
    with pytest.raises(GraphError, match=rf"cannot be traced at .*test_from_torch\.py:{line}: RuntimeError: shape '\[7, 3\]' is invalid"):
        from_torch(module, torch.zeros(1, 4))


def test_inputs_of_the_wrong_shape_are_refused():
    with pytest.raises(GraphError, match="cannot be traced"):
        from_torch(nn.Conv2d(3, 4, 3), torch.zeros(1, 5, 8, 8))


@pytest.mark.parametrize(
    ("module", "example", "message"),
    [
        (print, IMAGE, "expected a torch.nn.Module, got builtin"),
        (network(), None, "expected a tensor or a tuple of tensors as example input, got NoneType"),
        (network(), (), "expected a tensor or a tuple of tensors"),
        (network(), (1, 2), "expected a tensor or a tuple of tensors"),
        (network(), torch.zeros(0, 3, 8, 8), r"expected an example input with elements, got shape \(0, 3, 8, 8\)"),
    ],
)
def test_what_is_no_module_or_input_is_refused(module, example, message):
    with pytest.raises(GraphError, match=message):
        from_torch(module, example)


def test_batch_norm_without_statistics_is_refused():
    with pytest.raises(GraphError, match="statistics of the batch"):
        from_torch(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)), IMAGE)


def test_operators_across_the_batch_are_refused():
    with pytest.raises(GraphError, match="is the batch"):
        from_torch(Forward(lambda _, x: torch.softmax(x, 0)), torch.zeros(1, 4))


def test_computed_weights_are_refused():
    with pytest.raises(GraphError, match="weights are computed by the network"):
        from_torch(Forward(lambda _, x: F.linear(x, torch.tanh(x).expand(4, 4))), torch.zeros(1, 4))


def test_an_output_that_depends_on_no_input_is_refused():
    with pytest.raises(GraphError, match="depends on no input"):
        from_torch(Forward(lambda _, x: torch.ones(1, 3)), torch.zeros(1, 4))
