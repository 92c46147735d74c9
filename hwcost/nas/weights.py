"""The values of another copy of a module: an average of its weights over the last steps, or a state dict kept aside."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import nn

from hwcost.errors import InputError, listed, shown
from hwcost.nas.choice import Choice

Weights: TypeAlias = nn.Module | Mapping[str, torch.Tensor]
"""A copy of the module under search, wrapped or not, masked or not; or the state dict of one."""

_WRAPPED = re.compile(r"^module\.")
_MASKED = re.compile(r"parametrizations\.([^.]+)\.original$")


def with_weights(module: nn.Module, weights: Weights) -> nn.Module:
    """A copy of `module` with these values of its parameters and buffers; its masks and choices are those of `module`.

    Raises InputError naming each tensor that is missing or has another shape.
    """
    given = _plain(weights.state_dict() if isinstance(weights, nn.Module) else weights)
    copied = copy.deepcopy(module)
    mine = {name: values for name, values in copied.state_dict(keep_vars=True).items() if _is_weight(copied, name, values)}
    wrapped = not any(name in given for name in map(_name, mine)) and all(_WRAPPED.match(name) for name in given if name != "n_averaged")
    found = {_WRAPPED.sub("", name): values for name, values in given.items()} if wrapped else given
    faults = [fault for name, values in mine.items() if (fault := _fault(_name(name), values, found.get(_name(name))))]
    if faults:
        raise InputError(f"expected weights of a copy of the module under search: {listed(faults)}")
    with torch.no_grad():
        for name, values in mine.items():
            values.copy_(found[_name(name)])
    return copied


def _plain(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {_name(name): values for name, values in state.items()}


def _name(name: str) -> str:
    """The name a tensor has without a mask on it."""
    return _MASKED.sub(r"\1", name)


def _is_weight(module: nn.Module, name: str, values: object) -> bool:
    """Whether a tensor of a state is trained, or follows training; not where a choice stands."""
    return isinstance(values, torch.Tensor) and not isinstance(module.get_submodule(name.rpartition(".")[0]), Choice)


def _fault(name: str, mine: torch.Tensor, given: torch.Tensor | None) -> str | None:
    if given is None:
        return f"there is no {shown(name)}"
    return None if given.shape == mine.shape else f"{shown(name)} has shape {tuple(given.shape)}, expected {tuple(mine.shape)}"
