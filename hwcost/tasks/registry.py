"""The reference networks by name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from difflib import get_close_matches
from typing import TypeVar

import torch
from torch import nn

from hwcost.errors import InputError


class ReferenceNetwork(nn.Module):
    """A network whose layers are written down in its docstring, and the shape of its input."""

    @staticmethod
    @abstractmethod
    def example_input() -> torch.Tensor:
        """One input (a batch of 1) of the shape that the network was made for."""


REGISTRY: dict[str, type[ReferenceNetwork]] = {}

Network = TypeVar("Network", bound=type[ReferenceNetwork])


def register(name: str) -> Callable[[Network], Network]:
    """Make a network known under a name."""

    def keep(network: Network) -> Network:
        REGISTRY[name] = network
        return network

    return keep


def reference_network(name: str) -> ReferenceNetwork:
    """A new, untrained network of that name; raises InputError with the nearest names if there is none."""
    if name not in REGISTRY:
        near = get_close_matches(name, REGISTRY, n=3, cutoff=0.4) or sorted(REGISTRY)
        raise InputError(f"there is no reference network '{name}'; did you mean {' or '.join(near)}?")
    return REGISTRY[name]()
