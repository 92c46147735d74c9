"""What a search could do to a module, told before anything is trained: its groups, what is frozen and why, and what is within reach."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from hwcost.budget import Budget
from hwcost.frontends.from_torch import Example
from hwcost.nas import choice
from hwcost.nas.choice import as_a_whole
from hwcost.nas.costs import Costs
from hwcost.nas.groups import Group
from hwcost.nas.reach import Reach, out_of_reach, reach
from hwcost.nas.space import prunable
from hwcost.nas.user_code import made
from hwcost.target import Target


@dataclass(frozen=True, slots=True)
class Explanation:
    """The groups of a module on a target, the lines of code of their layers, and the reach of every limit.

    `as_it_is` is what the module takes with all its channels and the first alternatives; `why_not` says what stands in the way of the
    budget, None if nothing does. `alternatives` names those of every choice.
    """

    target: Target
    groups: tuple[Group, ...]
    lines: Mapping[str, str]
    limits: Mapping[str, float]
    as_it_is: Mapping[str, float]
    reach: Reach
    why_not: str | None
    alternatives: Mapping[str, tuple[str, ...]]


def explain(
    module: nn.Module,
    example_input: Example,
    target: Target,
    budget: Budget | None = None,
    *,
    granularity: int = 1,
    freeze: Sequence[str] = (),
) -> Explanation:
    """What a search could do to `module`, which is left as it was.

    Raises what `prunable` and `Limits` raise, but not for a budget out of reach: that is told.
    """
    space = prunable(module, example_input, granularity=granularity, freeze=freeze)
    try:
        costs = Costs(space, target, budget or Budget())
        found = reach(costs)
        why_not = None if found.is_enough else out_of_reach(costs, found)
    finally:
        space.release()
    lines = lines_of(module, example_input)
    alternatives = {block.path: block.names for block in space.blocks}
    return Explanation(target, space.groups, lines, costs.limits, costs.figures(costs.seed), found, why_not, alternatives)


def explain_file(
    reference: str,
    shapes: Sequence[Sequence[int]],
    target: Target,
    budget: Budget,
    *,
    granularity: int = 1,
    freeze: Sequence[str] = (),
) -> Explanation:
    """The same for what the function FILE.py:NAME makes, with inputs of these shapes, which leave the batch out."""
    module = made(reference, "a module", nn.Module)
    example = tuple(torch.zeros(1, *shape) for shape in shapes)
    return explain(module, example, target, budget, granularity=granularity, freeze=freeze)


def lines_of(module: nn.Module, example_input: Example) -> dict[str, str]:
    """`file.py:12` where each layer is called first, by its module path, as far as code outside torch calls it."""
    inputs = (example_input,) if isinstance(example_input, torch.Tensor) else tuple(example_input)
    lines: dict[str, str] = {}

    def note(path: str) -> None:
        own = [frame for frame in traceback.extract_stack()[:-2] if not _is_passed_through(frame.filename)]
        if path not in lines and own:
            lines[path] = f"{own[-1].filename}:{own[-1].lineno}"

    copied = copy.deepcopy(module).eval()
    for path, part in copied.named_modules():
        part.register_forward_pre_hook(lambda _part, _inputs, path=path: note(path))
    with torch.no_grad(), as_a_whole(copied):
        copied(*inputs)
    return lines


def _is_passed_through(file: str) -> bool:
    """Whether code only hands a call on: torch's own, and that of choices."""
    return "/torch/" in file.replace("\\", "/") or file == choice.__file__
