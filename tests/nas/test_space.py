"""Masks on an untouched module, and the plain module cut out of it."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import nn

from hwcost import nas
from hwcost.errors import InputError
from hwcost.frontends.from_torch import from_torch
from hwcost.nas.trial import difference
from tests.nas.networks import INPUTS, Joined, Residual, Separable, example, trained
from tests.zoo import ZOO

SEARCHED = ("InvertedResidual", "Shuffle", "UNet", "Temporal", "Residual", "TwoInputs", "TwoOutputs", "LayerScale", "dense_bn", "hardswish")
KEPT = (
    "Ghost",
    "DenseBlock",
    "GRUHead",
    "LSTMSequence",
    "grouped",
    "group_norm",
    "softplus_mish",
    "argmax",
    "CalledTwice",
    "SelfAttention",
)


def drop_some(space: nas.Space, seed: int = 0) -> None:
    """Let random channels of every group live, of a width the group may have."""
    rng = np.random.default_rng(seed)
    for group in space.free:
        living = rng.permutation(group.size)[: rng.choice(group.widths)]
        space.keep({group.name: np.isin(np.arange(group.size), living)})


def require_equal(searched: nn.Module, small: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    doubles = [x.double() if x.is_floating_point() else x for x in inputs]
    with torch.no_grad():
        expected, found = (copy.deepcopy(part).double().eval()(*doubles) for part in (searched, small))
    leaves = [list(made.values()) if isinstance(made, dict) else [made] for made in (found, expected)]
    assert difference(*leaves) < 1e-12


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("granularity", [1, 4])
def test_the_exported_module_computes_what_the_searched_one_does(kind: type[nn.Module], granularity: int) -> None:
    model = trained(kind())
    space = nas.prunable(model, example(kind), granularity=granularity)
    drop_some(space)
    small = space.export()
    assert all(width % granularity == 0 or width == group.size for group, width in zip(space.free, space.widths.values(), strict=True))
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())
    require_equal(model, small, (example(kind, 3),))


@pytest.mark.parametrize("name", SEARCHED)
def test_modules_of_many_kinds_are_searched(name: str) -> None:
    model, inputs = ZOO[name].seeded()
    space = nas.prunable(model, inputs)
    assert space.free
    drop_some(space)
    require_equal(model, space.export(), inputs)


@pytest.mark.parametrize("name", KEPT)
def test_what_cannot_be_cut_stays_with_a_reason(name: str) -> None:
    model, inputs = ZOO[name].seeded()
    space = nas.prunable(model, inputs)
    assert not space.free
    assert all(group.frozen for group in space.groups)


def test_groups_are_those_of_the_residual_sums() -> None:
    space = nas.prunable(Residual(), example(Residual))
    assert [(group.nodes, group.size) for group in space.free] == [
        (("stem", "two"), 8),
        (("one",), 6),
        (("skip", "four"), 10),
        (("three",), 12),
    ]
    (head,) = (group for group in space.groups if group.frozen)
    assert head.nodes == ("fc",)
    assert "network output" in head.frozen


def test_an_exported_module_is_plain() -> None:
    space = nas.prunable(trained(Residual()), example(Residual))
    drop_some(space)
    small = space.export()
    modules = {type(part).__module__.partition(".")[0] for part in small.modules()}
    assert modules <= {"torch", "tests"}
    assert list(small.state_dict()) == list(Residual().state_dict())
    assert small.three.in_channels == small.stem.out_channels == small.stem_norm.num_features == space.widths["stem"]


def test_depthwise_layers_keep_as_many_groups_as_channels() -> None:
    space = nas.prunable(trained(Separable()), example(Separable))
    space.keep({"stem.0": np.arange(8) < 3})
    small = space.export()
    assert (small.deep[0].groups, small.deep[0].in_channels, small.deep[0].out_channels) == (3, 3, 3)
    assert min(next(group for group in space.free if group.name == "stem.0").widths) == 2


def test_releasing_gives_the_module_back() -> None:
    model = trained(Residual())
    before, parameters = copy.deepcopy(model.state_dict()), {id(p) for p in model.parameters()}
    space = nas.prunable(model, example(Residual))
    drop_some(space)
    copied = copy.deepcopy(model)
    space.release()
    assert type(model.stem_norm) is nn.BatchNorm2d
    assert {id(p) for p in model.parameters()} == parameters
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    copied(example(Residual))  # a copy made meanwhile keeps its masks


def test_no_random_number_is_drawn_from_the_users_stream() -> None:
    model = Residual()
    before = torch.get_rng_state()
    nas.prunable(model, example(Residual))
    assert torch.equal(before, torch.get_rng_state())


def test_a_masked_channel_changes_nothing_and_is_not_trained() -> None:
    model = trained(Residual())
    space = nas.prunable(model, example(Residual))
    space.keep({"skip": np.arange(10) != 2})
    model.train()
    out = model(example(Residual, 5))
    out.square().sum().backward()
    assert bool((space.masks["skip"].leaf.grad[torch.arange(10) != 2] != 0).any())
    assert model.four.weight.grad[2].abs().max() == 0
    with torch.no_grad():
        model.four_norm.parametrizations.weight.original[2] += 7
        assert torch.equal(model(example(Residual, 5)), out)


def test_frozen_parts_stay() -> None:
    space = nas.prunable(Residual(), example(Residual), freeze=["o*", "skip"])
    assert [group.name for group in space.free] == ["stem", "three"]
    assert next(group for group in space.groups if group.name == "one").frozen == "'o*' is to stay as it is"


def test_a_module_that_counts_on_its_width_keeps_it() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 2, 1)
            self.scale = nn.Parameter(torch.rand(8))

        def forward(self, x):
            x = F.relu(self.a(x)) + torch.ones(1, 8, 1, 1)
            return self.c(F.relu(self.b(x)))

    space = nas.prunable(Counting(), torch.zeros(1, 1, 8, 8))
    assert [group.name for group in space.free] == ["b"]


def test_one_tensor_under_two_names_keeps_its_shape() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
            self.c.weight = self.b.weight
            self.fc = nn.Conv2d(4, 2, 1)

        def forward(self, x):
            return self.fc(F.relu(self.c(F.relu(self.b(F.relu(self.a(x)))))))

    space = nas.prunable(Tied(), torch.zeros(1, 1, 8, 8))
    assert not space.free


def test_wrong_requests_are_refused() -> None:
    model = Residual()
    with pytest.raises(InputError, match="names no part of the module, whose layers are stem"):
        nas.prunable(model, example(Residual), freeze=["nowhere"])
    with pytest.raises(InputError, match="granularity of at least 1"):
        nas.prunable(model, example(Residual), granularity=0)
    nas.prunable(model, example(Residual))
    with pytest.raises(InputError, match="under search already"):
        nas.prunable(model, example(Residual))


def test_the_priced_network_is_the_one_exported() -> None:
    space = nas.prunable(trained(Joined()), example(Joined))
    assert {group.name for group in space.free} == {"left", "right", "up"}
    drop_some(space, seed=5)
    assert from_torch(space.export(), example(Joined)) == space.network(space.widths)
