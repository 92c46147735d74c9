"""Cutting a copy of the module before anything is trained: what cannot be cut without changing the rest is found out now."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.utils import _pytree

from hwcost.errors import GraphError, HwcostError
from hwcost.frontends.from_torch import Example, from_torch
from hwcost.graph import Graph
from hwcost.nas.groups import Group
from hwcost.nas.masks import Mask, attach
from hwcost.nas.slicing import sliced
from hwcost.nas.slots import Slot
from hwcost.ops.base import shape_text

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3}
"""Largest difference between a masked and a cut module, relative to their largest output."""

REHEARSALS = 2
"""Inputs that are compared: one may come out right by chance."""

Inputs = list[torch.Tensor]


def tested(module: nn.Module, example_input: Example, groups: Sequence[Group], slots: Sequence[Slot]) -> tuple[Group, ...]:
    """The groups, those frozen whose channels cannot go without changing what the rest of the module computes.

    A copy with batch norms that have seen data is masked and cut in half, all groups together, and one after the other where
    that goes wrong.
    """
    free = [group for group in groups if group.frozen is None]
    if not free:
        return tuple(groups)
    masks = {group.name: Mask(group.size) for group in free}
    masked, *inputs = _rehearsal(module, example_input)
    attach(masked, slots, masks)

    def fault(halved: Sequence[Group]) -> str | None:
        return _fault(masked, inputs, halved, groups, masks, slots)

    # All together first: mostly nothing is wrong, and then that was all.
    faults = {group.name: fault([group]) for group in free} if fault(free) else {}
    return tuple(group.frozen_for(faults.get(group.name)) for group in groups)


def _fault(
    masked: nn.Module,
    inputs: Sequence[Inputs],
    halved: Sequence[Group],
    groups: Sequence[Group],
    masks: Mapping[str, Mask],
    slots: Sequence[Slot],
) -> str | None:
    """Why some groups cannot lose every second channel, or some of their taps."""
    kept = {name: np.ones(len(mask.leaf), dtype=bool) for name, mask in masks.items()}
    kept |= {group.name: group.half() for group in halved}
    for name, mask in masks.items():
        mask.keep(kept[name])
    try:
        outputs = _outputs(masked, inputs)
        small = _outputs(sliced(masked, slots, kept, groups), inputs)
    except Exception as error:  # noqa: BLE001 -- a user's module may fail in any way when it is cut; then it stays whole
        return f"the module does not run without some of its channels: {_first_line(error)}"
    if difference(small, outputs) <= TOLERANCE.get(outputs[0].dtype, 0.0):
        return None
    if all(group.kernel is not None for group in halved):
        return "with fewer taps the rest of the module computes something else"
    return "a missing channel would not count as zero in what follows (a sigmoid, a norm over channels or an added constant)"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _rehearsal(module: nn.Module, example_input: Example) -> tuple[nn.Module, *tuple[Inputs, ...]]:
    """A copy that computes with double precision where it can, constants in it varied, and some inputs that are no constants either."""
    random = torch.Generator().manual_seed(0)
    given = [example_input] if isinstance(example_input, torch.Tensor) else list(example_input)
    inputs = [[_drawn(x.detach().cpu()[:1], random) for x in given] for _ in range(REHEARSALS)]
    part = copy.deepcopy(module).cpu().eval()
    for values in part.state_dict().values():
        _vary(values, random)
    try:
        double = copy.deepcopy(part).double()
        _outputs(double, inputs)
    except RuntimeError:  # tensors of a fixed type inside the module
        return part, *([x.float() if x.is_floating_point() else x for x in each] for each in inputs)
    return double, *inputs


def _drawn(x: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    return torch.randn(x.shape, generator=random, dtype=torch.float64) if x.is_floating_point() else x


def _vary(values: torch.Tensor, random: torch.Generator) -> None:
    """Fill a tensor of equal numbers, such as new statistics, with different ones: zeros around zero, others above it."""
    if not values.is_floating_point() or not values.numel() or bool((values != values.flatten()[0]).any()):
        return
    low = 0.5 if bool(values.flatten()[0] > 0) else -0.5
    values.copy_(low + torch.rand(values.shape, generator=random, dtype=torch.float64))


def _outputs(module: nn.Module, inputs: Sequence[Inputs]) -> list[torch.Tensor]:
    """Every tensor the module makes of each input."""
    with torch.no_grad():
        return [x for each in inputs for x in _pytree.tree_leaves(module(*each)) if isinstance(x, torch.Tensor)]


def difference(these: Sequence[torch.Tensor], those: Sequence[torch.Tensor]) -> float:
    """The largest difference between outputs, relative to the largest of them; infinite for outputs of other shapes, or not finite."""
    worst = 0.0
    for a, b in zip((x.detach() for x in these), (x.detach() for x in those), strict=True):
        if a.shape != b.shape or not bool(torch.isfinite(a).all() & torch.isfinite(b).all()):
            return float("inf")
        scale = float(b.abs().max()) if b.numel() else 0.0
        worst = max(worst, float((a - b).abs().max()) / scale if scale else float((a - b).abs().sum()))
    return worst


def require_same_network(small: nn.Module, example_input: Example, priced: Graph) -> Graph:
    """The network of a cut module, read anew; raises GraphError unless it is the one that was priced."""
    try:
        found = from_torch(small, beside(small, example_input))
    except HwcostError as error:
        raise GraphError(f"the module cannot be read any more once its channels are cut: {error}") from error
    if found != priced:
        odd = _first_difference(found, priced)
        raise GraphError(f"the module without its masked channels is another network than the one priced: {odd}")
    return found


def beside(module: nn.Module, example_input: Example) -> Example:
    """The example on the device where the module is by now: it may have moved since it was traced."""
    device = next((values.device for values in module.parameters()), None)
    return example_input.to(device) if isinstance(example_input, torch.Tensor) else tuple(each.to(device) for each in example_input)


def _first_difference(found: Graph, priced: Graph) -> str:
    for a, b in zip(found.steps, priced.steps, strict=False):
        if a.outputs != b.outputs or a.node.op != b.node.op:
            return f"{a.kind} '{a.node.name}' makes {shape_text(a.output.shape)}, priced as {b.kind} of {shape_text(b.output.shape)}"
    return f"{len(found.nodes)} nodes, priced as {len(priced.nodes)}"
