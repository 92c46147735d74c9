"""A masked module cut down to the channels that live: a plain module that computes what the masked one did."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import torch
from torch import nn

from hwcost.nas.groups import Group
from hwcost.nas.kernels import cut_kernels
from hwcost.nas.masks import Kept, detach
from hwcost.nas.slots import Slot, kept_indices


def sliced(module: nn.Module, slots: Iterable[Slot], kept: Kept, groups: Iterable[Group] = ()) -> nn.Module:
    """A copy of `module` without masks that has only the channels and taps kept, statistics of batch norm included.

    No gradient is carried over. `groups` tell the kernels whose taps may be fewer.
    """
    small = copy.deepcopy(module)
    detach(small)
    owners: dict[nn.Module, None] = {}
    for slot in slots:
        path, _, name = slot.tensor.rpartition(".")
        owner = small.get_submodule(path)
        _cut(owner, name, slot, kept)
        owners[owner] = None
    for owner in owners:
        _describe(owner)
    cut_kernels(small, groups, kept)
    small.zero_grad(set_to_none=True)
    return small


def _cut(owner: nn.Module, name: str, slot: Slot, kept: Kept) -> None:
    """One tensor reduced along every axis that moves."""
    whole: torch.Tensor = getattr(owner, name)
    values = whole.detach()
    for axis, extent in enumerate(slot.axes):
        if extent is not None:
            values = values.index_select(axis, torch.from_numpy(kept_indices(extent, kept)).to(values.device))
    if isinstance(whole, nn.Parameter):
        setattr(owner, name, nn.Parameter(values.clone(), requires_grad=whole.requires_grad))
    else:
        owner.register_buffer(name, values.clone(), persistent=name not in owner._non_persistent_buffers_set)


def _describe(owner: nn.Module) -> None:
    """The sizes that torch's own layers keep beside their tensors, read off the tensors."""
    for kind, describe in _DESCRIPTIONS:
        if isinstance(owner, kind):
            describe(owner)


def _convolution(layer: nn.Conv1d | nn.Conv2d | nn.Conv3d) -> None:
    out, inner = layer.weight.shape[:2]
    if layer.groups == layer.in_channels and layer.groups > 1:  # depthwise: there are as many groups as channels
        layer.groups = out // (layer.out_channels // layer.in_channels)
    layer.in_channels, layer.out_channels = inner * layer.groups, out


def _transposed(layer: nn.ConvTranspose1d | nn.ConvTranspose2d) -> None:
    layer.in_channels, layer.out_channels = layer.weight.shape[0], layer.weight.shape[1] * layer.groups


def _dense(layer: nn.Linear) -> None:
    layer.out_features, layer.in_features = layer.weight.shape


def _batch_norm(layer: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) -> None:
    layer.num_features = (layer.weight if layer.running_mean is None else layer.running_mean).shape[0]


def _prelu(layer: nn.PReLU) -> None:
    layer.num_parameters = layer.weight.shape[0]


def _embedding(layer: nn.Embedding) -> None:
    layer.embedding_dim = layer.weight.shape[1]


def _recurrent(layer: nn.RNNBase) -> None:
    weight: torch.Tensor = layer.weight_ih_l0  # type: ignore[assignment]
    layer.input_size = weight.shape[1]


_DESCRIPTIONS: tuple[tuple[type[nn.Module] | tuple[type[nn.Module], ...], Callable[..., None]], ...] = (
    ((nn.Conv1d, nn.Conv2d, nn.Conv3d), _convolution),
    ((nn.ConvTranspose1d, nn.ConvTranspose2d), _transposed),
    (nn.Linear, _dense),
    ((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d), _batch_norm),
    (nn.PReLU, _prelu),
    (nn.Embedding, _embedding),
    (nn.RNNBase, _recurrent),
)
"""Other modules keep no sizes beside their tensors, or are found out when the slice is traced."""
