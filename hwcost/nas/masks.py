"""Masks on an untouched module: one 0/1 leaf per group, multiplied into the parameters that make its channels or taps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

from hwcost.channels import Extent
from hwcost.nas.groups import Kept
from hwcost.nas.slots import Slot

__all__ = ["Gate", "Kept", "Mask", "attach", "detach", "is_masked"]


class Mask:
    """Ones and zeros, one per channel of a group; the gradient of the loss with respect to them says what a channel is worth.

    A masked channel keeps its weights and can come back: its worth fades over the steps it is gone, while that of others may fall
    below it. (Behind a rectifier it has no gradient, since torch takes 0 for the slope at 0. Taking the slope beside it instead was
    tried: channels that nothing has trained look worth a lot, come back in turns, and digits falls from 91 to 65 %.)
    Masks are no parameters: no optimiser and no state dict sees them. A deep copy of a module follows the masks of the module.
    """

    soft: torch.Tensor | None = None
    """What the module is multiplied with in place of ones and zeros, for those who train masks of their own (`nas.BudgetLoss`)."""

    def __init__(self, size: int) -> None:
        self.leaf = torch.ones(size, requires_grad=True)

    def on(self, like: torch.Tensor) -> torch.Tensor:
        """The values, on the device and of the type of a tensor they are multiplied with; the leaf moves there once."""
        if self.soft is not None:
            return self.soft.to(like)
        if self.leaf.device != like.device:
            self.leaf = self.leaf.detach().to(like.device).requires_grad_()
        return self.leaf if self.leaf.dtype == like.dtype else self.leaf.to(like.dtype)

    @property
    def values(self) -> torch.Tensor:
        """What the module is multiplied with."""
        return self.leaf if self.soft is None else self.soft

    @property
    def kept(self) -> np.ndarray[Any, Any]:
        """Which channels live."""
        return self.leaf.detach().cpu().numpy() > 0.5

    def keep(self, kept: np.ndarray[Any, Any]) -> None:
        """Let these channels live and no others."""
        with torch.no_grad():
            self.leaf.copy_(torch.from_numpy(np.asarray(kept, dtype=np.float32)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Follower:
        return Follower(self)

    def apart(self) -> Mask:
        """Another mask with the same values."""
        other = Mask(len(self.leaf))
        other.leaf, other.soft = self.leaf.detach().clone().requires_grad_(), self.soft
        return other


class Follower:
    """A mask as a copy of the module sees it (an average of its weights, a teacher): what lives there lives here, and it learns nothing."""

    def __init__(self, followed: Mask) -> None:
        self.followed = followed

    def on(self, like: torch.Tensor) -> torch.Tensor:
        """The values, on the device and of the type of a tensor they are multiplied with."""
        return self.followed.values.detach().to(like)

    def __deepcopy__(self, memo: dict[int, Any]) -> Follower:
        return Follower(self.followed)


class Gate(nn.Module):
    """Multiplies a parameter by the masks behind one of its axes."""

    def __init__(self, extent: Extent, axis: int, masks: Mapping[str, Mask]) -> None:
        super().__init__()
        self.axis = axis
        self.runs: tuple[tuple[Mask | Follower | None, int], ...] = tuple(
            (None if segment.group is None else masks[segment.group], segment.times) for segment in extent.segments
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The parameter without its masked channels."""
        mask = self._mask(values)
        return values * (mask if values.dim() == 1 else mask.view(-1, *(1 for _ in values.shape[self.axis + 1 :])))

    def _mask(self, like: torch.Tensor) -> torch.Tensor:
        if len(self.runs) == 1 and self.runs[0][0] is not None and self.runs[0][1] == 1:
            return self.runs[0][0].on(like)
        parts = [like.new_ones(times) if mask is None else mask.on(like).repeat_interleave(times) for mask, times in self.runs]
        return torch.cat(parts)


def attach(module: nn.Module, slots: Iterable[Slot], masks: Mapping[str, Mask]) -> None:
    """Put the masks on the parameters of a module that have a mask axis."""
    for slot in slots:
        path, _, name = slot.tensor.rpartition(".")
        for axis in slot.mask_axes:
            extent = slot.axes[axis]
            if extent is not None and extent.groups:
                parametrize.register_parametrization(module.get_submodule(path), name, Gate(extent, axis, masks), unsafe=True)


def detach(module: nn.Module) -> None:
    """Take all masks off again: the parameters are the same objects, unmasked.

    torch's own removal deletes the parameter's property from a class that deep copies of the module share; here only the part's
    class is put back, so that a copy can lose its masks alone.
    """
    for part in list(module.modules()):
        names = _gated(part)
        if names:
            _ungate(part, names)


def _ungate(part: nn.Module, names: list[str]) -> None:
    steps: Any = part.parametrizations
    originals = {name: steps[name].original for name in names}
    del part.parametrizations
    part.__class__ = type(part).__bases__[0]
    for name, original in originals.items():
        if isinstance(original, nn.Parameter):
            part.register_parameter(name, original)
        else:
            part.register_buffer(name, original)


def is_masked(module: nn.Module) -> bool:
    """Whether a module carries masks already."""
    return any(_gated(part) for part in module.modules())


def _gated(part: nn.Module) -> list[str]:
    if not parametrize.is_parametrized(part):
        return []
    lists: Any = part.parametrizations
    return [name for name, steps in lists.items() if any(isinstance(step, Gate) for step in steps)]
