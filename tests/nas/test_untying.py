"""Widths that only dropped alternatives tied are searched apart once the choices are made."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from hwcost import Target, check, nas
from hwcost.frontends.from_torch import from_torch
from tests.nas.choosing import INPUT, Chosen
from tests.nas.networks import trained
from tests.nas.test_choice_limits import begun, data, figures, searched, share
from tests.nas.test_space import drop_some, require_equal

TARGET = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")


def chosen(selection: tuple[int, ...]) -> nas.Space:
    space = nas.prunable(trained(Chosen()), torch.zeros(INPUT))
    space.choose(selection)
    return space


def test_an_identity_that_is_not_taken_ties_nothing_any_more() -> None:
    space = chosen((0, 0, 0))
    space.keep({"stem.0": np.arange(8) < 5})
    names, parameters = list(space.module.state_dict()), [id(p) for p in space.module.parameters()]
    found = space.untie()
    assert found is not None
    nodes = {group.name: set(group.nodes) for group in space.free}
    assert set(nodes) == {"stem.0", "one.alternatives.0.0", "two.alternatives.0.0"}
    assert nodes["stem.0"] == {"stem.0"}
    assert nodes["one.alternatives.0.0"] == {"one.alternatives.0.0"}
    assert space.widths["stem.0"] == space.widths["one.alternatives.0.0"] == 5
    assert list(space.module.state_dict()) == names
    assert [id(p) for p in space.module.parameters()] == parameters
    assert found.former["one.alternatives.0.0"] == "stem.0"


def test_what_an_identity_ties_stays_tied_where_it_is_taken() -> None:
    space = chosen((3, 0, 0))
    assert space.untie() is None
    assert set(space.widths) == {"stem.0", "two.alternatives.0.0"}


@pytest.mark.parametrize("selection", [(0, 0, 0), (1, 1, 2), (2, 0, 1)])
def test_the_exported_network_computes_what_the_searched_one_does(selection: tuple[int, ...]) -> None:
    space = chosen(selection)
    assert space.untie() is not None
    drop_some(space, seed=1)
    small = space.export()
    require_equal(space.module, small, (torch.randn(3, *INPUT[1:]),))
    assert from_torch(small, torch.zeros(INPUT)) == space.network(space.widths, selection)


def test_widths_are_untied_while_a_search_goes_on() -> None:
    model, limits, optimizer = begun("sampled", decided=0.5)
    limits.space.choices["one"].alpha[0] += 10
    searched(model, limits, optimizer, 14)
    assert "one.alternatives.0.0" not in limits.space.widths
    searched(model, limits, optimizer, 16)
    assert limits.space.chosen["one"] == "3x3"
    assert "one.alternatives.0.0" in limits.space.widths
    small = limits.export()
    report = check(small, TARGET, limits.costs.budget, example_input=torch.zeros(INPUT))
    assert report.verdict == "fits"
    assert figures(report.cost) == figures(limits.report().cost)
    require_equal(model, small, (data()[0],))


@pytest.mark.parametrize(("strategy", "stopped"), [("projection", 6), ("ramp", 12)])
def test_a_search_goes_on_from_a_state_of_either_side(strategy: str, stopped: int) -> None:
    def started() -> tuple[nn.Module, nas.Limits, torch.optim.Adam]:
        torch.manual_seed(2)
        model = Chosen("sampled")
        space = nas.prunable(model, torch.zeros(INPUT))
        budget = share(space, latency_s=0.5, flash_bytes=0.4)
        limits = nas.Limits(space, TARGET, budget, steps=20, strategy=strategy, warmup_loss=1.0)
        limits.space.choices["one"].alpha[0] += 10
        return model, limits, torch.optim.Adam(model.parameters(), 1e-2)

    whole = started()
    searched(*whole, stopped)  # alternatives are decided after 8 of 20
    states = [copy.deepcopy(each.state_dict()) for each in whole]
    searched(*whole, 20 - stopped)
    assert "one.alternatives.0.0" in whole[1].space.widths
    again = started()
    for each, values in zip(again, states, strict=True):
        each.load_state_dict(values)
    searched(*again, 20 - stopped)
    assert again[1].space.widths == whole[1].space.widths
    pairs = zip(again[0].state_dict().values(), whole[0].state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
