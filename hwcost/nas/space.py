"""What a search may change of a module: widths of channel groups and taps of kernels, each with one mask, and choices between blocks."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from hwcost.channels import trace_channels
from hwcost.errors import GraphError, InputError, shown
from hwcost.frontends.from_torch import Example, as_written
from hwcost.graph import Graph
from hwcost.nas.choice import as_a_whole, choices_of, require_alike
from hwcost.nas.groups import Group, groups_of, home, require_parts, taps_of
from hwcost.nas.kernels import kernel_groups, kernel_names
from hwcost.nas.masks import Kept, Mask, attach, detach, is_masked
from hwcost.nas.selection import Selection, blocks_of, selected, with_chosen
from hwcost.nas.slicing import sliced
from hwcost.nas.slots import Slot, slots_of
from hwcost.nas.trial import beside, require_same_network, tested
from hwcost.nas.untying import Untied, untied
from hwcost.nas.weights import Weights, with_weights
from hwcost.ops.conv import Taps
from hwcost.passes import normalise


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked of a space beside its module."""

    granularity: int = 1
    kernel: bool = True
    freeze: tuple[str, ...] = ()


class Space:
    """A module under search: its network, its channel groups in the order the cost takes them, and a mask for each free one.

    The module stays the user's own; what it computes follows the masks and the choices. `export` cuts a plain copy out of it, `release`
    takes the masks off. `written` is the network as written, with every choice as the sum of its alternatives.
    """

    def __init__(
        self,
        module: nn.Module,
        example_input: Example,
        written: Graph,
        groups: Sequence[Group],
        slots: Sequence[Slot],
        request: Request | None = None,
    ) -> None:
        self.module, self.example_input, self.written = module, example_input, written
        self.request = request or Request()
        self.groups, self.slots = tuple(groups), tuple(slots)
        self.choices = choices_of(module)
        self.blocks = blocks_of(written, self.choices)
        self.masks: Mapping[str, Mask] = {group.name: Mask(group.size) for group in self.free}
        self._networks: dict[Selection, Graph] = {}
        self.attach()

    @property
    def free(self) -> tuple[Group, ...]:
        """The groups whose width is searched."""
        return tuple(group for group in self.groups if group.frozen is None)

    @property
    def kept(self) -> Kept:
        """Which channels, or taps, of each free group live."""
        return {name: mask.kept for name, mask in self.masks.items()}

    @property
    def widths(self) -> dict[str, int]:
        """How many channels, or taps, of each free group live."""
        return {name: int(kept.sum()) for name, kept in self.kept.items()}

    @property
    def taps(self) -> dict[str, Taps]:
        """The taps that live of every kernel under search, by layer."""
        return taps_of(self.groups, self.widths, self.kept)

    def keep(self, kept: Kept) -> None:
        """Let these channels and taps live and no others; groups left out stay as they are.

        Taps that are no pattern of their kernel bring those with them that make them the shortest one.
        """
        groups = {group.name: group for group in self.groups}
        for name, channels in kept.items():
            self.masks[name].keep(groups[name].possible(channels))

    @property
    def first(self) -> Selection:
        """The first alternative of every choice: the network as it would be without a search."""
        return (0,) * len(self.blocks)

    @property
    def selection(self) -> Selection:
        """The alternatives that are chosen; the first one where none is yet."""
        return tuple(choice.settled or 0 for choice in self.choices.values())

    @property
    def is_chosen(self) -> bool:
        """Whether every choice is made."""
        return all(choice.settled is not None for choice in self.choices.values())

    @property
    def chosen(self) -> dict[str, str]:
        """The alternative chosen for every block, by name."""
        return {path: choice.names[choice.settled] for path, choice in self.choices.items() if choice.settled is not None}

    def choose(self, selection: Selection | None) -> None:
        """Run these alternatives alone from now on; None opens all choices again."""
        for choice, index in zip(self.choices.values(), selection or [None] * len(self.blocks), strict=True):
            choice.settle(index)

    def graph_of(self, selection: Selection) -> Graph:
        """The float network with these alternatives and all channels, in normal form; worked out once."""
        if selection not in self._networks:
            self._networks[selection] = selected(self.written, self.blocks, selection)
        return self._networks[selection]

    @property
    def graph(self) -> Graph:
        """The float network of the alternatives that are chosen, with all channels."""
        return self.graph_of(self.selection)

    def network(self, widths: Mapping[str, int], selection: Selection | None = None, taps: Mapping[str, Taps] | None = None) -> Graph:
        """The float network with other widths, by group, and some alternatives (None: those chosen); groups left out stay as they are.

        `taps` are those of kernels, by layer (None: those that live where they are that many, else the first pattern of that many).
        """
        graph = self.graph_of(self.selection if selection is None else selection)
        there = {node.name for node in graph.nodes}
        groups = (group for group in self.groups if group.name in widths)
        patterns = taps_of(self.groups, widths, self.kept) if taps is None else taps
        return graph.rebind(
            {node: widths[group.name] for group in groups for node in group.nodes if node in there},
            {node: pattern for node, pattern in patterns.items() if node in there},
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Space:
        """A space of its own: its module is a copy with masks of its own, while a copy of the module alone follows these masks."""
        other = object.__new__(Space)
        memo[id(self)] = other
        other.__dict__.update({name: copy.deepcopy(value, memo) for name, value in vars(self).items() if name != "masks"})
        other.masks = {name: mask.apart() for name, mask in self.masks.items()}
        if is_masked(other.module):
            detach(other.module)
            attach(other.module, other.slots, other.masks)
        return other

    def export(self, weights: Weights | None = None) -> nn.Module:
        """A plain module of what lives and is chosen alone, which computes what the searched one does in evaluation mode.

        `weights` gives the values of another copy of the module in place of its own: an average (`torch.optim.swa_utils.AveragedModel`)
        or a state dict. What is cut is read anew and held against the network that the search prices. Raises GraphError if they are not
        the same, InputError while a choice is open and for weights of another module.
        """
        soft = [name for name, mask in self.masks.items() if mask.soft is not None]
        if soft:
            raise InputError(f"masks of your own are set for {', '.join(soft)}: keep() what lives, and set their soft to None, then export")
        if not self.is_chosen:
            raise InputError(f"choose first: open are {', '.join(repr(path) for path in self.choices if path not in self.chosen)}")
        return self._cut(self.selection, self.module if weights is None else with_weights(self.module, weights))

    def _cut(self, selection: Selection, module: nn.Module | None = None) -> nn.Module:
        whole = self.module if module is None else module
        small = with_chosen(sliced(whole, self.slots, self.kept, self.groups), self.blocks, selection)
        require_same_network(small, self.example_input, self.network(self.widths, selection))
        return small

    def release(self) -> None:
        """Take the masks off the module: it is as it was given, with the parameters it has now."""
        detach(self.module)
        for choice in self.choices.values():
            choice.learn(False)

    def attach(self) -> None:
        """Put the masks on the module, which has none, and let its choices learn."""
        attach(self.module, self.slots, self.masks)
        for choice in self.choices.values():
            choice.learn(True)

    def untie(self) -> Untied | None:
        """Let go of ties between widths that only dropped alternatives made, once every choice is made; None where there are none.

        What lives stays. The module is read anew, which takes about as long as `prunable` did.
        """
        if not self.blocks or not self.is_chosen or not self.free:
            return None
        detach(self.module)
        try:
            example = beside(self.module, self.example_input)
            read = _found(self.module, example, as_written(self.module, example), self.request)
        finally:
            attach(self.module, self.slots, self.masks)
        found = untied(self.groups, self.slots, *read)
        if found is not None:
            self._take(found)
        return found

    def _take(self, found: Untied) -> None:
        """Search these groups in place of those there were, if the module can be cut to the narrowest of them."""
        before = self.groups, self.slots, self.masks
        kept = {name: self.masks[former].kept for name, former in found.former.items() if former in self.masks}
        self._search(found.groups, found.slots, {group.name: Mask(group.size) for group in found.groups if group.frozen is None})
        try:
            _settle_narrowest(self)
        except GraphError:
            self._search(*before)
            raise
        self.keep({name: values for name, values in kept.items() if name in self.masks})

    def _search(self, groups: tuple[Group, ...], slots: tuple[Slot, ...], masks: Mapping[str, Mask]) -> None:
        detach(self.module)
        self.groups, self.slots, self.masks = groups, slots, masks
        attach(self.module, slots, masks)

    def rehearse(self) -> None:
        """Cut the module to what lives, with the chosen alternatives or each in turn; raises GraphError unless that is what is priced."""
        if self.is_chosen:
            self._cut(self.selection)
            return
        most = max((len(block.names) for block in self.blocks), default=1)
        for turn in range(most):
            self._cut(tuple(min(turn, len(block.names) - 1) for block in self.blocks))


def prunable(model: nn.Module, example_input: Example, *, granularity: int = 1, kernel: bool = True, freeze: Sequence[str] = ()) -> Space:
    """Make the channel widths of a module searchable, by masks on the module as it is, and the choices (`nas.Choice`) inside it.

    So are length and dilation of the kernels of every `nn.Conv1d`, unless `kernel` is False. Widths become multiples of `granularity`.
    `freeze` names parts by module path, patterns allowed (`stem`, `blocks.*.conv1`, for its taps alone `blocks.*.conv1.kernel`). Inputs
    and outputs of the network keep their widths always, and so does every group whose loss would change what the rest computes:
    `space.groups` tells the reasons. Raises GraphError for a module that cannot be read, or cannot be cut although its layers can;
    InputError for a name that is no part.
    """
    if is_masked(model):
        raise InputError("this module is under search already; call release() on its space first")
    if isinstance(granularity, bool) or not isinstance(granularity, int) or granularity < 1:
        raise InputError(f"expected a granularity of at least 1 channel, got {shown(granularity)}")
    with as_a_whole(model):
        return _space(model, example_input, Request(granularity, kernel, tuple(freeze)))


def _space(model: nn.Module, example_input: Example, request: Request) -> Space:
    if choices_of(model):
        require_alike(model, (example_input,) if isinstance(example_input, torch.Tensor) else tuple(example_input))
    written = as_written(model, example_input)
    require_parts(written, request.freeze, kernel_names(written))
    groups, slots = _found(model, example_input, written, request)
    space = Space(model, example_input, written, groups, slots, request)
    try:
        _settle_narrowest(space)
    except Exception:
        space.release()
        raise
    return space


def _found(model: nn.Module, example_input: Example, written: Graph, request: Request) -> tuple[tuple[Group, ...], tuple[Slot, ...]]:
    """The groups of a module without masks, of which `written` is the network, and the slots of the free ones."""
    granularity, freeze = request.granularity, request.freeze
    channels, graph = trace_channels(written), normalise(written)
    slots = slots_of(written, channels, model.state_dict(keep_vars=True))
    kernels = kernel_groups(model, written, graph, slots, freeze, searched=request.kernel)
    sizes = {group.name: group.size for group in channels.groups} | {group.name: group.size for group in kernels}

    def named(groups: Sequence[Group]) -> tuple[Slot, ...]:
        homes = {there.name: group.name for group in groups if group.frozen is None and (there := home(channels, group.nodes))}
        return slots.renamed(homes | {group.name: group.name for group in groups if group.kernel is not None}, sizes)

    candidates = (*groups_of(graph, channels, slots.problems, granularity, freeze), *kernels)
    groups = tested(model, example_input, candidates, named(candidates))
    return groups, named(groups)


def _settle_narrowest(space: Space) -> None:
    """Cut the module to its narrowest once, and put it back: a search must not find out at its end that it cannot export.

    One channel can be another form of a layer (a slope for all channels, an axis that a reshape drops); then two are the fewest. So
    can one tap.
    """
    candidates = space.groups
    for widened in ((), (False,), (False, True)):
        space.groups = tuple(group.at_least(2) if (group.kernel is not None) in widened else group for group in candidates)
        try:
            _cut_to_narrowest(space)
        except GraphError:
            if widened == (False, True) or all(group.widths[0] > 1 for group in space.free):
                raise
        else:
            return


def _cut_to_narrowest(space: Space) -> None:
    if space.free:
        space.keep({group.name: group.some(group.widths[0]) for group in space.free})
        space.rehearse()
        space.keep({group.name: np.ones(group.size, dtype=bool) for group in space.free})
