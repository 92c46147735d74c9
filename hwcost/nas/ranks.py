"""Several processes that train one network on different data: what they learn is averaged, so that all of them decide alike."""

from __future__ import annotations

import torch
from torch import distributed


def averaged(values: torch.Tensor) -> torch.Tensor:
    """The mean over all processes of `torch.distributed`, the same on each of them; the values themselves where there is one process."""
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() == 1:
        return values
    values = values.detach().clone()
    distributed.all_reduce(values)
    return values / distributed.get_world_size()
