"""Which tensors of a module follow the widths of its layers, and along which axes: what a search masks, and what export slices.

Nothing is known here of convolutions or batch norms. A network is walked once with columns of widths; an axis of a parameter that
moves must be an axis of what its layer reads or makes, and takes its segments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hwcost.channels import Channels, Extent, Segment
from hwcost.graph import Graph, Node, Parameter
from hwcost.sizes import Size

if TYPE_CHECKING:
    import torch

Columns = Mapping[str, "np.ndarray[Any, Any]"]


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor by its name in the module's state: the extents its axes follow (None: fixed), and the axes it is masked along."""

    tensor: str
    axes: tuple[Extent | None, ...]
    mask_axes: tuple[int, ...] = ()

    @property
    def groups(self) -> frozenset[str]:
        """Names of the groups it follows."""
        return frozenset(name for extent in self.axes if extent is not None for name in extent.groups)


@dataclass
class Slots:
    """The slots of a module, and the groups whose tensors cannot be sliced, each with the reason."""

    found: dict[str, Slot] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def refuse(self, groups: Sequence[str] | frozenset[str], reason: str) -> None:
        """Keep groups as they are; the first reason stays."""
        for group in sorted(groups):
            self.problems.setdefault(group, reason)

    def add(self, slot: Slot) -> None:
        """Keep a slot; a tensor that two layers read must follow the same widths in both."""
        known = self.found.setdefault(slot.tensor, slot)
        if known.axes != slot.axes:
            self.refuse(known.groups | slot.groups, f"'{slot.tensor}' is read by layers of different widths")
        elif not known.mask_axes:
            self.found[slot.tensor] = slot

    def add_taps(self, tensor: str, kernel: str, parameter: Parameter, state: Mapping[str, torch.Tensor]) -> str | None:
        """Let the last axis of a weight follow the taps of a kernel, and mask it along them; why it cannot, None where it can."""
        fault = _fault(tensor, parameter, state, _aliases(state), told=True)
        if fault is None:
            taps = Extent((Segment(kernel, 1),))
            slot = self.found.get(tensor, Slot(tensor, (None,) * len(parameter.shape)))
            self.found[tensor] = replace(slot, axes=(*slot.axes[:-1], taps), mask_axes=(*slot.mask_axes, len(slot.axes) - 1))
        return fault

    def renamed(self, names: Mapping[str, str], sizes: Mapping[str, int]) -> tuple[Slot, ...]:
        """Slots in terms of other group names; groups without one are fixed runs of their size."""
        moved = (replace(slot, axes=tuple(_renamed(extent, names, sizes) for extent in slot.axes)) for slot in self.found.values())
        return tuple(slot for slot in moved if slot.groups)


def slots_of(written: Graph, channels: Channels, state: Mapping[str, torch.Tensor]) -> Slots:
    """The slots of a module with this state, of which `written` is the network as written and `channels` the trace of it."""
    slots, columns = Slots(), _columns(channels)
    bound = written.rebind({node: columns[group.name] for group in channels.groups if group.frozen is None for node in group.nodes})
    aliases = _aliases(state)
    for step in bound.steps:
        for (role, name), (_, parameter) in zip(step.node.parameters, step.parameters, strict=True):
            if not any(_moving(size) for size in parameter.shape):
                continue
            axes, unknown = _axes(step.node, parameter, channels, columns)
            moving = unknown.union(*(extent.groups for extent in axes if extent is not None))
            fault = _fault(name, written.parameters[name], state, aliases, told=not unknown)
            if fault:
                slots.refuse(moving, fault)
            else:
                slots.add(Slot(name, axes, _mask_axes(written, step.node, role, _made(axes, step.node, channels))))
    return slots


def _columns(channels: Channels) -> Columns:
    """Widths of every group: as they are, and with each free group doubled in turn."""
    free = [group.name for group in channels.groups if group.frozen is None]
    columns = {group.name: np.full(1 + len(free), group.size, dtype=np.int64) for group in channels.groups}
    for row, name in enumerate(free, start=1):
        columns[name][row] *= 2
    return columns


def _moving(size: Size) -> bool:
    return isinstance(size, np.ndarray) and bool((size != size[0]).any())


