"""The registry of reference networks, and what a network of it is."""

from __future__ import annotations

import inspect

import pytest
import torch

from hwcost.errors import InputError
from hwcost.tasks import REGISTRY, ReferenceNetwork, reference_network
from hwcost.tasks.layers import half, same_padding

CLASSES = {"autoencoder": 640, "dscnn": 12, "mobilenetv1": 2, "resnet18": 200, "resnet8": 10, "tcn": 6}


def test_all_six_are_registered():
    assert sorted(REGISTRY) == sorted(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_it_takes_its_example_input_and_gives_one_row_of_scores(name):
    network = reference_network(name).eval()
    example = network.example_input()
    with torch.no_grad():
        assert network(torch.cat([example, example])).shape == (2, CLASSES[name])
    assert example.shape[0] == 1


@pytest.mark.parametrize("name", CLASSES)
def test_its_docstring_lists_its_layers(name):
    documented = inspect.getdoc(REGISTRY[name])
    assert "output" in documented
    assert "=====" in documented
    assert issubclass(REGISTRY[name], ReferenceNetwork)


@pytest.mark.parametrize("name", ["dscnn", "mobilenetv1", "resnet8"])
def test_classifiers_end_in_probabilities(name):
    network = reference_network(name).eval()
    with torch.no_grad():
        assert network(torch.randn_like(network.example_input())).sum() == pytest.approx(1.0, abs=1e-5)


def test_two_networks_of_a_name_are_not_one():
    assert reference_network("tcn").fc.weight is not reference_network("tcn").fc.weight


def test_a_misspelt_name_gets_the_nearest():
    with pytest.raises(InputError, match="there is no reference network 'resnet9'; did you mean resnet8"):
        reference_network("resnet9")


def test_resnet18_has_torchvisions_names():
    names = reference_network("resnet18").state_dict().keys()
    assert {"conv1.weight", "bn1.num_batches_tracked", "layer2.0.downsample.0.weight", "layer4.1.bn2.running_var", "fc.bias"} <= names
    assert len(names) == 122
    assert not any(name.startswith("layer1.0.downsample") for name in names)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [(32, 3, 1, (1, 1)), (32, 3, 2, (0, 1)), (49, 10, 2, (4, 5)), (10, 4, 2, (1, 1)), (5, 1, 2, (0, 0)), (7, 3, 2, (1, 1))],
)
def test_same_padding_puts_the_odd_element_at_the_end(size, kernel, stride, padding):
    assert same_padding(size, kernel, stride) == padding
    assert (size + sum(padding) - kernel) // stride + 1 == -(-size // stride)


def test_half_rounds_up():
    assert [half(n) for n in (1, 2, 5, 96)] == [1, 1, 3, 48]


def test_the_temporal_network_does_not_see_the_future():
    network = reference_network("tcn").eval()
    x = torch.randn(network.example_input().shape)
    changed = x.clone()
    changed[..., 100:] += 1.0
    with torch.no_grad():
        before, after = network.blocks(x), network.blocks(changed)
    assert torch.equal(before[..., :100], after[..., :100])
    assert not torch.equal(before[..., 100:], after[..., 100:])


def test_the_temporal_network_sees_sixty_samples_back():
    network = reference_network("tcn").eval()
    x = torch.randn(network.example_input().shape)
    seen = [network.blocks(_bumped(x, 127 - back))[..., 127] for back in (60, 61)]
    last = network.blocks(x)[..., 127]
    assert not torch.equal(seen[0], last)
    assert torch.equal(seen[1], last)


def _bumped(x, at):
    bumped = x.clone()
    bumped[..., at] += 100.0
    return bumped
