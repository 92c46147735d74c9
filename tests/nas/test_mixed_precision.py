"""Mixed precision, accumulated batches, and another device: the loop of a user who has them learns what the plain one does."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from hwcost import Budget, Target, check, nas
from tests.nas.networks import Residual, example

STEPS = 30


def started(strategy: str = "projection") -> tuple[nn.Module, nas.Limits, torch.optim.Optimizer]:
    torch.manual_seed(1)
    model = Residual().train()
    space = nas.prunable(model, example(Residual))
    limits = nas.Limits(space, Target.load("stm32l4r5"), Budget(latency_s=0.003), steps=STEPS, strategy=strategy)
    return model, limits, torch.optim.SGD(model.parameters(), 0.01)


def batch(seed: int, size: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(size, 1, 8, 8, generator=random), torch.randint(0, 4, (size,), generator=random)


def flat(limits: nas.Limits) -> np.ndarray:
    return np.concatenate(list(limits.saliency.arrays().values()))


def plain(count: int) -> nas.Limits:
    model, limits, optimizer = started()
    for seed in range(count):
        x, y = batch(seed)
        optimizer.zero_grad()
        (nn.functional.cross_entropy(model(x), y) + limits.loss()).backward()
        optimizer.step()
        limits.step()
    return limits


def scaled(count: int, scale: float) -> nas.Limits:
    model, limits, optimizer = started()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=5)
    for seed in range(count):
        x, y = batch(seed)
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=False):
            loss = nn.functional.cross_entropy(model(x), y) + limits.loss()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        limits.step()
    assert scaler.get_scale() > scale
    return limits


def test_a_scaler_changes_no_saliency_although_its_scale_changes() -> None:
    assert flat(scaled(12, 256.0)) == pytest.approx(flat(plain(12)), rel=1e-3)


def test_a_step_that_overflows_is_left_out() -> None:
    model, limits, _ = started()
    x, y = batch(0)
    (nn.functional.cross_entropy(model(x), y) + limits.loss()).backward()
    limits.step()
    before = flat(limits)
    ((nn.functional.cross_entropy(model(x), y) + limits.loss()) * 1e38 * 1e38).backward()
    limits.step()
    assert (flat(limits) == before).all()


@pytest.mark.parametrize("strategy", ["projection", "ramp"])
def test_autocast_to_bfloat16_searches_and_lands(strategy: str) -> None:
    model, limits, optimizer = started(strategy)
    for seed in range(STEPS):
        x, y = batch(seed)
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            task = nn.functional.cross_entropy(model(x), y)
            loss = task + limits.loss(task)
        loss.backward()
        optimizer.step()
        limits.step()
    small = limits.export()
    report = check(small, limits.costs.target, limits.costs.budget, example_input=example(Residual))
    assert report.verdict == "fits"


def test_accumulated_batches_count_as_their_mean() -> None:
    """Batch norms in evaluation mode, so that halves of a batch compute what the whole does."""
    whole, halves = started(), started()
    for model, limits, parts in ((whole[0], whole[1], 1), (halves[0], halves[1], 2)):
        model.eval()
        for seed in range(6):
            for x, y in zip(*(torch.chunk(values, parts) for values in batch(seed)), strict=True):
                ((nn.functional.cross_entropy(model(x), y) + limits.loss()) / parts).backward()
            limits.step()
    assert flat(halves[1]) == pytest.approx(flat(whole[1]), rel=1e-3)


def test_a_step_for_every_batch_of_several_does_no_harm() -> None:
    model, limits, optimizer = started()
    for seed in range(STEPS):
        x, y = batch(seed)
        ((nn.functional.cross_entropy(model(x), y) + limits.loss()) / 3).backward()
        if seed % 3 == 2:
            optimizer.step()
            optimizer.zero_grad()
        limits.step()
    assert limits.settled
    limits.export()


def test_a_step_without_a_backward_pass_teaches_nothing() -> None:
    _, limits, _ = started()
    limits.step()
    assert (limits.steps_done, flat(limits).max()) == (1, 0.0)


def test_masks_follow_the_module_to_another_device() -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    model, limits, _ = started("ramp")
    model.cuda()
    for seed in range(STEPS):
        x, y = (values.cuda() for values in batch(seed))
        task = nn.functional.cross_entropy(model(x), y)
        (task + limits.loss(task)).backward()
        limits.step()
    assert all(mask.leaf.device.type == "cuda" for mask in limits.space.masks.values())
    assert limits.report().verdict == "fits"