def _axes(node: Node, parameter: Parameter, channels: Channels, columns: Columns) -> tuple[tuple[Extent | None, ...], frozenset[str]]:
    """The extent behind each axis, and the groups that move axes which are none of what the layer reads or makes."""
    around = dict.fromkeys(extent for name in (*node.outputs, *node.inputs) for extent in channels.widths_of(name) if extent.groups)
    axes: list[Extent | None] = []
    unknown: set[str] = set()
    for size in parameter.shape:
        fitting = [extent for extent in around if _moving(size) and np.array_equal(extent.size(columns), size)]
        axes.append(fitting[0] if len(fitting) == 1 else None)
        if _moving(size) and len(fitting) != 1:
            unknown |= {name for name, column in columns.items() if (size[column != column[0]] != size[0]).any()}
    return tuple(axes), frozenset(unknown)


def _fault(name: str, parameter: Parameter, state: Mapping[str, torch.Tensor], aliases: Mapping[str, str], *, told: bool) -> str | None:
    """Why a parameter of the network cannot be sliced as a tensor of the module."""
    if name not in state:
        return f"'{name}' is computed by the module and is no tensor of its state"
    if name in aliases:
        return f"'{name}' and '{aliases[name]}' are one tensor under two names"
    if not told:
        return f"the rows of '{name}' do not follow one width"
    owner = name.rpartition(".")[0]
    if any(other.startswith(f"{owner}.parametrizations.".lstrip(".")) for other in state):
        return f"'{owner}' has a parametrization of its own"
    values = state[name].detach().cpu()
    if tuple(values.shape) != parameter.shape or not np.array_equal(values.double().numpy(), parameter.array(), equal_nan=True):
        return f"'{name}' is changed by the module before a layer reads it"
    return None


def _aliases(state: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Names that share their memory with another name."""
    first: dict[int, str] = {}
    shared: dict[str, str] = {}
    for name, tensor in state.items():
        known = first.setdefault(tensor.data_ptr(), name) if tensor.numel() else name
        if known != name:
            shared |= {name: known, known: name}
    return shared


def _made(axes: Sequence[Extent | None], node: Node, channels: Channels) -> list[int]:
    """The axes of a parameter that follow what its layer makes."""
    outputs = [extent for output in node.outputs for extent in channels.widths_of(output)]
    return [axis for axis, extent in enumerate(axes) if extent is not None and extent in outputs]


def _mask_axes(written: Graph, node: Node, role: str, made: Sequence[int]) -> tuple[int, ...]:
    """The axis of a parameter, if any, that a mask multiplies so that the layer makes nothing of a masked channel.

    A layer whose every reader is a batch norm is left alone: the norm is masked instead, and its statistics stay those of living
    channels, so that a channel can come back.
    """
    readers = [reader.op.kind for output in node.outputs for reader in written.consumers[output]]
    normed = readers and set(readers) == {"batch_norm"} and not set(node.outputs) & set(written.outputs)
    is_norm = node.op.kind == "batch_norm"
    makes_channels = node.op.width is not None or node.op.scale_axis("weight") is not None
    if role not in (("scale", "bias") if is_norm else ("weight", "bias")) or not made or normed or not (is_norm or makes_channels):
        return ()
    own = node.op.scale_axis(role)
    return (own if own is not None and own in made else made[0],)


def _renamed(extent: Extent | None, names: Mapping[str, str], sizes: Mapping[str, int]) -> Extent | None:
    if extent is None:
        return None
    return Extent(tuple(_segment(segment, names, sizes) for segment in extent.segments))


def _segment(segment: Segment, names: Mapping[str, str], sizes: Mapping[str, int]) -> Segment:
    if segment.group is None:
        return segment
    if segment.group in names:
        return Segment(names[segment.group], segment.times)
    return Segment(None, segment.times * sizes[segment.group])


def kept_indices(extent: Extent, kept: Mapping[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Positions along an axis that stay where each group keeps some of its channels."""
    return np.flatnonzero(np.concatenate(list(_living(extent, kept))))


def _living(extent: Extent, kept: Mapping[str, np.ndarray[Any, Any]]) -> Iterator[np.ndarray[Any, Any]]:
    for segment in extent.segments:
        if segment.group is None:
            yield np.ones(segment.times, dtype=bool)
        else:
            yield np.repeat(np.asarray(kept[segment.group], dtype=bool), segment.times)
