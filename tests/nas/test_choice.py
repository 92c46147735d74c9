"""A block that could be built in several ways: what a step runs, and what is left when one way is chosen."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from hwcost import nas
from hwcost.errors import GraphError, InputError
from hwcost.frontends.from_torch import from_torch
from hwcost.nas.choice import MODES, as_a_whole
from hwcost.nas.selection import by_probability
from tests.nas.choosing import INPUT, SELECTIONS, Chosen
from tests.nas.networks import trained
from tests.nas.test_space import drop_some, require_equal


def constants(mode: str = "softmax", count: int = 4, **settings: float) -> nas.Choice:
    """Alternatives that multiply by 1, 10, 100..., so that a sum tells who was in it."""
    ways = [nn.Conv2d(1, 1, 1, bias=False) for _ in range(count)]
    for power, way in enumerate(ways):
        nn.init.constant_(way.weight, 10.0**power)
    return nas.Choice(*ways, mode=mode, **settings)


def calls(choice: nas.Choice) -> list[int]:
    """Indices of the alternatives that run, noted as they do."""
    noted: list[int] = []
    for index, way in enumerate(choice.alternatives):
        way.register_forward_hook(lambda *_, index=index: noted.append(index))
    return noted


ONE = torch.ones(1, 1, 1, 1)


def value(choice: nas.Choice) -> float:
    return float(choice(ONE).detach())


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), st.floats(0.05, 5))
def test_probabilities_sum_to_one_whatever_alpha_and_temperature(alpha: list[float], temperature: float) -> None:
    choice = constants(count=len(alpha), temperature=temperature)
    choice.alpha.copy_(torch.tensor(alpha))
    assert float(choice.theta.sum()) == pytest.approx(1)
    order = np.argsort(alpha, kind="stable")
    assert (np.diff(choice.theta.numpy()[order]) >= 0).all()


def test_a_choice_starts_with_equal_probabilities_and_mixes_all() -> None:
    choice = constants()
    assert choice.alpha.tolist() == [0.25] * 4
    assert value(choice) == pytest.approx(1111 / 4)


def test_a_sampled_step_trains_one_path_and_compares_it_with_a_second() -> None:
    choice = constants("sampled")
    choice.alpha.copy_(torch.tensor([0.5, 0.2, 0.2, 0.1]).log())
    choice.learn(True)
    noted, seen = calls(choice), set()
    for _ in range(60):
        noted.clear()
        choice.zero_grad()
        choice.leaf.grad = None
        out = choice(ONE).sum()
        out.backward()
        a, b = noted
        assert float(out.detach()) == 10.0**a
        assert [way.weight.grad is not None for way in choice.alternatives] == [index == a for index in range(4)]
        theta = choice.theta.detach()
        p, q = theta[a] / (theta[a] + theta[b]), theta[b] / (theta[a] + theta[b])
        # d(p x + q y) / d alpha_b = p q (y - x), and the negative of it for alpha_a
        assert float(choice.leaf.grad[b]) == pytest.approx(float(p * q) * (10.0**b - 10.0**a), rel=1e-4)
        assert float(choice.leaf.grad[a]) == pytest.approx(-float(choice.leaf.grad[b]), rel=1e-4)
        seen.add((a, b))
    assert len(seen) > 3


def test_a_sampled_step_runs_one_path_while_alpha_does_not_learn_or_nothing_is_trained() -> None:
    choice = constants("sampled")
    noted = calls(choice)
    choice(ONE)
    assert len(noted) == 1
    choice.learn(True)
    choice.alpha.copy_(torch.tensor([0.0, 3.0, 0.0, 0.0]))
    choice.eval()
    noted.clear()
    choice(ONE)
    assert noted == [1]


@pytest.mark.parametrize("mode", MODES)
def test_the_gradient_reaches_alpha_only_while_searched(mode: str) -> None:
    choice = constants(mode)
    choice(ONE).sum().backward()
    assert choice.leaf is None
    assert "alpha" not in dict(choice.named_parameters())
    choice.learn(True)
    choice(ONE).sum().backward()
    assert int((choice.leaf.grad != 0).sum()) == (2 if mode == "sampled" else 4)


def test_draws_follow_the_probabilities() -> None:
    choice = constants("sampled", count=3)
    choice.alpha.copy_(torch.tensor([0.6, 0.3, 0.1]).log())
    noted = calls(choice)
    with torch.no_grad():
        for _ in range(3000):
            choice(ONE)
    assert [noted.count(index) / 3000 for index in range(3)] == pytest.approx([0.6, 0.3, 0.1], abs=0.03)


def test_the_icv_of_a_sure_choice_is_small() -> None:
    choice = constants()
    assert float(choice.icv()) == pytest.approx(0.25**2 / 1e-3)
    choice.alpha.copy_(torch.tensor([100.0, 0.0, 0.0, 0.0]))
    assert float(choice.icv()) == pytest.approx(0.25**2 / (0.1875 + 1e-3))


def test_temperature_falls_geometrically() -> None:
    choice = constants(temperature=4.0, final_temperature=0.25)
    choice.anneal(0.5)
    assert choice.temperature == pytest.approx(1.0)
    choice.anneal(1)
    assert choice.temperature == pytest.approx(0.25)


def test_a_settled_choice_runs_one_path_and_stays_settled_in_the_state_dict() -> None:
    choice = constants("gumbel")
    choice.settle(2)
    noted = calls(choice)
    assert value(choice) == 100
    other = constants("gumbel")
    other.load_state_dict(choice.state_dict())
    assert value(other) == 100
    assert noted == [2]


def test_the_same_seed_draws_the_same_paths() -> None:
    torch.manual_seed(5)
    first = constants("sampled")
    copied = copy.deepcopy(first)
    torch.manual_seed(5)
    second = constants("sampled")
    made = [[value(choice) for _ in range(8)] for choice in (first, copied, second)]
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_selection_is_the_network_of_the_module_with_those_blocks(selection: tuple[int, ...], space: nas.Space) -> None:
    space.choose(selection)
    small = space.export()
    assert from_torch(small, torch.zeros(INPUT)) == space.network({}, selection)
    assert not any("alternatives" in name for name in small.state_dict())
    require_equal(space.module, small, (torch.randn(3, *INPUT[1:]),))


@pytest.fixture(scope="module")
def space() -> nas.Space:
    return nas.prunable(trained(Chosen()), torch.zeros(INPUT))


@pytest.mark.parametrize("selection", SELECTIONS[::7])
def test_masks_inside_alternatives_are_cut_out_with_them(selection: tuple[int, ...]) -> None:
    space = nas.prunable(trained(Chosen()), torch.zeros(INPUT))
    drop_some(space, seed=sum(selection))
    space.choose(selection)
    small = space.export()
    require_equal(space.module, small, (torch.randn(3, *INPUT[1:]),))
    assert all(type(part).__module__.startswith(("torch", "tests")) for part in small.modules())
    assert small.fc.in_features == space.widths["two.alternatives.0.0"]


def test_alternatives_of_a_block_share_their_width_and_identity_ties_it_to_the_input(space: nas.Space) -> None:
    assert {group.name: set(group.nodes) for group in space.free} == {
        "stem.0": {"stem.0", "one.alternatives.0.0", "one.alternatives.1.0", "one.alternatives.2.2.0"},
        "two.alternatives.0.0": {
            "two.alternatives.0.0",
            "two.alternatives.1.2.0",
            "three.0.alternatives.0.0",
            "three.0.alternatives.2.0",
        },
    }


def test_a_choice_without_widths() -> None:
    space = nas.prunable(trained(Chosen()), torch.zeros(INPUT), freeze=["*"])
    assert not space.free
    space.choose((1, 1, 1))
    require_equal(space.module, space.export(), (torch.randn(2, *INPUT[1:]),))
    assert space.chosen == {"one": "5x5", "two": "Sequential-1", "three.0": "Identity"}


def test_a_module_that_is_a_choice_itself() -> None:
    choice = trained(nas.Choice(nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 1)))
    space = nas.prunable(choice, torch.zeros(1, 2, 4, 4))
    space.choose((1,))
    assert space.export().kernel_size == (1, 1)


def test_reading_a_module_leaves_its_choices_as_they_were() -> None:
    model = Chosen()
    model.one.settle(2)
    with as_a_whole(model):
        assert model.one.settled is None
    assert (model.one.settled, model.two.settled) == (2, None)


def test_selections_come_by_probability() -> None:
    thetas = [[0.7, 0.2, 0.1], [0.4, 0.6]]
    found = list(by_probability(thetas))
    assert found[0] == (0, 1)
    assert sorted(found) == [(a, b) for a in range(3) for b in range(2)]
    odds = [thetas[0][a] * thetas[1][b] for a, b in found]
    assert odds == sorted(odds, reverse=True)


def test_what_is_no_choice_is_refused() -> None:
    with pytest.raises(InputError, match="at least 2 modules"):
        nas.Choice(nn.Identity())
    with pytest.raises(InputError, match="softmax, gumbel, sampled"):
        constants("hard")
    with pytest.raises(InputError, match="temperatures above 0"):
        constants(temperature=0)
    with pytest.raises(InputError, match="a name of its own"):
        nas.Choice(nn.Identity(), nn.ReLU(), names=("a", "a"))


def test_choices_that_cannot_be_searched_are_refused() -> None:
    twice = nas.Choice(nn.Identity(), nn.Conv2d(2, 2, 1))
    with pytest.raises(GraphError, match=r"in several places.*'0', '2'"):
        nas.prunable(nn.Sequential(twice, nn.ReLU(), twice), torch.zeros(1, 2, 4, 4))

    class Again(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.choice = nas.Choice(nn.Identity(), nn.Conv2d(2, 2, 1))

        def forward(self, x):
            return self.choice(torch.relu(self.choice(x)))

    with pytest.raises(GraphError, match="called more than once"):
        nas.prunable(Again(), torch.zeros(1, 2, 4, 4))
    uneven = nn.Sequential(nn.Conv2d(1, 4, 1), nas.Choice(nn.Conv2d(4, 1, 1), nn.Conv2d(4, 4, 1), names=("narrow", "wide")))
    with pytest.raises(InputError, match=r"make one shape, got 'narrow'"):
        nas.prunable(uneven, torch.zeros(1, 1, 4, 4))
    nested = nn.Sequential(nas.Choice(nn.Identity(), nas.Choice(nn.Identity(), nn.ReLU())))
    with pytest.raises(GraphError, match=r"'0\.alternatives\.1' inside '0'"):
        nas.prunable(nested, torch.zeros(1, 2, 4, 4))


def test_an_open_choice_is_not_exported() -> None:
    with pytest.raises(InputError, match=r"open are 'one', 'two', 'three\.0'"):
        nas.prunable(Chosen(), torch.zeros(INPUT)).export()


def test_alternatives_of_other_shapes_are_named() -> None:
    choice = nas.Choice(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 4, 5, padding=2), names=("3x3", "5x5"))
    with pytest.raises(InputError, match=r"make one shape, got '3x3' \(1, 8, 6, 6\), '5x5' \(1, 4, 6, 6\)"):
        nas.prunable(nn.Sequential(choice, nn.ReLU()), torch.zeros(1, 3, 6, 6))
