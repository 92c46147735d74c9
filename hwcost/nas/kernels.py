"""The kernels over time inside a module: which can lose taps, where the zeros around their inputs come from, and how they are cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import nn

from hwcost.graph import Graph, Node
from hwcost.nas.groups import Group, is_part
from hwcost.nas.slots import Slots
from hwcost.nas.taps import Kernel, Sides, any_padding_moves, own_padding_moves, patterns_of, same_padding
from hwcost.ops.conv import Conv1d, DepthwiseConv1d
from hwcost.ops.joining import Pad

CONVOLUTIONS = (Conv1d, DepthwiseConv1d)
PADS = (nn.ConstantPad1d, nn.ZeroPad1d)
SUFFIX = ".kernel"
"""How the taps of a layer are called beside its channels: `conv1.kernel`."""


def kernel_groups(
    module: nn.Module, written: Graph, graph: Graph, slots: Slots, freeze: Sequence[str], *, searched: bool
) -> tuple[Group, ...]:
    """The taps of every convolution over time of the network that is priced, `graph`; those that must stay tell why.

    `written` is the network as written. The masks of taps that are searched are added to `slots`.
    """
    finder = _Finder(module, written)
    return tuple(_group(finder, node, slots, freeze, searched) for node in graph.nodes if _has_taps(node))


def kernel_names(network: Graph) -> list[str]:
    """What `freeze` can name beside the layers: the kernels over time."""
    return [node.name + SUFFIX for node in network.nodes if _has_taps(node)]


def _has_taps(node: Node) -> bool:
    return isinstance(node.op, CONVOLUTIONS) and _taps(node) > 1


def _taps(node: Node) -> int:
    op: Any = node.op
    return int(op.kernel[0])


def _group(finder: _Finder, node: Node, slots: Slots, freeze: Sequence[str], searched: bool) -> Group:
    name, size = node.name + SUFFIX, _taps(node)
    asked = next((f"'{pattern}' is to stay as it is" for pattern in freeze if is_part(name, pattern)), None)
    reason = asked if searched else "kernels are to stay as they are"
    found = reason or finder.kernel(node)
    if isinstance(found, Kernel):
        found = slots.add_taps(finder.weight(node), name, finder.parameter(node), finder.state) or found
    if isinstance(found, str):
        return Group(name, (name,), size, (size,), found, layer=node.name)
    return Group(name, (name,), size, found.counts, kernel=found, layer=node.name)


class _Finder:
    """What is known of a module: its network as written, and which of its parts are called or named more than once."""

    def __init__(self, module: nn.Module, written: Graph) -> None:
        self.written, self.state = written, module.state_dict(keep_vars=True)
        self.nodes = {node.name: node for node in written.nodes}
        self.makers = {output: node for node in written.nodes for output in node.outputs}
        self.readers = Counter(name for node in written.nodes for _, name in node.parameters)
        self.parts = dict(module.named_modules(remove_duplicate=False))
        self.names = Counter(id(part) for part in self.parts.values())

    def weight(self, node: Node) -> str:
        """The name of a convolution's weight."""
        return dict(self.nodes[node.name].parameters)["weight"]

    def parameter(self, node: Node) -> Any:
        """That weight as the network has it."""
        return self.written.parameters[self.weight(node)]

    def kernel(self, node: Node) -> Kernel | str:
        """The patterns that a convolution can take, or why it can take none."""
        there = self.nodes.get(node.name)
        if there is None or type(there.op) is not type(node.op):
            return "it is another layer before the network is simplified"
        weight = self.weight(node)
        layer = self.parts.get(weight.rpartition(".")[0])
        if self.readers[weight] > 1:
            return f"'{weight}' is read more than once"
        if not isinstance(layer, nn.Conv1d):
            return f"'{weight}' belongs to no torch.nn.Conv1d, so what else follows its length cannot be told"
        if layer.padding_mode != "zeros":
            return f"it pads in mode '{layer.padding_mode}'"
        return self._patterns(layer, weight.rpartition(".")[0], there)

    def _patterns(self, layer: nn.Conv1d, path: str, node: Node) -> Kernel | str:
        op: Any = node.op
        (size,), (dilation,), (own,) = op.kernel, op.dilation, op.padding
        before, around = self._padding_before(node)
        if before is None:
            found = patterns_of(size, dilation, own_padding_moves(size, dilation, own, layer.padding == "same"))
        else:
            total = (own[0] + around[0], own[1] + around[1])
            found = patterns_of(size, dilation, any_padding_moves(size, dilation, total))
        if len(found) < 2:
            return f"with fewer of its {size} taps its outputs would move: its own padding is {own[0]} before and {own[1]} after"
        return Kernel(node.name, path, before, found)

    def _padding_before(self, node: Node) -> tuple[str | None, Sides]:
        """The layer before a convolution that only pads with zeros, for it alone, and its amounts."""
        pad = self.makers.get(node.inputs[0])
        if pad is None or not isinstance(pad.op, Pad) or not self._is_for_one(pad):
            return None, (0, 0)
        layer, amounts = self.parts.get(pad.name), tuple(pad.op.pads[-1])
        is_zeros = pad.op.mode == "constant" and pad.op.value == 0 and not any(map(any, pad.op.pads[:-1])) and min(amounts) >= 0
        if type(layer) not in PADS or not is_zeros or self.names[id(layer)] > 1 or f"{pad.name}_2" in self.nodes:
            return None, (0, 0)
        return pad.name, (int(amounts[0]), int(amounts[1]))

    def _is_for_one(self, pad: Node) -> bool:
        return len(self.written.consumers[pad.output]) == 1 and pad.output not in self.written.outputs


def cut_kernels(small: nn.Module, groups: Iterable[Group], kept: Mapping[str, Any]) -> None:
    """Give convolutions whose weights have lost taps already the kernel, dilation and padding that keep their outputs where they were."""
    for group in groups:
        if group.kernel is not None and group.name in kept:
            _cut(small, group.kernel, kept[group.name])


def _cut(small: nn.Module, kernel: Kernel, kept: Any) -> None:
    taps, layer = kernel.holding(kept), small.get_submodule(kernel.layer)
    assert isinstance(layer, nn.Conv1d)
    if taps.count == kernel.size:
        return
    pad = None if kernel.pad is None else small.get_submodule(kernel.pad)
    whole, spread = kernel.size, layer.dilation[0]
    own = _own_padding(layer, whole)
    dilation = taps.dilation(spread)
    if isinstance(pad, nn.ConstantPad1d):
        total = (own[0] + pad.padding[0], own[1] + pad.padding[1])
        pad.padding = taps.padding(whole, spread, total)
        _describe(layer, taps.count, dilation, (0, 0))
    else:
        _describe(layer, taps.count, dilation, taps.padding(whole, spread, own))


def _own_padding(layer: nn.Conv1d, kernel: int) -> Sides:
    if layer.padding == "same":
        return same_padding(kernel, layer.dilation[0])
    return (0, 0) if isinstance(layer.padding, str) else (layer.padding[0], layer.padding[0])


def _describe(layer: nn.Conv1d, kernel: int, dilation: int, padding: Sides) -> None:
    layer.kernel_size, layer.dilation = (kernel,), (dilation,)
    if padding[0] == padding[1]:
        layer.padding = (padding[0],)  # else it stays "same", which alone pads more after the input
    layer._reversed_padding_repeated_twice = [*padding]
