"""Two processes that see different data decide alike."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from torch import distributed, nn
from torch.distributed.algorithms.join import Join
from torch.nn.parallel import DistributedDataParallel

from hwcost import Budget, Target, nas
from hwcost.errors import InputError
from hwcost.nas.ranks import averaged
from tests.nas.networks import Residual, example

STEPS = 24
RANKS = 2


def searched(rank: int, strategy: str) -> dict[str, object]:
    """What one rank ends with: masks on the way, the widths of the end, the saliency."""
    torch.manual_seed(7)
    model = Residual().train()
    space = nas.prunable(model, example(Residual))
    limits = nas.Limits(space, Target.load("stm32l4r5"), Budget(latency_s=0.003), steps=STEPS, strategy=strategy)
    both = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    random = torch.Generator().manual_seed(rank)
    seen = []
    for _ in range(STEPS):
        x, y = torch.randn(4, 1, 8, 8, generator=random), torch.randint(0, 4, (4,), generator=random)
        task = nn.functional.cross_entropy(both(x), y)
        optimizer.zero_grad()
        (task + limits.loss(task)).backward()
        optimizer.step()
        limits.step()
        seen.append({name: kept.tolist() for name, kept in space.kept.items()})
    means = limits.saliency.state_dict()["means"]
    return {"seen": seen, "means": means, "parameters": list(model.parameters()), "settled": limits.settled}


def run_rank(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    distributed.init_process_group("gloo", rank=rank, world_size=RANKS)
    try:
        torch.save({strategy: searched(rank, strategy) for strategy in ("projection", "ramp")}, Path(folder) / f"{rank}.pt")
    finally:
        distributed.destroy_process_group()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.skipif(not distributed.is_gloo_available(), reason="torch was built without gloo")
@pytest.mark.filterwarnings("ignore")
def test_ranks_that_see_different_data_have_the_same_masks(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(run_rank, args=(free_port(), str(tmp_path)), nprocs=RANKS)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=False) for rank in range(RANKS))
    for strategy, ours in first.items():
        theirs = second[strategy]
        assert ours["settled"]
        assert ours["seen"] == theirs["seen"]
        assert all(torch.equal(mean, theirs["means"][name]) for name, mean in ours["means"].items())
        assert all(torch.equal(a, b) for a, b in zip(ours["parameters"], theirs["parameters"], strict=True))


def uneven(rank: int, steps: int) -> dict[str, object]:
    """What a rank ends with whose data lasts for `steps` steps, while that of others lasts for all of them."""
    torch.manual_seed(7)
    model = Residual().train()
    space = nas.prunable(model, example(Residual))
    limits = nas.Limits(space, Target.load("stm32l4r5"), Budget(latency_s=0.003), steps=STEPS)
    both = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    random = torch.Generator().manual_seed(rank)
    with Join([both, limits]):
        for _ in range(steps):
            x, y = torch.randn(4, 1, 8, 8, generator=random), torch.randint(0, 4, (4,), generator=random)
            optimizer.zero_grad()
            (nn.functional.cross_entropy(both(x), y) + limits.loss()).backward()
            optimizer.step()
            limits.step()
    kept = {name: mask.tolist() for name, mask in space.kept.items()}
    return {"kept": kept, "steps": limits.steps_done, "settled": limits.settled, "means": limits.saliency.state_dict()["means"]}


def refused(rank: int) -> str:
    """What a rank is told that plans for other steps than the others."""
    space = nas.prunable(Residual(), example(Residual))
    try:
        nas.Limits(space, Target.load("stm32l4r5"), Budget(latency_s=0.003), steps=STEPS - 4 * rank)
    except InputError as error:
        return str(error)
    return "nothing"


def run_uneven_rank(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    distributed.init_process_group("gloo", rank=rank, world_size=RANKS, timeout=timedelta(seconds=60))
    try:
        found = {"said": refused(rank), **uneven(rank, STEPS - 7 * rank)}
        torch.save(found, Path(folder) / f"{rank}.pt")
    finally:
        distributed.destroy_process_group()


@pytest.mark.skipif(not distributed.is_gloo_available(), reason="torch was built without gloo")
@pytest.mark.filterwarnings("ignore")
def test_a_rank_whose_data_ends_first_follows_the_others(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(run_uneven_rank, args=(free_port(), str(tmp_path)), nprocs=RANKS)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=False) for rank in range(RANKS))
    assert first["steps"] == second["steps"] == STEPS
    assert first["settled"]
    assert first["kept"] == second["kept"]
    assert all(torch.equal(mean, second["means"][name]) for name, mean in first["means"].items())
    assert first["said"] == second["said"]
    assert "expected the same number of steps of the search on every rank, got 24, 20" in first["said"]


def test_one_process_keeps_its_own_values() -> None:
    values = torch.ones(3)
    assert averaged(values) is values
