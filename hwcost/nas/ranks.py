"""Several processes that train one network on different data: what they learn is averaged, so that all of them decide alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

from hwcost.errors import InputError

if TYPE_CHECKING or distributed.is_available():
    from torch.distributed.algorithms.join import Join, Joinable, JoinHook
else:  # torch was built for one process: nothing joins
    Joinable = JoinHook = object

__all__ = ["JoinHook", "Joinable", "averaged", "count", "require_alike"]


def count() -> int:
    """How many processes of `torch.distributed` train together; 1 where there is none of it."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def averaged(values: torch.Tensor, weight: float = 1.0, joined: Any = None) -> torch.Tensor:
    """The mean over all processes, the same on each of them, where each counts as `weight` says; zeros where none counts.

    One process keeps its own values. `joined` is what takes part in a `Join` of processes with unequal numbers of steps.
    """
    if count() == 1:
        return values
    if joined is not None:
        Join.notify_join_context(joined)
    # What a process without gradients has is zero, and not to be spread: 0 times a number that is not finite is not 0.
    message = torch.cat([values.detach() * weight if weight else torch.zeros_like(values), values.new_full((1,), weight)])
    distributed.all_reduce(message)
    return message[:-1] / message[-1].clamp(min=torch.finfo(message.dtype).tiny)


def require_alike(steps: int, device: torch.device) -> None:
    """Raise InputError on every process unless all of them were told the same number of steps; else they would wait for each other."""
    if count() == 1:
        return
    told = [torch.zeros(1, dtype=torch.int64, device=device) for _ in range(count())]
    distributed.all_gather(told, torch.tensor([steps], device=device))
    found = [int(each) for each in told]
    if len(set(found)) > 1:
        raise InputError(
            f"expected the same number of steps of the search on every rank, got {', '.join(map(str, found))} on ranks 0 to {count() - 1}: "
            "share the data out evenly (a DistributedSampler does), or tell all of them the largest number and train inside "
            "torch's `with Join([model, limits]):`"
        )
