"""What a search may change of a module: the widths of its channel groups, each with one mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import nn

from hwcost.channels import trace_channels
from hwcost.errors import GraphError, InputError, shown
from hwcost.frontends.from_torch import Example, as_written
from hwcost.graph import Graph
from hwcost.nas.groups import Group, groups_of, home, require_parts
from hwcost.nas.masks import Kept, Mask, attach, detach, is_masked
from hwcost.nas.slicing import sliced
from hwcost.nas.slots import Slot, slots_of
from hwcost.nas.trial import require_same_network, tested
from hwcost.passes import normalise


class Space:
    """A module under search: its network, its channel groups in the order the cost takes them, and a mask for each free one.

    The module stays the user's own; what it computes follows the masks. `export` cuts a plain copy out of it, `release` takes the
    masks off.
    """

    def __init__(self, module: nn.Module, example_input: Example, graph: Graph, groups: Sequence[Group], slots: Sequence[Slot]) -> None:
        self.module, self.example_input, self.graph = module, example_input, graph
        self.groups, self.slots = tuple(groups), tuple(slots)
        self.masks: Mapping[str, Mask] = {group.name: Mask(group.size) for group in self.free}
        self.attach()

    @property
    def free(self) -> tuple[Group, ...]:
        """The groups whose width is searched."""
        return tuple(group for group in self.groups if group.frozen is None)

    @property
    def kept(self) -> Kept:
        """Which channels of each free group live."""
        return {name: mask.kept for name, mask in self.masks.items()}

    @property
    def widths(self) -> dict[str, int]:
        """How many channels of each free group live."""
        return {name: int(kept.sum()) for name, kept in self.kept.items()}

    def keep(self, kept: Kept) -> None:
        """Let these channels live and no others; groups left out stay as they are."""
        for name, channels in kept.items():
            self.masks[name].keep(channels)

    def network(self, widths: Mapping[str, int]) -> Graph:
        """The float network with other widths, by group; groups left out stay as they are."""
        return self.graph.rebind({node: widths[group.name] for group in self.groups if group.name in widths for node in group.nodes})

    def export(self) -> nn.Module:
        """A plain module of the living channels alone, which computes what the searched module does in evaluation mode.

        It is read anew and held against the network that the search prices. Raises GraphError if they are not the same.
        """
        small = sliced(self.module, self.slots, self.kept)
        require_same_network(small, self.example_input, self.network(self.widths))
        return small

    def release(self) -> None:
        """Take the masks off the module: it is as it was given, with the parameters it has now."""
        detach(self.module)

    def attach(self) -> None:
        """Put the masks on the module, which has none."""
        attach(self.module, self.slots, self.masks)


def prunable(model: nn.Module, example_input: Example, *, granularity: int = 1, freeze: Sequence[str] = ()) -> Space:
    """Make the channel widths of a module searchable, by masks on the module as it is.

    Widths become multiples of `granularity`. `freeze` names parts by module path, patterns allowed (`stem`, `blocks.*.conv1`). Inputs
    and outputs of the network keep their widths always, and so does every group whose loss would change what the rest computes:
    `space.groups` tells the reasons. Raises GraphError for a module that cannot be read, or cannot be cut although its layers can;
    InputError for a name that is no part.
    """
    if is_masked(model):
        raise InputError("this module is under search already; call release() on its space first")
    if isinstance(granularity, bool) or not isinstance(granularity, int) or granularity < 1:
        raise InputError(f"expected a granularity of at least 1 channel, got {shown(granularity)}")
    written = as_written(model, example_input)
    require_parts(written, freeze)
    channels, graph = trace_channels(written), normalise(written)
    slots = slots_of(written, channels, model.state_dict(keep_vars=True))
    sizes = {group.name: group.size for group in channels.groups}

    def named(groups: Sequence[Group]) -> tuple[Slot, ...]:
        homes = {there.name: group.name for group in groups if group.frozen is None and (there := home(channels, group.nodes))}
        return slots.renamed(homes, sizes)

    candidates = groups_of(graph, channels, slots.problems, granularity, freeze)
    groups = tested(model, example_input, candidates, named(candidates))
    space = Space(model, example_input, graph, groups, named(groups))
    try:
        _settle_narrowest(space)
    except Exception:
        space.release()
        raise
    return space


def _settle_narrowest(space: Space) -> None:
    """Cut the module to its narrowest once, and put it back: a search must not find out at its end that it cannot export.

    One channel can be another form of a layer (a slope for all channels, an axis that a reshape drops); then two are the fewest.
    """
    try:
        _cut_to_narrowest(space)
    except GraphError:
        if all(group.widths[0] > 1 for group in space.free):
            raise
        space.groups = tuple(group.at_least(2) for group in space.groups)
        _cut_to_narrowest(space)


def _cut_to_narrowest(space: Space) -> None:
    if space.free:
        space.keep({group.name: np.arange(group.size) < group.widths[0] for group in space.free})
        space.export()
        space.keep({group.name: np.ones(group.size, dtype=bool) for group in space.free})
