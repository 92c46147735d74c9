"""Another alternative than the first one pays: the search finds it, by what it learns of the task and of the limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from hwcost import Budget, Target, nas
from hwcost.nas.costs import Costs
from hwcost.nas.room import Room, share_kept
from tests.nas.choosing import conv, separable

TARGET = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")
SIZE, CHANNELS, CLASSES = 8, 16, 3
NAMES = ("3x3", "5x5", "separable", "nothing")


def stripes(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Level, upright and slanted stripes of any phase in noise: no pixel alone tells which, so something has to look around itself."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (count,), generator=random)
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    along = torch.stack([rows, columns, rows + columns])[labels]
    phase = torch.randint(0, 3, (count, 1, 1), generator=random)
    images = ((along + phase) % 3 == 0).float()
    return images[:, None] + 0.2 * torch.randn(count, 1, SIZE, SIZE, generator=random), labels


class Striped(nn.Module):
    """Only the choice can look around a pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(1, CHANNELS, 1), nn.ReLU())
        ways = (conv(CHANNELS, CHANNELS, 3), conv(CHANNELS, CHANNELS, 5), separable(CHANNELS, CHANNELS), nn.Identity())
        self.block = nn.Sequential(nas.Choice(*ways, names=NAMES, mode="sampled"), nn.ReLU())
        self.fc = nn.Linear(CHANNELS, CLASSES)

    def forward(self, x):
        return self.fc(self.block(self.stem(x)).mean((2, 3)))


def between(space: nas.Space, cheaper: int, dearer: int, widths: list[int]) -> Budget:
    """A latency that one alternative stays within at these widths, and another passes."""
    costs = Costs(space, TARGET, Budget())
    low, high = (float(np.ravel(costs.on((index,)).quick(np.array([widths])).latency_s)[0]) for index in (cheaper, dearer))
    assert low < high
    return Budget(latency_s=(low + high) / 2)


def searched(space: nas.Space, budget: Budget, steps: int = 160) -> tuple[nas.Limits, float]:
    """The limits after a search on stripes, and the share of others that the exported network gets right."""
    model, limits = space.module, nas.Limits(space, TARGET, budget, steps=steps)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    inputs, labels = stripes(512, seed=0)
    random = torch.Generator().manual_seed(0)
    model.train()
    for _ in range(steps):
        some = torch.randint(0, len(labels), (32,), generator=random)
        loss = nn.functional.cross_entropy(model(inputs[some]), labels[some]) + limits.loss()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        limits.step()
    small = limits.export().eval()
    inputs, labels = stripes(256, seed=1)
    with torch.no_grad():
        return limits, float((small(inputs).argmax(1) == labels).float().mean())


@pytest.mark.parametrize("seed", range(2))
def test_where_only_the_separable_one_fits_and_works_it_is_taken(seed: int) -> None:
    torch.manual_seed(seed)
    space = nas.prunable(Striped(), torch.zeros(1, 1, SIZE, SIZE), freeze=["*"])
    limits, right = searched(space, between(space, cheaper=2, dearer=0, widths=[]))
    assert space.chosen == {"block.0": "separable"}
    assert limits.report().verdict == "fits"
    assert right > 0.9


def test_the_same_while_widths_are_searched() -> None:
    torch.manual_seed(3)
    space = nas.prunable(Striped(), torch.zeros(1, 1, SIZE, SIZE), granularity=8)
    limits, right = searched(space, between(space, cheaper=2, dearer=0, widths=[8]))
    assert space.chosen == {"block.0": "separable"}
    assert limits.report().verdict == "fits"
    assert right > 0.9


def test_where_everything_fits_what_learns_best_is_not_the_identity() -> None:
    torch.manual_seed(4)
    space = nas.prunable(Striped(), torch.zeros(1, 1, SIZE, SIZE), freeze=["*"])
    _, right = searched(space, Budget(latency_s=1.0))
    assert space.chosen["block.0"] != "nothing"
    assert right > 0.9


def test_room_is_dear_where_an_alternative_leaves_little() -> None:
    space = nas.prunable(Striped(), torch.zeros(1, 1, SIZE, SIZE))
    saliency = {group.name: np.ones(group.size) for group in space.free}
    loose, tight = (Costs(space, TARGET, budget) for budget in (Budget(latency_s=1.0), between(space, cheaper=2, dearer=1, widths=[6])))
    assert [share_kept(loose.on((index,)), saliency) for index in range(4)] == [1.0] * 4
    room = Room(tight, [4])
    assert float(room([torch.eye(4, dtype=torch.float64)[1]])) == 0
    room.look((0,), saliency)
    shares = [share_kept(tight.on((index,)), saliency) for index in range(4)]
    assert shares[1] < shares[0] < shares[3]
    assert room.prices[0].tolist() == pytest.approx([-np.log(max(share, 0.01)) for share in shares])
    other = Room(tight, [4])
    other.restore(room.state())
    theta = torch.full((4,), 0.25, dtype=torch.float64)
    assert float(other((theta,))) == float(room([theta])) == pytest.approx(float(room.prices[0].mean()))


def test_room_turns_a_search_to_what_leaves_more() -> None:
    found = []
    for strength in (0.0, 20.0):
        torch.manual_seed(5)
        space = nas.prunable(Striped(), torch.zeros(1, 1, SIZE, SIZE))
        budget = between(space, cheaper=2, dearer=1, widths=[6])
        limits = nas.Limits(space, TARGET, budget, steps=100, choosing=nas.Choosing(room=strength, decided=1.0))
        (choice,) = space.choices.values()
        for _ in range(60):
            inputs, labels = stripes(16, seed=2)
            (nn.functional.cross_entropy(space.module(inputs), labels) + limits.loss()).backward()
            space.module.zero_grad()
            limits.step()
        found.append(choice.theta.detach())
    assert found[1][3] > found[0][3]
    assert found[1][1] < found[0][1]
