"""Widths that only dropped alternatives tied to each other, let go once the choices are made.

While a choice is open its alternatives make one shape, so their widths are one group, and an identity among them ties it to that of the
input. Once a 3x3 is chosen these are two widths. The module is read anew, as it is chosen; its masks stay on the tensors they are on,
so that states saved before and after have the same names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from hwcost.channels import Extent, Segment
from hwcost.nas.groups import Group
from hwcost.nas.slots import Slot


@dataclass(frozen=True, slots=True)
class Untied:
    """The groups of a module whose choices are made, and its slots in their terms; `former` is the group each was part of, by name."""

    groups: tuple[Group, ...]
    slots: tuple[Slot, ...]
    former: Mapping[str, str]

    def index(self, before: Sequence[Group]) -> torch.Tensor:
        """Where each channel of the free groups was among the channels of the free groups `before`, group behind group."""
        starts, total = {}, 0
        for group in before:
            starts[group.name] = total
            total += group.size
        free = (group for group in self.groups if group.frozen is None)
        rows = [torch.arange(group.size) + starts[self.former[group.name]] for group in free]
        return torch.cat(rows) if rows else torch.zeros(0, dtype=torch.int64)


def untied(before: Sequence[Group], slots: Sequence[Slot], found: Sequence[Group], found_slots: Sequence[Slot]) -> Untied | None:
    """The groups in `found`, read of the chosen module, where they split some of `before`; None where there is nothing to let go.

    A group stays as wide as it had to be, and frozen where it was; what is found to be frozen now stays in the group it was in.
    """
    homes = {node: group for group in before for node in group.nodes}
    split = [(group, homes.get(group.nodes[0])) for group in found]
    if any(home is None or not set(group.nodes) <= set(home.nodes) for group, home in split):
        return None
    pairs = [(group, home) for group, home in split if home is not None]
    stuck = {home.name for group, home in pairs if group.frozen is not None and home.frozen is None}
    parts = {home.name: [group for group, its in pairs if its is home] for _, home in pairs}
    groups: list[Group] = []
    former: dict[str, str] = {}
    for home in before:
        pieces = parts.get(home.name, [])
        if home.frozen is not None or home.name in stuck or len(pieces) < 2:
            groups.append(home)
            former[home.name] = home.name
            continue
        for piece in pieces:
            groups.append(replace(piece, widths=tuple(width for width in home.widths if width in piece.widths)))
            former[piece.name] = home.name
    if len(groups) == len(before):
        return None
    return Untied(tuple(groups), _slots(slots, found_slots, groups, former), former)


def _slots(slots: Sequence[Slot], found: Sequence[Slot], groups: Sequence[Group], former: Mapping[str, str]) -> tuple[Slot, ...]:
    """Every slot there was: with the widths it follows now, those of dropped alternatives with a part of the group they were in."""
    known = {slot.tensor: slot for slot in found}
    names = {group.name for group in groups}
    heirs = {old: name for name, old in reversed(list(former.items()))}
    whole = {node: group.name for group in groups for node in group.nodes}

    def renamed(extent: Extent | None, table: Mapping[str, str]) -> Extent | None:
        if extent is None:
            return None
        return Extent(tuple(s if s.group is None else Segment(table.get(s.group, s.group), s.times) for s in extent.segments))

    moved = []
    for slot in slots:
        fresh = known.get(slot.tensor)
        table = heirs if fresh is None else {name: whole.get(name, name) for extent in fresh.axes if extent for name in extent.groups}
        axes = tuple(renamed(extent, table) for extent in (slot if fresh is None else fresh).axes)
        assert all(set(extent.groups) <= names for extent in axes if extent is not None)
        moved.append(replace(slot, axes=axes))
    return tuple(moved)
